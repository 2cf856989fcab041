"""A network as a drawing: what it is made of, and how it is made from a report."""

from __future__ import annotations

from fieldscope.analyses.architecture.architecture import (
    WORST,
    ArchitectureGraph,
    Box,
    Cluster,
    Edge,
)

__all__ = ["WORST", "ArchitectureGraph", "Box", "Cluster", "Edge"]

"""Measure models of any framework by running them on changed inputs."""

from __future__ import annotations

from fieldscope.measure.changes.running import rehearsal_of

__all__ = ["rehearsal_of"]

"""Which layers make a field as large as it is: shares, and what other windows would do."""

from __future__ import annotations

from fieldscope.analyses.growth.growth import Growth, LayerGrowth, growth_of

__all__ = ["Growth", "LayerGrowth", "growth_of"]

"""Networks as arithmetic on a few integers: what would be, if an architecture were edited."""

from __future__ import annotations

from fieldscope.analyses.outline.foreseen import Foreseen
from fieldscope.analyses.outline.outline import Outline, Outlook, outline_of

__all__ = ["Foreseen", "Outline", "Outlook", "outline_of"]

"""The edits that redesigns are made of, which outlines foresee: `fieldscope.analyses.edits`."""

from __future__ import annotations

from fieldscope.analyses.edits import Edit, Numbers, Refit, Remove, Repeat, Reshape

__all__ = ["Edit", "Numbers", "Refit", "Remove", "Repeat", "Reshape"]

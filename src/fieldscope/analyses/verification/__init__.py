"""Verification: what was found, and the tests that find it by gradients or by changes."""

from __future__ import annotations

from fieldscope.analyses.verification.verification import (
    Finding,
    LayerCheck,
    Test,
    Verdict,
    Verification,
)

__all__ = ["Finding", "LayerCheck", "Test", "Verdict", "Verification"]

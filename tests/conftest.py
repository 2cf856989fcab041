"""Settings of all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# Seconds never decide a test. CI repeats the same examples; a developer's run looks for new ones.
settings.register_profile("fieldscope", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("fieldscope")

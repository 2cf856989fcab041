"""Settings of all tests."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

# Seconds never decide a test, nor does luck: examples are the same in every run.
settings.register_profile("fieldscope", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fieldscope"))

# Tests press Ctrl-C. A shell that runs them in the background has told them to ignore that.
signal.signal(signal.SIGINT, signal.default_int_handler)

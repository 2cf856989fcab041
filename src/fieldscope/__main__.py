"""Run the command line as `python -m fieldscope`."""

from __future__ import annotations

import sys

from fieldscope.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

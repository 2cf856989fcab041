"""The command, also as `python -m fieldscope`: what is run before anything is imported."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line and give its exit code, also where it is interrupted at once."""
    try:
        # Imported here: it takes a moment, in which Ctrl-C shall show no traceback.
        from fieldscope.cli.main import main as command
    except KeyboardInterrupt:
        return 130
    return command()


if __name__ == "__main__":
    sys.exit(main())

"""Put what receptive-field analysis predicts to the test, and write docs/experiments.md.

    python -m benchmarks.lab

Networks are trained on digits, on the processor, in about half an hour on two cores. Runs are
kept in a folder, and those that are there already are not trained again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.claims import page as console_page
from benchmarks.lab import page, results, running


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    console = console_page()
    began = time.monotonic()
    if not options.page:
        running.train(options.runs, jobs=options.jobs, told=console.print)
        results.save(results.collected(options.runs), options.runs)
        console.print(f"trained in {(time.monotonic() - began) / 60:.0f} minutes")
    page.write()
    console.print(f"wrote {page.PAGE}")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.lab")
    parser.add_argument(
        "--runs", type=Path, default=Path("build/lab"), help="folder of the runs (build/lab)"
    )
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, a core each")
    parser.add_argument(
        "--page", action="store_true", help="write the page alone, from the committed results"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

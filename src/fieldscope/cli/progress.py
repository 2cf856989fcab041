"""A sign of life on stderr, for what takes longer than a second."""

from __future__ import annotations

import threading
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress_bar import ProgressBar
from rich.status import Status
from rich.table import Table
from rich.text import Text

_PATIENCE = 1.0
_BAR = 24


class Progress:
    """A spinner that appears after a second, only where somebody can see it.

    It stands on stderr, and only when that is a terminal, so that what goes to
    files and pipes stays as it is.
    """

    def __init__(self, *, quiet: bool, patience: float = _PATIENCE) -> None:
        self._console = Console(stderr=True)
        self._wanted = self._console.is_terminal and not quiet
        self._timer = threading.Timer(patience, self._show)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._text: RenderableType = Text()
        self._status: Status | None = None

    def __enter__(self) -> Progress:
        if self._wanted:
            self._timer.start()
        return self

    def step(self, text: str, done: int = 0, count: int = 0) -> None:
        """Say what is being done from now on, and draw a bar where it is known how much of it."""
        with self._lock:
            self._text = _with_bar(Text(text, style="dim"), done, count)
            if self._status is not None:
                self._status.update(self._text)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            # The timer may be past cancelling and waiting for the lock.
            self._wanted = False
            if self._status is not None:
                self._status.stop()

    def _show(self) -> None:
        with self._lock:
            if self._wanted:
                self._status = self._console.status(self._text)
                self._status.start()


def _with_bar(text: Text, done: int, count: int) -> RenderableType:
    if count < 2:
        return text
    line = Table.grid(padding=(0, 1))
    line.add_row(ProgressBar(count, min(done, count), width=_BAR), f"{done} of {count}", text)
    return line

"""Run tasks in worker processes, each task in its own time limit.

A worker is reused from task to task, because importing torch and timm takes
seconds; a task that runs out of time, out of memory or down in flames costs
its worker and nothing else.
"""

from __future__ import annotations

import multiprocessing
import queue
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Literal

Status = Literal["ok", "error", "timeout", "died"]

# Importing torch, torchvision and timm on a busy machine.
_START_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task.

    Attributes:
        task: as it was given.
        status: "ok"; "error" where it raised; "timeout" where it was stopped;
            "died" where its process ended under it.
        value: what it returned; where it raised, the last line of the error
            and the places it passed through, innermost last.
    """

    task: Any
    status: Status
    value: Any


@dataclass(frozen=True, slots=True)
class Limits:
    """What a task may use: seconds, and bytes of address space (None: all)."""

    seconds: float
    memory: int | None = None


def outcomes(
    work: Callable[[Any], Any],
    tasks: Iterable[Any],
    *,
    jobs: int,
    limits: Limits,
    prepare: Callable[[], None] | None = None,
) -> Iterator[Outcome]:
    """Run `work(task)` for each task, yielding outcomes as they come.

    Args:
        work: a function that a fresh process can import.
        tasks: arguments for it, one each.
        jobs: how many worker processes.
        limits: what one task may use.
        prepare: what a worker does first, outside of any task's time.
    """
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    count = 0
    for task in tasks:
        waiting.put(task)
        count += 1
    done: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
    stop = threading.Event()

    workers = [_Worker(work, limits, prepare) for _ in range(min(jobs, count))]

    def serve(worker: _Worker) -> None:
        try:
            while not stop.is_set():
                try:
                    task = waiting.get_nowait()
                except queue.Empty:
                    return
                done.put(worker.run(task))
        except BaseException as error:
            done.put(error)
        finally:
            worker.stop()

    threads = [threading.Thread(target=serve, args=(worker,), daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        for _ in range(count):
            outcome = done.get()
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome
    finally:
        stop.set()
        for worker in workers:
            worker.interrupt()
        for thread in threads:
            thread.join(timeout=10)


class _Worker:
    """One process, started when first needed and again after it was lost."""

    def __init__(
        self, work: Callable[[Any], Any], limits: Limits, prepare: Callable[[], None] | None
    ) -> None:
        self._work = work
        self._prepare = prepare
        self._limits = limits
        self._context = multiprocessing.get_context("spawn")
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    def run(self, task: Any) -> Outcome:
        connection = self._connection or self._start()
        try:
            connection.send(task)
            if not connection.poll(self._limits.seconds):
                self.stop()
                return Outcome(task, "timeout", f"stopped after {self._limits.seconds:g} s")
            status, value = connection.recv()
        except (EOFError, OSError):
            process = self._process
            if process is not None:
                process.join(5)
            code = None if process is None else process.exitcode
            self.stop()
            return Outcome(task, "died", f"the process ended with exit code {code}")
        if status == "error" and value.startswith("MemoryError"):
            # What is left of the process is short of memory too.
            self.stop()
        return Outcome(task, status, value)

    def interrupt(self) -> None:
        """End the process from another thread; `run` then finds it ended."""
        if self._process is not None:
            self._process.kill()

    def stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._connection = self._process = None

    def _start(self) -> Connection:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve,
            args=(theirs, self._work, self._prepare, self._limits.memory),
            daemon=True,
        )
        process.start()
        theirs.close()
        self._process, self._connection = process, ours
        if not ours.poll(_START_SECONDS):
            self.stop()
            raise TimeoutError(f"a worker did not start within {_START_SECONDS:g} s")
        try:
            ours.recv()
        except EOFError:
            self.stop()
            raise RuntimeError("a worker ended while it started; see its output above") from None
        return ours


def _serve(
    connection: Connection,
    work: Callable[[Any], Any],
    prepare: Callable[[], None] | None,
    memory: int | None,
) -> None:
    """Be a worker: answer tasks until the other side hangs up."""
    if memory is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    if prepare is not None:
        prepare()
    connection.send("ready")
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        try:
            answer: tuple[Status, Any] = ("ok", work(task))
        except BaseException as error:
            answer = ("error", _told(error))
        connection.send(answer)


def _told(error: BaseException) -> str:
    """Tell an error in one line, with the last places it passed through."""
    message = " ".join(f"{type(error).__name__}: {error}".split())
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames)
    return f"{message[:400]} [{places}]"

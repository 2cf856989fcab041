"""A task that goes wrong costs its worker process and nothing else."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from benchmarks.workers import Limits, Outcome, outcomes

LIMITS = Limits(seconds=20)


def act(task: Any) -> Any:
    match task:
        case "sleep":
            time.sleep(60)
        case "raise":
            raise ValueError("two\nlines")
        case "exit":
            os._exit(3)
        case "process":
            return os.getpid()
    return task


def _run(tasks: list[Any], *, jobs: int = 1, limits: Limits = LIMITS) -> list[Outcome]:
    return list(outcomes(act, tasks, jobs=jobs, limits=limits))


def test_a_worker_is_reused_from_task_to_task() -> None:
    first, second = _run(["process", "process"])
    assert first.value == second.value != os.getpid()


def test_an_error_is_told_in_one_line_with_its_place() -> None:
    failed, next_one = _run(["raise", 1])
    assert failed.status == "error"
    assert failed.value.startswith("ValueError: two lines [workers.py:")
    assert next_one == Outcome(1, "ok", 1)


def test_a_task_that_runs_out_of_time_costs_only_itself() -> None:
    begin = time.monotonic()
    slow, next_one = _run(["sleep", 1], limits=Limits(seconds=0.5))
    assert slow == Outcome("sleep", "timeout", "stopped after 0.5 s")
    assert next_one == Outcome(1, "ok", 1)
    assert time.monotonic() - begin < 30


def test_a_task_that_takes_its_process_down_costs_only_itself() -> None:
    dead, next_one = _run(["exit", 1])
    assert dead == Outcome("exit", "died", "the process ended with exit code 3")
    assert next_one == Outcome(1, "ok", 1)


def test_several_workers_share_the_tasks() -> None:
    tasks = list(range(10))
    assert sorted(outcome.value for outcome in _run(tasks, jobs=3)) == tasks


def test_a_worker_that_cannot_start_is_an_error_and_no_endless_wait() -> None:
    with pytest.raises(RuntimeError, match="a worker ended while it started"):
        list(outcomes(act, [1], jobs=1, limits=LIMITS, prepare=_fail))


def _fail() -> None:
    os._exit(1)

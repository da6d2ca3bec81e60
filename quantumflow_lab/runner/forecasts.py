"""Asks workers what circuits will take, before anything is reserved for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from quantumflow_lab.errors import WorkerLost
from quantumflow_lab.ports import (
    JobEvent,
    JobExecutor,
    JobRequest,
    Lost,
    Member,
    MemberDone,
    MemberFailed,
    MemberForecast,
    Settled,
)
from quantumflow_lab.runner.live import Kind, LiveRun, Task

Heard = Callable[[MemberForecast | Exception], None]
"""Takes the forecast of a task, or why there is none, in the runner's thread."""

_NUMBERS = count(-(2**40), -1)
"""Numbers of dry jobs, which no scheduler gives."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A task whose forecast somebody waits for."""

    task: Task
    heard: Heard


@dataclass
class Forecasts:
    """Collects tasks for a turn of the runner and has them forecast together.

    Parameters
    ----------
    executor
        Takes dry jobs.
    post
        Hands a function to the runner's thread.
    """

    executor: JobExecutor
    post: Callable[[Callable[[], None]], None]
    _asked: dict[tuple[str, Kind, str], list[_Asked]] = field(default_factory=dict)

    def ask(self, live: LiveRun, kind: Kind, task: Task, heard: Heard) -> None:
        """Have a task forecast on its backend; `heard` is called once."""
        where = live.id, kind, task.backend
        self._asked.setdefault(where, []).append(_Asked(task, heard))

    def flush(self) -> None:
        """Send what was asked since the last turn."""
        asked, self._asked = self._asked, {}
        for (run, kind, backend), tasks in asked.items():
            self._send(run, kind, backend, tasks, again=True)

    def _send(
        self, run: str, kind: Kind, backend: str, tasks: list[_Asked], *, again: bool
    ) -> None:
        number = next(_NUMBERS)
        members = (
            Member(i, 1, each.task.pubs, None, **each.task.options)
            for i, each in enumerate(tasks)
        )
        request = JobRequest(
            job=number,
            tag=f"{run}.dry{-number}",
            kind=kind,
            backend=backend,
            members=tuple(members),
            seed=None,
            dry=True,
        )
        left = dict(enumerate(tasks))

        def said(unit: int, answer: Any) -> None:
            if (each := left.pop(unit, None)) is not None:
                each.heard(answer)

        def follow(event: JobEvent) -> None:
            match event:
                case MemberDone():
                    said(event.unit, event.results[0])
                case MemberFailed():
                    said(event.unit, event.error)
                case Lost() if again:
                    rest = list(left.values())
                    left.clear()
                    self._send(run, kind, backend, rest, again=False)
                case Lost() | Settled():
                    why = getattr(event, "reason", "it said nothing of them")
                    for unit in list(left):
                        said(unit, WorkerLost(f"circuits could not be forecast: {why}"))

        self.executor.submit(request, lambda event: self.post(lambda: follow(event)))

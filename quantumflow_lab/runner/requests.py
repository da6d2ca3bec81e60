"""From units that go together to what is asked of a backend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from quantumflow_lab.errors import BackendError, BadShots
from quantumflow_lab.planning.bounds import most_seconds, rate_of, together
from quantumflow_lab.planning.modes import taking
from quantumflow_lab.planning.seeds import derive
from quantumflow_lab.ports import Backends, JobRequest, Member, Sink
from quantumflow_lab.price import Price
from quantumflow_lab.runner import records
from quantumflow_lab.runner.blocks import Block
from quantumflow_lab.runner.calls import Calls
from quantumflow_lab.runner.left import LeftMember, packed
from quantumflow_lab.runner.live import Kind, StepState, Task
from quantumflow_lab.runner.schedule import Schedule

_STEP_APART = 10**9
"""Seeds between steps that share a job; no step has so many circuits."""


@dataclass
class Requests:
    """Makes requests. Belongs to the runner's thread."""

    schedule: Schedule
    calls: Calls
    backends: Backends
    sink: Sink

    def task(self, unit: int) -> Task:
        """What a unit runs."""
        if call := self.calls.find(unit):
            return call.task
        _, block, point = self.schedule.find(unit)
        return block.step.tasks[point]

    def kind(self, unit: int) -> Kind:
        """Whether a unit samples or estimates."""
        call = self.calls.find(unit)
        _, block, _ = self.schedule.find(unit)
        return call.kind if call else cast("Kind", block.step.plan.kind)

    def states(self, members: Iterable[tuple[int, int]]) -> tuple[StepState, ...]:
        """The steps of members, each once, in their order."""
        blocks = (self.schedule.find(unit)[1] for unit, _ in members)
        return tuple({id(block.step): block.step for block in blocks}.values())

    def refusal(self, task: Task, kind: Kind, backend: str) -> Exception | None:
        """Why a backend that stands in does not take a task; if it does, it is its."""
        if task.backend == backend:
            return None
        options = task.options
        try:
            self.backends.preflight(
                backend,
                kind,
                task.pubs,
                options.get("options", {}),
                options.get("transpile", {}),
            )
        except (BackendError, BadShots) as error:
            return error
        task.backend = backend
        return None

    def request(
        self,
        job: int,
        members: Sequence[tuple[int, int]],
        tasks: Mapping[int, Task],
        block: Block,
        price: Price | None,
    ) -> JobRequest:
        """What is asked for units and attempts, of one run and one backend.

        Parameters
        ----------
        tasks
            What each unit runs.
        block
            That of the first member, whose step gives the job its seed.
        price
            What the backend takes, in what the run counts; None for nothing.
        """
        assert block.ways is not None, "members of jobs have a backend"
        backend = block.ways.backend
        facts = self.backends.known(backend)
        live, _, _ = self.schedule.find(members[0][0])
        request = JobRequest(
            job=job,
            tag=records.tag(live.id, live.epoch, job),
            kind=self.kind(members[0][0]),
            backend=backend,
            members=tuple(
                _member(unit, attempt, tasks[unit], self._apart(unit, block.step))
                for unit, attempt in members
            ),
            seed=derive(live.seed, block.step.name, backend),
            site=live.site_of(facts),
            mode=taking(live.plan.mode, facts) or "job",
        )
        if price is None or not rate_of(price):
            return request
        expected = together(task.forecast for task in tasks.values())
        return replace(request, most_s=most_seconds(price, facts, expected))

    def kept(
        self, request: JobRequest, price: Price | None
    ) -> Mapping[str, Any] | None:
        """Where the store keeps what a job asks; None if it cannot."""
        members = []
        for member in request.members:
            live, block, point = self.schedule.find(member.unit)
            call = self.calls.find(member.unit)
            if call is not None and call.key is None:
                return None  # nobody would know the call again
            members.append(
                LeftMember(
                    place=records.place(live, block.step, point),
                    attempt=member.attempt,
                    began=block.step.began.get(point),
                    call=None if call is None else (call.key or "", call.number),
                    task=self.task(member.unit),
                )
            )
        return self.sink.put(packed(request, members, price))

    def _apart(self, unit: int, first: StepState) -> int:
        """Keeps seeds of steps apart that share a job, and with it the base."""
        _, block, _ = self.schedule.find(unit)
        return 0 if block.step is first else block.step.index * _STEP_APART


def _member(unit: int, attempt: int, task: Task, apart: int) -> Member:
    return Member(
        unit=unit,
        attempt=attempt,
        pubs=task.pubs,
        seed_index=task.seed_index + apart,
        **task.options,
    )

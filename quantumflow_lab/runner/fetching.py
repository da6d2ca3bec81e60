"""Jobs on devices that an earlier process has left: their answers are still wanted.

They come into the record as if that process had lived, and only then does the run go
on: what it does next depends on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from quantumflow_lab.core import Reason
from quantumflow_lab.errors import JobNeverArrived, OpenJobs, QuantumFlowError
from quantumflow_lab.ports import Clock
from quantumflow_lab.runner import records
from quantumflow_lab.runner.bodies import Produced
from quantumflow_lab.runner.jobs import Jobs
from quantumflow_lab.runner.left import LeftJob
from quantumflow_lab.runner.live import LiveRun
from quantumflow_lab.runner.open_job import is_settled_by
from quantumflow_lab.runner.recorder import Recorder

Done = Callable[[Exception | None], None]
"""Called when all are settled, or with why one of them has no answer."""


class Fetching:
    """Asks for the jobs of runs that are taken up. Belongs to the runner's thread.

    Parameters
    ----------
    jobs, recorder
        The runner's.
    clock
        Tells when an answer came.
    """

    def __init__(self, jobs: Jobs, recorder: Recorder, clock: Clock) -> None:
        self._jobs = jobs
        self._recorder = recorder
        self._clock = clock
        self._numbers: dict[int, list[int]] = {}
        """How the executor calls the jobs of each run."""

    def begin(self, live: LiveRun, done: Done) -> None:
        """Ask for every job that was left of a run."""
        count, before = len(live.left), live.message
        live.message = (
            f"fetching {count} job{'' if count == 1 else 's'} "
            "sent before its process ended"
        )

        def over(failure: Exception | None) -> None:
            self._numbers.pop(live.number, None)
            live.message = before
            done(failure)

        group = _Group(live, self._recorder, self._clock, over, count)
        self._numbers[live.number] = [
            self._jobs.fetch(live, left, _Fetched(group, left)) for left in live.left
        ]

    def stop(self, live: LiveRun) -> None:
        """Wait no more for those that are not settled; they stay open."""
        for number in self._numbers.pop(live.number, ()):
            self._jobs.leave(number)


@dataclass(slots=True)
class _Group:
    """The jobs of one run."""

    live: LiveRun
    recorder: Recorder
    clock: Clock
    done: Done
    open: int
    failure: Exception | None = None

    def over(self) -> None:
        self.open -= 1
        if not self.open:
            self.done(self.failure)


@dataclass(frozen=True, slots=True)
class _Fetched:
    """The :class:`quantumflow_lab.runner.open_job.Owner` of one of them."""

    group: _Group
    left: LeftJob

    def sent(self) -> None:
        """That was before."""

    def answer(
        self,
        unit: int,
        attempt: int,
        answer: Produced | Exception,
        reason: Reason,
        wait_us: int,
    ) -> None:
        """Record it, once; a failure is told, unless there was nothing to fetch."""
        group = self.group
        if isinstance(answer, Produced):
            if unit not in self.left.answered:
                member, now = self.left.members[unit], group.clock.wall()
                where = group.live, member, answer.ref, answer.origin, now
                group.recorder.note(records.fetched(*where))
        elif not isinstance(answer, JobNeverArrived):
            group.failure = group.failure or self._failure(answer)

    def _failure(self, error: Exception) -> Exception:
        """Why the run cannot go on, with what to type."""
        name = self.group.live.name
        if not is_settled_by(error):
            return OpenJobs(
                f"{error}; %qflow resume {name} asks again, with --resubmit it gives "
                "the job up and sends its work again",
                run=self.group.live.id,
                jobs=[self.left.request.tag],
            )
        if isinstance(error, QuantumFlowError):
            text = f"{error}; %qflow resume {name} sends its work again"
            told = type(error)(text)
            told.facts = error.facts
            return told
        return error

    def over(self, cost: Decimal) -> None:
        """The group waits for one less."""
        self.group.over()

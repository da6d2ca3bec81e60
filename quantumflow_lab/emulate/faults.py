"""What can go wrong with a service, by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(slots=True)
class Trouble:
    """What goes wrong with the next requests of one kind."""

    method: str
    path: str
    """How the path ends, without the query; ``*`` stands for anything."""
    status: int | None
    """What is answered; None breaks the connection."""
    late: bool = False
    """True if the request is taken before."""
    retry_after: int | None = None
    """Seconds that the answer asks to wait."""
    code: int | None = None
    """IBM's number of the error."""
    times: int = 1
    """Requests that it still meets."""

    def meets(self, method: str, path: str, *, late: bool) -> bool:
        """Whether a request is one of those."""
        fits = method == self.method and fnmatchcase(path, f"*{self.path}")
        return fits and late == self.late and self.times > 0


@dataclass(frozen=True, slots=True)
class Habits:
    """How a service treats every job."""

    status: str | None = None
    """State of every job for ever; None for the states of a regular one."""
    queue: float = 0.0
    """Seconds that a job is queued."""
    pending: int | None = None
    """Most jobs that are not final; None for no limit."""
    largest: int | None = None
    """Most bytes of a request; None for no limit."""
    fails: int | None = None
    """IBM's number of the reason why every job fails; None if none does."""
    results: int | None = None
    """Most PUBs of a job whose results can be kept; larger ones fail (5302)."""
    recalibrates: bool = False
    """Whether the device is calibrated anew under the first job, which fails."""


ALWAYS = 10**9
"""More requests than there will be."""


@dataclass(frozen=True, slots=True)
class Named:
    """A fault that a person can ask for."""

    about: str
    """What happens, in a few words."""
    troubles: tuple[tuple[str, str, int | None, dict[str, object]], ...] = ()
    """Method, path and status of each :class:`Trouble`, and its other fields."""
    habits: Habits = field(default_factory=Habits)
    """How jobs are treated."""

    def made(self) -> list[Trouble]:
        """The troubles, each with a count of its own."""
        return [
            Trouble(method, path, status, **more)  # type: ignore[arg-type]  # by name
            for method, path, status, more in self.troubles
        ]


def _submit(
    status: int | None, **more: object
) -> tuple[tuple[str, str, int | None, dict[str, object]], ...]:
    return (("POST", "/jobs", status, more),)


def _ask(
    path: str, status: int | None, **more: object
) -> tuple[tuple[str, str, int | None, dict[str, object]], ...]:
    return (("GET", path, status, more),)


FAULTS = {
    "429": Named("one submit is answered 429", _submit(429)),
    "429-retry-after": Named(
        "one submit is answered 429 with Retry-After: 1", _submit(429, retry_after=1)
    ),
    "503": Named("two submits are answered 503", _submit(503, times=2)),
    "drop-before": Named("the connection breaks before a job arrives", _submit(None)),
    "drop-after": Named(
        "the connection breaks after a job was taken", _submit(None, late=True)
    ),
    "quota": Named(
        "every submit is refused: no time is left (4317)",
        _submit(403, code=4317, times=ALWAYS),
    ),
    "pending-limit": Named(
        "one job at a time; others are refused (3458)", habits=Habits(pending=1)
    ),
    "too-large": Named(
        "requests over 20 kB are answered 413", habits=Habits(largest=20_000)
    ),
    "results-too-large": Named(
        "jobs of over two PUBs run and fail: their results are too large (5302)",
        habits=Habits(results=2),
    ),
    "max-time": Named(
        "every job fails after its maximum execution time (1305)",
        habits=Habits(fails=1305),
    ),
    "poll-429": Named("one look at a job is answered 429", _ask("/jobs/*", 429)),
    "poll-401": Named("one look at a job is answered 401", _ask("/jobs/*", 401)),
    "poll-503": Named("two looks at a job are answered 503", _ask("/jobs/*", 503)),
    "lost-job": Named(
        "a job that was taken is not known any more", _ask("/jobs/*", 404, times=ALWAYS)
    ),
    "missing-result": Named(
        "results are not there", _ask("/results", 404, times=ALWAYS)
    ),
    "slow-queue": Named("jobs are queued for 5 s", habits=Habits(queue=5.0)),
    "never-final": Named("jobs are queued for ever", habits=Habits(status="Queued")),
    "unknown-status": Named(
        "jobs are in a state nobody knows", habits=Habits(status="Under review")
    ),
    "ran-too-long": Named(
        "jobs are cancelled for running too long",
        habits=Habits(status="Cancelled - Ran too long"),
    ),
    "internal-error": Named(
        "every job fails after it was taken (9999)", habits=Habits(fails=9999)
    ),
    "calibration": Named(
        "the device is calibrated anew under the first job, which fails (1517)",
        habits=Habits(recalibrates=True),
    ),
}
"""Every fault, by what is typed."""

"""What can go wrong with a service, by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TypeAlias


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
    code: int | str | None = None
    """What the service calls the error: a number of IBM, a name of AWS."""
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
    fails: int | str | None = None
    """Why every job fails, a number of IBM or a text; None if none does."""
    results: int | None = None
    """Most PUBs of a job whose results can be kept; larger ones fail (5302)."""
    late: int | None = None
    """Looks at what a final job used that find no figure yet."""
    recalibrates: bool = False
    """Whether the device is calibrated anew under the first job, which fails."""


ALWAYS = 10**9
"""More requests than there will be."""


_Troubles: TypeAlias = tuple[tuple[str, str, int | None, dict[str, object]], ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A fault that a person can ask for."""

    about: str
    """What happens, in a few words."""
    troubles: _Troubles = ()
    """Method, path and status of each :class:`Trouble`, and its other fields."""
    habits: Habits = field(default_factory=Habits)
    """How jobs are treated."""

    def made(self) -> list[Trouble]:
        """The troubles, each with a count of its own."""
        return [
            Trouble(method, path, status, **more)  # type: ignore[arg-type]  # by name
            for method, path, status, more in self.troubles
        ]


def _shared(submit: str, look: str) -> dict[str, Named]:
    """Faults that mean the same whatever the service.

    Parameters
    ----------
    submit
        How the path ends to which jobs are posted.
    look
        How the path ends at which a job is looked at.
    """

    def post(status: int | None, **more: object) -> _Troubles:
        return (("POST", submit, status, more),)

    def get(status: int | None, **more: object) -> _Troubles:
        return (("GET", look, status, more),)

    return {
        "429": Named("one submit is answered 429", post(429)),
        "429-retry-after": Named(
            "one submit is answered 429 with Retry-After: 1", post(429, retry_after=1)
        ),
        "503": Named("two submits are answered 503", post(503, times=2)),
        "drop-before": Named("the connection breaks before a job arrives", post(None)),
        "drop-after": Named(
            "the connection breaks after a job was taken", post(None, late=True)
        ),
        "too-large": Named(
            "requests over 20 kB are answered 413", habits=Habits(largest=20_000)
        ),
        "poll-429": Named("one look at a job is answered 429", get(429)),
        "poll-503": Named("two looks at a job are answered 503", get(503, times=2)),
        "lost-job": Named(
            "a job that was taken is not known any more", get(404, times=ALWAYS)
        ),
        "slow-queue": Named("jobs are queued for 5 s", habits=Habits(queue=5.0)),
    }


FAULTS = {
    **_shared("/jobs", "/jobs/*"),
    "quota": Named(
        "every submit is refused: no time is left (4317)",
        (("POST", "/jobs", 403, {"code": 4317, "times": ALWAYS}),),
    ),
    "pending-limit": Named(
        "one job at a time; others are refused (3458)", habits=Habits(pending=1)
    ),
    "results-too-large": Named(
        "jobs of over two PUBs run and fail: their results are too large (5302)",
        habits=Habits(results=2),
    ),
    "max-time": Named(
        "every job fails after its maximum execution time (1305)",
        habits=Habits(fails=1305),
    ),
    "poll-401": Named(
        "one look at a job is answered 401", (("GET", "/jobs/*", 401, {}),)
    ),
    "missing-result": Named(
        "results are not there", (("GET", "/results", 404, {"times": ALWAYS}),)
    ),
    "late-usage": Named(
        "what a job used is not known at the first look", habits=Habits(late=1)
    ),
    "no-usage": Named(
        "nobody can say what a job used",
        (("GET", "/metrics", 404, {"times": ALWAYS}),),
    ),
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
"""Every fault of IBM's service, by what is typed."""

_REFUSED: dict[str, tuple[str, int, str]] = {
    "quota": ("no quota is left", 402, "ServiceQuotaExceededException"),
    "offline": ("the device is offline", 424, "DeviceOfflineException"),
    "denied": ("the token has expired", 403, "ExpiredTokenException"),
}

BRAKET_FAULTS = {
    **_shared("/quantum-task", "/quantum-task/*"),
    **{
        name: Named(
            f"every submit is refused: {about} ({status})",
            (("POST", "/quantum-task", status, {"code": code, "times": ALWAYS}),),
        )
        for name, (about, status, code) in _REFUSED.items()
    },
    "429-always": Named(
        "every submit is answered 429",
        (("POST", "/quantum-task", 429, {"times": ALWAYS}),),
    ),
    "drop-after-always": Named(
        "tasks are taken, and every answer is lost",
        (("POST", "/quantum-task", None, {"late": True, "times": ALWAYS}),),
    ),
    "poll-403": Named(
        "one look at a task is answered 403: the token has expired",
        (("GET", "/quantum-task/*", 403, {"code": "ExpiredTokenException"}),),
    ),
    "missing-result": Named(
        "results.json is not there",
        (("GET", "/results.json", 404, {"times": ALWAYS}),),
    ),
    "never-final": Named("tasks are queued for ever", habits=Habits(status="QUEUED")),
    "unknown-status": Named(
        "tasks are in a state nobody knows", habits=Habits(status="UNDER_REVIEW")
    ),
    "cancelled": Named(
        "tasks are cancelled by somebody else", habits=Habits(status="CANCELLED")
    ),
    "internal-error": Named(
        "every task fails after it was taken, and says why",
        habits=Habits(fails="the device lost its lock"),
    ),
}
"""Every fault of Amazon's service, by what is typed."""

"""Sessions and batches of IBM's service, as far as its client asks for them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Protocol

CLOSED, EXPIRED = 1217, 1602
"""IBM's numbers for a session that takes no more jobs; not seen on hardware."""


class Job(Protocol):
    """What a session asks of the jobs in it."""

    taken: float
    """When it was taken, seconds of a clock that never goes back."""

    @property
    def usage(self) -> float:
        """Seconds that it is billed for."""


@dataclass
class Session:
    """A session, or a batch."""

    posted: dict[str, Any]
    """What was sent: ``mode``, ``backend`` and perhaps ``max_ttl``, in seconds."""
    opened: float = field(default_factory=time.monotonic)
    """When, in seconds of a clock that never goes back."""
    shut: float | None = None
    """When somebody has closed it, likewise."""
    jobs: list[Job] = field(default_factory=list)
    """Jobs that it has taken."""

    @property
    def closed(self) -> bool:
        """Whether somebody has closed it."""
        return self.shut is not None

    def close(self) -> None:
        """Take no more jobs."""
        self.shut = time.monotonic() if self.shut is None else self.shut

    @property
    def used(self) -> float:
        """Seconds of the device that its jobs take, whatever simulating them takes."""
        return sum(job.usage for job in self.jobs)

    @property
    def elapsed(self) -> float:
        """Seconds that it is billed.

        Of a batch those of its jobs. Of a session the time from its first job on until
        it is closed: that of the device for its jobs, and that of a clock between them.
        """
        if self.posted.get("mode") == "batch" or not self.jobs:
            return self.used
        end = time.monotonic() if self.shut is None else self.shut
        seconds = max(end - self.jobs[0].taken, 0.0) + self.used
        most = self.posted.get("max_ttl")
        return seconds if most is None else min(seconds, max(float(most), self.used))

    @property
    def refusal(self) -> int | None:
        """The number with which it refuses a job; None if it takes one."""
        if self.closed:
            return CLOSED
        most = self.posted.get("max_ttl")
        lasted = time.monotonic() - self.opened + self.used
        return EXPIRED if most is not None and lasted > most else None

    def document(self, name: str, *, busy: bool = False) -> dict[str, Any]:
        """What the service tells of it; `busy` if a job of it is not final."""
        shut = self.refusal is not None
        active = "active" if busy else "closed"
        return {
            "id": name,
            "backend_name": self.posted.get("backend"),
            "mode": self.posted.get("mode"),
            "max_ttl": self.posted.get("max_ttl"),
            "state": active if shut else "open",
            "accepting_jobs": not shut,
            "elapsed_time": self.elapsed,
        }

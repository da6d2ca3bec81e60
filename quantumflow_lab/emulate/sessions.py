"""Sessions and batches of IBM's service, as far as its client asks for them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

CLOSED, EXPIRED = 1217, 1602
"""IBM's numbers for a session that takes no more jobs; not seen on hardware."""


@dataclass
class Session:
    """A session, or a batch."""

    posted: dict[str, Any]
    """What was sent: ``mode``, ``backend`` and perhaps ``max_ttl``, in seconds."""
    opened: float = field(default_factory=time.monotonic)
    """When, in seconds of a clock that never goes back."""
    closed: bool = False
    """Whether somebody has closed it."""

    @property
    def refusal(self) -> int | None:
        """The number with which it refuses a job; None if it takes one."""
        if self.closed:
            return CLOSED
        most = self.posted.get("max_ttl")
        late = most is not None and time.monotonic() - self.opened > most
        return EXPIRED if late else None

    def document(self, name: str) -> dict[str, Any]:
        """What the service tells of it."""
        shut = self.refusal is not None
        return {
            "id": name,
            "backend_name": self.posted.get("backend"),
            "mode": self.posted.get("mode"),
            "max_ttl": self.posted.get("max_ttl"),
            "state": "closed" if shut else "open",
            "accepting_jobs": not shut,
        }

"""Words that both sides of a seam use."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal


class Stopped(BaseException):
    """Raised inside a step that has to stop.

    No ``Exception``, so that an optimiser's ``except Exception`` does not swallow it.
    """


Mode = Literal["job", "batch", "session"]
"""How jobs are sent to a device: each alone; together, and billed as if alone; or in a
session, which is billed by the clock."""


class Phase(StrEnum):
    """What a job on a backend is doing, as the widget shows it."""

    QUEUED = "queued"
    TRANSPILING = "transpiling"
    RUNNING = "running"
    FETCHING = "fetching"


class Fault(StrEnum):
    """Of what sort the failure of a member is."""

    TRANSIENT = "transient"
    """The same request may succeed when tried again."""
    PERMANENT = "permanent"
    """It never will."""
    TOO_BIG = "too_big"
    """The job was larger than the backend takes; a smaller one may pass."""
    REFUSED = "refused"
    """This backend does not take such work; another one may."""

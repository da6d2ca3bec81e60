"""Codes and enumerations of the words that cross to the scheduler.

``docs/scheduler.md`` lists the words of every event and command.
"""

from __future__ import annotations

from enum import IntEnum


class UnitState(IntEnum):
    """Where one unit stands; from ``DONE`` on nothing changes any more."""

    WAITING = 0
    READY = 1
    HELD = 2
    RUNNING = 3
    PARKED = 4
    SENT = 5
    BACKOFF = 6
    BLOCKED = 7
    STOPPING = 8
    DONE = 9
    FAILED = 10
    SKIPPED = 11
    CANCELLED = 12
    ABANDONED = 13


UNIT_STATES = tuple(state.name.lower() for state in UnitState)
"""Names of the states, in the order of their numbers."""


class Reason(IntEnum):
    """Why an attempt failed.

    ``TRANSIENT`` and ``LOST`` are tried again; ``TOO_BIG`` in a smaller job,
    ``REFUSED`` another way.
    """

    TRANSIENT = 0
    PERMANENT = 1
    LOST = 2
    TOO_BIG = 3
    REFUSED = 4


class Scope(IntEnum):
    """What to cancel."""

    RUN = 0
    STEP = 1
    UNIT = 2


class Choice(IntEnum):
    """The user's word on a job that may never have arrived."""

    RESUBMIT = 0
    GIVE_UP = 1


class Cause(IntEnum):
    """Why a unit is final."""

    ANSWER = 0
    """Its own result or failure, or a result known beforehand."""
    TIMEOUT = 1
    NEED_FAILED = 2
    CANCELLED = 3
    ATTEMPTS_USED = 4
    """The last allowed attempt failed in a way that would have been tried again."""
    GRACE_OVER = 5
    """It was stopped and gave no answer in time."""
    BUDGET = 6
    """It was cancelled while the cap kept it from starting."""
    GIVEN_UP = 7
    """The user gave up a job in doubt."""
    DEADLINE = 8
    """The deadline of its run has passed."""


class Outcome(IntEnum):
    """How a run ended."""

    DONE = 0
    FAILED = 1
    CANCELLED = 2


class EventCode(IntEnum):
    """First word of each event."""

    RUN = 1
    LANE = 2
    CLASS = 3
    DEFINE = 4
    SEAL = 5
    KNOWN = 6
    BEGAN = 7
    DONE = 8
    FAILED = 9
    PARKED = 10
    UNPARKED = 11
    SENT = 12
    DOUBT = 13
    FOUND = 14
    NOT_FOUND = 15
    SETTLED = 16
    BILL = 17
    CAP = 18
    ANSWER = 19
    CANCEL = 20
    STOPPED = 21
    TICK = 22
    GUARD = 23
    LIMITS = 24
    OTHER = 25
    WEIGHT = 26
    PAUSE = 27
    DEADLINE = 28
    ADOPT = 29
    SPENT = 30


class CommandCode(IntEnum):
    """First word of each command."""

    RUN = 1
    RESUME = 2
    SUBMIT = 3
    FIND = 4
    STOP = 5
    STOP_JOB = 6
    FINAL = 7
    RETRY = 8
    ASK = 9
    ENDED = 10
    MOVED = 11
    REST = 12
    SHORT = 13

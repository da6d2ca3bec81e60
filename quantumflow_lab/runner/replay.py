"""A loop that is taken up: what it had asked before is answered from the record.

Calls are matched by what they ask and how often it was asked before, not by order, so
that a loop of several threads replays as well. A call that was never made, while others
wait to be asked for again, means that the loop has gone another way than before.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from quantumflow_lab.errors import ReplayDrift

PATIENCE_S = 2.0
"""Seconds in which other threads of a loop may ask for what waits."""

Place = tuple[str, int]
"""What a call asks, as a key, and how many equal calls came before it."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call that a loop had made."""

    key: str
    number: int
    value: Mapping[str, Any] | None
    """Where the store keeps its answer; None if it had none yet."""


class Replay:
    """The calls that one point of a loop had made; asked from its threads.

    Parameters
    ----------
    step
        Name of the step, for messages.
    calls
        What was recorded.
    accept_drift
        Forget what waits, rather than stop, once the loop goes another way.
    """

    def __init__(
        self, step: str, calls: Iterable[Recorded], *, accept_drift: bool = False
    ) -> None:
        self._step = step
        self._known = {(call.key, call.number): call.value for call in calls}
        self._open = {place for place, value in self._known.items() if value}
        self._accept_drift = accept_drift
        self._changed = threading.Condition()

    def find(self, place: Place) -> Mapping[str, Any] | None:
        """Where the answer to a call is; None if it has to be made.

        Raises
        ------
        ReplayDrift
            If it was never made, and others that were are not asked for.
        """
        with self._changed:
            if place in self._known:
                self._open.discard(place)
                self._changed.notify_all()
                return self._known[place]
            if self._changed.wait_for(lambda: not self._open, PATIENCE_S):
                return None
            if self._accept_drift:
                self._open.clear()
                return None
            raise ReplayDrift(
                f"step '{self._step}' asks what it had not asked before it was "
                f"interrupted, and leaves {len(self._open)} of {len(self._known)} "
                "calls out; nothing was sent. If its code, a library or its random "
                "numbers have changed and you want to go on from here: --accept-drift",
                step=self._step,
                left=len(self._open),
            )

"""A run as server-sent events, which a client may leave and take up again.

=========  ====================================================================
event      data
=========  ====================================================================
snapshot   the run at a moment, see docs/widgets.md; a later one replaces it
output     ``step``, ``mime``, ``data`` of something a step printed or displayed
reset      forget the outputs so far: all of them come again
end        ``state``; nothing comes after it
bye        the service stops; connect again, with the last id
=========  ====================================================================

The id of an event is the number of outputs that were sent up to it, behind the name of
the list that they are counted in. Who comes back with ``Last-Event-ID`` gets the
outputs behind that, and the newest snapshot; no more is needed, since snapshots are
states. A run that was taken up, or is told from the store, has another list: points
that had not ended are printed again. Then a ``reset`` comes first.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.concurrency import run_in_threadpool

from quantumflow_lab.run import Run
from quantumflow_lab.runner.live import LiveRun, Output
from quantumflow_lab.service.plain import hidden, plain
from quantumflow_lab.stored import StoredRun

TICK = 0.1
"""Seconds between two looks, which is as often as the runner makes snapshots."""
LOOK = 1.0
"""The same at a run of another process, of which the store is asked."""
BEAT = 15.0
"""Seconds of silence after which a comment shows that the line is open."""
_PLACE = re.compile(r"((?:live|kept)\.[0-9]{1,6})-([0-9]{1,9})")
RETRY_MS = 1000
"""What a browser waits before it connects again."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody has come in the outputs of a run."""

    source: str
    """Name of the list."""
    count: int
    """Outputs of it that were seen."""

    def __str__(self) -> str:
        return f"{self.source}-{self.count}"

    @classmethod
    def of(cls, header: str | None) -> Place | None:
        """The place that ``Last-Event-ID`` names; None if that is none.

        Examples
        --------
        >>> Place.of("live.2-17")
        Place(source='live.2', count=17)
        >>> Place.of("17") is None
        True
        """
        found = _PLACE.fullmatch(header or "")
        return None if found is None else cls(found[1], int(found[2]))


def event(kind: str, data: Any, place: Place) -> bytes:
    """One event as it goes over the wire.

    Examples
    --------
    >>> event("end", {"state": "done"}, Place("live.1", 3))
    b'id: live.1-3\\nevent: end\\ndata: {"state":"done"}\\n\\n'
    """
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return f"id: {place}\nevent: {kind}\ndata: {text}\n\n".encode()


def view_of(run: Run, *, code: bool) -> dict[str, Any]:
    """A run's snapshot as JSON.

    Parameters
    ----------
    run
        The run.
    code
        Whether who asks may run code here: tracebacks show paths of this machine.
    """
    view: dict[str, Any] = plain(run.snapshot())
    if not code:
        for step in view.get("steps", ()):
            step.pop("traceback", None)
    return view


def list_of(run: Run) -> str:
    """Name of the list of outputs that a run has: another one has another name."""
    data = run.data
    if isinstance(data, LiveRun):
        return f"live.{data.epoch}"
    assert isinstance(data, StoredRun), "there are two kinds of runs"
    return f"kept.{data.record['epoch'] or 1}"


def _printed(run: Run) -> Sequence[Output]:
    return run.outputs


def _shown(output: Output) -> Any:
    text = output.mime.startswith("text/") and isinstance(output.data, str)
    return hidden(output.data) if text else plain(output.data)


async def events(
    look: Callable[[], Run],
    seen: Place | None,
    *,
    code: bool,
    expects: Callable[[Run], bool],
    leaving: Callable[[], bool],
) -> AsyncIterator[bytes]:
    """Events of a run until it has ended, or the service stops.

    Parameters
    ----------
    look
        Gives the run as it is; asked again while this process does not have it.
    seen
        Where the client left.
    code
        As in :func:`view_of`.
    expects
        Whether a run goes on that this process does not have.
    leaving
        Whether the service stops.
    """
    yield f"retry: {RETRY_MS}\n\n".encode()
    run, told = await run_in_threadpool(look), _Told(seen, code)
    while True:
        # Before looking: what it says after that is its last word.
        away = run.done
        ended, state = away and not expects(run), run.state
        if ended or state != "unfinished":  # the latter is about to be taken up
            async for each in told.news(run, away=away, ended=ended):
                yield each
        if ended:
            yield event("end", {"state": state}, told.place(run))
            return
        if leaving():
            yield event("bye", {}, told.place(run))
            return
        if time.monotonic() - told.spoke > BEAT:
            yield b": here\n\n"
            told.spoke = time.monotonic()
        await asyncio.sleep(LOOK if away and state == "running" else TICK)
        if away:
            run = await run_in_threadpool(look)


class _Told:
    """What somebody was told of a run so far."""

    def __init__(self, seen: Place | None, code: bool) -> None:
        self.spoke = time.monotonic()
        self._at, self._code = seen, code
        self._shown: Any = None

    def place(self, run: Run) -> Place:
        """How far they have come in the outputs that the run has now."""
        source = list_of(run)
        if self._at is None or self._at.source != source:
            return Place(source, 0)
        return self._at

    async def news(self, run: Run, *, away: bool, ended: bool) -> AsyncIterator[bytes]:
        """Events of what they do not know yet."""
        at = self.place(run)
        if self._at is not None and self._at.source != at.source:
            yield event("reset", {}, at)
        # What a stored run has comes from the database, and takes its time.
        printed = await run_in_threadpool(_printed, run) if away else run.outputs
        for output in printed[at.count :]:
            at = replace(at, count=at.count + 1)
            data = {"step": output.step, "mime": output.mime, "data": _shown(output)}
            yield event("output", data, at)
        self._at = at
        view = await run_in_threadpool(run.snapshot) if away else run.snapshot()
        if (view is not self._shown or ended) and view:
            self._shown = view
            yield event("snapshot", view_of(run, code=self._code), at)
            self.spoke = time.monotonic()

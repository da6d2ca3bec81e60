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
    run: Run,
    seen: Place | None,
    *,
    code: bool,
    leaving: Callable[[], bool],
) -> AsyncIterator[bytes]:
    """Events of a run until it has ended, or the service stops.

    Parameters
    ----------
    run
        The run.
    seen
        Where the client left.
    code
        As in :func:`view_of`.
    leaving
        Whether the service stops.
    """
    yield f"retry: {RETRY_MS}\n\n".encode()
    at = Place(list_of(run), 0)
    if seen is not None and seen.source == at.source:
        at = seen
    elif seen is not None:
        yield event("reset", {}, at)
    shown: Any = None
    spoke = time.monotonic()
    while True:
        # Before looking: what it says after that is its last word.
        ended, state = run.done, run.state
        # Those of a stored run come from the database, and take their time.
        printed = await run_in_threadpool(_printed, run) if ended else run.outputs
        for output in printed[at.count :]:
            at = replace(at, count=at.count + 1)
            data = {
                "step": output.step,
                "mime": output.mime,
                "data": _shown(output),
            }
            yield event("output", data, at)
        view = await run_in_threadpool(run.snapshot) if ended else run.snapshot()
        if (view is not shown or ended) and view:
            shown = view
            yield event("snapshot", view_of(run, code=code), at)
            spoke = time.monotonic()
        if ended:
            yield event("end", {"state": state}, at)
            return
        if leaving():
            yield event("bye", {}, at)
            return
        if time.monotonic() - spoke > BEAT:
            yield b": here\n\n"
            spoke = time.monotonic()
        await asyncio.sleep(TICK)

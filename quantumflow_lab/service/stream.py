"""A run as server-sent events, which a client may leave and take up again.

=========  ====================================================================
event      data
=========  ====================================================================
snapshot   the run at a moment, see docs/widgets.md; a later one replaces it
output     ``step``, ``mime``, ``data`` of something a step printed or displayed
end        ``state``; nothing comes after it
bye        the service stops; connect again, with the last id
=========  ====================================================================

The id of an event is the number of outputs that were sent up to it. Who comes back with
``Last-Event-ID`` gets the outputs behind that, and the newest snapshot. No more is
needed: snapshots are states, and only outputs are a list.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool

from quantumflow_lab.run import Run
from quantumflow_lab.service.plain import plain

TICK = 0.1
"""Seconds between two looks, which is as often as the runner makes snapshots."""
BEAT = 15.0
"""Seconds of silence after which a comment shows that the line is open."""
RETRY_MS = 1000
"""What a browser waits before it connects again."""


def event(kind: str, data: Any, number: int) -> bytes:
    """One event as it goes over the wire.

    Examples
    --------
    >>> event("end", {"state": "done"}, 3)
    b'id: 3\\nevent: end\\ndata: {"state":"done"}\\n\\n'
    """
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return f"id: {number}\nevent: {kind}\ndata: {text}\n\n".encode()


def last_seen(header: str | None) -> int:
    """Outputs that a client has seen, by its ``Last-Event-ID``; 0 if that is none."""
    text = (header or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0


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


async def events(
    run: Run, seen: int, *, code: bool, leaving: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """Events of a run until it has ended, or the service stops.

    Parameters
    ----------
    run
        The run.
    seen
        Outputs that the client has.
    code
        As in :func:`view_of`.
    leaving
        Whether the service stops.
    """
    yield f"retry: {RETRY_MS}\n\n".encode()
    shown: Any = None
    spoke = time.monotonic()
    while True:
        # Before looking: what it says after that is its last word.
        ended, state = run.done, run.state
        # What a stored run printed comes from the database.
        outputs = (
            await run_in_threadpool(lambda: list(run.outputs))
            if ended
            else list(run.outputs)
        )
        for output in outputs[seen:]:
            seen += 1
            data = {
                "step": output.step,
                "mime": output.mime,
                "data": plain(output.data),
            }
            yield event("output", data, seen)
        view = run.snapshot()
        if (view is not shown or ended) and view:
            shown = view
            yield event("snapshot", view_of(run, code=code), seen)
            spoke = time.monotonic()
        if ended:
            yield event("end", {"state": state}, seen)
            return
        if leaving():
            yield event("bye", {}, seen)
            return
        if time.monotonic() - spoke > BEAT:
            yield b": here\n\n"
            spoke = time.monotonic()
        await asyncio.sleep(TICK)

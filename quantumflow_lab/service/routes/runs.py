"""Runs: list, status, events, results, cancel, pause, resume."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import StreamingResponse

from quantumflow_lab import codec
from quantumflow_lab.errors import NotStorable
from quantumflow_lab.grid import Failed
from quantumflow_lab.run import Run
from quantumflow_lab.runner.live import MISSING
from quantumflow_lab.service.asking import Reader, Submitter, TheDesk
from quantumflow_lab.service.desk import Asker, Desk
from quantumflow_lab.service.exact import EXACT, described, exact
from quantumflow_lab.service.models import (
    RUN_ID,
    STEP,
    Cancel,
    Point,
    Results,
    Resume,
    RunLine,
    RunPage,
    RunStatus,
    StepLine,
    StepResults,
)
from quantumflow_lab.service.plain import hidden, plain
from quantumflow_lab.service.problems import Problem
from quantumflow_lab.service.stream import Place, events, view_of

router = APIRouter(prefix="/api/runs", tags=["runs"])

RunId = Annotated[str, Path(pattern=RUN_ID)]
StepName = Annotated[str, Path(pattern=STEP)]
_ALL, _AS_BEFORE = Cancel(), Resume()
"""What is cancelled, and how a run goes on, where nobody says anything."""
State = Literal["running", "done", "failed", "paused", "cancelled", "unfinished"]


@router.get("")
def list_runs(
    desk: TheDesk,
    asker: Reader,
    name: Annotated[str | None, Query(min_length=1, max_length=128)] = None,
    state: State | None = None,
    backend: Annotated[str | None, Query(min_length=1, max_length=128)] = None,
    since: Annotated[
        str | None, Query(max_length=32, description="A duration such as 3d.")
    ] = None,
    find: Annotated[
        str | None, Query(min_length=1, max_length=200, description="In the cell.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[
        str | None, Query(pattern=RUN_ID, description="From `next`.")
    ] = None,
) -> RunPage:
    """Runs of the lab, newest first, those of notebooks among them."""
    rows = desk.answers.runs(
        name=name,
        state=state,
        backend=backend,
        since=since,
        find=find,
        before=cursor,
        limit=limit + 1,
    )
    items = [
        RunLine(
            id=row["run"],
            name=row["name"],
            number=row["number"],
            state=row["state"],
            started=row["started"],
            seconds=row["wall_s"],
            steps=row.get("steps"),
            points=row.get("points"),
            failed=row.get("failed"),
            jobs=row.get("jobs"),
            shots=row.get("shots"),
            machine_s=row.get("machine_s"),
            qpu_s=row.get("qpu_s"),
            backends=row["backends"] or [],
            cost=plain(row["cost"]),
            currency=row["currency"],
            costs=dict(row["costs"] or ()),
        )
        for row in rows[:limit]
    ]
    return RunPage(items=items, next=items[-1].id if len(rows) > limit else None)


@router.get("/{run}")
def status(run: RunId, desk: TheDesk, asker: Reader) -> RunStatus:
    """How a run stands."""
    return status_of(desk, desk.runs.of(run), asker)


@router.get(
    "/{run}/events",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
    },
)
def follow(
    run: RunId,
    desk: TheDesk,
    asker: Reader,
    last_event_id: Annotated[str | None, Header(max_length=32)] = None,
) -> StreamingResponse:
    """Snapshots and outputs as server-sent events, until the run has ended.

    Send the id of the last event as Last-Event-ID to go on from there.
    """
    found = desk.runs.of(run)
    desk.refuse_stream(asker.token)
    return StreamingResponse(
        _followed(desk, asker, found.id, Place.of(last_event_id)),
        media_type="text/event-stream",
    )


@router.get("/{run}/results", response_model=Results, responses=EXACT)
def results(
    run: RunId,
    desk: TheDesk,
    asker: Reader,
    form: Literal["json", "exact"] = "json",
) -> Any:
    """Which steps and axes a run has.

    With `form=exact`, bytes of the codec: beside that the document of the workflow, the
    options that it was asked for, and why steps failed.
    """
    found = desk.runs.of(run)
    data = found.data
    if form == "exact":
        return exact(described(found, code="code" in asker.token.scopes))
    return Results(
        id=data.id,
        state=data.state,
        axes={name: plain(list(values)) for name, values in data.axes.items()},
        units=dict(data.units),
        steps=[
            StepLine(
                name=step.name,
                kind=step.kind,
                dims=list(step.dims),
                shape=None if step.shape is None else list(step.shape),
                final=step.final,
            )
            for step in data.steps.values()
        ],
    )


@router.get("/{run}/results/{step}", response_model=StepResults, responses=EXACT)
def step_results(
    run: RunId,
    step: StepName,
    desk: TheDesk,
    asker: Reader,
    form: Literal["json", "exact"] = "json",
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Any:
    """Values of a step, a page of its points.

    As JSON that any program reads, or `form=exact`: bytes of the codec, whose media
    type is in the header Qflow-Media. Decoded they are a dict with `dims`, `shape`,
    `axes`, `units`, `final`, `total`, `first`, and `points`: for each point its kind
    (`value`, `open`, `failed` or `lost`) and what there is of it.
    """
    found = desk.runs.of(run)
    found.units(step)  # names the nearest step if there is none of that name
    data = found.data
    state = data.steps[step]
    total = len(state.values)
    end = min(offset + limit, total)
    values = [state.values[i] for i in range(offset, end)]
    if form == "exact":
        return exact(_page(data, state, values, offset))
    return StepResults(
        id=data.id,
        step=step,
        final=state.final,
        total=total,
        points=[
            Point(index=i, at=_where(data, state, i), value=plain(value))
            for i, value in enumerate(values, start=offset)
        ],
        next=end if end < total else None,
    )


@router.post("/{run}/cancel", status_code=202)
def cancel(
    run: RunId, desk: TheDesk, asker: Submitter, what: Cancel = _ALL
) -> RunStatus:
    """Stop a run, or one of its steps; a run that has ended stays as it is."""
    found = desk.runs.of(run)
    if what.point is None:
        found.cancel(what.step)
    else:
        found.units(what.step or "")  # names the nearest step if there is none
        desk.lab.cancel_run(run, what.step, what.point)
    return status_of(desk, found, asker)


@router.post("/{run}/pause", status_code=202)
def pause(run: RunId, desk: TheDesk, asker: Submitter) -> RunStatus:
    """Let nothing more of a run start; what runs goes on."""
    found = desk.runs.of(run)
    # One of another process says itself that it cannot be paused from here.
    if found.done and found.state != "running":
        raise Problem(409, "run-has-ended", f"run {run} has ended; nothing can wait")
    return status_of(desk, found.pause(), asker)


@router.post("/{run}/resume", status_code=202)
def resume(
    run: RunId, desk: TheDesk, asker: Submitter, how: Resume = _AS_BEFORE
) -> RunStatus:
    """Go on with a run that is paused, failed, was cancelled or lost its process."""
    found = desk.resume(
        run,
        budget=how.budget,
        mode=how.mode,
        accept_drift=how.accept_drift,
        resubmit=how.resubmit,
    )
    return status_of(desk, found, asker)


def status_of(desk: Desk, run: Run, asker: Asker) -> RunStatus:
    """A run as it is told of."""
    # First: what is told after that is at least as new.
    ended = run.done and not desk.expects(run)
    return RunStatus(
        id=run.id,
        name=run.name,
        state=run.state,
        ended=ended,
        seed=run.seed,
        snapshot=view_of(run, code="code" in asker.token.scopes),
    )


async def _followed(
    desk: Desk, asker: Asker, run_id: str, seen: Place | None
) -> AsyncIterator[bytes]:
    code = "code" in asker.token.scopes
    with desk.streaming(asker.token):
        told = events(
            partial(desk.runs.of, run_id),
            seen,
            code=code,
            expects=desk.expects,
            leaving=lambda: desk.leaving.is_set() or not asker.is_good(),
        )
        async for each in told:
            yield each


def _where(data: Any, step: Any, index: int) -> dict[str, Any]:
    if not step.dims or step.shape is None:
        return {}
    places = np.unravel_index(index, step.shape)
    return {
        name: plain(data.axes[name][int(at)])
        for name, at in zip(step.dims, places, strict=True)
    }


def _page(data: Any, step: Any, values: list[Any], first: int) -> dict[str, Any]:
    """A page of values, for the codec."""
    return {
        "dims": list(step.dims),
        "shape": None if step.shape is None else list(step.shape),
        "axes": {
            name: list(data.axes[name]) for name in step.dims if name in data.axes
        },
        "units": {name: data.units.get(name) for name in step.dims},
        "final": step.final,
        "total": len(step.values),
        "first": first,
        "points": [_kept(value) for value in values],
    }


def _kept(value: Any) -> list[Any]:
    if value is MISSING:
        return ["open", None]
    if isinstance(value, Failed):
        return [
            "failed",
            [value.reason, hidden(value.message), value.attempt, value.job],
        ]
    try:
        codec.encode(value)
    except NotStorable as error:
        return ["lost", error.message]
    return ["value", value]

"""Workflows: create, list, get, execute."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from quantumflow_lab.service.asking import Reader, Submitter, TheDesk, require_code
from quantumflow_lab.service.declared import Cell, Declared
from quantumflow_lab.service.desk import Asker, Desk
from quantumflow_lab.service.keys import RequestKey
from quantumflow_lab.service.models import (
    WORKFLOW_ID,
    EncodedValue,
    Execution,
    NewRun,
    NewWorkflow,
    RunStatus,
    Workflow,
    WorkflowLine,
    WorkflowPage,
)
from quantumflow_lab.service.problems import Problem
from quantumflow_lab.service.routes.runs import status_of
from quantumflow_lab.service.saved import Saved
from quantumflow_lab.workflow import Workflow as Read

router = APIRouter(prefix="/api/workflows", tags=["workflows"])
_USUAL = Execution()
"""How a workflow is executed where nobody says anything."""
started = APIRouter(prefix="/api/runs", tags=["runs"])

WorkflowId = Annotated[str, Path(pattern=WORKFLOW_ID)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[A-Za-z0-9._-]{8,64}$",
        description="Chosen by the caller, 8 to 64 letters, digits, dots, dashes and "
        "underscores: the same request twice begins one run, also after a restart of "
        "the service.",
    ),
]
Cursor = Annotated[
    str | None,
    Query(
        pattern=r"^[0-9]{1,12}(\.[0-9]{1,9})?-[0-9a-f]{32}$", description="From `next`."
    ),
]


@router.post(
    "",
    status_code=201,
    responses={200: {"model": Workflow, "description": "It is there already."}},
)
def create(
    new: NewWorkflow, desk: TheDesk, asker: Submitter, response: Response
) -> Workflow:
    """Keep a workflow; the same one twice has the same id."""
    cell_for(desk, asker, new.declared, new.source, {}, name=new.name)
    document = (
        None
        if new.declared is None
        else new.declared.model_dump(mode="json", exclude_none=True)
    )
    saved, is_new = desk.workflows.create(
        new.name,
        by=asker.token.name,
        now=time.time(),
        document=document,
        source=new.source,
    )
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/api/workflows/{saved.id}"
    return _shown(saved)


@router.get("")
def list_workflows(
    desk: TheDesk,
    asker: Reader,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Cursor = None,
) -> WorkflowPage:
    """Workflows, newest first."""
    before = None
    if cursor is not None:
        at, _, key = cursor.partition("-")
        before = float(at), key
    rows = desk.workflows.listed(limit + 1, before)
    items = [
        WorkflowLine(id=key, name=name, created=at, by=by)
        for at, key, name, by in rows[:limit]
    ]
    more = len(rows) > limit
    return WorkflowPage(
        items=items,
        next=f"{items[-1].created!r}-{items[-1].id}" if more else None,
    )


@router.get("/{workflow}")
def get(workflow: WorkflowId, desk: TheDesk, asker: Reader) -> Workflow:
    """A workflow by its id."""
    return _shown(saved_of(desk, workflow))


@router.post("/{workflow}/execute", status_code=202)
def execute(
    workflow: WorkflowId,
    desk: TheDesk,
    asker: Submitter,
    response: Response,
    execution: Execution = _USUAL,
    idempotency_key: IdempotencyKey = None,
) -> RunStatus:
    """Run it; the answer comes at once, the run goes on."""
    saved = saved_of(desk, workflow)
    cell = cell_of_saved(desk, asker, saved, execution.inputs)
    beside = execution.if_running == "beside"
    key = RequestKey.of(idempotency_key, execution, saved.id)
    run = desk.start(cell, saved.name, execution, asker, beside=beside, key=key)
    response.headers["Location"] = f"/api/runs/{run.id}"
    return status_of(desk, run, asker)


@started.post("", status_code=202)
def begin(
    new: NewRun,
    desk: TheDesk,
    asker: Submitter,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> RunStatus:
    """Run a workflow that is not kept; the answer comes at once, the run goes on."""
    cell = cell_for(desk, asker, new.declared, new.source, new.inputs, name=new.name)
    beside = new.if_running == "beside"
    key = RequestKey.of(idempotency_key, new)
    run = desk.start(cell, new.name, new, asker, beside=beside, key=key)
    response.headers["Location"] = f"/api/runs/{run.id}"
    return status_of(desk, run, asker)


def saved_of(desk: Desk, key: str) -> Saved:
    """A workflow that is kept.

    Raises
    ------
    Problem
        404 if there is none.
    """
    saved = desk.workflows.get(key)
    if saved is None:
        raise Problem(404, "unknown-workflow", f"there is no workflow {key}")
    return saved


def cell_of_saved(
    desk: Desk, asker: Asker, saved: Saved, inputs: dict[str, EncodedValue]
) -> Cell:
    """What a workflow that is kept runs."""
    declared = saved.document and Declared.model_validate(saved.document)
    return cell_for(desk, asker, declared or None, saved.source, inputs, saved.name)


def cell_for(
    desk: Desk,
    asker: Asker,
    declared: Declared | None,
    source: str | None,
    inputs: dict[str, EncodedValue],
    name: str,
) -> Cell:
    """What a declared workflow, or Python, runs.

    Raises
    ------
    Problem
        403 for Python that is not allowed.
    CellError, CircuitSourceError
        If it does not read.
    """
    if source is not None or inputs:
        require_code(desk, asker.token)
    if declared is not None:
        return desk.declared(declared)
    assert source is not None, "the model asks for one of the two"
    Read.from_source(source, name)
    return desk.python(source, inputs)


def _shown(saved: Saved) -> Workflow:
    return Workflow(
        id=saved.id,
        name=saved.name,
        created=saved.created,
        by=saved.by,
        declared=None if saved.document is None else dict(saved.document),
        source=saved.source,
    )

"""One circuit, run at once."""

from __future__ import annotations

from fastapi import APIRouter, Response

from quantumflow_lab.errors import StoreError
from quantumflow_lab.service.asking import Submitter, TheDesk
from quantumflow_lab.service.models import CircuitResult, OneCircuit, RunOptions
from quantumflow_lab.service.plain import plain

router = APIRouter(prefix="/api/quantum", tags=["quantum"])

NAME = "circuit"
"""What its runs are called, with a number while others go on."""


@router.post(
    "/execute",
    responses={
        202: {"model": CircuitResult, "description": "It goes on; follow the run."}
    },
)
def execute(
    asked: OneCircuit, desk: TheDesk, asker: Submitter, response: Response
) -> CircuitResult:
    """Sample one circuit, or estimate observables in its state.

    Every call is an experiment of its own: no result of another run is taken.
    """
    cell = desk.declared(asked.declared())
    options = RunOptions(seed=asked.seed, budget=asked.budget, fresh=True)
    run = desk.start(cell, NAME, options, asker, beside=True)
    response.headers["Location"] = f"/api/runs/{run.id}"
    try:
        run.wait(asked.wait)
    except TimeoutError:
        response.status_code = 202
    except StoreError:
        # It could not be recorded any more: its state says so.
        response.status_code = 202
    return CircuitResult(
        id=run.id, state=run.state, result=plain(run.partial("result"))
    )

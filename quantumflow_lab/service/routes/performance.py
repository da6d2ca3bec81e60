"""What a run took."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter

from quantumflow_lab.run import Run
from quantumflow_lab.service.asking import Reader, TheDesk
from quantumflow_lab.service.desk import Desk
from quantumflow_lab.service.exact import EXACT, exact, rows_of
from quantumflow_lab.service.models import Performance
from quantumflow_lab.service.plain import plain
from quantumflow_lab.service.routes.runs import RunId, StepName

router = APIRouter(prefix="/api/performance", tags=["performance"])

QUERIES = ("timeline", "jobs", "cost", "metrics", "quoted")
"""Named queries of a run; the first three have a step in each row."""


@router.get("/{run}", response_model=Performance, responses=EXACT)
def of_run(
    run: RunId,
    desk: TheDesk,
    asker: Reader,
    form: Literal["json", "exact"] = "json",
) -> Any:
    """Timeline, jobs and cost of a run.

    With `form=exact`, bytes of the codec: rows of the queries `timeline`, `jobs`,
    `cost`, `metrics` and `quoted`.
    """
    found = desk.run(run)
    if form == "exact":
        return exact(rows_of(_rows(desk, found, QUERIES)))
    return _performance(desk, found, None)


@router.get("/{run}/{step}")
def of_step(run: RunId, step: StepName, desk: TheDesk, asker: Reader) -> Performance:
    """The same of one of its steps."""
    found = desk.run(run)
    found.units(step)  # names the nearest step if there is none of that name
    return _performance(desk, found, step)


def _rows(
    desk: Desk, run: Run, names: tuple[str, ...]
) -> dict[str, list[dict[str, Any]]]:
    def ask() -> dict[str, list[dict[str, Any]]]:
        rows = desk.lab.store.queries([(name, {"run": run.id}) for name in names])
        return dict(zip(names, rows, strict=True))

    return desk.remembered(("performance", run.id, names), ask)


def _performance(desk: Desk, run: Run, step: str | None) -> Performance:
    chosen = {
        name: [plain(row) for row in rows if step in (None, row["step"])]
        for name, rows in _rows(desk, run, QUERIES[:3]).items()
    }
    return Performance(id=run.id, step=step, **chosen)

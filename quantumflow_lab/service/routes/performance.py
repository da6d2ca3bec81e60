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

MORE = ("metrics", "quoted")
"""Named queries of a run beside those that :class:`Performance` has."""


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
    found = desk.runs.of(run)
    if form == "exact":
        asked = [(name, {"run": found.id}) for name in MORE]
        more = zip(MORE, desk.lab.store.queries(asked), strict=True)
        return exact(rows_of({**desk.answers.took(found), **dict(more)}))
    return _performance(desk, found, None)


@router.get("/{run}/{step}")
def of_step(run: RunId, step: StepName, desk: TheDesk, asker: Reader) -> Performance:
    """The same of one of its steps."""
    found = desk.runs.of(run)
    found.units(step)  # names the nearest step if there is none of that name
    return _performance(desk, found, step)


def _performance(desk: Desk, run: Run, step: str | None) -> Performance:
    chosen = {
        name: [plain(row) for row in rows if step in (None, row["step"])]
        for name, rows in desk.answers.took(run).items()
    }
    return Performance(id=run.id, step=step, **chosen)

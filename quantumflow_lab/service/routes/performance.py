"""What a run took."""

from __future__ import annotations

from fastapi import APIRouter

from quantumflow_lab.run import Run
from quantumflow_lab.service.asking import Reader, TheDesk
from quantumflow_lab.service.desk import Desk
from quantumflow_lab.service.models import Performance
from quantumflow_lab.service.plain import plain
from quantumflow_lab.service.routes.runs import RunId, StepName

router = APIRouter(prefix="/api/performance", tags=["performance"])


@router.get("/{run}")
def of_run(run: RunId, desk: TheDesk, asker: Reader) -> Performance:
    """Timeline, jobs and cost of a run."""
    return _performance(desk, desk.run(run), None)


@router.get("/{run}/{step}")
def of_step(run: RunId, step: StepName, desk: TheDesk, asker: Reader) -> Performance:
    """The same of one of its steps."""
    found = desk.run(run)
    found.units(step)  # names the nearest step if there is none of that name
    return _performance(desk, found, step)


def _performance(desk: Desk, run: Run, step: str | None) -> Performance:
    found = desk.answers.took(run)
    chosen = {
        name: [plain(row) for row in rows if step in (None, row["step"])]
        for name, rows in found.items()
    }
    return Performance(id=run.id, step=step, **chosen)

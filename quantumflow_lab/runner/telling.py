"""What happens in a run, put into the words of its story."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from quantumflow_lab.amounts import Money
from quantumflow_lab.ports import Phase
from quantumflow_lab.runner.snapshot import final_state
from quantumflow_lab.runner.story import listed

if TYPE_CHECKING:
    from quantumflow_lab.runner.live import LiveRun, StepState
    from quantumflow_lab.runner.open_job import OpenJob

_PHASES = {
    Phase.QUEUED: "is queued",
    Phase.TRANSPILING: "is transpiled",
    Phase.RUNNING: "runs",
    Phase.FETCHING: "is fetched",
}
_ENDS = {
    "settled": "has ended",
    "lost": "was lost",
    "cancelled": "was cancelled",
    "sent": "may go on without us",
}


def cancel_pressed(live: LiveRun, step: str | None, point: int | None) -> str:
    """Somebody, or the lab, stops the run or a part of it."""
    if live.error is not None:
        return f"the run is stopped: {live.error}"
    if step is None:
        return "the run is cancelled"
    return f"{step}: {'cancelled' if point is None else f'point {point} cancelled'}"


def step_ended(live: LiveRun, state: StepState) -> tuple[str, str]:
    """A step has its last point: the kind of the happening, and its words."""
    of = f"{state.size:,} point{'s' * (state.size != 1)}"
    others = [each for each in state.kept.values() if each.origin.run != live.id]
    final = final_state(state)
    if len(others) == state.size > 0:
        return "kept", f"{state.name}: kept, {of} of an earlier run"
    if state.origin is not None and final == "done":
        words = f"cached results of run {state.origin.name} in {state.cached:,}"
        return "cached", f"{state.name}: done, {words} of {of}"
    if not state.size:
        return "done", f"{state.name}: nothing to run over"
    if state.failed:
        return final, f"{state.name}: {state.failed:,} of {of} failed"
    if final == "partial":
        return final, f"{state.name}: {state.done:,} of {of} done"
    return final, f"{state.name}: {final}, {of}"


def job_handed_over(job: OpenJob) -> str:
    """A job goes to the executor."""
    size = f"{job.asked.circuits:,} circuit{'s' * (job.asked.circuits != 1)}"
    again = "fetches" if job.request.sent_as is not None else "sends"
    return f"{_whose(job)}: {again} a job of {size} {_where(job)}"


def job_taken(job: OpenJob, provider_job: str | None) -> str:
    """A provider has the job."""
    name = f" as {provider_job}" if provider_job else ""
    return f"{_whose(job)}: {job.request.backend} has the job{name}"


def job_does(job: OpenJob, phase: Phase) -> str:
    """A job on a device does something else."""
    return f"{_whose(job)}: the job {job.request.tag} {_PHASES[phase]} {_where(job)}"


def job_over(job: OpenJob, stage: str, cost: Decimal, error: str | None) -> str:
    """Nothing more will be heard of a job."""
    billed = "" if job.price is None else f", {Money(cost, job.price.currency)}"
    why = f" ({error})" if error else ""
    end = _ENDS.get(stage, stage)
    return f"{_whose(job)}: a job on {job.request.backend} {end}{billed}{why}"


def session_opened(mode: str, backend: str) -> str:
    """A provider has opened a session or batch."""
    return f"{backend}: a {mode} is open"


def session_closed(mode: str, backend: str, cost: Money | None) -> str:
    """It is closed, and may have a bill of its own."""
    billed = "" if cost is None else f", {cost}"
    return f"{backend}: the {mode} is closed{billed}"


def session_left(mode: str, backend: str, name: str | None, error: Exception) -> str:
    """It could not be closed."""
    return (
        f"{backend}: the {mode} {name} could not be closed ({error}), and counts as "
        "the most that it may cost; the next run on a device closes it"
    )


def _whose(job: OpenJob) -> str:
    return listed([state.name for state in job.states])


def _where(job: OpenJob) -> str:
    return f"on {job.request.backend}"

"""Checks of how jobs end other than with results."""

from __future__ import annotations

import time

from quantumflow_lab.backends.conformance.access import flip
from quantumflow_lab.backends.conformance.bench import Bench, Incident
from quantumflow_lab.backends.conformance.finding import (
    Answer,
    check,
    failed,
    noted,
    passed,
)
from quantumflow_lab.ports import Member


@check(
    "Does a cancelled job stop, and does the next one run?",
    why="A run that cannot be stopped holds the notebook and costs money.",
    remedy="give its jobs a cancel() that returns at once",
    decided="exact, within the deadline",
)
def cancel(bench: Bench) -> Answer:
    """A job cancelled as soon as it was sent, then the smallest job."""
    # On a device shots cost money, and a queue gives time enough.
    circuits, shots = (50, 10_000) if bench.facts.simulator else (1, 100)
    pubs, _ = bench.registry.normalise(
        "sample", [flip()] * circuits, backend=bench.name, shots=shots, precision=None
    )
    job, ear = bench.submit("sample", Member(0, 1, pubs, 0))
    ear.begun.wait(bench.deadline)
    started = time.monotonic()
    if not bench.stop(job, ear):
        return failed(f"no end {bench.deadline:g} s after cancel")
    took = (time.monotonic() - started) * 1e3
    bench.counts([flip()], shots=10)
    if not bench.facts.portable:
        return noted(
            f"given up after {took:.0f} ms, and the next job ran; in this process its "
            "work goes on unless the backend's own cancel() stops it",
            cancel_ms=took,
        )
    return passed(f"stopped after {took:.0f} ms, and the next job ran", cancel_ms=took)


@check(
    "Did every job end within the deadline?",
    why="A job that hangs holds a slot for ever.",
    remedy="give run() a time limit, or the device a smaller width",
    decided="over all jobs of the other checks",
    needs=("target",),
)
def ends_in_time(bench: Bench) -> Answer:
    """What the checks before this one met."""
    hung = [incident for incident in bench.incidents if incident.hung]
    if hung:
        return failed(f"{_where(hung)}: {hung[0].text}", hung=len(hung))
    return passed(f"none took {bench.deadline:g} s")


@check(
    "Did every process survive its jobs?",
    why="An abort takes the other points of its job with it, or the notebook.",
    remedy="find the limit that the backend does not check, and declare it",
    decided="over all jobs of the other checks",
    needs=("target",),
)
def survives(bench: Bench) -> Answer:
    """What the checks before this one met."""
    died = [incident for incident in bench.incidents if not incident.hung]
    if died:
        return failed(f"{_where(died)}: {died[0].text}", died=len(died))
    return passed("no process was lost")


def _where(incidents: list[Incident]) -> str:
    return "in " + ", ".join(dict.fromkeys(f"'{each.check}'" for each in incidents))

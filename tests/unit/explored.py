"""A small past, all of it written down: two workflows, two currencies, a failure."""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]

T = 1_790_000_000.0
DAY = 86400.0


def _run(run: str, name: str, at: float, backend: str) -> Record:
    return {
        "kind": "run",
        "run": run,
        "name": name,
        "ts": at,
        "backends": [backend],
        "seed": 1,
    }


def _step(run: str, step: str, kind: str, backend: str | None, **more: Any) -> Record:
    told = {"state": "done", "points": 4, "done": 4, "failed": 0, "wall_s": 2.0}
    where = {"run": run, "step": step, "step_kind": kind, "backend": backend}
    return {"kind": "step", "ts": T, **where, **told, **more}


def _job(run: str, number: int, backend: str, **more: Any) -> Record:
    told = {"state": "settled", "submitted": T, "machine_s": 0.5, "shots": 100}
    where = {"run": run, "step": "counts", "job": number, "tag": f"{run}.{number}"}
    return {"kind": "job", "ts": T, "backend": backend, **where, **told, **more}


def _end(run: str, at: float, state: str = "done", error: str | None = None) -> Record:
    return {
        "kind": "end",
        "run": run,
        "ts": at,
        "state": state,
        "wall_s": 9.0,
        "error": error,
    }


FEZ: Record = {"currency": "USD", "quoted": 2.0, "quoted_low": 1.5, "quoted_high": 2.5}
GARNET: Record = {"currency": "EUR", "quoted": 4.0, "qpu_s": 3.0}

PAST: list[Record] = [
    # On a simulator, half of it kept.
    _run("a", "bell", T, "aer"),
    _step("a", "prepare", "circuit", None, points=1, done=1, wall_s=0.5),
    _step("a", "counts", "sample", "aer", kept=1, cached=1),
    _job("a", 0, "aer"),
    _end("a", T + 9),
    # Two jobs for dollars; one point fails.
    _run("b", "bell", T + DAY, "fez"),
    _step("b", "counts", "sample", "fez", state="failed", done=3, failed=1),
    _job("b", 0, "fez", cost=2.0, **FEZ),
    _job("b", 1, "fez", cost=3.0, **FEZ),
    _end("b", T + DAY + 9, "failed", "StepFailed: <b>no counts</b>"),
    # One step on two devices, which charge in two currencies.
    _run("c", "t1", T + 2 * DAY, "garnet"),
    _step("c", "counts", "sample", "fez,garnet"),
    _step("c", "fit", "step", None, points=1, done=1, wall_s=1.0),
    _job("c", 0, "garnet", cost=4.0, **GARNET),
    _job("c", 1, "fez", cost=1.0, currency="USD"),
    # It may cost so much at most, and goes on.
    _job("c", 2, "garnet", cost=5.0, currency="EUR", state="sent"),
]

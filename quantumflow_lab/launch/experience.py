"""What earlier runs tell of the next one: how long its work takes, and waits."""

from __future__ import annotations

from collections.abc import Iterable

from quantumflow_lab.planning.expect import History, history_of, learned_of
from quantumflow_lab.planning.waits import Waited, Waits, forecast_wait
from quantumflow_lab.ports import Backends
from quantumflow_lab.runner.times import Times
from quantumflow_lab.store import Store
from quantumflow_lab.workflow import Workflow


def history_for(
    store: Store,
    known: Backends,
    times: Times,
    workflow: Workflow,
    backends: Iterable[str],
) -> History:
    """What steps of the same code took in earlier runs, and all jobs of backends.

    What the lab learns while jobs run, in `times`, goes on from there.
    """
    rows = store.query("ran", backends=list(dict.fromkeys(backends)))
    learned = learned_of(rows, known.facts)
    times.learn(learned)
    codes = [f"{step.name} {step.code_hash}" for step in workflow.steps]
    took = store.query("timings", name=workflow.name, codes=codes)
    return history_of(took, learned)


def waits_of(store: Store, backends: Iterable[str], now: float) -> dict[str, Waits]:
    """How long jobs of backends will wait, where earlier ones tell.

    Parameters
    ----------
    now
        Seconds since the epoch.
    """
    past: dict[str, list[Waited]] = {}
    for row in store.query("waits", backends=list(dict.fromkeys(backends))):
        waited = Waited(row["queue_s"], row["submitted"])
        past.setdefault(row["backend"], []).append(waited)
    found = {name: forecast_wait(waits, now) for name, waits in past.items()}
    return {name: wait for name, wait in found.items() if wait is not None}

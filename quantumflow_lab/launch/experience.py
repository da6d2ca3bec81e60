"""What earlier runs tell of the next one: how long its work takes, and waits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from quantumflow_lab.planning.expect import History, history_of, learned_of
from quantumflow_lab.planning.waits import Waited, Waits, forecast_wait
from quantumflow_lab.ports import Backends, Clock
from quantumflow_lab.runner.times import Times
from quantumflow_lab.store import Store
from quantumflow_lab.workflow import Workflow

Past: TypeAlias = tuple[History, Mapping[str, Waits]]
"""What earlier runs took, and how long jobs of which backends will wait."""


@dataclass
class Experience:
    """Looks up what earlier runs took.

    Parameters
    ----------
    store, backends, clock
        Of the lab.
    times
        What jobs of this process take: what is learnt of them goes on from there.
    late_s
        Seconds by which an answer may be behind what was recorded.
    """

    store: Store
    backends: Backends
    clock: Clock
    times: Times
    late_s: float = 0.0

    def of(self, workflow: Workflow, backends: Iterable[str]) -> Past:
        """What steps of the same code took, and all jobs of backends."""
        names = list(dict.fromkeys(backends))
        codes = [f"{step.name} {step.code_hash}" for step in workflow.steps]
        ran, took, waited = self.store.queries(
            [
                ("ran", {"backends": names}),
                ("timings", {"name": workflow.name, "codes": codes}),
                ("waits", {"backends": names}),
            ],
            late=self.late_s,
        )
        learned = learned_of(ran, self.backends.facts)
        self.times.learn(learned)
        return history_of(took, learned), _waits(waited, self.clock.wall())


def _waits(rows: Iterable[Mapping[str, Any]], now: float) -> dict[str, Waits]:
    past: dict[str, list[Waited]] = {}
    for row in rows:
        waited = Waited(row["queue_s"], row["submitted"])
        past.setdefault(row["backend"], []).append(waited)
    found = {name: forecast_wait(waits, now) for name, waits in past.items()}
    return {name: wait for name, wait in found.items() if wait is not None}

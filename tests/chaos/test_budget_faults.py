"""A budget holds whatever fails: IBM's own client against the emulator, at random.

What the service would bill is counted there, for every job that arrived.
``QFLOW_KILLS`` sets how many schedules of faults, for ``make chaos``: twice that.
"""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2

import quantumflow_lab as qf
from quantumflow_lab import Lab, Price
from quantumflow_lab.backends import PrimitiveBackend, jobs
from quantumflow_lab.emulate.faults import FAULTS
from quantumflow_lab.emulate.ibm import lines, service
from tests.chaos.nursery import KILLS

pytestmark = [
    pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated"),
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
    pytest.mark.timeout(120 + 10 * KILLS),
]

RATE = Decimal("1.60")
CELL = """
angle = qf.axis([0.1, 0.2, 0.3, 0.4])

@qf.sample(shots=SHOTS)
def counts(angle):
    qc = QuantumCircuit(1)
    qc.rx(angle, 0)
    qc.measure_all()
    return qc
"""
NEVER_ENDS = {"never-final", "slow-queue", "unknown-status", "pending-limit"}
"""Faults that are waited for, and have nothing to do with money."""


def account(url: str) -> Any:
    names: dict[str, Any] = {"QiskitRuntimeService": QiskitRuntimeService}
    exec(lines(url), names)
    return names["device"]


def test_no_schedule_of_faults_passes_a_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "POLL_S", 0.02)
    monkeypatch.setattr(jobs, "UNHEARD_S", 0.2)
    monkeypatch.setenv("IAM_URL", "")
    monkeypatch.setenv("QISKIT_FUNCTIONS_EXPERIMENTAL", "")
    names = sorted(set(FAULTS) - NEVER_ENDS)
    states = set()
    with service() as ibm:
        lab = Lab(tmp_path)
        device = PrimitiveBackend(account(ibm.url), sampler=SamplerV2)
        price, alone = Price("USD", per_second=RATE), qf.Limits(circuits=1)
        lab.backends.add("dev", device, price=price, limits=alone)
        for seed in range(2 * KILLS):
            draw = random.Random(seed)
            faults = draw.choices(names, k=draw.randrange(4))
            budget = Decimal(draw.randrange(300, 2500)) / 100
            ibm.trouble, ibm.habits = [], []
            for name in faults:
                ibm.add(FAULTS[name])
            before = set(ibm.taken)
            run = lab.run(
                CELL.replace("SHOTS", str(draw.randrange(100, 4000))),
                name="faulty",
                backend="dev",
                budget=f"{budget} USD",
                inputs={"QuantumCircuit": QuantumCircuit},
                fresh=True,
            )
            states.add(run.state)
            billed = sum(
                (
                    RATE * Decimal(repr(round(ibm.taken[each].usage, 9)))
                    for each in set(ibm.taken) - before
                ),
                Decimal(0),
            )
            assert billed <= budget, (seed, faults)
            (told,) = lab.sql("SELECT cost FROM qf_runs WHERE run = ?", [run.id])[
                "cost"
            ].to_pylist()
            assert float(billed) - 1e-6 <= (told or 0) <= float(budget) + 1e-6, seed
        lab.close()
    assert states == {"done", "paused", "failed"} or KILLS < 20

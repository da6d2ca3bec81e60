"""What a job has cost that was cancelled from here: its provider is asked.

Until it has told, and if it never does, the job counts as the most that it may cost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from quantumflow_lab import Lab
from quantumflow_lab.backends import jobs
from quantumflow_lab.emulate.faults import ALWAYS, FAULTS, Named
from quantumflow_lab.emulate.ibm import Service, service
from quantumflow_lab.runner import losses
from tests.unit.test_emulated_faults import CELL, account

pytestmark = pytest.mark.filterwarnings(
    "ignore::urllib3.exceptions.InsecureRequestWarning"
)


@pytest.fixture
def ibm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(jobs, "POLL_S", 0.05)
    monkeypatch.setenv("IAM_URL", "")
    monkeypatch.setenv("QISKIT_FUNCTIONS_EXPERIMENTAL", "")
    with service() as found:
        yield found


def until(happened: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


def stopped(ibm: Service, home: Path, **options: Any) -> dict[str, Any]:
    """A run is stopped while its job is queued; the row of the job."""
    ibm.add(FAULTS["slow-queue"])
    lab = Lab(home)
    lab.backends.add("ibm", account(ibm.url))
    given = {"budget": "20 USD", "background": True, **options}
    run = lab.run(
        f"from qiskit import QuantumCircuit\n{CELL}", name="w", backend="ibm", **given
    )
    until(lambda: ibm.jobs)
    if "deadline" not in options:
        run.cancel()
    run.wait(30)
    (row,) = lab.sql("FROM qf_jobs").to_pylist()
    lab.close()
    assert [ibm.status_of(job) for job in ibm.taken.values()] == ["Cancelled"]
    return row


@pytest.mark.parametrize("options", [{}, {"deadline": "2s"}])
def test_a_job_that_was_cancelled_here_costs_what_its_provider_says(
    options: dict[str, Any], ibm: Service, tmp_path: Path
) -> None:
    row = stopped(ibm, tmp_path, **options)
    assert (row["state"], row["rule"], row["cost"]) == ("cancelled", "usage", 0.0)
    assert row["provider"] == "ibm"


def test_one_of_which_nobody_tells_counts_as_the_most_that_it_may_cost(
    ibm: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "ACCOUNT_S", 0.5)
    ibm.add(Named("silence", (("GET", "/jobs/*", 503, {"times": ALWAYS}),)))
    row = stopped(ibm, tmp_path)
    assert (row["state"], row["rule"]) == ("cancelled", "at most")
    assert row["cost"] > 4

"""The kernel of a notebook, killed while its cell buys circuits; then the cell again.

``QFLOW_KILLS`` sets how many, for ``make chaos``; a sixth of it, as kernels are slow.
"""

from __future__ import annotations

import ast
import json
import os
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from quantumflow_lab.emulate.faults import Habits
from quantumflow_lab.emulate.ibm import service
from quantumflow_lab.store import Store
from tests.chaos.nursery import KILLS, ROOT
from tests.kernel.driver import Kernel

if TYPE_CHECKING:
    from pathlib import Path

    from quantumflow_lab.emulate.ibm import Service

pytestmark = [
    pytest.mark.filterwarnings("ignore:The .*V2 class is deprecated"),
    pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning"),
    pytest.mark.timeout(3600),
]

MOST = 5
"""Kills of one run, which would soon be over."""

DEVICE = """
import warnings
warnings.simplefilter("ignore")
%load_ext quantumflow_lab
from qiskit_ibm_runtime import EstimatorV2, SamplerV2
import quantumflow_lab as qf
from quantumflow_lab.backends import PrimitiveBackend, jobs
from tests.unit.test_emulated_faults import account
jobs.POLL_S = 0.05
dev = PrimitiveBackend(account({url!r}), sampler=SamplerV2, estimator=EstimatorV2)
_ = qf.lab().backends.add("dev", dev, price=qf.Price("USD", per_shot="0.01"))
"""


def notebook_cell() -> str:
    """The cell of the notebook on crashes, on a device, with fewer evaluations."""
    path = ROOT / "notebooks" / "06_resume_after_a_crash.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    (text,) = [
        "".join(c["source"]) for c in cells if "CELL = '''" in "".join(c["source"])
    ]
    cell = ast.literal_eval(text.partition("CELL = ")[2].partition("\nmanager")[0])
    assert isinstance(cell, str)
    changed = cell.replace("--backend aer", "--backend dev")
    changed = changed.replace('"maxiter": 60', '"maxiter": 12')
    assert changed.count("--backend dev") == changed.count('"maxiter": 12') == 1
    return changed


def kernel(home: Path, url: str) -> Kernel:
    """A kernel of a notebook that knows the device."""
    env = {**os.environ, "QFLOW_HOME": str(home), "PYTHONPATH": str(ROOT)}
    begun = Kernel(env, home.parent)
    assert begun.run(DEVICE.format(url=url)).status == "ok"
    return begun


def done(home: Path) -> set[tuple[str, int]]:
    with Store(home) as store:
        store.verify()
        rows = store.sql("SELECT step, unit FROM qf_points WHERE state = 'done'")
        return {(row["step"], row["unit"]) for row in rows.to_pylist()}


def disturbed(home: Path, ibm: Service, moments: random.Random, kills: int) -> None:
    """A cell whose kernel is killed some times, and then lives."""
    before, acknowledged, cell = len(ibm.jobs), set[tuple[str, int]](), notebook_cell()
    for _ in range(kills):
        victim = kernel(home, ibm.url)
        victim.send(cell)
        time.sleep(moments.uniform(0.1, 2.5))
        os.kill(victim.pid, signal.SIGKILL)
        victim.close()
        found = done(home)
        assert acknowledged <= found
        acknowledged = found
    last = kernel(home, ibm.url)
    ended = last.run(cell)
    assert ended.status == "ok", ended.traceback
    assert last.value("search.wait().state") == "done"
    evaluations = last.value("int(search['ground_state'].nfev)")
    last.close()
    assert acknowledged <= done(home)
    bought = [len(job["params"]["pubs"]) for job in [*ibm.jobs.values()][before:]]
    assert sum(bought) == evaluations + 4
    with Store(home) as store:
        (run,) = store.sql("SELECT state, points, done, cost FROM qf_runs").to_pylist()
        # 500 shots for each angle, 400 for a precision of 0.05 in each of two bases.
        cost = pytest.approx((4 * 500 + evaluations * 2 * 400) / 100)
        assert run == {"state": "done", "points": 6, "done": 6, "cost": cost}
        units = store.sql("SELECT count(*) AS n FROM rec_unit").to_pylist()
        assert units == [{"n": 6}]
        (calls,) = store.sql(
            "SELECT count(*) AS n, count(DISTINCT (key, number)) AS apart"
            " FROM rec_call WHERE state = 'answered'"
        ).to_pylist()
        assert calls == {"n": evaluations, "apart": evaluations}


def test_a_notebook_whose_kernel_is_killed_buys_each_circuit_once(
    tmp_path: Path,
) -> None:
    left, moments = max(KILLS // 6, 1), random.Random(17)
    with service() as ibm:
        ibm.habits.append(Habits(queue=0.1))
        while left > 0:
            disturbed(tmp_path / f"home{left}", ibm, moments, min(left, MOST))
            left -= MOST

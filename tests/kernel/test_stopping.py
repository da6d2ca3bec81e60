"""Cancel, Interrupt, Detach: the notebook is free at once, and the store knows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.kernel.cells import AER, BELL, BELL_DONE, PATIENT, STUBBORN

if TYPE_CHECKING:
    from tests.kernel.driver import Kernel

SECOND = 1.0
"""A busy machine's 250 ms; ``make bench`` tells the figure."""
ONE_CANCELLED = """\
slow · done
  ⊘ wait   step  0/1 cancelled
  ✓ other  step  1/1 done"""
STATES = "%qflow sql select name, state from qf_runs order by started"


@pytest.mark.parametrize("code", [PATIENT, STUBBORN], ids=["patient", "stubborn"])
@pytest.mark.parametrize("above", ["", "%%time\n"], ids=["alone", "below time"])
def test_interrupt_cancels_the_run_and_frees_the_kernel(
    kernel: Kernel, code: str, above: str
) -> None:
    cell = kernel.interrupted(above + code, after=0.7)
    assert cell.traceback == "RunCancelled: run 'slow' was cancelled"
    assert cell.idle - cell.sent < SECOND
    assert "⊘ wait  step  0/1 cancelled" in kernel.run("slow").displayed["text/plain"]
    assert kernel.value("slow.state") == "cancelled"
    following = kernel.run(BELL)
    assert following.of("update_display_data")[-1]["data"]["text/plain"] == BELL_DONE
    assert kernel.run(STATES).displayed["text/plain"].split()[4:8] == [
        "slow",
        "cancelled",
        "bell",
        "done",
    ]


@pytest.mark.parametrize("code", [PATIENT, STUBBORN, AER], ids=["py", "c", "aer"])
def test_the_cancel_button_frees_the_kernel(kernel: Kernel, code: str) -> None:
    kernel.run(BELL)
    cell = kernel.pressed(code, 2.0, type="cancel")
    assert cell.traceback == "RunCancelled: run 'slow' was cancelled"
    assert cell.idle - cell.sent < SECOND
    assert cell.of("update_display_data")[-1]["data"]["text/plain"].startswith(
        "slow · cancelled"
    )
    assert kernel.value("slow.state") == "cancelled"


def test_the_detach_button_frees_the_notebook_and_the_run_goes_on(
    kernel: Kernel,
) -> None:
    source = PATIENT.replace("while True:", "for _ in range(150):")
    cell = kernel.pressed(source, 0.5, type="detach")
    assert cell.status == "ok", cell.traceback
    assert cell.idle - cell.sent < SECOND
    assert kernel.value("slow.state") == "running"
    assert kernel.run("(await slow).state").displayed["text/plain"] == "'done'"
    request = cell.messages[0]["parent_header"]["msg_id"]
    late = kernel.late(request).of("update_display_data")
    assert late[-1]["data"]["text/plain"].startswith("slow · done")


def test_one_step_cancelled_from_the_widget_leaves_the_others(kernel: Kernel) -> None:
    source = PATIENT + "\n@qf.step\ndef other():\n    return 1\n"
    cell = kernel.pressed(source, 0.5, type="cancel", step="wait")
    assert kernel.value("slow['other']") == 1
    assert cell.of("update_display_data")[-1]["data"]["text/plain"] == ONE_CANCELLED


def test_a_run_in_the_background_is_cancelled_from_another_cell(
    kernel: Kernel,
) -> None:
    kernel.run(PATIENT.replace("slow", "slow --background"))
    assert "slow" in kernel.run("%qflow status").displayed["text/plain"]
    kernel.run("%qflow cancel slow")
    assert kernel.value("slow.state") == "cancelled"
    assert kernel.run("%qflow status").displayed["text/plain"].endswith("(0 rows)")


def test_a_killed_kernel_leaves_no_worker(kernel: Kernel) -> None:
    kernel.run(BELL)
    request = kernel.send(AER)
    time.sleep(2)
    kernel_process = psutil.Process(kernel.pid)
    workers = [
        child
        for child in kernel_process.children(recursive=True)
        if "quantumflow_lab.workers" in " ".join(child.cmdline())
    ]
    assert workers, request
    kernel_process.kill()
    _, alive = psutil.wait_procs(workers, timeout=SECOND)
    # In a container nobody may reap what has ended.
    assert [w for w in alive if w.status() != psutil.STATUS_ZOMBIE] == []

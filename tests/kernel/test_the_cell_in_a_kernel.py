"""The ``%%qflow`` cell of a notebook, from the line to what stays below it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.kernel.cells import AER, BELL, BELL_DONE, PATIENT

if TYPE_CHECKING:
    from tests.kernel.driver import Kernel

WIDGET = "application/vnd.jupyter.widget-view+json"
BEAT = """
import asyncio, time
gaps = []
async def beat():
    last = time.perf_counter()
    while True:
        await asyncio.sleep(0.005)
        now = time.perf_counter()
        gaps.append(now - last)
        last = now
task = asyncio.create_task(beat())
"""
"""Keeps the gaps between turns of the event loop, seconds."""
PLAN = """\
bell · quote, nothing was run
bell: once
counts: backend 2 = 2 circuits in 2 jobs
parity: backend 2 = 2 points
In all: no money.
"""


def test_a_cell_shows_a_widget_then_a_picture_and_binds_the_run(kernel: Kernel) -> None:
    cell = kernel.run(BELL)
    assert cell.status == "ok", cell.traceback
    first, last = cell.of("display_data"), cell.of("update_display_data")
    assert set(first[0]["data"]) == {WIDGET, "text/html", "text/plain"}
    assert set(last[-1]["data"]) == {"text/html", "text/plain"}
    assert last[-1]["data"]["text/plain"] == BELL_DONE
    assert last[-1]["transient"] == first[0]["transient"]
    assert cell.of("execute_result") == []
    assert kernel.value("bell['parity'], bell.state") == (1.0, "done")


def test_the_kernel_breathes_while_aer_computes(kernel: Kernel) -> None:
    kernel.run(BELL)
    kernel.run(BEAT)
    request = kernel.send(AER)
    time.sleep(3)
    kernel.interrupt()
    kernel.collect(request)
    gaps = kernel.value("sorted(gaps)")
    # A busy machine may take longer; `make bench` tells the figure.
    assert sum(gaps) > 2
    assert gaps[len(gaps) // 2] < 0.05


def test_below_time_and_capture_the_cell_runs_as_well(kernel: Kernel) -> None:
    timed = kernel.run("%%time\n" + BELL)
    assert timed.status == "ok", timed.traceback
    assert timed.of("update_display_data")[-1]["data"]["text/plain"] == BELL_DONE
    assert "Wall time" in timed.text
    loud = BELL.replace("return bell", "print('hush'); return bell")
    captured = kernel.run("%%capture caught\n" + loud)
    assert captured.status == "ok", captured.traceback
    assert captured.text == ""
    assert captured.of("display_data") == []
    assert kernel.value("caught.stdout") == "counts │ hush\n"
    assert kernel.value("bell['parity']") == 1.0


def test_run_cell_and_switched_off_autoawait_run_it_as_well(kernel: Kernel) -> None:
    kernel.run(f"source = {BELL!r}")
    nested = kernel.run("result = get_ipython().run_cell(source)")
    assert nested.of("update_display_data")[-1]["data"]["text/plain"] == BELL_DONE
    assert kernel.value("result.success") is True
    kernel.run("%autoawait False")
    plain = kernel.run(BELL.replace("%%qflow bell", "%%qflow bell --fresh"))
    assert plain.of("update_display_data")[-1]["data"]["text/plain"] == BELL_DONE


def test_prints_displays_and_figures_stand_under_the_name_of_the_step(
    kernel: Kernel,
) -> None:
    cell = kernel.run("""%%qflow talk --show none
@qf.step
def say():
    import sys
    print("one", end=" "); print("two"); print("three", end="")
    print("oops", file=sys.stderr)

@qf.step
def rich(say):
    from IPython.display import HTML, display
    display(HTML("<b>bold</b>"))

@qf.step
def plot(rich):
    from matplotlib.figure import Figure
    figure = Figure()
    figure.subplots().plot([1, 2])
    return figure
""")
    assert cell.status == "ok", cell.traceback
    assert cell.text == "say │ one two\nsay │ three\n"
    assert cell.stderr == "say │ oops\n"
    shown = [each["data"] for each in cell.of("display_data")]
    assert [each["text/plain"] for each in shown[:3:2]] == ["rich:", "plot:"]
    assert shown[1]["text/html"] == "<b>bold</b>"
    assert list(shown[3]) == ["image/png"]
    assert len(shown) == 4


def test_a_name_with_html_in_a_print_and_a_step_is_no_html(kernel: Kernel) -> None:
    cell = kernel.run("""%%qflow talk
label = "<img src=x onerror=alert(1)>"
@qf.step
def say(label):
    raise ValueError(label)
""")
    html = cell.of("update_display_data")[-1]["data"]["text/html"]
    assert "<img" not in html
    assert "&lt;img src=x" in html


def test_a_plan_is_told_and_nothing_runs(kernel: Kernel) -> None:
    cell = kernel.run(BELL.replace("--seed 1", "--backend aer,fake_manila --plan"))
    assert cell.status == "ok", cell.traceback
    assert cell.displayed["text/plain"].startswith(PLAN)
    assert "Where each figure comes from" in cell.displayed["text/html"]
    assert kernel.value("'bell' in globals()") is False
    assert kernel.run("%qflow history").displayed["text/plain"].endswith("(0 rows)")


def test_in_the_background_the_cell_ends_and_its_picture_comes_later(
    kernel: Kernel,
) -> None:
    source = PATIENT.replace("slow", "slow --background")
    request = kernel.send(source.replace("while True:", "for _ in range(100):"))
    cell = kernel.collect(request)
    assert cell.status == "ok", cell.traceback
    assert cell.idle - cell.sent < 1
    assert kernel.value("slow.state") == "running"
    again = kernel.run(PATIENT)
    assert again.traceback.startswith("RunIsLive: a run of 'slow' goes on")
    finished = kernel.run("(await slow).state")
    assert finished.displayed["text/plain"] == "'done'"
    late = kernel.late(request).of("update_display_data")
    assert late[-1]["data"]["text/plain"].startswith("slow · done")


def test_loading_twice_and_unloading_leave_the_shell_as_it_was(kernel: Kernel) -> None:
    look = """
shell = get_ipython()
def state():
    return (
        len(shell.input_transformers_cleanup), len(shell.Completer.custom_matchers),
        len(shell.configurables), "publish" in vars(shell.display_pub),
        "qflow" in shell.magics_manager.magics["cell"],
        "qflow" in shell.magics_manager.magics["line"],
        len(shell.display_formatter.formatters["image/png"].deferred_printers),
    )
"""
    kernel.run(look)
    loaded = kernel.value("state()")
    kernel.run("%load_ext quantumflow_lab")
    kernel.run("%reload_ext quantumflow_lab")
    assert kernel.value("state()") == loaded
    kernel.run("%unload_ext quantumflow_lab")
    transformers, matchers, configurables, _, _, _, printers = loaded
    assert kernel.value("state()") == (
        transformers - 1,
        matchers - 1,
        configurables - 2,
        False,
        False,
        False,
        printers - 1,
    )


def test_config_decides_what_a_cell_draws_unless_its_line_does(kernel: Kernel) -> None:
    kernel.run("%config QFlow.show = 'none'")
    assert kernel.run(BELL).of("display_data") == []
    shown = kernel.run(BELL.replace("--seed", "--show graph --seed"))
    assert set(shown.of("display_data")[0]["data"]) == {"text/html", "text/plain"}

"""Errors of a cell: the user's own lines, one clear message, and the next cell runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kernel.cells import BELL, BELL_DONE

if TYPE_CHECKING:
    from tests.kernel.driver import Kernel

STEP_RAISES = """%%qflow bad
data = [1]
def last(data):
    return data[3]

@qf.step
def boom(data):
    return last(data)
"""
STEP_RAISES_TRACEBACK = """\
---------------------------------------------------------------------------
IndexError                                Traceback (most recent call last)
Cell In[{n}], line {magic}
----> {magic} %%qflow bad
      {a} data = [1]
      {b} def last(data):
      {c}     return data[3]

Cell In[{n}], line {call}, in boom(data)
      {d} @qf.step
      {e} def boom(data):
----> {call}     return last(data)

Cell In[{n}], line {c}, in last(data)
      {b} def last(data):
----> {c}     return data[3]

IndexError: list index out of range"""


def test_a_step_that_raises_shows_the_user_s_lines_and_nothing_else(
    kernel: Kernel,
) -> None:
    cell = kernel.run(STEP_RAISES)
    assert cell.traceback == STEP_RAISES_TRACEBACK.format(
        n=2, magic=1, a=2, b=3, c=4, d=6, e=7, call=8
    )
    assert kernel.value("bad.state") == "failed"
    following = kernel.run(BELL)
    assert following.of("update_display_data")[-1]["data"]["text/plain"] == BELL_DONE


def test_below_another_magic_the_lines_are_those_of_the_whole_cell(
    kernel: Kernel,
) -> None:
    cell = kernel.run("%%capture\n\n" + STEP_RAISES)
    assert "Cell In[2], line 10, in boom(data)" in cell.traceback
    assert "Cell In[2], line 6, in last(data)" in cell.traceback
    assert "quantumflow_lab" not in cell.traceback


def test_the_top_level_of_a_cell_raises_at_its_line(kernel: Kernel) -> None:
    cell = kernel.run("%%qflow bad\nx = 1 / 0\n@qf.step\ndef s(x):\n    return x\n")
    assert "Cell In[2], line 2\n" in cell.traceback
    assert "quantumflow_lab" not in cell.traceback
    assert cell.traceback.endswith("ZeroDivisionError: division by zero")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "%%qflow bad\n@qf.step\ndef s(:\n    pass\n",
            (
                "CellSyntaxError: invalid syntax\n  Cell In[2], line 3:  def s(:\n"
                "                             ^"
            ),
        ),
        (
            "%%qflow bad --shot 3\n@qf.step\ndef s():\n    pass\n",
            (
                "MagicLineError: there is no option '--shot'; did you mean '--shots'?\n"
                "  Cell In[2], line 1:  %%qflow bad --shot 3"
            ),
        ),
        (
            "# about this\n%%qflow bad\n@qf.step\ndef s():\n    pass\n",
            (
                "MagicLineError: %%qflow must be the first line; move this comment "
                "below it\n  Cell In[2], line 1:  # about this"
            ),
        ),
        (
            "%%qflow bad\n\n@qf.step\ndef s(conuts):\n    pass\n",
            (
                "UnknownNeed: step 's' needs 'conuts', which nothing in this cell "
                "provides\n  Cell In[2], line 4:  def s(conuts):"
            ),
        ),
        (
            (
                "%%qflow bad --backend aerr\n@qf.circuit\ndef c():\n    pass\n"
                "@qf.sample\ndef s(c):\n    return c\n"
            ),
            (
                "UnknownBackend: no backend 'aerr'; did you mean 'aer'?\n"
                "  Cell In[2], line 1:  %%qflow bad --backend aerr"
            ),
        ),
        (
            "%%qflow bad --fresh=strep\n@qf.step\ndef step():\n    pass\n",
            (
                "UnknownStep: workflow 'bad' has no step 'strep'; did you mean "
                "'step'?\n  Cell In[2], line 1:  %%qflow bad --fresh=strep"
            ),
        ),
        (
            "%%qflow bad --set nope=1\n@qf.step\ndef step():\n    pass\n",
            (
                "UnknownOption: --set names 'nope', which is no assignment or axis of "
                "this cell\n  Cell In[2], line 1:  %%qflow bad --set nope=1"
            ),
        ),
    ],
    ids=["syntax", "option", "comment", "need", "backend", "fresh", "set"],
)
def test_a_cell_that_cannot_run_says_so_in_one_message(
    kernel: Kernel, code: str, message: str
) -> None:
    cell = kernel.run(code)
    assert cell.traceback == message
    assert kernel.run("%qflow history").displayed["text/plain"].endswith("(0 rows)")
    following = kernel.run(BELL)
    assert following.of("update_display_data")[-1]["data"]["text/plain"] == BELL_DONE


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("raise SystemExit(3)", "StepFailed: a step raised SystemExit: 3"),
        ("raise StopIteration", "StepFailed: a step raised StopIteration"),
        ("raise KeyboardInterrupt", "StepFailed: a step raised KeyboardInterrupt"),
    ],
)
def test_a_step_cannot_leave_the_kernel_or_its_cell(
    kernel: Kernel, statement: str, message: str
) -> None:
    cell = kernel.run(f"%%qflow bad\n@qf.step\ndef s():\n    {statement}\n")
    assert cell.traceback == message
    assert kernel.value("bad.state") == "failed"


def test_points_that_fail_alone_are_told_and_do_not_raise(kernel: Kernel) -> None:
    cell = kernel.run(
        "%%qflow some --show none\nx = qf.axis([0, 1, 2])\n"
        "@qf.step\ndef inverse(x):\n    return 1 / x\n"
    )
    assert cell.status == "ok", cell.traceback
    assert cell.stderr == (
        "1 of 3 points of 'inverse' failed: ZeroDivisionError: division by zero\n"
    )
    assert kernel.value("float(some['inverse'].sel(x=2))") == 0.5


def test_getsource_and_the_debugger_find_the_lines_of_the_cell(kernel: Kernel) -> None:
    code = (
        "%%qflow look --show none\ndef helper():\n    return 7\n\n@qf.step\n"
        "def text():\n    import inspect\n"
        "    return inspect.getsource(helper), helper.__code__.co_filename\n"
    )
    kernel.run(code)
    kernel.run(
        f"from ipykernel.compiler import get_file_name; name = get_file_name({code!r})"
    )
    source, name = kernel.value("look['text']")
    assert source == "def helper():\n    return 7\n"
    assert name == kernel.value("name")


def test_two_kernels_on_one_home_lose_nothing(start_kernel) -> None:
    kernels = [start_kernel(), start_kernel()]
    source = BELL.replace("bell --seed 1", "NAME --show none", 1)
    for kernel in kernels:
        kernel.run("%load_ext quantumflow_lab")
    for _ in range(3):
        requests = [
            (kernel, kernel.send(source.replace("NAME", f"pair{i}")))
            for i, kernel in enumerate(kernels)
        ]
        for kernel, request in requests:
            cell = kernel.collect(request)
            assert cell.status == "ok", cell.traceback
    query = (
        "%qflow sql select name, count(*) n from qf_runs group by name order by name"
    )
    for kernel in kernels:
        assert kernel.run(query).displayed["text/plain"] == """\
name   n
-----  -
pair0  3
pair1  3
(2 rows)"""

"""The same cell without JupyterLab: nbconvert, a terminal, a script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pexpect

from tests.kernel.cells import BELL, BELL_DONE, PATIENT

LOAD = "%load_ext quantumflow_lab"


def ran(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def test_nbconvert_executes_the_cell_and_keeps_a_picture(tmp_path: Path) -> None:
    cells = [nbformat.v4.new_code_cell(text) for text in (LOAD, BELL, "bell['parity']")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbformat.write(notebook, tmp_path / "bell.ipynb")
    done = ran(
        *("jupyter", "nbconvert", "--execute", "--to", "notebook"),
        *("--output", "done.ipynb", "bell.ipynb"),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    executed = nbformat.read(tmp_path / "done.ipynb", as_version=4)
    shown = executed.cells[1].outputs[0].data
    assert set(shown) == {"text/html", "text/plain"}
    assert shown["text/plain"] == BELL_DONE
    assert executed.cells[2].outputs[0].data["text/plain"] == "1.0"


def test_a_script_of_ipython_runs_the_cell(tmp_path: Path) -> None:
    script = f"{LOAD}\nget_ipython().run_cell({BELL!r})\nprint(bell['parity'])\n"
    (tmp_path / "bell.ipy").write_text(script, encoding="utf-8")
    done = ran("IPython", "--no-banner", "bell.ipy", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{BELL_DONE}\n1.0\n"
    assert done.stderr == ""


def test_a_terminal_shows_a_line_that_moves_and_ctrl_c_cancels(tmp_path: Path) -> None:
    source = PATIENT.replace("while True:", "for _ in range(3000):")
    script = f"{LOAD}\nget_ipython().run_cell({source!r})\nprint('state', slow.state)\n"
    (tmp_path / "slow.ipy").write_text(script, encoding="utf-8")
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "IPython", "--no-banner", "slow.ipy"],
        cwd=str(tmp_path),
        timeout=60,
        encoding="utf-8",
        dimensions=(30, 100),
    )
    try:
        terminal.expect(r"slow  ░+ 0/1 points · wait running · [\d.]+ s")
        terminal.sendintr()
        terminal.expect_exact("RunCancelled: run 'slow' was cancelled", timeout=5)
        terminal.expect_exact("state cancelled")
        terminal.expect(pexpect.EOF)
    finally:
        terminal.close(force=True)

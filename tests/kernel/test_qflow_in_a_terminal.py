"""``qflow``: cells kept in files, and what the store knows of them."""

from __future__ import annotations

import re
import runpy
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from quantumflow_lab.cli import main
from tests.chaos.test_kills import killed, start
from tests.kernel.cells import BELL, BELL_DONE


@pytest.fixture(autouse=True)
def _lab_of_this_test(home: Path) -> Iterator[None]:
    module = sys.modules["quantumflow_lab.lab"]
    before, module._lab = module._lab, None
    yield
    if module._lab is not None:
        module._lab.close()
    module._lab = before


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "bell.py"
    path.write_text(BELL.replace("return bell", "print('hi'); return bell"))
    return path


def test_run_shows_the_run_and_load_shows_it_again(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(file)]) == 0
    assert capsys.readouterr().out == f"counts │ hi\n{BELL_DONE}\n"
    assert main(["load", "bell"]) == 0
    assert capsys.readouterr().out == f"{BELL_DONE}\n"
    assert main(["sql", "select name, state from qf_runs"]) == 0
    assert capsys.readouterr().out == """\
name  state
----  -----
bell  done
(1 row)
"""


def test_export_prints_the_files_it_wrote(
    file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", str(file)]) == 0
    capsys.readouterr()
    assert main(["export", "bell"]) == 0
    assert main(["export", "bell", "--as", "html", "--to", "report.html"]) == 0
    assert capsys.readouterr().out == "bell-1.py\nreport.html\n"
    assert main(["export", "bell"]) == 1
    assert "bell-1.py is there already; type --force" in capsys.readouterr().err
    assert main(["export", "bell", "--force"]) == 0
    names = runpy.run_path("bell-1.py")
    assert names["main"]()["parity"] == {(): 1.0}


def test_options_of_the_command_line_go_over_those_of_the_file(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", str(file), "--backend", "aer,fake_manila"]) == 0
    assert "backend 2 = 2 circuits in 2 jobs" in capsys.readouterr().out
    assert main(["run", str(file), "--shots", "7"]) == 0
    assert main(["sql", "select shots from qf_runs"]) == 0
    assert capsys.readouterr().out.splitlines()[-2] == "    7"


def test_two_runs_are_compared(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for shots in ("100", "301"):
        assert main(["run", str(file), "--fresh", "--shots", shots]) == 0
    capsys.readouterr()
    assert main(["compare", "bell"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("""\
bell:1 → bell:2
Changed: shots 100 → 301.
Results agree: none of 1 point differs (Holm, 1 %).
""")
    assert "  option  bell:1  bell:2\n" in told
    assert main(["compare", "bell:1", "bell:2"]) == 0
    assert capsys.readouterr().out == told


def test_a_file_without_a_magic_line_is_named_by_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plain.py"
    path.write_text("@qf.step\ndef boom():\n    return 1 / 0\n")
    assert main(["run", str(path)]) == 1
    caught = capsys.readouterr()
    assert caught.out.startswith("plain · failed\n")
    assert f'File "{path}", line 3, in boom' in caught.err
    assert "quantumflow_lab" not in caught.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("load nix", "UnknownRun: no run is called 'nix'"),
        ("compare nix", "UnknownRun: no run is called 'nix'"),
        ("run nix.py", "MagicLineError: cannot read nix.py: [Errno 2]"),
        ("run FILE --shot 3", "MagicLineError: there is no option '--shot'; did you"),
        ("run FILE --background", "MagicLineError: a run ends with its qflow; put &"),
        ("sql selekt", "BadQuery: "),
    ],
)
def test_what_cannot_be_is_told_in_one_line(
    file: Path, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    assert main([word.replace("FILE", str(file)) for word in line.split()]) == 1
    assert capsys.readouterr().err.startswith(message)


def test_init_makes_a_home_for_the_runs_of_a_folder(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path)]) == 0
    assert (tmp_path / ".qflow" / ".gitignore").read_text() == "*\n"


def test_the_store_is_verified_and_made_anew(
    file: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(file)]) == 0
    query = ["sql", "select name, state, number, points, shots from qf_runs"]
    assert main(query) == 0
    before = capsys.readouterr().out.partition("name ")[2]
    assert main(["store", "verify"]) == 0
    assert re.fullmatch(
        rf"\d+ records in {home}/journal, all whole\n", capsys.readouterr().out
    )
    assert main(["store", "rebuild"]) == 0
    assert re.fullmatch(
        rf"{home}/store\.duckdb made anew from \d+ records\n", capsys.readouterr().out
    )
    assert main(query) == 0
    assert capsys.readouterr().out.partition("name ")[2] == before
    (journal,) = (home / "journal").glob("*.jsonl")
    journal.write_bytes(journal.read_bytes().replace(b'"bell"', b'"bull"', 1))
    assert main(["store", "verify"]) == 1
    assert f"{journal}" in capsys.readouterr().err


def test_the_views_are_exported_for_other_programs(
    file: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out" / "runs"
    for _ in range(2):  # what was exported before is replaced
        assert main(["run", str(file)]) == 0
        capsys.readouterr()
        assert main(["store", "export", str(folder)]) == 0
    told = capsys.readouterr().out
    assert f"{folder}/qf_runs.parquet  2 rows\n" in told
    assert told.count("\n") == len([*folder.iterdir()])
    store = sys.modules["quantumflow_lab.lab"].lab().store
    with duckdb.connect() as connection:
        for path in folder.iterdir():
            there = connection.read_parquet(str(path)).order("ALL").to_arrow_table()
            assert there.equals(store.sql(f"SELECT * FROM {path.stem} ORDER BY ALL"))
    assert main(["store", "export", str(folder / "qf_runs.parquet")]) == 1
    assert "name a folder that can be written" in capsys.readouterr().err


def test_a_run_is_taken_up_in_a_terminal(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    child = start(home)
    assert child.stdout is not None
    assert child.stdout.readline() == "begun\n"
    time.sleep(0.7)
    killed(child)
    assert main(["history", "work", "--state", "unfinished"]) == 0
    assert "work" in capsys.readouterr().out
    assert main(["resume", "work"]) == 0
    assert "work · done" in capsys.readouterr().out
    assert main(["resume", "work"]) == 1
    assert "run 1 of 'work' is done" in capsys.readouterr().err


def test_the_package_runs_as_a_module_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["qflow", "history"])
        with pytest.raises(SystemExit) as end:
            runpy.run_module("quantumflow_lab", run_name="__main__")
    assert end.value.code == 0
    assert "(0 rows)" in capsys.readouterr().out

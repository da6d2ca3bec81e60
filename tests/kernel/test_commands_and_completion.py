"""``%qflow`` and completion, in a shell of this process."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import quantumflow_lab
from quantumflow_lab.errors import BadOption, MagicLineError, UnknownRun
from quantumflow_lab.magics.commands import COMMANDS

CELL = """
x = qf.axis([1, 2])
@qf.circuit
def bell():
    from qiskit import QuantumCircuit
    qc = QuantumCircuit(2)
    qc.h(0); qc.cx(0, 1); qc.measure_all()
    return qc

@qf.sample
def counts(bell):
    return bell

@qf.step
def double(x):
    qf.log(twice=2 * x)
    return 2 * x
"""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    """A shell with the extension and one run, on a lab of its own."""
    module = sys.modules["quantumflow_lab.lab"]
    lab = quantumflow_lab.Lab(tmp_path_factory.mktemp("home"))
    before, module._lab = module._lab, lab
    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    quantumflow_lab.load_ipython_extension(shell)
    shell.run_cell_magic("qflow", "bell --show none", CELL)
    yield shell
    quantumflow_lab.unload_ipython_extension(shell)
    InteractiveShell.clear_instance()
    module._lab = before
    lab.close()


def qflow(shell: InteractiveShell, line: str) -> Any:
    return shell.run_line_magic("qflow", line)


def complete(shell: InteractiveShell, text: str) -> list[str]:
    """What Tab offers at the ``|`` in the text of a cell."""
    before, _, after = text.partition("|")
    found = shell.Completer.completions(before + after, len(before))
    return [each.text for each in found]


@pytest.fixture(autouse=True)
def _quiet_completer() -> Iterator[None]:
    from IPython.core.completer import provisionalcompleter

    with provisionalcompleter():
        yield


def test_load_binds_the_latest_run_of_a_name(shell: InteractiveShell) -> None:
    del shell.user_ns["bell"]
    run = qflow(shell, "load bell")
    assert shell.user_ns["bell"] is run
    assert list(map(int, run["double"])) == [2, 4]


def test_sql_gives_a_table_that_converts(shell: InteractiveShell) -> None:
    table = qflow(shell, "sql \"select name, points from qf_runs where name = 'bell'\"")
    assert repr(table) == """\
name  points
----  ------
bell       4
(1 row)"""
    assert "<td>bell</td>" in table._repr_html_()
    assert table.df().to_dict("records") == [{"name": "bell", "points": 4}]
    assert len(table) == 1
    unquoted = qflow(shell, "sql select count(*) as n from qf_runs where name='bell'")
    assert unquoted.arrow.to_pydict() == {"n": [1]}


def test_history_has_the_time_on_the_wall(shell: InteractiveShell) -> None:
    row = qflow(shell, "history bell").arrow.to_pylist()[0]
    assert (row["name"], row["state"], row["number"]) == ("bell", "done", 1)
    assert abs(row["started"].timestamp() - time.time()) < 600


def test_compare_tells_why_a_run_is_not_like_another(shell: InteractiveShell) -> None:
    for options in ("--seed 5", "--seed 5 --set x=[2,3]"):
        shell.run_cell_magic("qflow", f"pair --fresh --show none {options}", CELL)
    found = qflow(shell, "compare pair")
    assert repr(found) == repr(qflow(shell, "compare pair:1 pair"))
    assert found.sentences == (
        "Changed: set x qf.axis([1, 2]) → [2, 3].",
        (
            "Results are equal at 2 points. 1 point is only in pair:1. "
            "1 point is only in pair:2."
        ),
    )
    assert shell.display_formatter is not None
    data, _ = shell.display_formatter.format(found)
    assert data["text/plain"] == repr(found)
    row = "<td>set x</td><td>qf.axis([1, 2])</td><td>[2, 3]</td>"
    assert row in data["text/html"]
    shell.user_ns["older"] = qflow(shell, "load pair")
    shell.run_cell_magic("qflow", "pair --fresh --show none --seed 6", CELL)
    assert qflow(shell, "compare older pair").sentences[0] == (
        "Changed: set x [2, 3] → qf.axis([1, 2]); seed 5 → 6."
    )


@pytest.mark.parametrize(
    "kind", ["timeline", "counts", "sweep", "metrics", "cost", "quote"]
)
def test_chart_draws_the_run_of_a_name_or_the_latest(
    shell: InteractiveShell, kind: str
) -> None:
    figure = qflow(shell, f"chart {kind} bell")
    assert figure.axes
    assert qflow(shell, f"chart {kind}").axes
    assert shell.display_formatter is not None
    data, _ = shell.display_formatter.format(figure)
    assert data["image/png"]


def test_chart_history_draws_all_runs(shell: InteractiveShell) -> None:
    assert qflow(shell, "chart history").axes


def test_spend_is_a_table_a_chart_or_a_file(
    shell: InteractiveShell, tmp_path: Path
) -> None:
    row = qflow(shell, "spend").arrow.to_pylist()[0]
    assert (row["backend"], row["cost"], row["machine (s)"] > 0) == ("aer", None, True)
    assert qflow(shell, "chart spend project").axes
    path = tmp_path / "spend.csv"
    told = qflow(shell, f"spend --by notebook --csv {path}").arrow.to_pylist()
    assert told == [{"written": str(path), "rows": 1}]
    assert path.read_text().startswith("month,notebook,jobs")


def test_a_cell_tells_its_project_and_its_notebook(shell: InteractiveShell) -> None:
    shell.user_ns["__session__"] = "/elsewhere/t1.ipynb"
    shell.run_line_magic("config", "QFlow.project = 'qec'")
    try:
        shell.run_cell_magic("qflow", "charged --fresh --show none", CELL)
    finally:
        shell.run_line_magic("config", "QFlow.project = ''")
        del shell.user_ns["__session__"]
    row = qflow(shell, "sql SELECT project, notebook FROM qf_runs WHERE name='charged'")
    assert row.arrow.to_pylist() == [{"project": "qec", "notebook": "t1.ipynb"}]


def test_export_writes_files_and_lists_them(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for line, names in (
        ("export bell", ["bell-1.py"]),
        ("export bell --as=html", ["bell-1.html"]),
        ("export bell.double --as csv --to out.csv", ["out.csv"]),
        ("export bell.double --as csv --to out.csv --force", ["out.csv"]),
    ):
        table = qflow(shell, line).arrow
        assert table["file"].to_pylist() == names
        assert table["bytes"].to_pylist() == [Path(n).stat().st_size for n in names]
    assert Path("out.csv").read_text() == "x,value\n1,2\n2,4\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("export", "write %qflow export NAME [--as FORM] [--to PATH] [--force]"),
        (
            "export bell --forse",
            "%qflow export has no option --forse; did you mean '--force'?",
        ),
        ("export bell --as", "--as needs a value, such as --as py"),
        ("export bell --to", "--to needs a value, such as --to reports/bell.html"),
    ],
)
def test_export_says_what_to_type(
    shell: InteractiveShell, line: str, message: str
) -> None:
    with pytest.raises(MagicLineError) as caught:
        qflow(shell, line)
    assert caught.value.message == message


def test_export_of_a_run_that_goes_on_has_what_is_there(
    shell: InteractiveShell, tmp_path: Path
) -> None:
    cell = """
x = qf.axis([0, 1])
@qf.step
def slow(x):
    import time
    while x:
        time.sleep(0.01)
    return x
"""
    shell.run_cell_magic("qflow", "going --background --show none", cell)
    run = shell.user_ns["going"]
    while run.partial("slow") is None or run.partial("slow").sel(x=0) is None:
        time.sleep(0.01)
    for form, words in (
        ("py", "The run is unfinished: not every step had its values."),
        ("html", "Not done, but running: below is what it had when this was written"),
        ("csv", "x,value\n0,0\n"),
    ):
        table = qflow(shell, f"export going --as {form} --to {tmp_path}/").arrow
        assert words in Path(table["file"][0].as_py()).read_text(encoding="utf-8")
    run.cancel()
    run.wait()


def test_backends_lists_names_and_describes_one(shell: InteractiveShell) -> None:
    rows = qflow(shell, "backends").arrow.to_pylist()
    widths = {row["name"]: row["qubits"] for row in rows}
    assert {"aer", "basic_simulator", "fake_manila"} <= set(widths)
    assert (widths["aer"], widths["fake_manila"]) == (None, 5)
    facts = qflow(shell, "backends fake_manila").arrow.to_pylist()
    assert {"of": "num_qubits", "is": "5"} in facts
    both = qflow(shell, "backends fake_manila,fake_torino").arrow.to_pylist()
    assert {"of": "num_qubits", "fake_manila": "5", "fake_torino": "133"} in both


def test_help_lists_every_command_and_option(shell: InteractiveShell) -> None:
    text = repr(qflow(shell, "help"))
    assert all(f"%qflow {command.name}" in text for command in COMMANDS)
    assert "--backend" in text
    assert repr(qflow(shell, "")) == text


def test_status_and_plan_of_a_name(shell: InteractiveShell) -> None:
    assert qflow(shell, "status bell").state == "done"
    assert len(qflow(shell, "status")) == 0
    assert list(qflow(shell, "plan bell").sentences.values()) == [
        "once",
        "x 2 = 2 points",
        "0 circuits in 0 jobs",
    ]


def test_compose_opens_the_cell_of_the_latest_run(shell: InteractiveShell) -> None:
    composer = qflow(shell, "compose bell")
    assert composer.text == f"%%qflow bell\n{CELL}"
    assert composer.problems == []
    composer.close()
    assert qflow(shell, "compose").text == "%%qflow flow\n"


def test_the_composer_goes_by_the_names_of_the_notebook(
    shell: InteractiveShell,
) -> None:
    shell.run_cell("from qiskit import QuantumCircuit\nmine = QuantumCircuit(2)")
    composer = quantumflow_lab.Composer("%%qflow composed")
    circuits = composer._widget.palette["circuits"]
    assert [c["id"] for c in circuits if c["group"] == "notebook"] == ["mine"]
    composer.edit({"do": "circuit", "step": None, "source": {"notebook": "mine"}})
    composer.edit({"do": "add", "kind": "circuit", "name": "pair"})
    assert "import" not in composer.text  # the notebook has it
    composer.edit({"do": "connect", "from": "nowhere", "to": "pair"})
    assert composer.problems[0].startswith("step 'pair' needs 'nowhere', which nothing")
    composer.undo()
    assert composer.problems == []
    run = composer.start()
    assert shell.user_ns["composed"] is run
    assert run.wait(60)["mine_circuit"].num_qubits == 2
    composer.close()


def test_the_cell_of_a_composer_goes_below(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    put: list[str] = []
    monkeypatch.setattr(shell, "set_next_input", put.append)
    composer = quantumflow_lab.Composer("%%qflow composed --shots 5")
    assert composer.cell() == "%%qflow composed --shots 5"
    message = {"header": {"msg_type": "comm_msg"}}
    monkeypatch.setattr(shell, "get_parent", lambda: message, raising=False)
    composer.cell()  # no cell runs that it could stand below
    assert put == ["%%qflow composed --shots 5"]
    composer.close()


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        (
            "histroy",
            MagicLineError,
            "there is no command 'histroy'; did you mean 'history'?",
        ),
        (
            "zzz",
            MagicLineError,
            (
                "there is no command 'zzz'; there are status, load, compose, plan, "
                "cancel, pause, resume, detach, history, spend, compare, export, "
                "forget, chart, sql, backends, prices, connect, disconnect, config, "
                "help"
            ),
        ),
        ("load", MagicLineError, "write %qflow load NAME"),
        (
            "backends aer fake_manila",
            MagicLineError,
            (
                "aer is no run; write %qflow backends NAME fake_manila with the name "
                "of the run to choose for"
            ),
        ),
        ("chart", MagicLineError, "write %qflow chart KIND [NAME]"),
        (
            "chart pie bell",
            MagicLineError,
            (
                "there is no chart 'pie'; known: cost, counts, history, metrics, "
                "quote, spend, sweep, timeline"
            ),
        ),
        ("compare", MagicLineError, "write %qflow compare A [B]"),
        ("compare bel", UnknownRun, "no run is called 'bel'; did you mean 'bell'?"),
        (
            "compare bell bell:3",
            UnknownRun,
            "'bell' has 1 run, none of them number 3; did you mean 'bell:1'?",
        ),
        (
            "compare bell bell:1",
            BadOption,
            "both are bell:1; '%qflow history bell' lists the others",
        ),
        ("load bel", UnknownRun, "no run is called 'bel'; did you mean 'bell'?"),
        (
            'load "bell',
            MagicLineError,
            "a quote is not closed on the magic line; close it",
        ),
    ],
)
def test_a_command_that_cannot_be_says_what_to_type(
    shell: InteractiveShell, line: str, error: type, message: str
) -> None:
    with pytest.raises(error) as caught:
        qflow(shell, line)
    assert str(caught.value).splitlines()[0] == message


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("%%qflow b --ba|\n", ["--backend", "--background"]),
        ("%%qflow b --backend fake_manil|", ["fake_manila"]),
        ("%%qflow b --backend aer,fake_manil|", ["fake_manila"]),
        ("%%qflow b --backend=basic|", ["basic_simulator"]),
        ("%%qflow b --show g|", ["graph"]),
        ("%%qflow b --set |\nn = 3\n", ["n="]),
        ("%%qflow b --fresh=c|" + CELL, ["counts"]),
        ("%qflow his|", ["history"]),
        ("%qflow load be|", ["bell"]),
        ("%qflow compare be|", ["bell"]),
        ("%qflow compare bell be|", ["bell"]),
        ("%qflow export bell --as h|", ["html"]),
        ("%qflow export bell --|", ["--as", "--force", "--to"]),
        ("%qflow export be|", ["bell"]),
        ("%qflow forget --|", ["--before", "--name", "--yes"]),
        ("%qflow forget --before 90d --name be|", ["bell"]),
        ("%qflow chart ti|", ["timeline"]),
        ("%qflow chart timeline be|", ["bell"]),
        ("%qflow chart spend pr|", ["project"]),
        ("%qflow spend --|", ["--by", "--csv", "--month"]),
        ("%qflow spend --by no|", ["notebook"]),
        ("%%qflow b" + CELL + "@qf.step\ndef more(cou|", ["counts"]),
        ("%%qflow b" + CELL + "@qf.step\ndef more(counts, sam|", ["sampler"]),
        ("%%qflow b\n@qf.samp|", ["sample", "sampler"]),
        ("%%qflow b\nbell = qf.rea|", ["read_circuit", "read_circuits"]),
        ("%%qflow b\n@qf.sample(sho|", ["shots="]),
        ("%%qflow b\n@qf.sample(shots=3, ret|", ["retries="]),
        ('%%qflow b\n@qf.sample(backend="fake_manil|', ["fake_manila"]),
        ('%%qflow b\n@qf.sample(backend=["aer", "fake_manil|', ["fake_manila"]),
    ],
)
def test_tab_offers_what_fits(
    shell: InteractiveShell, text: str, offered: list[str]
) -> None:
    assert complete(shell, text) == offered


@pytest.mark.parametrize("text", ["--ba|", "x = 1\ndef f(cou|", "# %%qflow\nhis|"])
def test_other_cells_are_left_alone(shell: InteractiveShell, text: str) -> None:
    offered = complete(shell, text)
    assert not {"--backend", "counts", "history"} & set(offered)


def test_a_variable_that_is_a_backend_is_offered(shell: InteractiveShell) -> None:
    from qiskit.providers.basic_provider import BasicSimulator

    shell.user_ns["mybackend"] = BasicSimulator()
    assert complete(shell, "%%qflow b --backend mybac|") == ["mybackend"]


def test_the_steps_of_a_run_are_offered_as_keys(shell: InteractiveShell) -> None:
    assert complete(shell, 'bell["|') == ["bell", "counts", "double"]


def test_completion_takes_less_than_fifty_milliseconds(shell: InteractiveShell) -> None:
    text = "%%qflow b --backend fake_|" + CELL
    complete(shell, text)
    began = time.perf_counter()
    assert len(complete(shell, text)) > 40
    took = time.perf_counter() - began
    print(f"{1e3 * took:.1f} ms")
    assert took < 0.25

"""The statement of what was spent: by month, and by backend, project or notebook."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from quantumflow_lab import Lab, cli
from quantumflow_lab.errors import BadOption, ExportFailed, MagicLineError
from quantumflow_lab.magics.notebook import VARIABLE, notebook_of
from quantumflow_lab.magics.spends import spend_options, spend_table, write_csv
from quantumflow_lab.settings import Settings


def moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def records() -> list[dict[str, Any]]:
    """Two runs: one of a project, one of none; jobs in two months, two currencies."""

    def run(name: str, project: str | None, notebook: str | None) -> dict[str, Any]:
        options = {"project": project, "notebook": notebook}
        more = {"ts": moment("2026-10-31T23:00:00"), "options": options}
        return {"kind": "run", "run": name, "name": name, **more}

    def job(run: str, number: int, when: str, **more: Any) -> dict[str, Any]:
        submitted = moment(when)
        where = {"run": run, "step": "s", "job": number, "tag": f"{run}.{number}"}
        sizes = {"circuits": 2, "shots": 100, "machine_s": 0.5}
        times = {"ts": submitted, "submitted": submitted}
        return {"kind": "job", "state": "settled", **where, **sizes, **times, **more}

    garnet = {"backend": "garnet", "currency": "USD"}
    torino = {"backend": "torino", "currency": "USD", "qpu_s": 2.5}
    return [
        run("a", "error mitigation", "papers/t1.ipynb"),
        run("b", None, None),
        job("a", 0, "2026-10-31T23:59:59", cost=0.1, quoted=0.1, **garnet),
        job("a", 1, "2026-11-01T00:00:00", cost=0.2, quoted=0.25, **garnet),
        job("a", 2, "2026-11-02T00:00:00", cost=4.0, **torino),
        job("b", 0, "2026-11-03T00:00:00", cost=8.0, **torino),
        job("b", 1, "2026-11-03T00:00:00", cost=3.0, currency="EUR", backend="forte"),
        job("b", 2, "2026-11-03T00:00:00", cost=0.0, backend="aer"),
    ]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home")
    lab.store.append(records())
    yield lab
    lab.close()


def short(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (r["month"], r["of"], r["jobs"], pytest.approx(r["cost"]), r["currency"])
        for r in rows
    ]


def test_months_are_those_of_utc_and_currencies_are_not_added(lab: Lab) -> None:
    assert short(lab.spend()) == [
        ("2026-10", "garnet", 1, 0.1, "USD"),
        ("2026-11", "forte", 1, 3.0, "EUR"),
        ("2026-11", "torino", 2, 12.0, "USD"),
        ("2026-11", "garnet", 1, 0.2, "USD"),
        ("2026-11", "aer", 1, None, None),
    ]
    torino = lab.spend(month="2026-11")[1]
    assert torino["qpu_s"] == 5.0
    assert torino["machine_s"] == 1.0
    assert torino["quoted"] is None
    assert lab.spend(month="2026-10")[0]["quoted"] == 0.1


def test_what_its_provider_never_took_is_no_job_and_was_quoted_nothing(
    lab: Lab,
) -> None:
    before = lab.spend()
    when = moment("2026-11-03T00:00:00")
    refused = {"kind": "job", "run": "b", "step": "s", "ts": when, "submitted": when}
    refused |= {"state": "lost", "rule": "not taken", "cost": 0.0, "quoted": 3.45}
    lab.store.append(
        [
            {**refused, "job": 3, "tag": "b.3", "backend": "torino", "currency": "USD"},
            {**refused, "job": 4, "tag": "b.4", "backend": "lima", "currency": "EUR"},
        ]
    )
    assert lab.spend() == before
    quotes = lab.sql("SELECT backend, jobs FROM qf_quotes WHERE run = 'b' ORDER BY ALL")
    assert [(row["backend"], row["jobs"]) for row in quotes.to_pylist()] == [
        ("aer", 1),
        ("forte", 1),
        ("torino", 1),
    ]


def test_it_is_told_by_project_and_by_notebook(lab: Lab) -> None:
    by = {"month": "2026-11", "by": "project"}
    assert short(lab.spend(**by)) == [
        ("2026-11", "", 1, 3.0, "EUR"),
        ("2026-11", "", 1, 8.0, "USD"),
        ("2026-11", "error mitigation", 2, 4.2, "USD"),
        ("2026-11", "", 1, None, None),
    ]
    names = {row["of"] for row in lab.spend(by="notebook")}
    assert names == {"", "papers/t1.ipynb"}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"by": "projct"}, "spend is not told by 'projct'; did you mean 'project'"),
        ({"month": "2026-13"}, "month must be such as '2026-11', not '2026-13'"),
        ({"month": "November"}, "month must be such as '2026-11', not 'November'"),
    ],
)
def test_what_cannot_be_told_is_refused(
    lab: Lab, asked: dict[str, str], message: str
) -> None:
    with pytest.raises(BadOption, match=message):
        lab.spend(**asked)


def test_words_of_the_command_are_read() -> None:
    asked = spend_options(["--by", "project", "--csv", "out.csv"])
    assert (asked.month, asked.by, asked.csv) == (None, "project", Path("out.csv"))
    with pytest.raises(
        MagicLineError, match="spend has no option --mnth; did you mean"
    ):
        spend_options(["--mnth", "2026-11"])
    with pytest.raises(MagicLineError, match="write --csv FILE"):
        spend_options(["--csv"])


def test_a_table_has_units_in_its_head_and_the_name_of_what_it_is_by(lab: Lab) -> None:
    table = spend_table(lab.spend(by="project"), "project").arrow
    assert table.column_names == [
        *("month", "project", "jobs", "circuits", "shots", "machine (s)", "QPU (s)"),
        *("quoted", "cost", "currency"),
    ]
    assert spend_table([], "backend").arrow.num_rows == 0


def test_csv_is_written_and_no_text_of_it_is_a_formula(
    lab: Lab, tmp_path: Path
) -> None:
    path = tmp_path / "spend.csv"
    rows = [{**lab.spend()[0], "of": "=1+1"}]
    write_csv(rows, "project", path)
    assert path.read_text().splitlines() == [
        "month,project,jobs,circuits,shots,machine (s),QPU (s),quoted,cost,currency",
        "2026-10,'=1+1,1,2,100,0.5,,0.1,0.1,USD",
    ]
    with pytest.raises(ExportFailed, match=r"cannot write .*: No such file"):
        write_csv(rows, "project", tmp_path / "nowhere" / "spend.csv")


def test_a_terminal_tells_it_as_well(
    lab: Lab,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli, "lab", lambda: lab)
    assert cli.main(["spend", "--month", "2026-10"]) == 0
    assert "garnet" in capsys.readouterr().out
    assert cli.main(["spend", "--csv", str(tmp_path / "s.csv")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 's.csv'}  5 rows\n"
    assert cli.main(["spend", "--by", "colour"]) == 1
    assert "spend is not told by 'colour'" in capsys.readouterr().err


STEP = "@qf.step\ndef one():\n    return 1\n"


def test_a_run_is_charged_to_the_project_of_the_settings(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "h", settings=Settings(project="qec"))
    try:
        lab.run(STEP, name="a")
        origin = {"project": "other", "notebook": "n.ipynb"}
        lab.run(STEP, name="b", options=origin).rerun()
        rows = lab.sql("SELECT name, project, notebook FROM qf_runs ORDER BY name")
        assert rows.to_pylist() == [
            {"name": "a", "project": "qec", "notebook": None},
            {"name": "b", **origin},
            {"name": "b", **origin},
        ]
    finally:
        lab.close()


def test_a_project_has_a_name_of_a_line() -> None:
    with pytest.raises(BadOption, match="QFLOW_PROJECT"):
        Settings(project="")


def test_a_notebook_is_named_without_the_machine_it_is_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    home = tmp_path / "work" / ".qflow"
    assert notebook_of({}, home) is None
    inside = str(tmp_path / "work" / "papers" / "t1.ipynb")
    assert notebook_of({"__session__": inside}, home) == "papers/t1.ipynb"
    outside = str(tmp_path / "secret" / "t2.ipynb")
    assert notebook_of({"__vsc_ipynb_file__": outside}, home) == "t2.ipynb"
    assert notebook_of({"__session__": 7}, home) is None
    monkeypatch.setenv(VARIABLE, inside)
    assert notebook_of({}, home) == "papers/t1.ipynb"
    # A console has a session as well.
    monkeypatch.setenv(VARIABLE, "4f0c2b")
    assert notebook_of({}, home) is None

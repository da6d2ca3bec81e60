"""Exports as files: reports, tables, where they go, and that no secret is in them."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from pyarrow import parquet

from quantumflow_lab import Lab
from quantumflow_lab.errors import (
    BadOption,
    ExportFailed,
    FileExists,
    SecretInput,
    UnknownRun,
    UnknownStep,
)
from quantumflow_lab.export.files import target
from quantumflow_lab.export.highlight import highlighted
from quantumflow_lab.export.ranges import range_text
from quantumflow_lab.export.values import Values

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "canary-7f3a9b2c5d8e1f40"
EVIL = "</code></pre><script>alert(1)</script>"

SWEEP = f"""%%qflow sweep --backend aer,basic_simulator --shots 50 --seed 2
from qiskit import QuantumCircuit

time = qf.axis([0.0, 0.5], unit="µs")


@qf.circuit
def marked(time):
    qc = QuantumCircuit(1, name="plain")
    gate = QuantumCircuit(1, name={EVIL!r}).to_gate(label={EVIL!r})
    qc.append(gate, [0])
    qc.ry(time, 0)
    qc.measure_all()
    return qc


@qf.sample
def counts(marked):
    return marked


@qf.step
def told(counts):
    print({EVIL!r})
    return {EVIL!r}


@qf.step
def shape(time):
    qf.log(twice=2 * time)
    return {{"twice": 2 * time, "list": [1, 2], "ok": True}}


@qf.step(over="time")
def broken(told):
    raise ValueError({EVIL!r})
"""

LEAKY = """%%qflow leaky
@qf.step
def shown():
    import os
    print("printed", os.environ["SOME_API_TOKEN"])
    return {"value": os.environ["SOME_API_TOKEN"]}


@qf.step
def quoted():
    import os
    raise ValueError("refused " + os.environ["SOME_API_TOKEN"])
"""


@pytest.fixture(scope="module")
def sweep(lab: Lab) -> Lab:
    lab.run(SWEEP)
    return lab


def page(lab: Lab, folder: Path, name: str = "sweep") -> str:
    (path,) = lab.export(name, "html", to=folder)
    return path.read_text(encoding="utf-8")


def test_a_report_needs_no_network_and_no_script(sweep: Lab, tmp_path: Path) -> None:
    text = page(sweep, tmp_path)
    assert "<script" not in text
    addresses = re.findall(r'(?:src|srcset|href|url)\W+(\w+:[^"]{0,40})', text)
    assert addresses
    assert all(each.startswith("data:image/png;base64,") for each in addresses)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_a_report_is_well_formed_and_escapes_what_users_wrote(
    sweep: Lab, tmp_path: Path
) -> None:
    text = page(sweep, tmp_path)
    body = text.removeprefix("<!DOCTYPE html>\n")
    tree = ET.fromstring(re.sub(r"<((?:img|meta|source)[^>]*)>", r"<\1/>", body))
    kinds = {each.tag.rpartition("}")[2] for each in tree.iter()}
    assert "script" not in kinds
    assert {"h1", "h2", "svg", "table", "picture", "dl", "pre"} <= kinds
    said = "".join(tree.itertext())
    # In the cell, a gate's label, what a step printed and returned, and an error.
    assert said.count("alert(1)") >= 5
    assert re.search(r"told\s+" + re.escape(EVIL), said)
    assert "ValueError: " + EVIL in said


def test_a_report_has_all_of_the_run(sweep: Lab, tmp_path: Path) -> None:
    text = page(sweep, tmp_path)
    run = sweep.load("sweep")
    body = text.removeprefix("<!DOCTYPE html>\n")
    tree = ET.fromstring(re.sub(r"<((?:img|meta|source)[^>]*)>", r"<\1/>", body))
    heads = [each.text for each in tree.iter("h2")]
    assert heads == [
        *("Asked", "Steps", "Charts", "Results", "Printed", "Jobs", "Conditions")
    ]
    said = "".join(tree.itertext())
    assert f"run {sweep.store.run_record(run.id)['number']}" in said
    assert run.id in said
    assert "Not done, but failed: below is what it had when this was written" in said
    assert "time (µs)" in said
    for job in run.jobs:
        assert (job["provider_job"] or job["tag"]) in said
    for name in ("python", "qiskit", "qiskit-aer", "quantumflow-lab"):
        assert name in said
    drawn = [each.get("alt") for each in tree.iter("img")]
    assert drawn == [f"{n} of sweep" for n in ("counts", "metrics", "timeline", "cost")]
    assert "prefers-color-scheme:dark" in text
    assert "@media print" in text


def test_a_report_lists_so_many_points_and_counts_the_others(
    lab: Lab, tmp_path: Path
) -> None:
    lab.run("x = qf.axis(range(100))\n@qf.step\ndef y(x):\n    return x\n", name="many")
    text = page(lab, tmp_path, "many")
    assert text.count("<tr>") < 50
    assert ">and 76 more<" in text


def test_tables_have_units_and_a_file_for_each_step(sweep: Lab, tmp_path: Path) -> None:
    paths = sweep.export("sweep", "csv", to=tmp_path)
    number = sweep.store.run_record(sweep.load("sweep").id)["number"]
    files = {path.name: path for path in paths}
    names = ("marked", "counts", "told", "shape", "broken")
    assert files.keys() == {f"sweep-{number}.{name}.csv" for name in names}
    with files[f"sweep-{number}.shape.csv"].open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["time (µs)", "twice", "list", "ok"],
            ["0.0", "0.0", "[1, 2]", "true"],
            ["0.5", "1.0", "[1, 2]", "true"],
        ]
    (one,) = sweep.export("sweep.shape", "parquet", to=tmp_path)
    table = parquet.read_table(one)
    assert one.name == f"sweep.shape-{number}.parquet"
    assert table.column("twice").to_pylist() == [0.0, 1.0]
    assert table.schema.field("time").metadata == {b"unit": "µs".encode()}
    assert table.schema.metadata[b"run"] == sweep.load("sweep").id.encode()


def test_nothing_is_replaced_without_force(
    sweep: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (path,) = sweep.export("sweep.shape", "csv")
    assert str(path) == path.name
    path.write_text("mine")
    with pytest.raises(FileExists) as caught:
        sweep.export("sweep.shape", "csv")
    assert caught.value.message == (
        f"{path} is there already; type --force to replace it, or --to PATH for "
        "another place"
    )
    assert path.read_text() == "mine"
    sweep.export("sweep.shape", "csv", force=True)
    assert path.read_text().startswith("time (µs),")
    assert list(tmp_path.glob(".*.part")) == []


def test_what_cannot_be_exported_is_told(sweep: Lab, tmp_path: Path) -> None:
    missing = tmp_path / "no" / "such" / "x.html"
    with pytest.raises(
        ExportFailed,
        match=r"cannot write .*x\.html: No such file or directory; name a folder that "
        r"can be written with --to PATH",
    ):
        sweep.export("sweep", "html", to=missing)
    with pytest.raises(BadOption, match=r"--as cannot be 'htm'; did you mean 'html'\?"):
        sweep.export("sweep", "htm")
    with pytest.raises(UnknownStep, match=r"no step 'shap'; did you mean 'shape'\?"):
        sweep.export("sweep.shap", "csv", to=tmp_path)
    with pytest.raises(UnknownRun, match=r"no run is called 'swep'; did you mean"):
        sweep.export("swep", to=tmp_path)


@pytest.mark.parametrize(
    ("to", "path"),
    [
        (None, "bell-3.py"),
        ("mine", "mine.py"),
        ("mine.txt", "mine.txt"),
        ("folder/", "folder/bell-3.py"),
    ],
)
def test_where_an_export_goes(to: str | None, path: str) -> None:
    assert target("bell", 3, "py", to).as_posix() == path


@pytest.mark.parametrize("form", ["py", "html", "csv", "parquet"])
def test_no_secret_is_in_any_file(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("SOME_API_TOKEN", CANARY)
    monkeypatch.setenv("QISKIT_IBM_TOKEN", CANARY[::-1])
    lab.run(LEAKY)
    paths = lab.export("leaky", form, to=tmp_path)
    contents = [path.read_bytes() for path in paths]
    assert not any(CANARY.encode() in each for each in contents)
    assert not any(CANARY[::-1].encode() in each for each in contents)
    if form == "parquet":
        assert "secret left out" in str(parquet.read_table(paths[0]).to_pylist())
    elif form != "py":
        assert any(b"(secret left out)" in each for each in contents)


def test_an_input_or_an_option_that_is_a_secret_does_not_get_into_a_run(
    lab: Lab,
) -> None:
    cell = "@qf.step\ndef used(api_token):\n    return len(api_token)\n"
    with pytest.raises(SecretInput):
        lab.run(cell, name="used", inputs={"api_token": CANARY})
    cell = "api_token = ''\n@qf.step\ndef used(api_token):\n    return 1\n"
    with pytest.raises(SecretInput):
        lab.run(cell, name="used", set={"api_token": CANARY})


def test_another_process_exports_the_run(tmp_path: Path) -> None:
    """Everything comes from the store: the lab that ran it is gone."""
    cell = "@qf.step\ndef twice():\n    return half(4)\n"
    first = Lab(tmp_path / "home")
    first.run(cell, name="kept", inputs={"half": _half, "np": np})
    first.close()
    second = Lab(tmp_path / "home")
    forms = ("py", "html", "csv", "parquet")
    paths = [second.export("kept", form, to=tmp_path)[0] for form in forms]
    second.close()
    assert "def _half(value: float) -> float:" in paths[0].read_text()
    assert "half = _half" in paths[0].read_text()
    assert "kept" in paths[1].read_text()
    assert paths[2].read_text() == "value\n2.0\n"


def _half(value: float) -> float:
    return value / 2


@pytest.mark.parametrize(
    ("source", "values", "text"),
    [
        ("qf.axis(range(3))", (0, 1, 2), "list(range(3))"),
        ("qf.axis([0, 1])", (0, 1), "[0, 1]"),
        ("qf.axis(np.arange(0, 1, 0.5))", (0.0, 0.5), "np.arange(0, 1, 0.5).tolist()"),
        ("qf.axis(np.linspace(0, 1, 3))", (0.0, 1.0), None),
        ("qf.axis(np.load('x'))", (0.0,), None),
        ("qf.axis([2**9])", (512,), None),
        ("qf.axis(__import__('os').listdir())", (1,), None),
    ],
)
def test_only_ranges_of_numbers_are_tried(
    source: str, values: tuple[Any, ...], text: str | None
) -> None:
    assert range_text(source, values) == text


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 3, 0.1, 'it\'s "so"\n', b"\x00'", 1 + 2j, float("inf")),
        *([1, (2,), ()], {"a": {1, 2}, (3, 4): []}, frozenset([1]), set()),
    ],
)
def test_values_are_written_as_they_are(value: Any) -> None:
    assert eval(Values().text("x", value)) == value


@pytest.mark.parametrize("dtype", ["float64", "float32", "int8", "bool", "complex128"])
def test_arrays_keep_their_type(dtype: str) -> None:
    array = np.array([[1, 0], [2, 3]]).astype(dtype)
    found = eval(Values().text("x", array))
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)


def test_source_is_highlighted_and_whole() -> None:
    source = "@a.b\ndef f(x):  # why <\n    return 'a' @ x < 1\n"
    html = highlighted(source)
    assert '<span class="qf-comment"># why &lt;</span>' in html
    assert '<span class="qf-keyword">return</span>' in html
    assert html.count("qf-decorator") == 4
    assert "".join(ET.fromstring(f"<p>{html}</p>").itertext()) == source
    assert highlighted("def (") == "def ("

"""The doctor as a person meets it: in a terminal, in a notebook, in their tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from qiskit_aer import AerSimulator

from quantumflow_lab.backends import Registry
from quantumflow_lab.backends.conformance import CHECKS, check_called
from quantumflow_lab.cli import main
from quantumflow_lab.doctor import Report, examine, line_of
from quantumflow_lab.errors import BadOption, UnknownBackend
from quantumflow_lab.testing import BackendConformance
from tests.conformance import faulty

ROOT = Path(__file__).parents[2]

FACTORY = """
from qiskit_aer import AerSimulator

def device():
    return AerSimulator()

class Zeros(AerSimulator):
    def run(self, circuits, **options):
        options["shots"] = 1
        return super().run(circuits, **options)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch, home):
    """A working directory with a module of one's own."""
    (tmp_path / "own_devices.py").write_text(FACTORY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("own_devices", None)


def test_qflow_doctor_prints_a_line_for_each_check_and_ends_with_0(folder, capsys):
    assert main(["doctor", "own_devices:device"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = {line[6:25].strip() for line in lines[:-1]}
    assert {check.name.replace("_", " ") for check in CHECKS} <= names
    assert lines[-1].startswith("own_devices:device: 26 pass, 1 note (")
    assert "\x1b" not in "".join(lines)


def test_qflow_doctor_ends_with_1_if_a_check_failed_and_speaks_json(folder, capsys):
    assert main(["doctor", "own_devices:Zeros", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["backend"], told["ok"]) == ("own_devices:Zeros", False)
    verdicts = {check["name"]: check["verdict"] for check in told["checks"]}
    assert (verdicts["answers"], verdicts["shots"]) == ("pass", "fail")
    assert verdicts["bell"] == "skipped"
    assert [check["name"] for check in told["checks"]] == [c.name for c in CHECKS]


def test_qflow_doctor_names_the_nearest_backend(home, capsys):
    assert main(["doctor", "fake_manilla"]) == 1
    assert "did you mean 'fake_manila'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("no_module_of_this_name:make", "ModuleNotFoundError: No module named"),
        ("own_devices:nothing", "AttributeError: module 'own_devices' has no"),
    ],
)
def test_a_factory_that_is_not_there_is_named(folder, path, cause):
    with pytest.raises(UnknownBackend) as caught:
        examine(path)
    assert str(caught.value).startswith(f"cannot make a backend by {path}: {cause}")
    assert str(caught.value).endswith("where factory() returns a BackendV2")


def test_a_factory_of_something_else_is_refused():
    with pytest.raises(UnknownBackend) as caught:
        examine("builtins:list")
    assert "list is no BackendV2" in str(caught.value)


@pytest.mark.parametrize("deadline", [0, -1.0, float("nan"), float("inf")])
def test_a_deadline_is_a_positive_number_of_seconds(deadline):
    with pytest.raises(BadOption) as caught:
        examine("aer", deadline=deadline)
    assert str(caught.value) == (
        "the deadline of a job must be a positive number of seconds, not "
        f"{deadline}: type deadline=60"
    )


def test_ctrl_c_ends_the_doctor_as_shells_have_it(home, monkeypatch):
    def interrupt(finding, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr("quantumflow_lab.cli.line_of", interrupt)
    assert main(["doctor", "aer"]) == 130


def test_a_backend_object_is_examined_and_the_registry_left_alone():
    registry = Registry()
    heard = []
    report = examine(faulty.ShotsOffByOne(), registry, heard=heard.append)
    assert report.backend == "shotsoffbyone"
    assert "shotsoffbyone" not in registry.names()
    assert tuple(heard) == report.findings
    assert not report.ok
    assert report["shots"].answer.text.endswith("the backend ran 6 shots instead of 7")
    with pytest.raises(KeyError):
        report["shot"]


@pytest.fixture(scope="module")
def report() -> Report:
    return examine(faulty.ShotsOffByOne())


def test_a_report_shows_as_text_with_what_to_do(report):
    text = str(report)
    assert "FAIL  shots " in text
    assert "→ run exactly the shots of the option shots=" in text
    assert text.splitlines()[-1].startswith("shotsoffbyone: ")
    assert repr(report) == text


def test_a_report_shows_as_a_table_in_a_notebook(report):
    html = report._repr_html_()
    assert "the backend ran 6 shots instead of 7" in html
    assert "<td>FAIL</td>" in html
    assert "run exactly the shots of the option shots=" in html


def test_colour_only_where_it_was_asked_for(report):
    finding = report["shots"]
    assert line_of(finding, colour=True).startswith("\x1b[31;1mFAIL\x1b[0m  shots")
    assert line_of(finding).startswith("FAIL  shots")


def test_lines_fit_a_narrow_terminal(report):
    lines = line_of(report["shots"], width=60).splitlines()
    assert max(map(len, lines)) <= 60


def test_a_misspelt_check_is_named():
    with pytest.raises(BadOption) as caught:
        check_called("bit_oder")
    assert str(caught.value) == (
        "there is no check 'bit_oder'; did you mean 'bit_order'?"
    )


class TestAer(BackendConformance):
    @staticmethod
    def make_backend():
        return AerSimulator()


OWN_TESTS = """
from qiskit_aer import AerSimulator
from quantumflow_lab.testing import BackendConformance

class TestSame(BackendConformance):
    known = {"unseeded": "a seed is built in", "ones": "it is not"}

    @staticmethod
    def make_backend():
        from own_backend import Same
        return Same()
"""

OWN_BACKEND = """
from qiskit_aer import AerSimulator

class Same(AerSimulator):
    def run(self, circuits, **options):
        return super().run(circuits, **{**options, "seed_simulator": 1})
"""


def test_tests_of_other_people_fail_by_check_with_what_to_do(tmp_path):
    (tmp_path / "test_own.py").write_text(OWN_TESTS)
    (tmp_path / "own_backend.py").write_text(OWN_BACKEND)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA"]
    command += ["--rootdir", str(tmp_path), "--color", "no", "test_own.py"]
    command += ["-k", "ones or seeded or seeds or bell"]
    path = f"{ROOT}:{tmp_path}"
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": path}
    )
    out = done.stdout
    assert done.returncode == 1, out + done.stderr
    assert "PASSED test_own.py::TestSame::test_conforms[bell]" in out
    assert "XFAIL test_own.py::TestSame::test_conforms[unseeded]" in out
    assert "FAILED test_own.py::TestSame::test_conforms[seeds]" in out
    assert "to do: pass seed_simulator on to the simulator" in out
    # What is known to fail and passes is told, so that the list stays true.
    assert "FAILED test_own.py::TestSame::test_conforms[ones]" in out
    assert "SKIPPED" in out

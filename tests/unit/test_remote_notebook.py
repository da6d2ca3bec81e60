"""What a cell reads of its notebook: what leaves arrives, and what stays is named."""

from __future__ import annotations

import linecache
import math
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qiskit import QuantumCircuit

import quantumflow_lab as qf
from quantumflow_lab.errors import BadDocument, NotRemote, SecretInput, UnknownName
from quantumflow_lab.remote import notebook
from quantumflow_lab.remote.notebook import CODE, Carried, arrived, carry

if TYPE_CHECKING:
    from pathlib import Path

DEFINED = """
import math

FACTOR = 2.5
TABLE = [[1.0, 2.0], {"a": 3}]
LOCK = __import__("threading").Lock()
TOKEN = "ghp_0123456789abcdef0123"

class Base:
    def base(self):
        return 1

class Point(Base):
    def __init__(self, x):
        self.x = x

    def scaled(self):
        return FACTOR * self.x

def point(x):
    return Point(x)

def other(x):
    return math.sqrt(x) + TABLE[0][1]

def locked():
    return LOCK

def known():
    return TOKEN

square = lambda x: x * x
"""


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """A notebook that has run a cell."""
    file = "<a cell>"
    linecache.cache[file] = (1, None, DEFINED.splitlines(keepends=True), file)
    found: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(DEFINED, file, "exec"), found)
    main = sys.modules["__main__"]
    before = {name: vars(main).get(name) for name in ("FACTOR", "Base", "Point")}
    vars(main).update({name: found[name] for name in before})
    return found | {"np": np, "QuantumCircuit": QuantumCircuit, "sqrt": math.sqrt}


def carried(body: str, names: dict[str, Any]) -> dict[str, Carried]:
    flow = qf.Workflow.from_source(f"@qf.step\ndef a():\n    return {body}\n", "w")
    return carry(flow, names, lambda run: None)


def over(body: str, names: dict[str, Any]) -> dict[str, Any]:
    """What arrives of what a step reads."""
    sent = carried(body, names)
    return {name: arrived(name, each, str) for name, each in sent.items()}


@pytest.mark.parametrize(
    "value",
    [1, 2**80, 0.5, "text", [1, (2, 3)], {"a": {1, 2}}, b"x", None, float("inf")],
)
def test_a_value_arrives_as_it_was(value: Any) -> None:
    assert over("x", {"x": value}) == {"x": value}


def test_arrays_circuits_and_axes_arrive_as_they_were() -> None:
    qc = QuantumCircuit(2)
    qc.h(0)
    names = {"x": np.eye(3), "y": qc, "z": qf.axis([1, 2], unit="s")}
    flow = qf.Workflow.from_source("@qf.step\ndef a(x, y, z):\n    return 1\n", "w")
    sent = carry(flow, names, lambda run: None)
    found = {name: arrived(name, each, str) for name, each in sent.items()}
    assert np.array_equal(found["x"], np.eye(3))
    assert found["y"] == qc
    assert found["z"] == qf.axis([1, 2], unit="s")


def test_what_is_installed_is_imported(names: dict[str, Any]) -> None:
    found = over("np, QuantumCircuit, sqrt", names)
    assert found == {"np": np, "QuantumCircuit": QuantumCircuit, "sqrt": math.sqrt}
    sent = carried("np, QuantumCircuit", names)
    assert sent["np"] == Carried("code", CODE, b"import numpy as np\n")
    assert sent["QuantumCircuit"].data == b"from qiskit import QuantumCircuit\n"


def test_functions_and_classes_arrive_with_what_they_read(
    names: dict[str, Any],
) -> None:
    found = over("point, Point, other, square", names)
    made = found["point"](3)
    assert isinstance(made, found["Point"])
    assert made.scaled() == 7.5
    assert found["other"](4.0) == 4.0
    assert found["square"](3) == 9


def test_an_edit_of_one_function_changes_no_other(names: dict[str, Any]) -> None:
    sent = carried("point, Point, other", names)
    assert sent["point"] == sent["Point"]
    assert b"other" not in sent["point"].data
    assert b"Point" not in sent["other"].data
    # The same text is the same module: classes of two runs are one class.
    one, two = (over("Point", names)["Point"] for _ in range(2))
    assert one is two


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            "locked",
            "'LOCK', which 'locked' reads, cannot go to the service: cannot store",
        ),
        (
            "known",
            "'TOKEN', which 'known' reads, has no source that could go to the service",
        ),
    ],
)
def test_what_a_function_reads_and_cannot_go_is_named(
    body: str, says: str, names: dict[str, Any]
) -> None:
    with pytest.raises(NotRemote) as caught:
        carried(body, names)
    assert says in str(caught.value)
    assert "ghp_" not in str(caught.value)


def test_a_module_of_this_machine_is_refused_and_its_functions_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ours.py").write_text("K = 4\n\ndef times(x):\n    return K * x\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import ours  # type: ignore[import-not-found]  # written above

    with pytest.raises(NotRemote, match="'ours' is the module ours of this machine"):
        carried("ours", {"ours": ours})
    assert over("times", {"times": ours.times})["times"](2) == 8
    sys.modules.pop("ours")


def test_two_meanings_of_a_name_are_told() -> None:
    def made(number: int) -> Any:
        file = f"<cell {number}>"
        text = f"def h():\n    return {number}\n\ndef f{number}():\n    return h()\n"
        linecache.cache[file] = (1, None, text.splitlines(keepends=True), file)
        found: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(text, file, "exec"), found)
        return found[f"f{number}"]

    with pytest.raises(NotRemote, match="reads another 'h' than other code of the"):
        carried("f1, f2", {"f1": made(1), "f2": made(2)})


def test_names_and_secrets_are_told_as_they_are_here() -> None:
    with pytest.raises(UnknownName, match="x"):
        carried("x", {})
    with pytest.raises(SecretInput, match="'key' looks like a secret"):
        carried("key", {"key": "qfl_0123456789ab_0123456789012345678901234567890"})


@pytest.mark.parametrize(
    ("carried", "says"),
    [
        (Carried("value", "text/html", b"x"), "input 'x' does not read: cannot read a"),
        (Carried("axis", "application/json", b"3"), "input 'x' is no axis"),
        (Carried("run", "application/json", b"3"), "input 'x' is no run"),
        (Carried("code", CODE, b"y = 1"), "the code of input 'x' binds no such name"),
        (Carried("code", CODE, b"x = 1 +"), "does not run on the service: SyntaxError"),
    ],
)
def test_what_does_not_read_is_said(carried: Carried, says: str) -> None:
    with pytest.raises(BadDocument) as caught:
        arrived("x", carried, str)
    assert says in str(caught.value)


def test_a_service_remembers_so_many_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "MODULES", 2)
    for number in range(4):
        text = f"x = {number}".encode()
        assert arrived("x", Carried("code", CODE, text), str) == number
    assert len(notebook._modules) == 2
    known = [name for name in sys.modules if name.startswith("qflow_notebook_")]
    assert sorted(known) == sorted(notebook._modules)

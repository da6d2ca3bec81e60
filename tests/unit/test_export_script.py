"""Scripts that runs are exported as run without the package, and give the same."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from black import FileMode, format_str
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error
from qiskit_ibm_runtime.fake_provider import FakeManilaV2
from scipy.stats import chi2_contingency

from quantumflow_lab.errors import NotExportable
from quantumflow_lab.grid import Grid
from tests.unit.hidden import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quantumflow_lab import Lab, Run

HIDDEN = Path(__file__).with_name("hidden.py")
SIGNIFICANCE = 1e-4
"""Of each comparison of counts; the seeds are fixed, so it is met or not for good."""

HALF = 0.5
WEIGHTS = np.array([0.25, 0.5])


def halved(value: float) -> float:
    """A helper of the notebook that reads another, and a number and an array."""
    return HALF * weighed(value)  # a comment of the notebook


def weighed(value: float) -> float:
    return value * WEIGHTS[0]


class Scale:
    """A class of the notebook."""

    factor = 3

    def of(self, value: float) -> float:
        return self.factor * value


def noisy() -> AerSimulator:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.2, 1), ["h", "x", "rx"])
    return AerSimulator(noise_model=model, basis_gates=["h", "x", "rx", "cx"])


EXACT = """%%qflow exact --backend aer --precision 0 --seed 3
# What the cell is about.
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

angle = qf.axis(np.linspace(0, 1, 5), unit="rad")  # how far
sign = qf.axis([1, -1])
terms = ["Z", "X"]


@qf.circuit
def turned(sign):
    # A comment of the user.
    qc = QuantumCircuit(1)
    qc.ry(sign * Parameter("a"), 0)
    return qc


@qf.estimate(optimization_level=2)
def values(turned, angle):
    return turned, terms, {"a": [angle, 2 * angle]}


@qf.step
def scaled(values, Scale):
    return Scale().of(halved(float(values.data.evs[0])))


@qf.step(over=["angle", "sign"])
def all_of_it(scaled, angle, sign):
    return {"sum": scaled.sum(), "shape": scaled.shape, "signs": list(sign)}


@qf.step(over="sign")
def pairs(values):
    return [each.data.evs.tolist() for each in values]
"""

COUNTED = """%%qflow counted --backend aer,fake_manila --shots 3000 --seed 5
from qiskit import QuantumCircuit

shots = qf.axis([1000, 4000])


def ready(flip):
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    if flip:
        qc.x(1)
    qc.measure_all()
    return qc


@qf.sample(shots=shots, transpile={"initial_layout": [0, 1]})
def few():
    return ready(False)


@qf.sample(transpile={"initial_layout": [1, 2]})
def both():
    return {"plain": ready(False), "list": [ready(True), (ready(False), None, 500)]}


@qf.step
def names(backend):
    return backend


@qf.step(over="backend")
def collected(names, backend):
    return names, backend
"""

MAPPED = """%%qflow mapped --seed 9
base = qf.axis([10, 20])


@qf.step
def items(base):
    return [base + n for n in range(3)]


@qf.step(map="items")
def squared(items, rng):
    return items**2


@qf.step(over="items")
def total(squared):
    return int(squared.sum())


@qf.step
def drawn(base, rng):
    return rng.normal(size=3)
"""

LOOP = """%%qflow loop --backend aer --precision 0 --seed 4
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from scipy.optimize import minimize


@qf.step(calls=100)
def lowest(estimator, rng):
    rough = qf.estimator("aer", precision=0.1)
    qc = QuantumCircuit(1)
    qc.ry(Parameter("a"), 0)

    def energy(x):
        value = float(estimator.run([(qc, "Z", x)]).result()[0].data.evs)
        qf.log(energy=value)
        return value

    found = minimize(energy, rng.uniform(1, 2, 1), method="COBYLA")
    assert abs(float(rough.run([(qc, "Z", found.x)]).result()[0].data.evs) + 1) < 0.5
    return float(found.fun), [float(x) for x in found.x]


@qf.step(shots=200, calls=2)
def sampled(sampler):
    qc = QuantumCircuit(1)
    qc.x(0)
    qc.measure_all()
    return sampler.run([qc]).result()[0].data.meas.get_counts()
"""

NAMES = """%%qflow clash --seed 1 --shots 100
from qiskit import QuantumCircuit

main = qf.axis([1, 2])
log = qf.axis([3, 4])
AXES = [1]


@qf.step
def need(main, log, AXES):
    return main * log + AXES[0]


@qf.step(over=["main", "log"])
def product(need):
    return int(need.sum())


@qf.sample
def Sampler(need):
    qc = QuantumCircuit(1)
    qc.measure_all()
    return qc


@qf.step
def collect(Sampler):
    qf.log(zeros=1)
    return Sampler.data.meas.get_counts()["0"]
"""

CHANGED = """%%qflow changed --set "size=[2, 3]" --set factor=5 --set "list=[7, 8]"
size = qf.axis([1])
kind = qf.axis([{"a": 1}, {"a": 2}])
factor = 1  # a dial
list = [1]


@qf.step
def times(size, kind, list):
    kind["a"] += 1  # its own copy
    list.append(0)
    return size * kind["a"] * factor + sum(list)


@qf.step(over="kind")
def kinds(times, kind):
    return [each["a"] for each in kind], times.tolist()
"""

OWN = """%%qflow own --backend aer --shots 5000 --seed 6
from qiskit import QuantumCircuit


@qf.sample(backend="tired")
def flipped():
    qc = QuantumCircuit(1)
    qc.x(0)
    qc.measure_all()
    return qc


@qf.estimate(backend="aer", precision=0)
def ideal(loaded, operator):
    return loaded, operator


@qf.step
def ones(flipped, data, matrix):
    return data["rows"], matrix.sum(), before["pair"].num_qubits + int(flipped is None)
"""

BEFORE = """%%qflow before
from qiskit import QuantumCircuit


@qf.circuit
def pair():
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    return qc
"""

CELLS = (EXACT, COUNTED, MAPPED, LOOP, NAMES, CHANGED, OWN)


@dataclass(frozen=True)
class Exported:
    """A run, its script, and what the script gave without the package."""

    run: Run
    path: Path
    values: Mapping[str, list[Any]]

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def of_run(self, step: str) -> list[Any]:
        """Values of the run, in the order of its points."""
        value = self.run[step]
        points = [v for _, v in value.items()] if isinstance(value, Grid) else [value]
        return [plain(each) for each in points]


@pytest.fixture(scope="module")
def exported(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exported]:
    """All cells, run, exported, and run again in one process."""
    folder = tmp_path_factory.mktemp("scripts")
    circuit = QuantumCircuit(1)
    circuit.ry(0.3, 0)
    inputs = {
        "np": np,
        "halved": halved,
        "Scale": Scale,
        "tired": noisy(),
        "loaded": circuit,
        "operator": SparsePauliOp(["Z", "X"], [1.0, 0.5]),
        "data": {"rows": [1, 2.5, None, "a"]},
        "matrix": np.arange(40.0).reshape(8, 5),
        "before": lab.run(BEFORE),
    }
    runs = [lab.run(cell, inputs=inputs) for cell in CELLS]
    paths = [lab.export(run.name, to=folder)[0] for run in runs]
    out = folder / "values.pickle"
    done = subprocess.run(
        [sys.executable, "-I", HIDDEN, out, *paths],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    values = pickle.loads(out.read_bytes())
    return {
        run.name: Exported(run, path, values[str(path)])
        for run, path in zip(runs, paths, strict=True)
    }


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("exact", ["values", "scaled", "all_of_it", "pairs"]),
        ("counted", ["names", "collected"]),
        ("mapped", ["items", "squared", "total", "drawn"]),
        ("loop", ["lowest", "sampled"]),
        ("clash", ["need", "product", "Sampler", "collect"]),
        ("changed", ["times", "kinds"]),
        ("own", ["ideal", "ones"]),
    ],
)
def test_what_is_not_random_has_the_values_of_the_run(
    exported: dict[str, Exported], name: str, steps: list[str]
) -> None:
    """Exact estimates and what a step draws from its rng, to 1e-10."""
    one = exported[name]
    for step in steps:
        assert one.values[step] == _near(one.of_run(step)), step


def _near(value: Any) -> Any:
    if isinstance(value, float):
        return pytest.approx(value, abs=1e-10)
    if isinstance(value, dict):
        return {key: _near(each) for key, each in value.items()}
    return [_near(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("name", "step"), [("counted", "few"), ("counted", "both"), ("own", "flipped")]
)
def test_counts_agree_with_those_of_the_run(
    exported: dict[str, Exported], name: str, step: str
) -> None:
    one = exported[name]
    pairs = list(_counts(one.of_run(step), one.values[step]))
    assert pairs
    for mine, theirs in pairs:
        assert sum(mine.values()) == sum(theirs.values())
        keys = sorted({*mine, *theirs})
        table = [[each.get(key, 0) for key in keys] for each in (mine, theirs)]
        assert chi2_contingency(table).pvalue > SIGNIFICANCE / len(pairs)


def _counts(mine: Any, theirs: Any) -> Any:
    if isinstance(mine, dict) and all(isinstance(v, int) for v in mine.values()):
        yield mine, theirs
    elif isinstance(mine, dict):
        assert mine.keys() == theirs.keys()
        for key in mine:
            yield from _counts(mine[key], theirs[key])
    else:
        for one, other in zip(mine, theirs, strict=True):
            yield from _counts(one, other)


@pytest.mark.parametrize("name", ["exact", "counted", "mapped", "loop", "clash", "own"])
def test_a_script_is_laid_out_as_black_and_ruff_have_it(
    exported: dict[str, Exported], name: str
) -> None:
    text = exported[name].text
    assert format_str(text, mode=FileMode()) == text
    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--isolated",
            "--ignore",
            "A001,N",
            exported[name].path,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_functions_keep_their_text_and_lose_our_decorators(
    exported: dict[str, Exported],
) -> None:
    text = exported["exact"].text
    assert """
def turned(sign):
    # A comment of the user.
    qc = QuantumCircuit(1)
    qc.ry(sign * Parameter("a"), 0)
    return qc
""" in text
    assert "# What the cell is about.\n" in text
    assert 'AXES["angle"] = np.linspace(0, 1, 5).tolist()  # in rad  # how far' in text
    assert "@qf" not in text
    assert "return HALF * weighed(value)  # a comment of the notebook" in text
    assert "import quantumflow_lab" not in text


def test_a_script_begins_with_what_the_run_was(exported: dict[str, Exported]) -> None:
    one = exported["counted"]
    head = one.text.partition('\n"""\n')[0]
    assert head.startswith(f'"""counted, run {1} of ')
    assert f"\nRun       {one.run.id}, begun " in head
    assert "\nSeed      5\n" in head
    assert "\nBackends  aer\n          fake_manila, calibrated 20" in head
    assert "\nVersions  python 3." in head
    assert "Shots come from\nother random streams" in head
    assert (
        'BACKENDS = {"aer": AerSimulator(), "fake_manila": FakeManilaV2()}' in one.text
    )


REFUSED = {
    "lab": "@qf.step\ndef home():\n    return str(qf.lab().store.home)\n",
    "live": "@qf.step\ndef twice(thing):\n    return 2\n",
    "shell": "@qf.step\ndef shown():\n    get_ipython\n    return 1\n",
    "import": "from quantumflow_lab import log\n@qf.step\ndef a():\n    return 1\n",
    "at once": "a, b = 1, 2\n@qf.step\ndef c(a, b):\n    return a + b\n",
    "run": "@qf.step\ndef c(other):\n    return other.state\n",
    "secret": "@qf.step\ndef c():\n    return len(tells())\n",
    "several": "@qf.step\ndef c(estimator):\n    return qf.sampler() is None\n",
}
MESSAGES = {
    "lab": "the cell asks for qf.lab, which a script without quantumflow_lab does not "
    "have; do it outside of the cell",
    "live": "'thing' lives in its notebook only, the store has no copy of it; make it "
    "in the cell",
    "shell": "the cell asks for get_ipython, which a script does not have; do that in "
    "another cell",
    "import": "the cell imports log from quantumflow_lab; write qf.log instead, which "
    "a script can stand in for",
    "at once": "--set gave one of a, b, which the cell assigns at once; assign them "
    "one by one",
    "run": "the cell reads run 'other' otherwise than by other[\"step\"]; take the "
    "values out of it in a cell before",
    "secret": "'API_TOKEN' lives in its notebook only, the store has no copy of it; "
    "make it in the cell",
    "several": "qf.sampler() of a step that runs on several backends: name one, as in "
    'qf.sampler("aer")',
}

API_TOKEN = "canary-0123456789abcdef"


def tells() -> str:
    """A helper that reads a secret."""
    return API_TOKEN


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_script_can_say_is_refused(lab: Lab, tmp_path: Path, name: str) -> None:
    lab.run(
        REFUSED[name],
        name="refused",
        inputs={
            "thing": iter({1, 2}),
            "get_ipython": print,
            "other": lab.run(BEFORE),
            "tells": tells,
        },
        set={"a": 3} if name == "at once" else {},
        backend=["aer", "basic_simulator"],
    )
    with pytest.raises(NotExportable) as caught:
        lab.export("refused", to=tmp_path)
    assert caught.value.message == MESSAGES[name]
    assert list(tmp_path.glob("refused*")) == []


def test_backends_without_a_constructor_are_refused(lab: Lab, tmp_path: Path) -> None:
    cell = (
        "from qiskit import QuantumCircuit\n@qf.estimate\ndef z():\n"
        "    qc = QuantumCircuit(1)\n    qc.x(0)\n    return qc, 'Z'\n"
    )
    device = AerSimulator.from_backend(FakeManilaV2())
    lab.run(cell, name="odd", backend="odd_one", inputs={"odd_one": device})
    with pytest.raises(
        NotExportable, match=r"backend 'odd_one' is a AerSimulator, for"
    ):
        lab.export("odd", to=tmp_path)
    own = cell.replace("@qf.estimate", "@qf.estimate(precision=0)")
    lab.run(own, name="noisy", backend="fake_manila")
    with pytest.raises(
        NotExportable,
        match=r"exact estimates with the noise of 'fake_manila' need quantumflow_lab; "
        r"run the cell with --precision 0\.01, or on a simulator without noise",
    ):
        lab.export("noisy", to=tmp_path)

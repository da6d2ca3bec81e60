"""Backends of other people pass, with known exceptions.

What is added to `BACKENDS`, a name and what makes the backend, is examined too.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from quantumflow_lab.backends import PrimitiveBackend
from quantumflow_lab.backends.conformance import CHECKS, Verdict
from quantumflow_lab.workers import EnvironmentBackend

ROOT = Path(__file__).parents[2]


def aer():
    from qiskit_aer import AerSimulator

    return AerSimulator()


def aer_manila():
    from qiskit_aer import AerSimulator

    return AerSimulator.from_backend(manila())


def basic():
    from qiskit.providers.basic_provider import BasicSimulator

    return BasicSimulator()


def generic():
    from qiskit.providers.fake_provider import GenericBackendV2

    return GenericBackendV2(5, seed=42)


def manila():
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    return FakeManilaV2()


def ibm_primitives():
    return PrimitiveBackend(manila())


def ddsim(name):
    from mqt.ddsim import DDSIMProvider

    return DDSIMProvider().get_backend(name)


def elsewhere(environment, factory):
    """A backend of a provider that does not fit beside ours; ``make side`` makes it."""
    return EnvironmentBackend(ROOT / f".venv-{environment}", factory, simulator=True)


BACKENDS = [
    ("aer", aer),
    ("aer_manila", aer_manila),
    ("basic", basic),
    ("generic", generic),
    ("manila", manila),
    ("ddsim", lambda: ddsim("qasm_simulator")),
    ("ddsim_path", lambda: ddsim("path_qasm_simulator")),
    ("ibm_primitives", ibm_primitives),
    (
        "braket",
        lambda: elsewhere("braket", "qiskit_braket_provider:BraketLocalBackend"),
    ),
    ("iqm", lambda: elsewhere("iqm", "iqm.qiskit_iqm:IQMFakeAdonis")),
]
"""Name, and what makes the backend."""

NO_CONDITIONS = {"conditional"}
OWN_SEEDS = {"batch_seeds"}
NOTES = {
    "aer": set(),
    "aer_manila": set(),
    "basic": NO_CONDITIONS | OWN_SEEDS,
    "generic": NO_CONDITIONS,
    "manila": set(),
    "ddsim": NO_CONDITIONS | OWN_SEEDS,
}
"""Checks that end in a note, beside the options that every one of these swallows."""

BROKEN = {
    # It declares a seed that it does not read.
    "ddsim_path": {"seeds"},
}
"""Checks that really fail, and why."""


@pytest.mark.parametrize(("name", "make"), BACKENDS, ids=[n for n, _ in BACKENDS])
def test_a_backend_passes(examined, name, make):
    findings = {f.check.name: f for f in examined(make())}
    assert list(findings) == [check.name for check in CHECKS]
    bad = {n: f.answer.text for n, f in findings.items() if f.verdict is Verdict.FAIL}
    assert bad.keys() == BROKEN.get(name, set()), bad
    noted = {n for n, f in findings.items() if f.verdict is Verdict.NOTE}
    if name in NOTES:
        assert noted == NOTES[name] | {"unknown_option"}

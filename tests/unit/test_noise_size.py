"""How large a noise model will be is known before Aer has made it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_aer.noise import NoiseModel

from quantumflow_lab.backends.adapter import RunAdapter
from quantumflow_lab.backends.execute import execute
from quantumflow_lab.backends.names import make
from quantumflow_lab.backends.noise import cut, instructions_of
from quantumflow_lab.backends.noise_size import (
    _Declared,
    _Relaxing,
    _size,
    on_qubits,
    sizes_of,
)
from quantumflow_lab.ports import JobEvent, JobRequest, Member, MemberDone

DEVICES = ("fake_manila", "fake_guadalupe", "fake_cairo", "fake_armonk", "generic_7")
"""Among them qubits with T2 above and below T1, gates that only relax, broken ones."""


def model_of(backend: Any) -> NoiseModel:
    """What it makes of itself when it first runs."""
    backend.run(QuantumCircuit(1), shots=1, noise_model=NoiseModel()).result()
    model: NoiseModel = backend.options.get("noise_model")
    return model


@pytest.mark.parametrize("name", DEVICES)
def test_it_is_that_of_the_model(name: str) -> None:
    backend = make(name)
    sizes, model = sizes_of(backend), model_of(backend)
    assert sizes is not None
    for qubits in (range(backend.num_qubits), range(2), [0]):
        some = frozenset(qubits)
        assert on_qubits(sizes, some) == instructions_of(cut(model, some))


@pytest.mark.parametrize(
    ("error", "size"),
    [
        (None, 3 * 3 * 2),
        (0.0, 3 * 3 * 2),
        (0.01, 16 * 3 * 3 * (1 + 2)),
        (1.0, 15 * 3 * 3 * (1 + 2)),
    ],
)
def test_a_gate_on_two_qubits_that_flip_or_reset(
    error: float | None, size: int
) -> None:
    """Each qubit is kept, flipped or reset; a Pauli error on both comes to that."""
    qubits = [_Relaxing.of(100e-6, 50e-6)] * 2
    assert _size(_Declared((0, 1), 300e-9, error), qubits) == size


def test_a_gate_that_takes_no_time_and_has_no_error_has_none() -> None:
    assert _size(_Declared((0,), 0.0, 0.0), [_Relaxing.of(1.0, 1.0)]) == 0
    assert _size(_Declared((0,), None, 0.1), [_Relaxing.of(1.0, 1.0)]) == 4


def test_no_model_is_told_of_simulators_and_devices_without_data() -> None:
    assert sizes_of(make("aer")) is None
    assert sizes_of(SimpleNamespace()) is None


def test_a_forecast_makes_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of a device of 133 qubits takes longer than all else in a quote."""
    backend = make("fake_torino")
    monkeypatch.setattr(type(backend), "_setup_sim", None)
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    heard: list[JobEvent] = []
    member = Member(0, 1, (SamplerPub(bell, shots=100),), None)
    request = JobRequest(0, "dry", "sample", "torino", (member,), None, dry=True)
    execute(request, RunAdapter(backend), heard.append)
    (done,) = (event for event in heard if isinstance(event, MemberDone))
    assert done.results[0].work.noise > 100

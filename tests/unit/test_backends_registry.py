"""Backends by name: which there are, what is known of them, what is refused."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import Measure, XGate
from qiskit.providers import BackendV2, Options
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error

from quantumflow_lab.backends import Registry, memory, normalise
from quantumflow_lab.errors import (
    BadPrecision,
    BadShots,
    TooMuchMemory,
    TooWide,
    UnknownBackend,
    UnknownBackendOption,
)


class Device(BackendV2):
    """Two qubits, hand-written; nothing of Aer in it."""

    max_shots = 500

    def __init__(self):
        super().__init__(name="device")
        self._target = Target(num_qubits=2)
        self._target.add_instruction(XGate(), {(0,): None, (1,): None})
        self._target.add_instruction(Measure(), {(0,): None, (1,): None})

    @property
    def target(self):
        return self._target

    @property
    def max_circuits(self):
        return 7

    @classmethod
    def _default_options(cls):
        return Options(shots=100, colour="red")

    def run(self, run_input, **options):
        raise NotImplementedError


class LockedDevice(Device):
    """Holds a lock, so it cannot be pickled."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


def clifford(width: int) -> QuantumCircuit:
    circuit = QuantumCircuit(width)
    circuit.h(0)
    for qubit in range(width - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def general(width: int) -> QuantumCircuit:
    circuit = QuantumCircuit(width)
    for qubit in range(width):
        circuit.rx(0.3, qubit)
    circuit.measure_all()
    return circuit


def test_names_hold_aer_basic_generic_and_every_fake_device():
    names = Registry().names()
    assert names == sorted(names)
    assert {"aer", "aer_mps", "basic_simulator", "generic_5", "fake_torino"} <= {*names}
    assert sum(name.startswith("fake_") for name in names) >= 60


def test_listing_names_imports_no_device():
    code = (
        "import sys; from quantumflow_lab.backends import Registry; Registry().names();"
        "sys.exit('qiskit_ibm_runtime' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_facts_of_a_fake_device():
    facts = Registry().facts("fake_manila")
    assert facts.num_qubits == 5
    assert (facts.simulator, facts.exact, facts.noisy, facts.portable) == (True,) * 4
    assert {"cx", "rz", "sx", "x", "measure", "delay"} <= facts.operations
    assert "method" in facts.options
    assert "shots" not in facts.options
    assert facts.calibrated == "2024-05-27T15:27:23-03:00"
    assert facts.key == "builtin:fake_manila"


def test_facts_of_ideal_simulators():
    registry = Registry()
    for name in ("aer", "aer_statevector", "aer_stabilizer", "basic_simulator"):
        facts = registry.facts(name)
        assert (facts.num_qubits, facts.noisy, facts.exact) == (None, False, True)


def test_facts_of_a_hand_written_device_are_read_off_it():
    registry = Registry()
    registry.add("mine", Device())
    facts = registry.facts("mine")
    assert (facts.num_qubits, facts.simulator, facts.exact) == (2, False, False)
    assert (facts.max_shots, facts.max_circuits) == (500, 7)
    assert facts.options == {"colour"}
    assert facts.portable


def test_generic_devices_of_any_width_are_the_same_everywhere():
    first, second = Registry().backend("generic_7"), Registry().backend("generic_7")
    assert first.num_qubits == 7
    assert [p.error for p in first.target["x"].values()] == [
        p.error for p in second.target["x"].values()
    ]


ACCOUNT = (
    "no backend 'ibm_torino': IBM's devices need an account; once it is saved by "
    "QiskitRuntimeService.save_account(token=...), write in a cell "
    'ibm_torino = QiskitRuntimeService().backend("ibm_torino")'
)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("fake_manilla", "no backend 'fake_manilla'; did you mean 'fake_manila'?"),
        ("aerr", "no backend 'aerr'; did you mean 'aer'?"),
        ("generic_0", "no backend 'generic_0'; did you mean 'generic_5'?"),
        ("AER", "no backend 'AER'; did you mean 'aer'?"),
        ("ibm_torino", f"{ACCOUNT}; without one, --backend fake_torino imitates it"),
        ("ibm_nowhere", ACCOUNT.replace("torino", "nowhere")),
    ],
)
def test_an_unknown_backend_is_told_with_the_nearest(name, hint):
    with pytest.raises(UnknownBackend) as caught:
        Registry().facts(name)
    assert caught.value.message == hint


@pytest.mark.parametrize("name", ["aer", "fake_manila", "fake_torino", "generic_16"])
def test_a_glimpse_says_what_loading_a_backend_confirms(name):
    registry = Registry()
    seen = {each.name: each for each in registry.glimpses()}[name]
    facts = registry.facts(name)
    width = None if name == "aer" else facts.num_qubits
    assert seen.qubits == width
    assert registry.glimpses(["generic_9"])[0].qubits == 9
    assert (seen.simulator, seen.noisy, seen.billed) == (
        facts.simulator,
        facts.noisy,
        facts.billed,
    )


def test_all_backends_have_a_glimpse_those_of_the_user_first():
    registry = Registry({"twin": AerSimulator()})
    rows = registry.glimpses()
    assert [each.name for each in rows][:1] == ["twin"]
    assert {each.name for each in rows} == {*registry.names()}
    assert rows[0].qubits is None
    registry.facts("twin")
    assert registry.glimpses()[0].simulator is True
    fakes = [each for each in rows if each.name.startswith("fake_")]
    assert all(each.qubits for each in fakes)


def test_a_backend_of_the_notebook_is_known_by_its_variable():
    notebook = {"twin": AerSimulator(method="statevector"), "x": 3, "_hidden": Device()}
    registry = Registry(notebook)
    assert "twin" in registry.names()
    assert not {"x", "_hidden"} & {*registry.names()}
    assert registry.facts("twin").key.startswith("sha256:")
    del notebook["twin"]
    with pytest.raises(UnknownBackend):
        registry.facts("twin")


def test_a_variable_wins_over_a_built_in_of_its_name():
    assert not Registry({"aer": Device()}).facts("aer").simulator


def test_only_a_backend_can_be_added():
    for value in (3, AerSimulator, "aer"):
        with pytest.raises(UnknownBackend, match="is no BackendV2"):
            Registry().add("mine", value)


def test_equal_names_with_different_noise_have_different_keys():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.01, 1), ["x"])
    registry = Registry()
    registry.add("twin", AerSimulator())
    ideal = registry.facts("twin")
    registry.add("twin", AerSimulator(noise_model=model))
    noisy = registry.facts("twin")
    assert ideal.key != noisy.key
    assert (ideal.noisy, noisy.noisy) == (False, True)


def test_facts_take_a_new_snapshot_of_a_changed_backend():
    backend = AerSimulator()
    registry = Registry({"twin": backend})
    before = registry.facts("twin").key
    assert registry.facts("twin").key == before
    backend.set_options(max_parallel_threads=1)
    assert registry.facts("twin").key != before


def test_a_backend_that_cannot_be_pickled_stays_in_the_kernel():
    registry = Registry({"locked": LockedDevice()})
    assert not registry.facts("locked").portable
    assert registry.spec("locked") is None


def test_a_spec_rebuilds_its_backend():
    registry = Registry({"twin": AerSimulator(method="stabilizer")})
    assert registry.spec("twin").load().options.method == "stabilizer"
    assert registry.spec("fake_lima").load().name == "fake_lima"


def preflight(name, value, kind="sample", registry=None, **options):
    registry = registry or Registry()
    pubs, _ = normalise(kind, value)
    registry.preflight(name, kind, pubs, options)


def test_an_option_the_backend_would_ignore_is_refused_by_name():
    with pytest.raises(UnknownBackendOption) as caught:
        preflight("aer", clifford(2), metod="statevector")
    assert caught.value.message == ("aer has no option 'metod'; did you mean 'method'?")
    preflight("aer", clifford(2), method="statevector")


def test_an_option_that_the_lab_sets_is_refused_with_the_right_place():
    with pytest.raises(UnknownBackendOption, match="use --shots"):
        preflight("aer", clifford(2), shots=100)
    with pytest.raises(UnknownBackendOption, match="use --seed"):
        preflight("aer", clifford(2), seed_simulator=1)


def test_more_qubits_than_the_device_is_told_with_both_numbers():
    with pytest.raises(TooWide, match="has 6 qubits, fake_manila has 5"):
        preflight("fake_manila", clifford(6))


def test_forty_qubits_as_a_state_vector_do_not_fit():
    with pytest.raises(TooMuchMemory) as caught:
        preflight("aer", general(40))
    assert caught.value.facts["needed"] == 16 * 2**40
    assert "needs 16 TiB" in caught.value.message
    assert "type --backend aer_mps" in caught.value.message
    preflight("aer_mps", general(40))


def test_forty_clifford_qubits_fit_and_a_state_vector_of_them_names_the_stabilizer():
    preflight("aer", clifford(40))
    preflight("aer_stabilizer", clifford(40))
    with pytest.raises(TooMuchMemory, match="type --backend aer_stabilizer"):
        preflight("aer_statevector", clifford(40))


def test_qubits_that_nothing_touches_need_no_memory():
    circuit = QuantumCircuit(60, 1)
    circuit.rx(0.1, 59)
    circuit.measure(59, 0)
    preflight("aer", circuit)


def test_exact_noise_needs_a_density_matrix(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**30)
    bare = general(14).remove_final_measurements(inplace=False)
    preflight("fake_guadalupe", (bare, "Z" * 14, None, 0.1), "estimate")
    with pytest.raises(TooMuchMemory, match=r"type precision=0\.01 instead of 0"):
        preflight("fake_guadalupe", (bare, "Z" * 14, None, 0), "estimate")


def test_precision_zero_is_refused_where_it_cannot_be_exact():
    circuit = QuantumCircuit(1)
    circuit.x(0)
    registry = Registry({"device": Device()})
    with pytest.raises(BadPrecision, match="which device cannot be"):
        preflight("device", (circuit, "Z", None, 0), "estimate", registry)
    preflight("device", (circuit, "Z", None, 0.1), "estimate", registry)


def test_precision_zero_is_refused_for_a_random_state():
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.x(0)
    with pytest.raises(BadPrecision, match="mid-circuit measurements"):
        preflight("aer", (circuit, "Z", None, 0), "estimate")


def test_the_limit_of_the_backend_on_shots_is_kept():
    registry = Registry({"device": Device()})
    with pytest.raises(BadShots, match="from 1 to 500, not 501; type shots=500"):
        preflight("device", (clifford(2), None, 501), registry=registry)


def test_normalise_by_backend_knows_its_limit_and_turns_shots_into_precision():
    registry = Registry({"device": Device()})
    bare = QuantumCircuit(1)
    (pub,), _ = registry.normalise(
        "estimate", (bare, "Z"), backend="device", shots=400, precision=None
    )
    assert pub.precision == 0.05
    with pytest.raises(BadShots):
        registry.normalise(
            "sample", clifford(1), backend="device", shots=501, precision=None
        )


@pytest.mark.parametrize("name", ["initial_layuot", "optimization_level"])
def test_a_transpile_option_is_checked_before_anything_runs(name):
    pubs, _ = normalise("sample", clifford(2))
    with pytest.raises(UnknownBackendOption, match=name):
        Registry().preflight("aer", "sample", pubs, {}, {name: 1})
    Registry().preflight("aer", "sample", pubs, {}, {"initial_layout": [1, 0]})


def test_precision_zero_is_refused_for_an_appended_measurement():
    part = QuantumCircuit(1, 1)
    part.measure(0, 0)
    part.h(0)
    circuit = QuantumCircuit(2, 1)
    circuit.append(part.to_instruction(), [1], [0])
    with pytest.raises(BadPrecision, match="mid-circuit"):
        preflight("aer", (circuit, "ZZ", None, 0), "estimate")

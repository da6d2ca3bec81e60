"""What the lab reads off a backend object before it submits anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from quantumflow_lab.ports import BackendFacts, Mode

if TYPE_CHECKING:
    from qiskit.providers import BackendV2

SIMULATOR_SHOTS = 10_000_000
"""Most shots of one circuit on a simulator, so that results fit in memory."""
SIMULATOR_CIRCUITS = 1000
"""Most circuits in one simulator job; more only delay the first result."""
DEVICE_SHOTS = 100_000
"""Most shots of one circuit on a device that declares no limit of its own."""
DEVICE_CIRCUITS = 300
"""Most circuits in one job on a device that declares no limit of its own."""

SEED_OPTIONS = ("seed_simulator", "simulator_seed")
"""What backends call their seed."""

RESERVED_OPTIONS = {
    "shots": "use --shots or put the shots into the PUB",
    "memory": "results are BitArrays, which know every shot",
    **dict.fromkeys(SEED_OPTIONS, "use --seed"),
    "parameter_binds": "put the parameter values into the PUB",
}
"""Run options that the lab sets itself, and what to type instead."""


def facts_of(
    backend: BackendV2, *, name: str, key: str, portable: bool
) -> BackendFacts:
    """Describe a backend.

    Parameters
    ----------
    backend
        Any ``BackendV2``.
    name, key, portable
        As in :class:`BackendFacts`; the registry knows them.
    """
    return BackendFacts(
        name=name,
        key=key,
        num_qubits=declared_width(backend),
        simulator=is_simulator(backend),
        exact=is_aer_based(backend) or is_basic(backend),
        noisy=is_noisy(backend),
        operations=frozenset(backend.target.operation_names),
        max_shots=shot_limit(backend),
        max_circuits=circuit_limit(backend),
        options=frozenset(option_names(backend)) - RESERVED_OPTIONS.keys(),
        portable=portable,
        calibrated=calibration_date(backend),
        rep_delay_s=repetition_delay(backend),
        modes=modes_of(backend),
    )


def option_names(backend: BackendV2) -> set[str]:
    """Every run option the backend declares, the reserved ones included."""
    options: Any = backend.options
    if options is None:
        return set()
    return set(options) if isinstance(options, Mapping) else set(vars(options))


def is_aer(backend: object) -> bool:
    """True for Aer's own simulators."""
    return _is_from(backend, "qiskit_aer", "AerBackend")


def is_fake(backend: object) -> bool:
    """True for the fake devices of qiskit-ibm-runtime."""
    return _is_from(backend, "qiskit_ibm_runtime", "FakeBackendV2")


def is_generic(backend: object) -> bool:
    """True for :class:`qiskit.providers.fake_provider.GenericBackendV2`."""
    return _is_from(backend, "qiskit", "GenericBackendV2")


def is_basic(backend: object) -> bool:
    """True for :class:`qiskit.providers.basic_provider.BasicSimulator`."""
    return _is_from(backend, "qiskit", "BasicSimulator")


def is_aer_based(backend: object) -> bool:
    """True if Aer does the simulation, so that its rule for batch seeds holds."""
    if is_fake(backend) or is_generic(backend):
        return _runs_itself(backend)
    return is_aer(backend)


def is_ibm_device(backend: object) -> bool:
    """True for IBM's devices, which take circuits through primitives only."""
    return _is_from(backend, "qiskit_ibm_runtime", "IBMBackend")


def is_primitive(backend: object) -> bool:
    """True for :class:`quantumflow_lab.backends.primitive.PrimitiveBackend`."""
    return _is_from(backend, "quantumflow_lab", "PrimitiveBackend")


def is_elsewhere(backend: object) -> bool:
    """True for our backends of other Python environments."""
    return _is_from(backend, "quantumflow_lab", "EnvironmentBackend")


def reads_qubits(backend: object) -> bool:
    """True for simulators that return a bit for every qubit, whatever was measured."""
    names = ("HybridQasmSimulatorBackend", "PathQasmSimulatorBackend")
    return any(_is_from(backend, "mqt", name) for name in names)


def is_simulator(backend: Any) -> bool:
    """True if shots are simulated on this machine, as far as one can tell."""
    if is_primitive(backend):
        return is_simulator(backend.backend)
    if is_elsewhere(backend):
        return bool(backend.simulator)
    return is_aer_based(backend) or is_basic(backend)


def is_noisy(backend: BackendV2) -> bool:
    """True unless the backend is known to be ideal."""
    if is_basic(backend):
        return False
    if is_aer(backend):
        model = backend.options.get("noise_model")
        return model is not None and not model.is_ideal()
    return True


def declared_width(backend: BackendV2) -> int | None:
    """Qubits of the device; None for ideal simulators, where memory is the limit."""
    if is_aer(backend) and not has_coupling(backend):
        return None
    width: int | None = backend.num_qubits
    return width


def has_coupling(backend: BackendV2) -> bool:
    """True if not every pair of qubits may meet."""
    return backend.coupling_map is not None


def shot_limit(backend: BackendV2) -> int:
    """Most shots of one circuit."""
    usual = SIMULATOR_SHOTS if is_simulator(backend) else DEVICE_SHOTS
    return _declared(backend, "max_shots") or _validated_shots(backend) or usual


def _validated_shots(backend: Any) -> int | None:
    """The upper end of the range that the options themselves allow."""
    allowed = getattr(backend.options, "validator", {}).get("shots")
    most = allowed[1] if isinstance(allowed, tuple) and len(allowed) == 2 else None
    return most if isinstance(most, int) and most > 0 else None


def circuit_limit(backend: BackendV2) -> int:
    """Most circuits in one job."""
    if is_simulator(backend):
        return _declared(backend, "max_circuits") or SIMULATOR_CIRCUITS
    return _declared(backend, "max_circuits") or DEVICE_CIRCUITS


def _declared(backend: BackendV2, name: str) -> int | None:
    value = getattr(backend, name, None)
    return value if isinstance(value, int) and value > 0 else None


def calibration_date(backend: Any) -> str | None:
    """When the device was calibrated, ISO 8601, if it is one that says so."""
    if not is_fake(backend):
        return None
    date = getattr(backend.properties(), "last_update_date", None)
    return None if date is None else str(date.isoformat())


def repetition_delay(backend: Any) -> float | None:
    """Seconds between two shots, if the device says so."""
    if is_primitive(backend):
        return repetition_delay(backend.backend)
    delay = getattr(backend, "default_rep_delay", None)
    if delay is None and is_fake(backend):
        # In microseconds, as the file says that the fake was made from.
        said = getattr(backend, "_conf_dict", None) or {}
        delay = said.get("default_rep_delay")
        delay = None if delay is None else delay * 1e-6
    return None if delay is None else float(delay)


def modes_of(backend: Any) -> tuple[Mode, ...]:
    """How a backend takes jobs; of those known only IBM's devices have a choice."""
    return backend.modes if is_primitive(backend) else ("job",)


def _is_from(backend: object, package: str, class_name: str) -> bool:
    # By name, so that asking does not import a package that nobody uses.
    return any(
        kind.__name__ == class_name and kind.__module__.split(".")[0] == package
        for kind in type(backend).__mro__
    )


def _runs_itself(backend: object) -> bool:
    # A subclass with its own run() may do anything; only the original runs on Aer.
    owner = next(kind for kind in type(backend).__mro__ if "run" in vars(kind))
    return owner.__module__.split(".")[0] in {"qiskit", "qiskit_ibm_runtime"}

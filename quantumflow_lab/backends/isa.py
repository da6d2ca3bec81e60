"""Circuits made ready for a target, each distinct one once per worker."""

from __future__ import annotations

import io
import json
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import TYPE_CHECKING, Any, Protocol

import cloudpickle
import qiskit
from qiskit import qpy
from qiskit.circuit import Gate
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.transpiler import PassManager, Target, generate_preset_pass_manager
from qiskit.transpiler.passes import Optimize1qGatesDecomposition

from quantumflow_lab.backends.facts import declared_width, is_aer
from quantumflow_lab.backends.memory import NO_INITIALIZE, active_qubits
from quantumflow_lab.backends.target_key import target_key
from quantumflow_lab.delays import with_units
from quantumflow_lab.errors import NotStorable, UnknownBackendOption, did_you_mean
from quantumflow_lab.fingerprint import fingerprint

if TYPE_CHECKING:
    from qiskit import QuantumCircuit
    from qiskit.circuit import CircuitInstruction
    from qiskit.providers import BackendV2

_UNTIMED = {"delay", "reset", "barrier", "id"}
"""Operations that even a calibrated device need not give a duration."""

TRANSPILE_OPTIONS = frozenset(signature(generate_preset_pass_manager).parameters) - {
    *("optimization_level", "backend", "target", "_skip_target")
}
"""What ``transpile=`` takes; the lab sets level, backend and target itself."""

_PLUGIN_STAGES = {
    "translation_method": "get_translation_stage_plugin",
    "scheduling_method": "get_scheduling_stage_plugin",
}


WORTH_KEEPING_S = 0.02
"""Seconds of transpiling below which a file costs more than it saves."""

_MERGE = PassManager([Optimize1qGatesDecomposition(basis=["u"])])
"""Runs of one-qubit gates as one, which the target then replaces by its own form."""

_OTHER_TURNS = frozenset(
    name
    for name, gate in get_standard_gate_name_mapping().items()
    if gate.num_qubits == 1 and isinstance(gate, Gate)
) - {"id", "rz", "sx", "x"}
"""Gates of a target in which a turn has several forms, so that merging may lengthen."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large an ISA circuit is."""

    depth: int
    """Depth; barriers and delays do not count."""
    two_qubit_gates: int
    """Instructions on two qubits."""
    qubits: int
    """Qubits that some instruction touches."""

    @classmethod
    def of(cls, circuit: QuantumCircuit) -> Size:
        """Measure a circuit."""
        two = sum(len(item.qubits) == 2 and _acts(item) for item in circuit.data)
        return cls(circuit.depth(_acts), two, active_qubits(circuit))


@dataclass(frozen=True, slots=True)
class Isa:
    """A circuit in the instructions of the target."""

    circuit: QuantumCircuit
    """The ISA circuit; parameters still open."""
    layout: tuple[int, ...] | None
    """Where each qubit of the given circuit ends up, or None if it kept its numbers."""
    given: bool
    """True if the circuit was legal as it came and was not transpiled."""
    size: Size
    """Its size, which binding does not change."""

    @property
    def places(self) -> tuple[int, ...] | None:
        """The layout, also of a circuit that came with its own."""
        own = self.circuit.layout
        if self.layout is not None or own is None:
            return self.layout
        return tuple(own.final_index_layout())

    def physical(self, qubit: int) -> int:
        """Number of a given circuit's qubit in the ISA circuit."""
        return qubit if self.layout is None else self.layout[qubit]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to transpile."""

    level: int = 1
    """Optimization level, 0 to 3."""
    seed: int | None = None
    """Seed of the stochastic passes, or None."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further keyword arguments of
    :func:`qiskit.transpiler.generate_preset_pass_manager`."""

    def key(self) -> tuple[int, int | None, bytes]:
        """Equal for settings that give equal circuits."""
        options = sorted(self.options.items())
        return self.level, self.seed, cloudpickle.dumps(options) if options else b""


class Kept(Protocol):
    """Where ISA circuits outlive the process."""

    def get(self, key: str) -> Isa | None:
        """The circuit of a key, if it is there."""

    def put(self, key: str, isa: Isa) -> None:
        """Keep a circuit."""


@dataclass
class Transpiler:
    """Transpiles for one backend; owns the frozen target and what is cached."""

    backend: BackendV2
    """The backend; its target is read once, because Aer rebuilds it on each access."""
    noisy: bool
    """True if idle time matters, so that delays have to be scheduled."""
    capacity: int = 1024
    """ISA circuits to keep."""
    managers: int = 32
    """Pass managers to keep, one for each combination of settings."""
    kept: Kept | None = None
    """Where circuits are kept that took long."""
    _target: Target | None = None
    _target_key: str | None = None
    _managers: OrderedDict[Any, PassManager] = field(default_factory=OrderedDict)
    _cache: OrderedDict[Any, Isa] = field(default_factory=OrderedDict)

    @property
    def target(self) -> Target:
        """The frozen target."""
        if self._target is None:
            self._target = frozen_target(self.backend)
        return self._target

    @property
    def target_key(self) -> str:
        """Content key of the target."""
        if self._target_key is None:
            self._target_key = target_key(self.target)
        return self._target_key

    def isa(self, circuit: QuantumCircuit, settings: Settings) -> Isa:
        """Make one circuit ready; as it came if it has a layout and is legal.

        Parameters
        ----------
        circuit
            Any circuit, parameters open or bound.
        settings
            How.

        Raises
        ------
        UnknownBackendOption
            Naming the nearest option.
        """
        check_transpile(settings.options)
        if circuit.layout is not None and is_legal(circuit, self.target):
            return Isa(circuit, None, given=True, size=Size.of(circuit))
        settings = self._for(circuit, settings)
        content = circuit_key(circuit)
        key = None if content is None else (settings.key(), content)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        result = self._kept_or_transpiled(circuit, settings)
        if key is not None:
            self._cache[key] = result
            if len(self._cache) > self.capacity:
                self._cache.popitem(last=False)
        return result

    def finished(self, isa: Isa, circuit: QuantumCircuit, settings: Settings) -> Isa:
        """A bound ISA circuit without the gates that its numbers make needless.

        Transpiled with parameters, a circuit keeps gates that cancel or merge once the
        numbers are known; the last stage of the same pass manager takes them out. At
        levels 0 and 1 the result is what transpiling the numbers would have given, up
        to the form of equally long runs of one-qubit gates.
        """
        stage = self._manager(settings).optimization
        if stage is None:
            return replace(isa, circuit=circuit)
        if _OTHER_TURNS.isdisjoint(self.target.operation_names):
            circuit = _MERGE.run(circuit)
        done = stage.run(circuit)
        return replace(isa, circuit=done, size=Size.of(done))

    def schedules(self, circuit: QuantumCircuit, settings: Settings) -> bool:
        """Whether the circuit gets a schedule, which depends on all its numbers."""
        return "scheduling_method" in self._for(circuit, settings).options

    def _kept_or_transpiled(self, circuit: QuantumCircuit, settings: Settings) -> Isa:
        name = self._lasting_key(circuit, settings) if self.kept else None
        if self.kept is None or name is None:
            return self._transpile(circuit, settings)
        found = self.kept.get(name)
        if found is None:
            started = time.perf_counter()
            found = self._transpile(circuit, settings)
            if time.perf_counter() - started > WORTH_KEEPING_S:
                self.kept.put(name, found)
        return found

    def _lasting_key(self, circuit: QuantumCircuit, settings: Settings) -> str | None:
        """A key that means the same in every process, or None if there is none."""
        try:
            options = json.dumps(sorted(settings.options.items()))
            about = [fingerprint(circuit), self.target_key, options]
        except (TypeError, NotStorable):
            return None
        about += [str(settings.level), str(settings.seed), qiskit.__version__]
        return fingerprint(about)

    def _transpile(self, circuit: QuantumCircuit, settings: Settings) -> Isa:
        done = self._manager(settings).run(circuit)
        if "scheduling_method" in settings.options:
            done = without_idle_delays(done)
        layout = done.layout
        places = None if layout is None else tuple(layout.final_index_layout())
        return Isa(done, places, given=False, size=Size.of(done))

    def _manager(self, settings: Settings) -> PassManager:
        key = settings.key()
        if key not in self._managers:
            self._managers[key] = self._new_manager(settings)
            if len(self._managers) > self.managers:
                self._managers.popitem(last=False)
        self._managers.move_to_end(key)
        return self._managers[key]

    def _new_manager(self, settings: Settings) -> PassManager:
        plugins = {
            option: getattr(self.backend, method)()
            for option, method in _PLUGIN_STAGES.items()
            if hasattr(self.backend, method)
        }
        given = {"seed_transpiler": settings.seed, **plugins, **settings.options}
        return generate_preset_pass_manager(settings.level, target=self.target, **given)

    def _for(self, circuit: QuantumCircuit, settings: Settings) -> Settings:
        """The settings, with a schedule for what idles under noise."""
        has_delay = any(item.name == "delay" for item in circuit.data)
        if not self.noisy or not has_delay or "scheduling_method" in settings.options:
            return settings
        if not has_durations(self.target):
            return settings
        options = {**settings.options, "scheduling_method": "alap"}
        return replace(settings, options=options)


def check_transpile(options: Mapping[str, Any]) -> None:
    """Raise ``UnknownBackendOption`` for what ``transpile=`` does not take."""
    for name in options:
        if name == "optimization_level":
            raise UnknownBackendOption(
                "transpile= has no 'optimization_level': it is an option of the step, "
                "so type optimization_level=",
                option=name,
                known=sorted(TRANSPILE_OPTIONS),
            )
        if name not in TRANSPILE_OPTIONS:
            raise UnknownBackendOption(
                f"transpile= has no '{name}'{did_you_mean(name, TRANSPILE_OPTIONS)}; "
                "it takes the arguments of generate_preset_pass_manager",
                option=name,
                known=sorted(TRANSPILE_OPTIONS),
            )


def frozen_target(backend: BackendV2) -> Target:
    """The target of a backend, to be read once.

    An ideal Aer simulator declares as many qubits as a state vector fits in memory;
    other methods take more, so for it the width is left open and memory is checked.
    """
    target = backend.target
    if not is_aer(backend) or declared_width(backend) is not None:
        return target
    open_target = Target(num_qubits=None, dt=target.dt)
    method = backend.options.get("method")
    dropped = {"initialize"} if method in NO_INITIALIZE else set()
    for name in target.operation_names:
        if name in dropped:
            continue
        operation = target.operation_from_name(name)
        anywhere = None if isinstance(operation, type) else {None: None}
        open_target.add_instruction(operation, anywhere, name=name)
    return open_target


def has_durations(target: Target) -> bool:
    """True if the target says how long each of its gates and measurements takes.

    A simulator with a noise model of its own does not, and cannot be scheduled.
    """
    timed = [
        target[name]
        for name in target.operation_names
        if name not in _UNTIMED
        and not isinstance(target.operation_from_name(name), type)
    ]
    return bool(timed) and all(
        any(entry and entry.duration is not None for entry in places.values())
        for places in timed
    )


def is_legal(circuit: QuantumCircuit, target: Target) -> bool:
    """True if every instruction exists on the target, on exactly its qubits."""
    if target.num_qubits is not None and circuit.num_qubits > target.num_qubits:
        return False
    for item in circuit.data:
        operation = item.operation
        if operation.name == "barrier":
            continue
        qubits = tuple(circuit.find_bit(qubit).index for qubit in item.qubits)
        if getattr(operation, "blocks", ()):
            # A block has bits of its own, so its legality is left to the transpiler.
            return False
        if not target.instruction_supported(operation.name, qubits):
            return False
    return True


def without_idle_delays(circuit: QuantumCircuit) -> QuantumCircuit:
    """Drop the delays of qubits on which nothing else happens.

    Scheduling pads every qubit of the device, which would make all of them count as
    used: a simulator would then have to hold the whole device.
    """
    busy = {
        qubit
        for item in circuit.data
        if item.name not in {"delay", "barrier"}
        for qubit in item.qubits
    }
    kept = [
        item
        for item in circuit.data
        if item.name != "delay" or not busy.isdisjoint(item.qubits)
    ]
    if len(kept) == len(circuit.data):
        return circuit
    slim = circuit.copy_empty_like()
    for item in kept:
        slim._append(item)
    # copy_empty_like keeps the layout object only in its private slot.
    slim._layout = circuit.layout
    return slim


def circuit_key(circuit: QuantumCircuit) -> bytes | None:
    """Bytes that are equal for equal circuits, whatever they are called.

    None if the circuit has something QPY cannot write; such a circuit is not cached.
    """
    if circuit.layout is not None:
        return None
    nameless = circuit.copy(name="circuit")
    nameless.metadata = {}
    buffer = io.BytesIO()
    try:
        qpy.dump(with_units(nameless), buffer)
    except (qpy.QpyError, TypeError, ValueError, KeyError, AttributeError):
        return None
    return buffer.getvalue()


def _acts(item: CircuitInstruction) -> bool:
    return item.name not in {"barrier", "delay"}

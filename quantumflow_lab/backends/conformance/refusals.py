"""Checks of what must be refused, by name, before it costs anything."""

from __future__ import annotations

from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from quantumflow_lab.backends.conformance.access import flip
from quantumflow_lab.backends.conformance.bench import Bench, NoResult
from quantumflow_lab.backends.conformance.finding import (
    Answer,
    check,
    failed,
    noted,
    passed,
)
from quantumflow_lab.errors import (
    MissingMeasurement,
    TooMuchMemory,
    TooWide,
    UnboundParameter,
    UnknownBackendOption,
)

NO_OPTION = "no_such_option_of_any_backend"
WIDE = 60
"""Qubits of which no machine holds the state."""


@check(
    "Is an option that does not exist refused?",
    why="A mistyped option that is ignored changes the experiment in silence.",
    remedy="raise for keyword arguments of run() that are no options",
)
def unknown_option(bench: Bench) -> Answer:
    """By the lab before it submits, and by the backend's own ``run()``."""
    pubs = _pubs(bench, flip())
    try:
        bench.registry.preflight(bench.name, "sample", pubs, {NO_OPTION: 1})
    except UnknownBackendOption:
        pass
    else:
        return failed(f"its options claim to have {NO_OPTION!r}")
    try:
        bench.sample([flip()], options={NO_OPTION: 1})
    except NoResult as none:
        if none.error is None:
            raise
        return passed("refused by the lab, and by run() itself")
    return noted("run() ignores unknown options; the lab refuses them before")


@check(
    "Is a circuit that is too wide refused?",
    why="Some backends give wrong results for it, others abort the process.",
    remedy="declare num_qubits in the target",
    needs=("target",),
)
def too_wide(bench: Bench) -> Answer:
    """Before submission, by its width or by the memory it would take."""
    width = bench.facts.num_qubits
    wide = QuantumCircuit(WIDE if width is None else width + 1)
    for qubit in range(wide.num_qubits - 1):
        wide.h(qubit)
        wide.t(qubit)
        wide.cx(qubit, qubit + 1)
    wide.measure_all()
    try:
        bench.registry.preflight(bench.name, "sample", _pubs(bench, wide), {})
    except TooWide:
        return passed(f"{wide.num_qubits} qubits on {width} are refused before a job")
    except TooMuchMemory:
        return passed(f"{WIDE} qubits are refused before a job, for lack of memory")
    return noted(f"it declares no width, and {WIDE} qubits would be sent")


@check(
    "Is a parameter without a value refused?",
    why="A backend may run it with whatever it finds.",
    remedy="report this: the lab refuses it for every backend",
    needs=("target",),
)
def unbound_parameter(bench: Bench) -> Answer:
    """Before submission."""
    circuit = QuantumCircuit(1, 1)
    circuit.rx(Parameter("θ"), 0)
    circuit.measure(0, 0)
    try:
        _pubs(bench, circuit)
    except UnboundParameter:
        return passed("refused before a job")
    return failed("a circuit with an open parameter would be sent")


@check(
    "Is a circuit without a measurement refused?",
    why="Some backends return nothing for it, others measure everything.",
    remedy="report this: the lab refuses it for every backend",
    needs=("target",),
)
def missing_measurement(bench: Bench) -> Answer:
    """Before submission."""
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    try:
        _pubs(bench, circuit)
    except MissingMeasurement:
        return passed("refused before a job")
    return failed("a circuit without a measurement would be sent")


def _pubs(bench: Bench, circuit: QuantumCircuit) -> tuple[object, ...]:
    return bench.registry.normalise(
        "sample", circuit, backend=bench.name, shots=100, precision=None
    )[0]

"""Programs in Braket's dialect of OpenQASM 3, as circuits of Qiskit.

They come from whoever reaches the port, so the limited child of ``qf.read_circuit``
parses them. What is done to the text before is Braket's own: its gates, its pragma and
its names of physical qubits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit.library import RGate

from quantumflow_lab.errors import CircuitSourceError
from quantumflow_lab.reading import read_circuit

GATES = {
    "i": "gate i a { U(0, 0, 0) a; }",
    "si": "gate si a { sdg a; }",
    "ti": "gate ti a { tdg a; }",
    "v": "gate v a { sx a; }",
    "vi": "gate vi a { inv @ sx a; }",
    "u": "gate u(t, f, l) a { U(t, f, l) a; }",
    "phaseshift": "gate phaseshift(t) a { p(t) a; }",
    "prx": "gate prx(t, f) a { rz(-f) a; rx(t) a; rz(f) a; }",
    "gpi": "gate gpi(f) a { prx(pi, f) a; }",
    "gpi2": "gate gpi2(f) a { prx(pi / 2, f) a; }",
    "cnot": "gate cnot a, b { cx a, b; }",
    "cv": "gate cv a, b { ctrl @ sx a, b; }",
    "cphaseshift": "gate cphaseshift(t) a, b { cp(t) a, b; }",
    "cphaseshift00": "gate cphaseshift00(t) a, b { x a; x b; cp(t) a, b; x a; x b; }",
    "cphaseshift01": "gate cphaseshift01(t) a, b { x a; cp(t) a, b; x a; }",
    "cphaseshift10": "gate cphaseshift10(t) a, b { x b; cp(t) a, b; x b; }",
    "zz": "gate zz(t) a, b { cx a, b; rz(t) b; cx a, b; }",
    "xx": "gate xx(t) a, b { h a; h b; zz(t) a, b; h a; h b; }",
    "yy": "gate yy(t) a, b { sx a; sx b; zz(t) a, b; inv @ sx a; inv @ sx b; }",
    "xy": "gate xy(t) a, b { xx(-t / 2) a, b; yy(-t / 2) a, b; }",
    "iswap": "gate iswap a, b { xy(pi) a, b; }",
    "pswap": "gate pswap(t) a, b { swap a, b; cx a, b; p(t) b; cx a, b; }",
    "zx": "gate zx(t) a, b { h b; cx a, b; rz(t) b; cx a, b; h b; }",
    "ecr": "gate ecr a, b { zx(pi / 4) a, b; x a; zx(-pi / 4) a, b; }",
    "ms": (
        "gate ms(f, g, t) a, b { rz(-f) a; rz(-g) b; xx(t) a, b; rz(f) a; rz(g) b; }"
    ),
    "ccnot": "gate ccnot a, b, c { ccx a, b, c; }",
}
"""Gates that Braket calls otherwise than OpenQASM; later ones need earlier ones.

Braket has no ``zx``, of which ``ecr`` is made.
"""
PLAIN = ("h", "x", "y", "z", "s", "t", "rx", "ry", "rz", "cy", "cz", "swap", "cswap")
"""Gates that both call the same."""

_HEADER = re.compile(r"\s*OPENQASM\s+3(?:\.\d)?\s*;")
_PRAGMA = re.compile(r"^[ \t]*#?pragma[ \t]+(.*?)[ \t]*$", re.MULTILINE)
_PHYSICAL = re.compile(r"\$(\d+)")
_VIRTUAL = re.compile(r"\b(?:qubit|qreg)\b")
_VERBATIM = "braket verbatim"
_REGISTER = "physical_qubits"


class Refused(Exception):
    """A program that the service does not take."""


@dataclass(frozen=True, slots=True)
class Program:
    """What one program of a task does."""

    circuit: QuantumCircuit
    """On the qubits of the device in their order if they are physical."""
    physical: bool
    """Whether it names qubits of the device."""
    verbatim: bool
    """Whether it asks to be run as it is written."""

    @property
    def measured(self) -> list[tuple[int, int]]:
        """Classical bit and qubit of what is measured, by classical bit."""
        bits = {
            self.circuit.find_bit(item.clbits[0])
            .index: self.circuit.find_bit(item.qubits[0])
            .index
            for item in self.circuit.data
            if item.operation.name == "measure"
        }
        return sorted(bits.items())


def read_program(
    source: str, inputs: Mapping[str, Any], labels: Sequence[int] | None
) -> Program:
    """Read a program.

    Parameters
    ----------
    source
        Its text.
    inputs
        Values of its ``input`` variables.
    labels
        Names of the qubits of the device, in order; None if it has no physical ones.

    Raises
    ------
    Refused
        It cannot be run; the message says why.

    Examples
    --------
    >>> program = read_program(
    ...     "OPENQASM 3.0; bit[2] b; qubit[2] q; h q[0]; cnot q[0], q[1]; "
    ...     "b[0] = measure q[1]; b[1] = measure q[0];",
    ...     {},
    ...     None,
    ... )
    >>> program.measured
    [(0, 1), (1, 0)]
    """
    pragmas = set(_PRAGMA.findall(source))
    if pragmas - {_VERBATIM}:
        raise Refused(f"unsupported pragma: {sorted(pragmas - {_VERBATIM})[0]:.80}")
    text = _PRAGMA.sub("", source)
    physical = _PHYSICAL.search(text) is not None
    head = f'OPENQASM 3.0; include "stdgates.inc"; {" ".join(GATES.values())}'
    if physical:
        if labels is None:
            raise Refused("the device has no physical qubits")
        if _VIRTUAL.search(text):
            raise Refused("physical and virtual qubits cannot be mixed")
        head += f" qubit[{len(labels)}] {_REGISTER};"
        text = _PHYSICAL.sub(lambda found: _named(int(found[1]), labels), text)
    text, headers = _HEADER.subn(lambda _: head, text, count=1)
    if not headers:
        raise Refused("a program begins with OPENQASM 3.0;")
    try:
        circuit = _unboxed(read_circuit(text, format="qasm3"))
    except CircuitSourceError as error:
        raise Refused(str(error)) from error
    return Program(_bound(circuit, inputs), physical, _VERBATIM in pragmas)


def _named(label: int, labels: Sequence[int]) -> str:
    if label not in labels:
        raise Refused(f"the device has no qubit {label}")
    return f"{_REGISTER}[{labels.index(label)}]"


def _unboxed(circuit: QuantumCircuit) -> QuantumCircuit:
    """The same instructions, without boxes around them, ``prx`` as Qiskit's own."""
    plain = circuit.copy_empty_like()
    for item in circuit.data:
        if item.operation.name == "box":
            (body,) = item.operation.blocks
            plain.compose(_unboxed(body), item.qubits, item.clbits, inplace=True)
        elif getattr(item.operation, "blocks", ()):
            raise Refused(f"{item.operation.name} is not emulated")
        elif item.operation.name == "prx":
            # The native gate is one gate, with the noise of one.
            plain.append(RGate(*item.operation.params), item.qubits)
        else:
            plain.append(item)
    return plain


def _bound(circuit: QuantumCircuit, inputs: Mapping[str, Any]) -> QuantumCircuit:
    missing = {each.name for each in circuit.parameters} - set(inputs)
    if missing:
        raise Refused(f"missing input variable '{sorted(missing)[0]}'")
    values = {each.name: inputs[each.name] for each in circuit.parameters}
    if not all(type(value) in (int, float) for value in values.values()):
        raise Refused("input variables must be numbers")
    bound: QuantumCircuit = circuit.assign_parameters(values)
    return bound

"""Circuits that measure in a way which every backend writes down alike.

Some backends leave out bits that were never measured, some sort outcomes by qubit, some
drop leading zeros. Where qubit and bit count upwards together and no bit is left over,
all of them write the same. So this is what a backend of unknown habits gets, and the
bits are put where they belong afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from qiskit import ClassicalRegister, QuantumCircuit

from quantumflow_lab.backends.counts import Counts
from quantumflow_lab.ports import Bits


@dataclass(frozen=True, slots=True)
class Straight:
    """A circuit, measured straight."""

    circuit: QuantumCircuit
    """The circuit to run."""
    bits: Bits
    """Which classical bit of the original each bit of it is; None for none."""

    def restored(self, counts: Counts) -> Counts:
        """Counts over the classical bits of the original."""
        found: Counts = {}
        for outcome, number in counts.items():
            ones = (bit for i, bit in enumerate(self.bits) if outcome >> i & 1)
            true = sum(1 << bit for bit in ones if bit is not None)
            found[true] = found.get(true, 0) + number
        return found


def sent_forms(
    forms: Sequence[Straight | None], circuits: Sequence[QuantumCircuit]
) -> tuple[tuple[Bits | None, int], ...]:
    """How circuits are measured in what is sent, for :class:`ports.Sent`.

    Parameters
    ----------
    forms
        What :func:`straight` gave for each of the circuits.
    circuits
        The circuits.
    """
    told = [
        None if form is None or form.circuit is circuit else form.bits
        for form, circuit in zip(forms, circuits, strict=True)
    ]
    return tuple((bits, len(list(alike))) for bits, alike in groupby(told))


def forms_sent(sent: Sequence[tuple[Bits | None, int]]) -> list[Straight | None]:
    """Circuits that were sent, as far as is known: how they measure, not their gates.

    Examples
    --------
    >>> crossed, plain = forms_sent([((3, 1), 1), (None, 1)])
    >>> crossed.restored({0b10: 7}), plain
    ({2: 7}, None)
    """
    found: list[Straight | None] = []
    for bits, count in sent:
        form = None
        if bits is not None:
            register = ClassicalRegister(len(bits), "bits")
            form = Straight(QuantumCircuit(register), bits)
        found += [form] * count
    return found


def straight(circuit: QuantumCircuit, *, whole: bool = False) -> Straight | None:
    """A circuit that gives the same counts with its measurements put in order.

    Parameters
    ----------
    circuit
        An ISA circuit, its parameters open or bound.
    whole
        Measure every qubit, for simulators that do so anyway.

    Returns
    -------
    Straight or None
        None if a bit is read, or a qubit or bit takes part in two measurements; if
        `whole`, also if something follows the measurement of a qubit.

    Examples
    --------
    >>> crossed = QuantumCircuit(2, 4)
    >>> _ = crossed.measure([0, 1], [3, 1])
    >>> straight(crossed).bits
    (3, 1)
    """
    measured = _measured(circuit, final=whole)
    if measured is None or circuit.num_identifiers:
        return None
    qubits = list(range(circuit.num_qubits)) if whole else sorted(measured)
    bits = tuple(measured.get(qubit) for qubit in qubits)
    if bits == tuple(range(circuit.num_clbits)):
        return Straight(circuit, bits)
    register = ClassicalRegister(len(bits), "bits")
    plain = QuantumCircuit(circuit.qubits, *circuit.qregs, register)
    plain.global_phase = circuit.global_phase
    places = dict(zip(qubits, register, strict=True))
    for item in circuit.data:
        if item.name == "measure":
            qubit = circuit.find_bit(item.qubits[0]).index
            plain._append(item.replace(clbits=[places.pop(qubit)]))
        else:
            plain._append(item)
    for qubit, bit in places.items():
        plain.measure(qubit, bit)
    return Straight(plain, bits)


def _measured(circuit: QuantumCircuit, *, final: bool) -> dict[int, int] | None:
    """Qubits and the bits into which they are measured, if each is so once."""
    found: dict[int, int] = {}
    for item in circuit.data:
        qubits = [circuit.find_bit(qubit).index for qubit in item.qubits]
        name = item.name
        if name == "measure":
            bit = circuit.find_bit(item.clbits[0]).index
            if qubits[0] in found or bit in found.values():
                return None
            found[qubits[0]] = bit
            continue
        late = final and name != "barrier" and not found.keys().isdisjoint(qubits)
        if late or item.clbits or getattr(item.operation, "blocks", ()):
            return None
    return found

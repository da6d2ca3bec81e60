"""Counts, the one form in which every backend's answer is read.

Backends write outcomes as hexadecimal or as bit strings, padded or not, with or without
spaces between registers, with or without the bits that were never measured. Here they
become integers whose bit *i* is classical bit *i* of the circuit, and from these a
``BitArray`` for each register.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives.containers import BitArray

from quantumflow_lab.backends.checks import instructions
from quantumflow_lab.errors import BackendFailed

if TYPE_CHECKING:
    from qiskit import QuantumCircuit

Counts = dict[int, int]


def read_counts(result: Any, index: int, circuit: QuantumCircuit) -> Counts:
    """The counts of one circuit of a result.

    Parameters
    ----------
    result
        What ``backend.run(...).result()`` gave.
    index
        Position of the circuit in the list that ran.
    circuit
        The circuit that ran.

    Returns
    -------
    dict
        Outcome, an integer over all classical bits, to the number of shots.

    Raises
    ------
    BackendFailed
        There are no counts, or their keys fit no register.
    """
    raw = _raw_counts(result, index)
    if not raw:
        raise BackendFailed(
            f"the backend returned no counts for a circuit{_instead(result, index)}"
        )
    try:
        return _as_integers(raw, circuit)
    except (TypeError, ValueError) as error:
        raise BackendFailed(f"the backend returned counts {raw!r:.80}") from error


def _raw_counts(result: Any, index: int) -> Any:
    data = _data(result, index)
    if "counts" in data:
        return data["counts"]
    try:
        return result.get_counts(index)
    except Exception as error:
        raise BackendFailed(
            "the backend returned no counts for a circuit: "
            f"{type(error).__name__}: {error}"
        ) from error


def _data(result: Any, index: int) -> Mapping[str, Any]:
    try:
        return dict(result.data(index))
    except Exception:  # noqa: BLE001 - foreign code; it may still have get_counts()
        return {}


def _instead(result: Any, index: int) -> str:
    for name in ("statevector", "unitary"):
        if _data(result, index).get(name) is not None:
            return f", only a {name}: take a backend that samples"
    return ""


def _as_integers(raw: Mapping[Any, Any], circuit: QuantumCircuit) -> Counts:
    counts: Counts = {}
    spread = _spread(raw, circuit)
    for key, number in raw.items():
        outcome = _outcome(key)
        if spread is not None:
            outcome = sum(1 << bit for i, bit in enumerate(spread) if outcome >> i & 1)
        if outcome >> circuit.num_clbits:
            raise BackendFailed(
                f"the backend returned outcome {key!r} for a circuit with "
                f"{circuit.num_clbits} classical bits"
            )
        counts[outcome] = counts.get(outcome, 0) + int(number)
    return counts


def _outcome(key: Any) -> int:
    if not isinstance(key, str):
        return int(key)
    text = key.replace(" ", "")
    return int(text, 16 if text.startswith("0x") else 2)


def _spread(raw: Mapping[Any, Any], circuit: QuantumCircuit) -> list[int] | None:
    """Classical bits to which the digits belong, if only measured ones were written."""
    if not all(isinstance(key, str) and not key.startswith("0x") for key in raw):
        return None
    lengths = {len(key.replace(" ", "")) for key in raw}
    measured = sorted(
        {
            circuit.find_bit(bit).index
            for item in circuit.data
            if item.name == "measure"
            for bit in item.clbits
        }
    )
    whole = lengths == {circuit.num_clbits} or lengths != {len(measured)}
    return None if whole or _is_dynamic(circuit) else measured


def _is_dynamic(circuit: QuantumCircuit) -> bool:
    return any(getattr(item.operation, "blocks", ()) for item in instructions(circuit))


def shots_matrix(
    counts: Counts, num_clbits: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Counts as single shots.

    Parameters
    ----------
    counts
        From :func:`read_counts`.
    num_clbits
        Classical bits of the circuit.
    rng
        Puts the shots into random order: counts have lost it, and a sorted order would
        bias whoever splits the shots into parts.

    Returns
    -------
    array of shape ``(shots, num_clbits)``
        Column *i* is classical bit *i*.
    """
    outcomes = bit_matrix(list(counts), num_clbits)
    rows = np.repeat(np.arange(len(counts)), list(counts.values()))
    rng.shuffle(rows)
    return outcomes[rows]


def bit_matrix(outcomes: list[int], num_bits: int) -> NDArray[np.uint8]:
    """Outcomes as bits, least significant first: shape ``(len(outcomes), num_bits)``.

    Examples
    --------
    >>> bit_matrix([1, 6], 3).tolist()
    [[1, 0, 0], [0, 1, 1]]
    """
    width = max(1, (num_bits + 7) // 8)
    data = b"".join(outcome.to_bytes(width, "little") for outcome in outcomes)
    packed = np.frombuffer(data, dtype=np.uint8).reshape(len(outcomes), width)
    return np.unpackbits(packed, axis=1, count=num_bits, bitorder="little")


def registers(
    circuit: QuantumCircuit, shots: NDArray[np.uint8]
) -> dict[str, NDArray[np.uint8]]:
    """Split single shots by register, packed as ``BitArray`` wants them.

    Returns
    -------
    dict
        Name of each register to an array of shape ``(shots, bytes)``.
    """
    return {
        register.name: _packed(
            shots[:, [circuit.find_bit(bit).index for bit in register]]
        )
        for register in circuit.cregs
    }


def _packed(bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # BitArray is big-endian: the last bit of the last byte is bit 0.
    return np.packbits(bits, axis=1, bitorder="little")[:, ::-1]


def bit_array(
    packed: list[NDArray[np.uint8]], shape: tuple[int, ...], num_bits: int
) -> BitArray:
    """Stack one register's shots of all parameter sets into a ``BitArray``.

    Parameters
    ----------
    packed
        One array of shape ``(shots, bytes)`` per parameter set, in flat order.
    shape
        Shape of the PUB, then the number of shots.
    num_bits
        Bits of the register.
    """
    array = np.zeros((*shape, (num_bits + 7) // 8), dtype=np.uint8)
    if packed:
        array[...] = np.stack(packed).reshape(array.shape)
    return BitArray(array, num_bits)

"""Calibration of a device as a map and tables show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from quantumflow_lab.explore.coupling import LARGEST, placed

Calibration = Mapping[str, Any]
"""What :func:`quantumflow_lab.backends.calibration.calibration` returns."""

_NO_WORK = frozenset({"id", "rz", "reset", "delay", "measure"})
"""Gates of one qubit that are no measure of how good it is."""


def device(
    calibration: Calibration | None, coupling: Iterable[tuple[int, int]], width: int
) -> dict[str, Any]:
    """Qubits, couplings and the places of both.

    Parameters
    ----------
    calibration
        As far as it is known.
    coupling
        Coupled qubits, in one direction or in both; empty where every pair may meet.
    width
        Number of qubits.
    """
    known = calibration or {}
    gates = known.get("gates", {})
    one, two = _gate(gates, 1), _gate(gates, 2)
    pairs = _pairs(gates.get(two, {}), coupling)
    width = max([width, len(known.get("qubits", ())), *(b + 1 for _, b in pairs)])
    drawn = bool(pairs) and width <= LARGEST
    places, aspect = placed(width, list(pairs)) if drawn else ([], 1.0)
    qubits = [_qubit(known, i, gates.get(one, {})) for i in range(width)]
    return {
        "one_qubit_gate": one,
        "two_qubit_gate": two,
        "places": [[round(x, 4), round(y, 4)] for x, y in places],
        "aspect": round(aspect, 4),
        "qubits": qubits if any(qubits) or places else [],
        "pairs": [{"a": a, "b": b, **told} for (a, b), told in pairs.items()],
    }


def coupling_in(calibration: Calibration) -> set[tuple[int, int]]:
    """Pairs that some gate of a calibration names."""
    return {
        (a, b)
        for places in calibration.get("gates", {}).values()
        for a, b in (_qubits(where) for where in places if where.count(",") == 1)
    }


def _gate(gates: Mapping[str, Mapping[str, Any]], qubits: int) -> str | None:
    """The gate of so many qubits that has errors for most of them; sx before others."""
    found = {}
    for name, places in gates.items():
        if name in _NO_WORK:
            continue
        errors = [
            told["error"]
            for where, told in places.items()
            if where.count(",") == qubits - 1 and "error" in told
        ]
        if errors:
            found[name] = -len(errors), median(errors) == 0, name != "sx", name
    return min(found, key=lambda name: found[name]) if found else None


def _qubits(where: str) -> tuple[int, ...]:
    return tuple(map(int, where.split(",")))


def _qubit(
    known: Calibration, index: int, gate: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """What is known of one qubit, in SI units and to four digits."""
    own = known.get("qubits", ())
    own = own[index] if index < len(own) else {}
    place = str(index)
    readout = known.get("gates", {}).get("measure", {}).get(place, {})
    found = {
        "t1": own.get("t1"),
        "t2": own.get("t2"),
        "readout": readout.get("error"),
        "readout_s": readout.get("duration"),
        "error": gate.get(place, {}).get("error"),
        "gate_s": gate.get(place, {}).get("duration"),
    }
    return _rounded(found)


def _pairs(
    gate: Mapping[str, Mapping[str, float]], coupling: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], dict[str, float]]:
    """Each pair once; of two directions the better one, which transpilers take."""
    found: dict[tuple[int, int], dict[str, float]] = {
        _sorted(pair): {} for pair in sorted(map(_sorted, coupling))
    }
    for where, told in gate.items():
        if where.count(",") != 1:
            continue
        a, b = _qubits(where)
        pair, new = _sorted((a, b)), _rounded({**told, "gate_s": told.get("duration")})
        new.pop("duration", None)
        old = found.get(pair) or {}
        if not old or new.get("error", 1.0) < old.get("error", 1.0):
            found[pair] = new
    return found


def _sorted(pair: tuple[int, int]) -> tuple[int, int]:
    return min(pair), max(pair)


def _rounded(values: Mapping[str, float | None]) -> dict[str, float]:
    return {k: float(f"{v:.4g}") for k, v in values.items() if v is not None}

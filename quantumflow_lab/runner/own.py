"""Copies for steps: what one point does to its arguments, no other point sees."""

from __future__ import annotations

from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit

_LARGE = 1 << 20
"""Bytes above which an array is lent for reading rather than copied."""


def own(value: Any) -> Any:
    """A value that a step may change without changing it for anybody else.

    Circuits, arrays and containers are copied, anything else is passed on. An array of
    more than 1 MiB is lent: writing into it raises ``ValueError``.

    Examples
    --------
    >>> shared = {"angles": [1.0, 2.0]}
    >>> own(shared)["angles"].append(3.0)
    >>> shared
    {'angles': [1.0, 2.0]}
    """
    if isinstance(value, QuantumCircuit):
        return value.copy()
    if type(value) is np.ndarray:
        return _own_array(value)
    if type(value) in (list, tuple, set):
        return type(value)(own(each) for each in value)
    if type(value) is dict:
        return {key: own(each) for key, each in value.items()}
    return value


def _own_array(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if array.nbytes <= _LARGE:
        return array.copy()
    lent = array.view()
    lent.flags.writeable = False
    return lent

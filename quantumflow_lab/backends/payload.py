"""How large a PUB is on its way to a provider."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from qiskit import qpy


def payload_of(pub: Any) -> int:
    """Bytes of one PUB: its circuit as QPY, its parameter values as 8-byte floats.

    Examples
    --------
    >>> from qiskit import QuantumCircuit
    >>> from qiskit.primitives.containers.sampler_pub import SamplerPub
    >>> 100 < payload_of(SamplerPub(QuantumCircuit(1))) < 2000
    True
    """
    buffer = BytesIO()
    qpy.dump(pub.circuit, buffer)
    values: int = sum(array.nbytes for array in pub.parameter_values.data.values())
    return buffer.tell() + values

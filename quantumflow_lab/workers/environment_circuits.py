"""Circuits as bytes that the Qiskit of another environment reads."""

from __future__ import annotations

import io
from collections.abc import Sequence

from qiskit import QuantumCircuit, qpy
from qiskit.qpy import common

from quantumflow_lab.delays import with_units
from quantumflow_lab.errors import NoCommonQpy
from quantumflow_lab.workers.environment_process import Environment


def common_qpy(reads: int, environment: Environment) -> int:
    """The newest QPY that this Qiskit writes and the other one reads.

    Raises
    ------
    NoCommonQpy
        There is none.
    """
    oldest: int = common.QPY_COMPATIBILITY_VERSION
    if reads < oldest:
        raise NoCommonQpy(
            f"{environment.python} reads QPY up to {reads}, this Qiskit writes "
            f"{oldest} and newer: type {environment.pip} --upgrade 'qiskit>=1.3'",
            reads=reads,
            writes=oldest,
        )
    return min(reads, int(common.QPY_VERSION))


def written(
    circuits: Sequence[QuantumCircuit], version: int, backend: str, there: str, pip: str
) -> bytes:
    """Circuits as QPY of a version.

    Parameters
    ----------
    backend
        Its name, for messages.
    there
        The version of Qiskit that reads it.
    pip
        How to install something there, up to its name.

    Raises
    ------
    NoCommonQpy
        If one cannot be written so.
    """
    buffer = io.BytesIO()
    try:
        bare = [with_units(_bare(each)) for each in circuits]
        qpy.dump(bare, buffer, version=version)
    except (qpy.QpyError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise NoCommonQpy(
            f"a circuit cannot be written for {backend}, whose Qiskit "
            f"{there} reads QPY {version}: {error}; update Qiskit "
            f"there ({pip} --upgrade qiskit), or do without what "
            "it names",
            version=version,
        ) from error
    return buffer.getvalue()


def _bare(circuit: QuantumCircuit) -> QuantumCircuit:
    """Without what running does not need and the other side may not know."""
    if not circuit.metadata and circuit.layout is None:
        return circuit
    bare = circuit.copy()
    bare.metadata = {}
    bare._layout = None
    return bare

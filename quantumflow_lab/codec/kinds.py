"""What is written for values of numpy, Qiskit, SciPy, Arrow, pandas and Matplotlib.

Nothing of theirs is imported before a value of that kind is read or written.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any

from quantumflow_lab.codec.media import (
    ARROW,
    NPY,
    PNG,
    QPY,
    Encoded,
    Image,
    not_storable,
)
from quantumflow_lab.errors import NotStorable


def _scalar_state(value: Any) -> Any:
    """A numpy scalar; as a JSON number where that is exact, so that SQL can read it."""
    kind, size = value.dtype.kind, value.dtype.itemsize
    if value.dtype.hasobject or kind == "V":
        raise not_storable(value)
    if kind in "biuUS" or (kind == "f" and size <= 8 and math.isfinite(value)):
        return {"d": value.dtype.str, "n": value.item()}
    return {"d": value.dtype.str, "b": value.tobytes()}


def _scalar(state: dict[str, Any]) -> object:
    import numpy as np

    kind = np.dtype(state["d"])
    if "n" in state:
        return kind.type(state["n"])
    return np.frombuffer(state["b"], dtype=kind)[0]


def _array_state(value: Any) -> Encoded:
    import numpy as np

    out = io.BytesIO()
    np.save(out, value, allow_pickle=False)
    return Encoded(NPY, out.getvalue())


def _array(data: bytes) -> object:
    import numpy as np

    return np.load(io.BytesIO(data), allow_pickle=False)


def _circuit_state(value: Any) -> Encoded:
    from quantumflow_lab.written import write_circuit

    return Encoded(QPY, write_circuit(value))


def _circuit(data: bytes) -> object:
    from quantumflow_lab.written import read_circuit

    return read_circuit(data)


def _observable_state(value: Any) -> list[Any]:
    if value.coeffs.dtype.hasobject:
        raise NotStorable(
            "cannot store a SparsePauliOp with parameters in its coefficients;"
            " bind them first with assign_parameters"
        )
    return [value.paulis.to_labels(), value.coeffs]


def _observable(state: list[Any]) -> object:
    from qiskit.quantum_info import SparsePauliOp

    return SparsePauliOp(state[0], coeffs=state[1])


def _statevector(state: list[Any]) -> object:
    from qiskit.quantum_info import Statevector

    return Statevector(state[0], dims=state[1])


def _density_matrix(state: list[Any]) -> object:
    from qiskit.quantum_info import DensityMatrix

    return DensityMatrix(state[0], dims=state[1])


def _operator(state: list[Any]) -> object:
    from qiskit.quantum_info import Operator

    return Operator(state[0], input_dims=state[1], output_dims=state[2])


def _pauli(label: str) -> object:
    from qiskit.quantum_info import Pauli

    return Pauli(label)


def _pauli_list(labels: list[str]) -> object:
    from qiskit.quantum_info import PauliList

    return PauliList(labels)


def _clifford(tableau: Any) -> object:
    from qiskit.quantum_info import Clifford

    return Clifford(tableau)


def _sparse_observable_state(value: Any) -> list[Any]:
    import numpy as np

    parts = (value.coeffs, value.bit_terms, value.indices, value.boundaries)
    return [value.num_qubits, *(np.array(part) for part in parts)]


def _sparse_observable(state: list[Any]) -> object:
    from qiskit.quantum_info import SparseObservable

    return SparseObservable.from_raw_parts(*state)


def _bit_array(state: list[Any]) -> object:
    from qiskit.primitives import BitArray

    return BitArray(state[0], num_bits=state[1])


def _data_bin(state: list[Any]) -> object:
    from qiskit.primitives import DataBin

    return DataBin(shape=state[0], **state[1])


def _pub_result(state: list[Any]) -> object:
    from qiskit.primitives import PubResult

    return PubResult(*state)


def _sampler_result(state: list[Any]) -> object:
    from qiskit.primitives import SamplerPubResult

    return SamplerPubResult(*state)


def _primitive_result(state: list[Any]) -> object:
    from qiskit.primitives import PrimitiveResult

    return PrimitiveResult(state[0], metadata=state[1])


def _optimize_result(state: dict[str, Any]) -> object:
    from scipy.optimize import OptimizeResult

    return OptimizeResult(state)


def _inverse_hessian(state: list[Any]) -> object:
    from scipy.optimize import LbfgsInvHessProduct

    return LbfgsInvHessProduct(*state)


def _table_state(value: Any) -> Encoded:
    import pyarrow as pa

    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, value.schema) as stream:
        stream.write_table(value)
    return Encoded(ARROW, out.getvalue().to_pybytes())


def _table(data: bytes) -> Any:
    import pyarrow as pa

    with pa.ipc.open_stream(data) as stream:
        return stream.read_all()


def _frame_state(value: Any) -> Any:
    """A frame whose Arrow table reads back as the same frame; mixed columns do not."""
    import pyarrow as pa

    table = pa.Table.from_pandas(value)
    if not table.to_pandas().equals(value):
        raise NotStorable(
            "cannot store this pandas.DataFrame without changing it;"
            " give each column one type"
        )
    return table


def _frame(table: Any) -> object:
    return table.to_pandas()


def _series_state(value: Any) -> list[Any]:
    return [value.to_frame("value"), value.name]


def _series(state: list[Any]) -> object:
    return state[0]["value"].rename(state[1])


def _figure_state(value: Any) -> Encoded:
    out = io.BytesIO()
    value.savefig(out, format="png", metadata={"Software": None})
    return Encoded(PNG, out.getvalue())


TYPES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "numpy.generic": ("scalar", _scalar_state),
    "numpy.ndarray": ("array", _array_state),
    "qiskit.circuit.quantumcircuit.QuantumCircuit": ("circuit", _circuit_state),
    "qiskit.quantum_info.operators.symplectic.sparse_pauli_op.SparsePauliOp": (
        "observable",
        _observable_state,
    ),
    "qiskit.quantum_info.states.statevector.Statevector": (
        "statevector",
        lambda value: [value.data, value.dims()],
    ),
    "qiskit.quantum_info.states.densitymatrix.DensityMatrix": (
        "density_matrix",
        lambda value: [value.data, value.dims()],
    ),
    "qiskit.quantum_info.operators.operator.Operator": (
        "operator",
        lambda value: [value.data, value.input_dims(), value.output_dims()],
    ),
    "qiskit.quantum_info.operators.symplectic.pauli.Pauli": (
        "pauli",
        lambda value: value.to_label(),
    ),
    "qiskit.quantum_info.operators.symplectic.pauli_list.PauliList": (
        "pauli_list",
        lambda value: value.to_labels(),
    ),
    "qiskit.quantum_info.operators.symplectic.clifford.Clifford": (
        "clifford",
        lambda value: value.tableau,
    ),
    "qiskit.quantum_info.SparseObservable": (
        "sparse_observable",
        _sparse_observable_state,
    ),
    "qiskit.primitives.containers.bit_array.BitArray": (
        "bit_array",
        lambda value: [value.array, value.num_bits],
    ),
    "qiskit.primitives.containers.data_bin.DataBin": (
        "data_bin",
        lambda value: [value.shape, dict(value.items())],
    ),
    "qiskit.primitives.containers.primitive_result.PrimitiveResult": (
        "primitive_result",
        lambda value: [list(value), value.metadata],
    ),
    "scipy.optimize._optimize.OptimizeResult": ("optimize_result", dict),
    "scipy.optimize._lbfgsb_py.LbfgsInvHessProduct": (
        "inverse_hessian",
        lambda value: [value.sk, value.yk],
    ),
    "pyarrow.lib.Table": ("table", _table_state),
    "pandas.DataFrame": ("frame", _frame_state),
    "pandas.Series": ("series", _series_state),
    "pandas.core.frame.DataFrame": ("frame", _frame_state),
    "pandas.core.series.Series": ("series", _series_state),
    "matplotlib.figure.Figure": ("figure", _figure_state),
    f"{Image.__module__}.Image": ("image", lambda value: Encoded(PNG, value.png)),
}
"""Tag and written state of a type, by its name; bytes need no tag."""

OPEN = frozenset(
    {
        "numpy.generic",
        "qiskit.circuit.quantumcircuit.QuantumCircuit",
        "scipy.optimize._optimize.OptimizeResult",
        "qiskit.primitives.containers.pub_result.PubResult",
        "matplotlib.figure.Figure",
    }
)
"""Types whose subclasses are stored as the type itself."""

TAGS: dict[str, Callable[[Any], object]] = {
    "scalar": _scalar,
    "observable": _observable,
    "statevector": _statevector,
    "density_matrix": _density_matrix,
    "operator": _operator,
    "pauli": _pauli,
    "pauli_list": _pauli_list,
    "clifford": _clifford,
    "sparse_observable": _sparse_observable,
    "bit_array": _bit_array,
    "data_bin": _data_bin,
    "pub_result": _pub_result,
    "sampler_result": _sampler_result,
    "primitive_result": _primitive_result,
    "optimize_result": _optimize_result,
    "inverse_hessian": _inverse_hessian,
    "frame": _frame,
    "series": _series,
}
"""How a tag's state becomes a value again."""

LEAVES: dict[str, Callable[[bytes], object]] = {
    NPY: _array,
    QPY: _circuit,
    ARROW: _table,
    PNG: Image,
}
"""How bytes of a media type become a value again."""

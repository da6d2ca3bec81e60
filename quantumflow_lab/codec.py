"""The values that can be stored, as bytes and back, without pickle.

==================  ================================================================
media               what it holds
==================  ================================================================
application/json    JSON values; other small ones as ``{"$": tag, "v": state}``
…tree+zip           the same with the large leaves beside it: ``tree.json``, ``0``, …
application/x-npy   one numpy array, ``allow_pickle=False``
…qpy                one circuit
…arrow.stream       one Arrow table
image/png           a figure; it comes back as :class:`Image`
==================  ================================================================

Types are recognised by name, so that nothing heavy is imported to find out.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import io
import json
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from quantumflow_lab.errors import NotStorable, StoreError

JSON = "application/json"
TREE = "application/vnd.qflow.tree+zip"
NPY = "application/x-npy"
QPY = "application/vnd.qiskit.qpy"
ARROW = "application/vnd.apache.arrow.stream"
PNG = "image/png"

_SMALL = 512
"""Bytes up to which a leaf stays in the JSON text."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value as bytes."""

    media: str
    """Media type, which says how to read them."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that a figure became; notebooks display it."""

    png: bytes
    """The file, PNG."""

    def _repr_png_(self) -> bytes:
        return self.png

    def __repr__(self) -> str:
        return f"Image({len(self.png)} bytes)"


def encode(value: object) -> Encoded:
    """Turn a value into bytes.

    Raises
    ------
    NotStorable
        If it, or something in it, has no place in the table above.

    Examples
    --------
    >>> encode({"t1": 1e-4, "shape": (2, 3)}).data
    b'{"t1":0.0001,"shape":{"$":"tuple","v":[2,3]}}'
    >>> kept = encode((1 + 2j, {"a"}))
    >>> decode(kept.media, kept.data)
    ((1+2j), {'a'})
    """
    packer = _Packer()
    try:
        tree = packer.pack(value)
        text = json.dumps(tree, allow_nan=False, separators=(",", ":")).encode()
    except RecursionError as error:
        raise NotStorable(
            "cannot store a value that contains itself or is nested too deeply;"
            " return a flatter one"
        ) from error
    if not packer.leaves:
        return Encoded(JSON, text)
    if isinstance(tree, dict) and tree.get("$") == "leaf":
        return packer.leaves[0]
    return Encoded(TREE, _zip(text, packer.leaves))


def decode(media: str, data: bytes) -> object:
    """Turn bytes back into the value.

    Raises
    ------
    StoreError
        If the media type is unknown, or the bytes are not of it.
    """
    if media not in _DECODERS:
        raise StoreError(
            f"cannot read a stored value of type {media!r}; a newer version wrote it:"
            " pip install -U quantumflow-lab"
        )
    try:
        return _DECODERS[media](data)
    except Exception as error:
        raise StoreError(
            f"a stored value of type {media!r} does not read: {error};"
            " run its step again with --fresh"
        ) from error


def _zip(text: bytes, leaves: list[Encoded]) -> bytes:
    """Uncompressed and dated 1980, so that equal values have equal bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("tree.json"), text)
        for number, leaf in enumerate(leaves):
            archive.writestr(zipfile.ZipInfo(str(number)), leaf.data)
    return out.getvalue()


def _unzip(data: bytes) -> object:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        tree = json.loads(archive.read("tree.json"))
        return _unpack(tree, archive.read)


class _Packer:
    """Makes the JSON tree of a value and puts its large leaves aside."""

    def __init__(self) -> None:
        self.leaves: list[Encoded] = []

    def pack(self, value: Any) -> Any:
        plain = _PLAIN.get(type(value))
        if plain is not None:
            return plain(self, value)
        for kind in type(value).__mro__:
            name = f"{kind.__module__}.{kind.__qualname__}"
            if name in _TYPES and (kind is type(value) or name in _OPEN):
                return self._pack_type(name, value)
        raise _not_storable(value)

    def _pack_type(self, name: str, value: Any) -> Any:
        tag, state = _TYPES[name]
        try:
            found = state(value)
        except NotStorable:
            raise
        except Exception as error:
            raise _not_storable(value, f": {error}") from error
        if isinstance(found, Encoded):
            return self._pack_leaf(found)
        return {"$": tag, "v": self.pack(found)}

    def _pack_leaf(self, leaf: Encoded) -> Any:
        if len(leaf.data) <= _SMALL and leaf.media == NPY:
            return {"$": "small", "media": leaf.media, "v": _text(leaf.data)}
        self.leaves.append(leaf)
        return {"$": "leaf", "media": leaf.media, "at": len(self.leaves) - 1}

    def pack_float(self, value: float) -> Any:
        return value if math.isfinite(value) else {"$": "float", "v": repr(value)}

    def pack_int(self, value: int) -> Any:
        # Other readers of JSON keep 64 bits, and Python's own has a limit of digits.
        return value if value.bit_length() < 64 else {"$": "int", "v": hex(value)}

    def pack_list(self, value: list[Any]) -> Any:
        return [self.pack(item) for item in value]

    def pack_dict(self, value: dict[Any, Any]) -> Any:
        if "$" not in value and all(type(key) is str for key in value):
            return {key: self.pack(item) for key, item in value.items()}
        pairs = [[self.pack(key), self.pack(item)] for key, item in value.items()]
        return {"$": "dict", "v": pairs}

    def pack_set(self, value: set[Any] | frozenset[Any]) -> Any:
        items = sorted((self.pack(item) for item in value), key=json.dumps)
        return {"$": type(value).__name__, "v": items}


def _tagged(tag: str, state: Callable[[Any], Any]) -> Callable[[_Packer, Any], Any]:
    return lambda packer, value: {"$": tag, "v": packer.pack(state(value))}


def _as_is(packer: _Packer, value: Any) -> Any:
    return value


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _not_storable(value: object, why: str = "") -> NotStorable:
    kind = type(value)
    return NotStorable(
        f"cannot store a {kind.__module__}.{kind.__qualname__}{why}; return numbers,"
        " numpy arrays, circuits, states, operators, results, tables, or lists and"
        " dicts of them",
        type=f"{kind.__module__}.{kind.__qualname__}",
    )


def _datetime_state(value: datetime.datetime) -> list[Any]:
    zone = value.tzinfo.key if isinstance(value.tzinfo, ZoneInfo) else None
    naive = value.replace(tzinfo=None) if zone else value
    return [naive.isoformat(), zone, value.fold]


def _datetime(state: list[Any]) -> datetime.datetime:
    text, zone, fold = state
    found = datetime.datetime.fromisoformat(text).replace(fold=fold)
    return found.replace(tzinfo=ZoneInfo(zone)) if zone else found


def _delta_state(value: datetime.timedelta) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


_PLAIN: dict[type, Callable[[_Packer, Any], Any]] = {
    type(None): _as_is,
    bool: _as_is,
    str: _as_is,
    int: _Packer.pack_int,
    float: _Packer.pack_float,
    list: _Packer.pack_list,
    dict: _Packer.pack_dict,
    set: _Packer.pack_set,
    frozenset: _Packer.pack_set,
    tuple: _tagged("tuple", list),
    complex: _tagged("complex", lambda value: [value.real, value.imag]),
    bytes: _tagged("bytes", _text),
    datetime.datetime: _tagged("datetime", _datetime_state),
    datetime.date: _tagged("date", datetime.date.isoformat),
    datetime.timedelta: _tagged("timedelta", _delta_state),
    decimal.Decimal: _tagged("decimal", str),
}


def _scalar_state(value: Any) -> Any:
    """A numpy scalar; as a JSON number where that is exact, so that SQL can read it."""
    kind, size = value.dtype.kind, value.dtype.itemsize
    if value.dtype.hasobject or kind == "V":
        raise _not_storable(value)
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


def _result_state(value: Any) -> list[Any]:
    """Data and metadata; what cannot be stored of the latter is left out by name."""
    kept, left = {}, []
    for key, item in value.metadata.items():
        try:
            if not _is_plain(item):
                encode(item)
        except NotStorable:
            left.append(key)
        else:
            kept[key] = item
    if left:
        kept["not_stored"] = left
    return [value.data, kept]


def _is_plain(value: Any, depth: int = 3) -> bool:
    """Whether a value is flat enough, and of JSON's types, to be stored for certain."""
    kind = type(value)
    if kind is dict and depth:
        return all(type(k) is str and _is_plain(v, depth - 1) for k, v in value.items())
    if kind is list and depth:
        return all(_is_plain(v, depth - 1) for v in value)
    return _PLAIN.get(kind) is _as_is or kind in (int, float)


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


_TYPES: dict[str, tuple[str, Callable[[Any], Any]]] = {
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
    "qiskit.primitives.containers.pub_result.PubResult": ("pub_result", _result_state),
    "qiskit.primitives.containers.sampler_pub_result.SamplerPubResult": (
        "sampler_result",
        _result_state,
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
    f"{__name__}.Image": ("image", lambda value: Encoded(PNG, value.png)),
}

_OPEN = frozenset(
    {
        "numpy.generic",
        "qiskit.circuit.quantumcircuit.QuantumCircuit",
        "scipy.optimize._optimize.OptimizeResult",
        "qiskit.primitives.containers.pub_result.PubResult",
        "matplotlib.figure.Figure",
    }
)
"""Types whose subclasses are stored as the type itself."""

_TAGS: dict[str, Callable[[Any], object]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": dict,
    "float": float,
    "int": lambda text: int(text, 16),
    "complex": lambda parts: complex(*parts),
    "bytes": base64.b64decode,
    "datetime": _datetime,
    "date": datetime.date.fromisoformat,
    "timedelta": lambda parts: datetime.timedelta(*parts),
    "decimal": decimal.Decimal,
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

_DECODERS: dict[str, Callable[[bytes], object]] = {
    JSON: lambda data: _unpack(json.loads(data), None),
    TREE: _unzip,
    NPY: _array,
    QPY: _circuit,
    ARROW: _table,
    PNG: Image,
}


def _unpack(tree: Any, read: Callable[[str], bytes] | None) -> Any:
    if isinstance(tree, list):
        return [_unpack(item, read) for item in tree]
    if not isinstance(tree, dict):
        return tree
    tag = tree.get("$")
    if tag is None:
        return {key: _unpack(item, read) for key, item in tree.items()}
    if tag == "small":
        return _DECODERS[tree["media"]](base64.b64decode(tree["v"]))
    if tag == "leaf" and read is not None:
        return _DECODERS[tree["media"]](read(str(tree["at"])))
    return _TAGS[tag](_unpack(tree["v"], read))

"""Backends the lab knows without being told: their names, and how each is made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qiskit.providers import BackendV2

AER_METHODS = {
    "aer": "automatic",
    "aer_statevector": "statevector",
    "aer_density_matrix": "density_matrix",
    "aer_mps": "matrix_product_state",
    "aer_stabilizer": "stabilizer",
}
"""Name of each Aer backend and the simulation method it stands for."""

GENERIC = re.compile(r"generic_([1-9][0-9]{0,2})")
"""``generic_5``: a 5-qubit device of :class:`GenericBackendV2` with made-up noise."""

GENERIC_SEED = 42
"""Seed of the made-up noise, so that ``generic_5`` is the same device everywhere."""

_GENERIC_SHOWN = ("generic_5", "generic_16", "generic_27")
_FAKES = "qiskit_ibm_runtime.fake_provider.backends"


def builtin_names() -> list[str]:
    """Names for completion, sorted; nothing heavy is imported.

    Examples
    --------
    >>> names = builtin_names()
    >>> [name for name in names if name.startswith("aer")]
    ['aer', 'aer_density_matrix', 'aer_mps', 'aer_stabilizer', 'aer_statevector']
    >>> "fake_manila" in names
    True
    """
    names = {*AER_METHODS, "basic_simulator", *_GENERIC_SHOWN, *_fake_names()}
    return sorted(names)


def is_builtin(name: str) -> bool:
    """Whether :func:`make` knows the name.

    Examples
    --------
    >>> is_builtin("generic_7"), is_builtin("fake_atlantis")
    (True, False)
    """
    return (
        name in AER_METHODS
        or name == "basic_simulator"
        or GENERIC.fullmatch(name) is not None
        or name in _fake_names()
    )


@cache
def builtin_qubits(name: str) -> int | None:
    """Width of a built-in device, without importing it; None for a simulator.

    Examples
    --------
    >>> [builtin_qubits(name) for name in ("fake_manila", "generic_7", "aer")]
    [5, 7, None]
    """
    if (match := GENERIC.fullmatch(name)) is not None:
        return int(match[1])
    device = name.removeprefix("fake_")
    if name not in _fake_names() or (folder := _fakes_folder()) is None:
        return None
    told = (folder / device / f"conf_{device}.json").read_text(encoding="utf-8")
    found = re.search(r'"n_qubits":\s*([0-9]+)', told)
    return None if found is None else int(found[1])


def make(name: str) -> BackendV2:
    """Build the backend of a name for which :func:`is_builtin` is true."""
    if name in AER_METHODS:
        from qiskit_aer import AerSimulator

        return AerSimulator(method=AER_METHODS[name])
    if name == "basic_simulator":
        from qiskit.providers.basic_provider import BasicSimulator

        return BasicSimulator()
    if (match := GENERIC.fullmatch(name)) is not None:
        from qiskit.providers.fake_provider import GenericBackendV2

        return GenericBackendV2(int(match[1]), seed=GENERIC_SEED)
    return _make_fake(name)


def _make_fake(name: str) -> BackendV2:
    module = import_module(f"{_FAKES}.{name.removeprefix('fake_')}")
    for value in vars(module).values():
        if isinstance(value, type) and getattr(value, "backend_name", None) == name:
            backend: BackendV2 = value()
            return backend
    raise LookupError(f"{module.__name__} has no device called {name}")


@cache
def _fake_names() -> frozenset[str]:
    return frozenset(_find_fakes())


def _find_fakes() -> Iterator[str]:
    folder = _fakes_folder()
    for path in () if folder is None else folder.iterdir():
        if (path / f"fake_{path.name}.py").exists():
            yield f"fake_{path.name}"


def _fakes_folder() -> Path | None:
    # Listing the folder costs nothing; importing the devices costs more than a second.
    spec = find_spec("qiskit_ibm_runtime")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "fake_provider" / "backends"

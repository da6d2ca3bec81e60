"""A backend as it travels to a worker: by its name, or pickled with its code."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cloudpickle

from quantumflow_lab.backends.names import make
from quantumflow_lab.fingerprint import is_local

if TYPE_CHECKING:
    from qiskit.providers import BackendV2


@dataclass(frozen=True, slots=True)
class BackendSpec:
    """A backend as it travels to a worker."""

    name: str
    """Name under which the lab knows it."""
    key: str
    """Content key: a worker that holds a backend of this key needs no other."""
    payload: bytes | None = None
    """The pickled object; None for a built-in, which is rebuilt from its name."""

    def load(self) -> BackendV2:
        """Build the backend, in this process."""
        if self.payload is None:
            return make(self.name)
        # Only ever made by a registry, in a process of the same user.
        backend: BackendV2 = pickle.loads(self.payload)  # noqa: S301
        return backend


def pickled(backend: object) -> bytes | None:
    """The bytes of a backend, or None if it does not survive the round trip."""
    with _by_value(type(backend)):
        payload = _survivor(backend)
    # A class that refers to what cannot be pickled may still go by its name.
    return payload or _survivor(backend)


def _survivor(backend: object) -> bytes | None:
    # Third-party pickling raises whatever it likes (TypeError, AttributeError,
    # RuntimeError from C++), and any failure means the same: not portable.
    try:
        payload: bytes = cloudpickle.dumps(backend)
        pickle.loads(payload)  # noqa: S301 - made in the line above
    except Exception:  # noqa: BLE001
        return None
    return payload


@contextmanager
def _by_value(kind: type) -> Iterator[None]:
    """Pickle classes of the user's own modules with their code.

    By name alone, a worker would run the code that it has imported once, and a key
    would not see an edit.
    """
    modules = {sys.modules.get(each.__module__) for each in kind.__mro__}
    listed = cloudpickle.list_registry_pickle_by_value()
    own = [
        module
        for module in modules
        if module is not None
        and module.__name__ not in listed | {"__main__"}
        and is_local(module)
    ]
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)

"""How a backend is made in plain Qiskit, as text for a script of its own."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quantumflow_lab.backends.facts import is_aer, is_basic, is_fake, is_ibm_device
from quantumflow_lab.backends.names import AER_METHODS, GENERIC, GENERIC_SEED
from quantumflow_lab.backends.plugins import find_plugin


@dataclass(frozen=True, slots=True)
class Constructor:
    """What to write for one backend."""

    expression: str
    """Python that makes it."""
    imports: tuple[str, ...]
    """Statements that the expression needs."""
    device: bool = False
    """True for one that takes circuits through the primitives of IBM's runtime."""
    parts: Mapping[str, bytes] = field(default_factory=dict)
    """Pickled values by the keyword they are given for; the expression lacks them."""


def constructor(name: str, backend: Any) -> Constructor | None:
    """How to make a backend; None if nobody can tell from looking at it.

    An account is never part of it: a device of IBM is asked for through the account
    that ``QiskitRuntimeService`` has saved.

    Parameters
    ----------
    name
        Name under which the lab knows it.
    backend
        The backend.

    Examples
    --------
    >>> from quantumflow_lab.backends.names import make
    >>> constructor("aer_mps", make("aer_mps")).expression
    'AerSimulator(method="matrix_product_state")'
    """
    if is_ibm_device(getattr(backend, "backend", backend)):
        return _ibm(backend)
    if is_aer(backend):
        return _aer(backend)
    if is_basic(backend):
        found = "from qiskit.providers.basic_provider import BasicSimulator"
        return Constructor("BasicSimulator()", (found,))
    if is_fake(backend):
        kind = type(backend).__name__
        found = f"from qiskit_ibm_runtime.fake_provider import {kind}"
        return Constructor(f"{kind}()", (found,))
    if (match := GENERIC.fullmatch(name)) is not None:
        found = "from qiskit.providers.fake_provider import GenericBackendV2"
        made = f"GenericBackendV2({match[1]}, seed={GENERIC_SEED})"
        return Constructor(made, (found,))
    if (plugin := find_plugin(name)) is not None:
        module, _, factory = plugin.value.partition(":")
        first = factory.partition(".")[0]
        return Constructor(f"{factory}()", (f"from {module} import {first}",))
    return None


def _ibm(backend: Any) -> Constructor:
    found = "from qiskit_ibm_runtime import QiskitRuntimeService"
    made = f'QiskitRuntimeService().backend("{backend.name}")'
    return Constructor(made, (found,), device=True)


def _aer(backend: Any) -> Constructor | None:
    kind = type(backend)
    if _limited(backend):
        return None
    usual = vars(kind().options)
    changed = {k: v for k, v in vars(backend.options).items() if v != usual.get(k)}
    named = next((n for n in AER_METHODS.values() if n == changed.get("method")), None)
    if changed.get("method", named) != named:
        return None
    noise = changed.pop("noise_model", None)
    parts = {} if noise is None else {"noise_model": pickle.dumps(noise)}
    plain = (str, int, float, bool)
    if not all(v is None or isinstance(v, plain) for v in changed.values()):
        return None
    words = [f"{k}={_text(v)}" for k, v in changed.items()]
    found = f"from qiskit_aer import {kind.__name__}"
    made = f"{kind.__name__}({', '.join(words)})"
    return Constructor(made, (found,), parts=parts)


def _limited(backend: Any) -> bool:
    """Whether it was given the wires or gates of a device, which no option tells."""
    named = "from" in backend.name
    return named or backend.coupling_map is not None


def _text(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)

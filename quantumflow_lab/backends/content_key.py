"""Equal keys for backends that give equal results, in this process and the next."""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.transpiler import Target

from quantumflow_lab.backends.facts import is_aer, is_fake, is_generic
from quantumflow_lab.backends.target_key import target_key
from quantumflow_lab.fingerprint import is_local

if TYPE_CHECKING:
    from qiskit.providers import BackendV2

_PACKAGES = ("qiskit", "qiskit-aer", "qiskit-ibm-runtime", "quantumflow-lab")
"""Whose versions change what a backend gives."""

_PASSING = {"property_set", "requires", "preserves", "_hash"}
"""What a transpiler pass keeps of its last run, or of this process."""


def content_key(backend: BackendV2, spec_key: str) -> str | None:
    """The key of a backend, or None if it has none that another process would find.

    Parameters
    ----------
    backend
        Any backend.
    spec_key
        What the registry knows it by: ``builtin:NAME``, ``sha256:…`` of its pickled
        bytes, or ``object:…`` if it cannot be pickled.
    """
    if spec_key.startswith("object:") or getattr(backend, "code_is_elsewhere", False):
        return None
    what = None
    if not is_local(sys.modules.get(type(backend).__module__)):
        # The code of the user's own class is in its pickled bytes alone.
        what = _simulator(backend) if is_aer(backend) else None
        if what is None and (is_fake(backend) or is_generic(backend)):
            what = f"{type(backend).__qualname__} {target_key(backend.target)}"
    parts = [what or spec_key, *map(_version, _PACKAGES)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _simulator(backend: BackendV2) -> str | None:
    """An Aer simulator by its options: its pickled bytes have random ids in them."""
    options: dict[str, Any] = dict(vars(backend.options))
    model = options.pop("noise_model", None)
    try:
        about = [sorted(options.items()), None if model is None else noise_key(model)]
        text = json.dumps(about, default=_plain)
    except (TypeError, ValueError):
        return None
    return f"{type(backend).__qualname__} {text} {target_key(backend.target)}"


def noise_key(model: Any) -> str:
    """SHA-256 of a noise model, whatever the ids and the order of its errors.

    Parameters
    ----------
    model
        A :class:`qiskit_aer.noise.NoiseModel`.

    Raises
    ------
    ValueError
        If one of its noise passes has something without a lasting form.
    """
    errors = model.to_dict(serializable=True)["errors"]
    for error in errors:
        error.pop("id", None)
    lines = sorted(json.dumps(error, sort_keys=True) for error in errors)
    passes = [_pass(each) for each in model._custom_noise_passes]
    return hashlib.sha256("\n".join([*lines, *passes]).encode()).hexdigest()


def _pass(noise: Any) -> str:
    """A noise pass by what it is made with."""
    made = {k: _plain(v) for k, v in sorted(vars(noise).items()) if k not in _PASSING}
    return f"{type(noise).__qualname__} {made}"


def _plain(value: Any) -> str:
    if isinstance(value, Target):
        return target_key(value)
    if isinstance(value, np.ndarray):
        return repr(value.tolist())
    text = getattr(value, "__qualname__", repr(value))
    if " at 0x" in text:
        raise ValueError("an object without a representation shows its address")
    return str(text)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""

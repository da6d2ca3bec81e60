"""Whether a worker can exchange values with us: a decision about version numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PACKAGES = ("quantumflow_lab", "qiskit", "qiskit_aer", "cloudpickle", "numpy")
"""What is asked for, beside Python."""
_COUNTS = {"python": 2, "quantumflow_lab": 2}
"""How many numbers of a version have to agree; of others the first."""
_OPTIONAL = ("qiskit_aer",)
"""Without which a worker still runs steps."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to say of one worker's versions."""

    refused: tuple[str, ...] = ()
    """Differences with which values would not arrive."""
    told: tuple[str, ...] = ()
    """Differences that may matter."""


def judge(ours: Mapping[str, str | None], theirs: Mapping[str, str | None]) -> Verdict:
    """Compare the versions of two processes.

    Bytecode of functions holds for one minor version of Python; classes move between
    major versions of packages, ours between minor ones.

    Examples
    --------
    >>> judge({"python": "3.11.7", "numpy": "2.4.6"},
    ...       {"python": "3.12.1", "numpy": "2.4.1"})
    Verdict(refused=('python 3.12.1 there, 3.11.7 here',), \
told=('numpy 2.4.1 there, 2.4.6 here',))
    """
    refused: list[str] = []
    told: list[str] = []
    for name in ("python", *PACKAGES):
        here, there = ours.get(name), theirs.get(name)
        if here == there or here is None:
            continue
        words = f"{name} {_short(there)} there, {_short(here)} here"
        if there is None:
            (told if name in _OPTIONAL else refused).append(words)
        elif _first(here, name) != _first(there, name):
            refused.append(words)
        else:
            told.append(words)
    return Verdict(tuple(refused), tuple(told))


def _first(version: str, name: str) -> list[str]:
    return version.split(".")[: _COUNTS.get(name, 1)]


def _short(version: str | None) -> str:
    return "missing" if version is None else version.removesuffix(".final.0")

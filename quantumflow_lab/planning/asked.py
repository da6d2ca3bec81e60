"""The options of one run, as its user gave them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from quantumflow_lab.errors import BadOption
from quantumflow_lab.magic_line import parse_magic_line
from quantumflow_lab.options import check_value, integer, shown


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run was asked for; None where nothing was said."""

    backend: tuple[Any, ...] = ()
    """Names or objects; none leaves it to the settings."""
    shots: int | None = None
    precision: float | None = None
    seed: int | None = None
    set: Mapping[str, Any] = field(default_factory=dict)
    """Values in the place of assignments and axes."""

    def __post_init__(self) -> None:
        check_value("shots", self.shots)
        check_value("precision", self.precision)
        seed = self.seed
        if seed is not None and (integer(seed) is None or not 0 <= seed < 2**63):
            raise BadOption(
                f"seed must be a whole number from 0 to 2**63 - 1, not {shown(seed)}"
            )

    def over(self, other: Asked) -> Asked:
        """These options, and those of `other` where nothing was said here.

        Examples
        --------
        >>> Asked(shots=10).over(Asked(shots=20, seed=1))
        Asked(backend=(), shots=10, precision=None, seed=1, set={})
        """
        return replace(
            self,
            backend=self.backend or other.backend,
            shots=other.shots if self.shots is None else self.shots,
            precision=other.precision if self.precision is None else self.precision,
            seed=other.seed if self.seed is None else self.seed,
            set={**other.set, **self.set},
        )


def asked_in(text: str) -> Asked:
    """Options of the magic line that the text of a cell begins with, if it has one.

    Examples
    --------
    >>> asked_in("%%qflow bell --shots 100 --seed 7").seed
    7
    >>> asked_in("@qf.step").shots is None
    True
    """
    first = text.lstrip().partition("\n")[0]
    if not first.startswith("%%qflow"):
        return Asked()
    line = parse_magic_line(first)
    return Asked(line.backend, line.shots, line.precision, line.seed, dict(line.set))


def listed(backend: object) -> tuple[Any, ...]:
    """One backend or several, given by name or as objects, as a tuple."""
    if backend is None:
        return ()
    return tuple(backend) if isinstance(backend, list | tuple) else (backend,)

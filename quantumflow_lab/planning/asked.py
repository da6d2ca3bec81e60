"""The options of one run, as its user gave them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from quantumflow_lab.amounts import Money, money, seconds
from quantumflow_lab.cell.magic_line import (
    EXECUTORS,
    MODES,
    POLICIES,
    is_executor,
    parse_magic_line,
)
from quantumflow_lab.cell.options import check_value, integer, shown
from quantumflow_lab.errors import BadOption, did_you_mean


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run was asked for; None where nothing was said."""

    backend: tuple[Any, ...] = ()
    """Names or objects; none leaves it to the settings."""
    among: tuple[Any, ...] = ()
    """Names or objects of which each step uses one."""
    policy: str | None = None
    """``cheapest``, ``fastest`` or ``balanced``, the default."""
    mode: str | None = None
    """``job``, the default, ``batch`` or ``session``: how a device takes the jobs."""
    deadline: float | str | None = None
    """Seconds after the start, or a duration such as ``10 min``."""
    budget: Money | str | None = None
    """Most that the run may cost, such as ``20 USD``."""
    shots: int | None = None
    precision: float | None = None
    seed: int | None = None
    set: Mapping[str, Any] = field(default_factory=dict)
    """Values in the place of assignments and axes."""
    fresh: bool | str = False
    """True to take no result of another run, or the step from which on."""
    executor: str | None = None
    """``local``, the default, ``dask`` or ``dask:ADDRESS``."""

    def __post_init__(self) -> None:
        check_value("shots", self.shots)
        check_value("precision", self.precision)
        self._check_choice()
        seed = self.seed
        if seed is not None and (integer(seed) is None or not 0 <= seed < 2**63):
            raise BadOption(
                f"seed must be a whole number from 0 to 2**63 - 1, not {shown(seed)}"
            )

    def _check_choice(self) -> None:
        if self.executor is not None and not is_executor(self.executor):
            raise BadOption(
                f"executor must be {EXECUTORS}, not {shown(self.executor)}",
                option="executor",
            )
        if self.policy is not None and self.policy not in POLICIES:
            hint = did_you_mean(str(self.policy), POLICIES)
            raise BadOption(f"policy cannot be {shown(self.policy)}{hint}")
        if self.mode is not None and self.mode not in MODES:
            hint = did_you_mean(str(self.mode), MODES) or f"; write {', '.join(MODES)}"
            raise BadOption(f"mode cannot be {shown(self.mode)}{hint}", option="mode")
        if self.deadline is not None and seconds(self.deadline) is None:
            raise BadOption(
                "deadline must be a duration such as 600 or '10 min', not "
                f"{shown(self.deadline)}"
            )
        if self.budget is not None and money(self.budget) is None:
            raise BadOption(
                "budget must be money such as '20 USD', seconds of a device such as "
                f"'2 min', or 'unlimited', not {shown(self.budget)}"
            )
        if self.among and self.backend:
            raise BadOption(
                "backend= runs on all its backends, among= on one of them; give one of "
                "the two"
            )

    def over(self, other: Asked) -> Asked:
        """These options, and those of `other` where nothing was said here.

        Examples
        --------
        >>> asked = Asked(shots=10).over(Asked(shots=20, seed=1))
        >>> asked.shots, asked.seed
        (10, 1)
        """
        silent = not self.backend and not self.among
        return replace(
            self,
            backend=other.backend if silent else self.backend,
            among=other.among if silent else self.among,
            policy=self.policy or other.policy,
            mode=self.mode or other.mode,
            deadline=other.deadline if self.deadline is None else self.deadline,
            budget=other.budget if self.budget is None else self.budget,
            shots=other.shots if self.shots is None else self.shots,
            precision=other.precision if self.precision is None else self.precision,
            seed=other.seed if self.seed is None else self.seed,
            set={**other.set, **self.set},
            fresh=self.fresh or other.fresh,
            executor=self.executor or other.executor,
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
    return Asked(
        backend=line.backend,
        among=line.among,
        policy=line.policy,
        mode=line.mode,
        deadline=line.deadline,
        budget=line.budget,
        shots=line.shots,
        precision=line.precision,
        seed=line.seed,
        set=dict(line.set),
        fresh=line.fresh,
        executor=line.executor,
    )


def listed(backend: object) -> tuple[Any, ...]:
    """One backend or several, given by name or as objects, as a tuple."""
    if backend is None:
        return ()
    return tuple(backend) if isinstance(backend, list | tuple) else (backend,)

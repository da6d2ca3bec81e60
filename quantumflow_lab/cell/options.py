"""The options a step can have: which kinds take them, and the values they allow.

One table serves the reader of cells, the decorators, the check before a run, and the
completer.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from quantumflow_lab.errors import (
    BadOption,
    BadPrecision,
    BadShots,
    QuantumFlowError,
    UnknownOption,
    Where,
    did_you_mean,
)

MOST_SHOTS = 10**9
"""More than any backend takes; the backend's own limit is checked before a run."""

QUANTUM = ("sample", "estimate", "step")
ALL = ("circuit", "observable", *QUANTUM)


@dataclass(frozen=True, slots=True)
class OptionRule:
    """One row of the table."""

    name: str
    kinds: tuple[str, ...]
    """Kinds of step that take it."""
    check: Callable[[Any], str | None]
    """What a value has to be, if this one is not it."""
    help: str
    """One line for completion and documentation."""
    error: type[QuantumFlowError] = BadOption


def shown(value: object) -> str:
    """A value as it appears in a message, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def integer(value: object) -> int | None:
    """The value as an int, or None if it is none; truth values are not numbers."""
    # numpy.bool_ is refused by operator.index, Python's bool is not.
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]  # asking is the point
    except TypeError:
        return None


def real(value: object) -> float | None:
    """The value as a float, or None if it is no real number."""
    if isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__"):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def check_shots(value: object) -> str | None:
    """What shots have to be, if these are not."""
    number = integer(value)
    if number is None or not 1 <= number <= MOST_SHOTS:
        return f"a whole number from 1 to {MOST_SHOTS}, such as 1000"
    return None


LEAST_PRECISION = 1e-7
"""Below it nobody could count the shots, of which there are its inverse squared."""


def check_precision(value: object) -> str | None:
    """What a precision has to be, if this one is not."""
    number = real(value)
    if number is None or not math.isfinite(number) or number < 0:
        return "a finite number of at least 0, such as 0.01"
    if 0 < number < LEAST_PRECISION:
        return f"0, or at least {LEAST_PRECISION:g}, such as 0.01"
    return None


def _check_backend(value: object) -> str | None:
    names = value if isinstance(value, (list, tuple)) else [value]
    if not names:
        return "a name or a list of at least one name"
    if all(_is_backend(each) for each in names):
        return None if len(set(map(id, names))) == len(names) else "without repetition"
    return 'a name such as "aer", a list of names, or a BackendV2'


def _is_backend(value: object) -> bool:
    return (isinstance(value, str) and bool(value.strip())) or is_backend(value)


def is_backend(value: object) -> bool:
    """Whether a value is a Qiskit backend; told by its classes, without Qiskit."""
    names = {kind.__name__ for kind in type(value).__mro__}
    return bool(names & {"BackendV2", "BackendV1"})


def _between(low: int, high: int) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        number = integer(value)
        inside = number is not None and low <= number <= high
        return None if inside else f"a whole number from {low} to {high}"

    return check


def _check_timeout(value: object) -> str | None:
    number = real(value)
    good = number is not None and math.isfinite(number) and number > 0
    return None if good else "seconds, more than 0, such as 60"


def _check_flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "True or False"


def _check_mapping(value: object) -> str | None:
    good = isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
    return None if good else 'a dict with names as keys, such as {"key": 1}'


def _check_names(value: object) -> str | None:
    names = value if isinstance(value, (list, tuple)) else [value]
    good = names and all(isinstance(each, str) and each for each in names)
    return None if good else "the name of an axis, or a list of names"


def _check_name(value: object) -> str | None:
    return None if isinstance(value, str) and value else "the name of a need"


RULES = (
    OptionRule("backend", QUANTUM, _check_backend, "backend, or a list: an axis"),
    OptionRule("shots", QUANTUM, check_shots, "shots of each circuit", BadShots),
    OptionRule(
        "precision",
        ("estimate", "step"),
        check_precision,
        "standard error to reach; 0 is exact on simulators",
        BadPrecision,
    ),
    OptionRule(
        "optimization_level", QUANTUM, _between(0, 3), "of the transpiler, 0 to 3"
    ),
    OptionRule(
        "transpile",
        QUANTUM,
        _check_mapping,
        "arguments of generate_preset_pass_manager",
    ),
    OptionRule("options", QUANTUM, _check_mapping, "run options of the primitive"),
    OptionRule("over", ALL, _check_names, "axes whose values arrive together"),
    OptionRule("map", ALL, _check_name, "need to run over, element by element"),
    OptionRule(
        "calls",
        ("step",),
        _between(1, 10**9),
        "most calls of the sampler and estimator, and the estimate of their number",
    ),
    OptionRule("retries", ALL, _between(0, 100), "further tries after a failure"),
    OptionRule("timeout", ALL, _check_timeout, "most seconds for one point"),
    OptionRule("cache", ALL, _check_flag, "False never takes an earlier result"),
    OptionRule("partial", ALL, _check_flag, "True runs although points have failed"),
)
BY_NAME = {rule.name: rule for rule in RULES}


def option_names(kind: str) -> tuple[str, ...]:
    """Options that a kind of step takes, in the order of the documentation."""
    return tuple(rule.name for rule in RULES if kind in rule.kinds)


def check_name(kind: str, name: str, *, where: Where | None = None) -> None:
    """Refuse an option that a kind of step does not take.

    Raises
    ------
    UnknownOption
        Naming the nearest one.
    """
    if name in option_names(kind):
        return
    if name == "precision" and kind == "sample":
        message = "a sample step takes shots, not a precision"
    elif name in BY_NAME:
        message = f"{_a(kind)} step has no option '{name}'; {_takers(name)}"
    else:
        hint = did_you_mean(name, option_names(kind))
        message = f"{_a(kind)} step has no option '{name}'{hint}"
    raise UnknownOption(message, where=where, option=name, kind=kind)


def _takers(name: str) -> str:
    *most, last = BY_NAME[name].kinds
    kinds = " and ".join(filter(None, [", ".join(most), last]))
    return f"steps of kind {kinds} have it"


def check_value(name: str, value: object, *, where: Where | None = None) -> None:
    """Refuse a value that an option cannot have; None stands for not given.

    Raises
    ------
    BadShots, BadPrecision, BadOption
        Saying what the value has to be.
    """
    if value is None:
        return
    rule = BY_NAME[name]
    if wanted := rule.check(value):
        refuse(rule, name, wanted, value, where=where)


def refuse(
    rule: OptionRule,
    label: str,
    wanted: str,
    value: object,
    *,
    where: Where | None = None,
) -> NoReturn:
    """Raise the rule's own error for a value."""
    message = f"{label} must be {wanted}; this is {shown(value)}"
    raise rule.error(message, where=where, option=rule.name, value=shown(value))


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"

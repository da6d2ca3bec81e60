"""``qf.circuit``, ``qf.sample`` and the others, and ``qf.axis``.

They work alike in a cell, a notebook and a module: a decorated function is a
:class:`StepFunction`, which still is the plain function when called.
"""

from __future__ import annotations

import cmath
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Any, overload

from quantumflow_lab.cell.options import check_name, check_value, shown
from quantumflow_lab.errors import BadAxis, BadDecorator
from quantumflow_lab.workflow import Kind


@dataclass(frozen=True, slots=True)
class Axis:
    """Values that a step runs over, one point each."""

    values: tuple[Any, ...]
    unit: str | None = None
    """Unit of the values, for labels, such as ``s``."""
    name: str = field(default="", compare=False)
    """Name in the cell; filled in when the cell is bound."""

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)


MOST_VALUES = 10_000_000
"""Values of an axis; each is kept in memory."""


def axis(values: Iterable[Any], unit: str | None = None) -> Axis:
    """Declare values that steps run over, one point each.

    Parameters
    ----------
    values
        A list, tuple, range or array of at least one value. Numbers of numpy become
        Python's; the rows of an array of shape ``(n, m)`` become ``n`` tuples.
    unit
        Unit of the values, for labels.

    Raises
    ------
    BadAxis
        If there is no value, the values have no order, one of them is nan or comes
        twice, or there are too many.

    Examples
    --------
    >>> axis([0, 1, 2], unit="s")
    Axis(values=(0, 1, 2), unit='s', name='')
    """
    if isinstance(values, Axis):
        return Axis(values.values, values.unit if unit is None else unit)
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise _not_a_list(values)
    if isinstance(values, (set, frozenset)):
        raise BadAxis("a set has no order; write qf.axis(sorted(values))")
    if unit is not None and not isinstance(unit, str):
        raise BadAxis(f"the unit of an axis is text such as 's'; this is {shown(unit)}")
    plain = tuple(_plain(each) for each in islice(_elements(values), MOST_VALUES + 1))
    if not plain:
        raise BadAxis("an axis needs at least one value; this one is empty")
    if len(plain) > MOST_VALUES:
        raise BadAxis(
            f"an axis takes at most {MOST_VALUES:,} values; sweep inside a step, or in "
            "several cells"
        )
    _refuse_unclear(plain)
    return Axis(plain, unit)


def _refuse_unclear(values: tuple[Any, ...]) -> None:
    """Values by which a point could not be found again."""
    seen = set()
    for value in values:
        if _has_nan(value):
            raise BadAxis(
                "an axis cannot have the value nan, by which no point could be found; "
                "leave it out"
            )
        try:
            twice = value in seen
            seen.add(value)
        except TypeError:
            continue  # a list, a dict: found by comparing, where it is found at all
        if twice:
            raise BadAxis(
                f"an axis needs each of its values once; this one has {shown(value)} "
                "twice. To repeat points, add an axis such as qf.axis(range(3))"
            )


def _has_nan(value: object) -> bool:
    if isinstance(value, tuple):
        return any(map(_has_nan, value))
    return isinstance(value, float | complex) and cmath.isnan(value)


def _elements(values: Iterable[Any]) -> Iterable[Any]:
    if getattr(values, "ndim", None) == 0:
        raise _not_a_list(values)
    return values


def _not_a_list(value: object) -> BadAxis:
    return BadAxis(f"an axis takes a list of values; write qf.axis([{shown(value)}])")


def _plain(value: Any) -> Any:
    """Numpy scalars as Python's, rows of arrays as tuples, anything else as it is."""
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return _rows(value.tolist())
    return value


def _rows(value: Any) -> Any:
    return tuple(_rows(each) for each in value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Name:
    """A reference in an option's value: an axis or a step, known only at a point."""

    name: str


@dataclass(frozen=True, eq=False, repr=False)
class StepFunction:
    """A step: called, it is the plain function."""

    function: Callable[..., Any]
    kind: Kind
    options: Mapping[str, Any]
    """As given, with axes and other steps in them."""

    def __post_init__(self) -> None:
        # As functools.update_wrapper, which cannot set attributes of a frozen value.
        for name in functools.WRAPPER_ASSIGNMENTS:
            if hasattr(self.function, name):
                self.__dict__[name] = getattr(self.function, name)
        self.__dict__["__wrapped__"] = self.function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the plain function, as a test by hand would."""
        __tracebackhide__ = True
        return self.function(*args, **kwargs)

    @property
    def name(self) -> str:
        """Name of the step."""
        return self.function.__name__

    def __repr__(self) -> str:
        options = "".join(f", {name}={_short(v)}" for name, v in self.options.items())
        signature = inspect.signature(self.function)
        return f"<qf.{self.kind} {self.name}{signature}{options}>"


def _short(value: object) -> str:
    if isinstance(value, Axis):
        return value.name or f"axis of {len(value)}"
    return value.name if isinstance(value, StepFunction) else shown(value)


Decorator = Callable[[Callable[..., Any]], StepFunction]


class _Kind:
    """One of the decorators; works with and without options."""

    def __init__(self, kind: Kind, doc: str) -> None:
        self.kind = kind
        self.__name__ = self.__qualname__ = kind
        self.__doc__ = doc

    @overload
    def __call__(self, function: Callable[..., Any], /) -> StepFunction: ...
    @overload
    def __call__(self, function: None = None, /, **options: Any) -> Decorator: ...
    def __call__(
        self, function: Callable[..., Any] | None = None, /, **options: Any
    ) -> StepFunction | Decorator:
        __tracebackhide__ = True
        for name, value in options.items():
            check_name(self.kind, name)
            check_option(name, value)
        if function is None:
            return functools.partial(self._decorate, options=options)
        return self._decorate(function, options)

    def _decorate(
        self, function: Callable[..., Any], options: Mapping[str, Any]
    ) -> StepFunction:
        __tracebackhide__ = True
        if isinstance(function, StepFunction):
            raise BadDecorator(f"'{function.name}' is a {function.kind} step already")
        if not inspect.isfunction(inspect.unwrap(function)):
            raise BadDecorator(
                f"@qf.{self.kind} goes on a function, options by name: "
                f"@qf.{self.kind}(timeout=60); this is {shown(function)}"
            )
        return StepFunction(function, self.kind, MappingProxyType(dict(options)))

    def __repr__(self) -> str:
        return f"<decorator qf.{self.kind}>"


circuit = _Kind("circuit", "Step that returns one QuantumCircuit, or a list or dict.")
observable = _Kind("observable", "Step that returns one observable, or a list or dict.")
sample = _Kind(
    "sample",
    "Step that returns a PUB, or a list or dict of them, to be sampled.\n\n"
    "Its value has the same shape, with a PubResult for each PUB.",
)
estimate = _Kind(
    "estimate",
    "Step that returns a PUB of circuit and observables, or a list or dict of them.\n\n"
    "Its value has the same shape, with a PubResult for each PUB.",
)
step = _Kind("step", "Step of plain Python, which may ask for sampler and estimator.")


def check_option(name: str, value: object) -> None:
    """Check an option's value, looking into axes and past references.

    Raises
    ------
    BadShots, BadPrecision, BadOption
        Saying what the value has to be.
    """
    __tracebackhide__ = True
    if name in ("over", "map"):
        value = _names_of(value)
    if isinstance(value, (StepFunction, Name)):
        return
    for each in value.values if isinstance(value, Axis) else [value]:
        check_value(name, each)


def _names_of(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return [_names_of(each) for each in value]
    if isinstance(value, (Axis, StepFunction, Name)):
        # An axis of a module has no name of its own until a workflow gives it one.
        return value.name or "axis"
    return value


def substitute(value: Any, env: Mapping[str, Any]) -> Any:
    """Replace the references in an option's value, however deep, by their values.

    Parameters
    ----------
    value
        Options of a step, or a part of them.
    env
        Value of each axis and step by name.

    Examples
    --------
    >>> substitute({"initial_layout": [Name("qubit")]}, {"qubit": 3})
    {'initial_layout': [3]}
    """
    if isinstance(value, (Name, Axis, StepFunction)):
        return env[value.name]
    if isinstance(value, Mapping):
        return {key: substitute(each, env) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(substitute(each, env) for each in value)
    return value

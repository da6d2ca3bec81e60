"""What a sample or estimate step returns, brought into one form.

A step returns one PUB, or lists and dicts of PUBs nested as it likes. :func:`normalise`
makes a flat tuple of ``SamplerPub`` or ``EstimatorPub`` out of it, and a :class:`Shape`
that puts the results back in the same form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal, TypeAlias, TypeGuard, TypeVar

from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.primitives.containers.sampler_pub import SamplerPub

from quantumflow_lab.backends import checks
from quantumflow_lab.errors import BadPrecision, BadShots, NotAPub, UnboundParameter
from quantumflow_lab.ports import Shape

Kind = Literal["sample", "estimate"]
Pub: TypeAlias = SamplerPub | EstimatorPub
T = TypeVar("T")

LEAST_PRECISION = 1e-7
"""Below it nobody could count the shots."""

_WANTED = {
    "sample": "a circuit, (circuit, values) or (circuit, values, shots)",
    "estimate": "(circuit, observables) or (circuit, observables, values, precision)",
}
_LENGTHS = {"sample": (1, 3), "estimate": (2, 4)}


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a PUB gets where it says nothing itself."""

    shots: int = 1024
    """Shots of a sampled circuit."""
    precision: float = 0.015625
    """Target standard error of an estimate; Qiskit's own default, 1/√4096."""
    max_shots: int | None = None
    """Most shots the backend takes for one circuit; None if not known yet."""


def defaults_for(
    shots: int | None, precision: float | None, max_shots: int | None = None
) -> Defaults:
    """Defaults from a step's options; ``shots=N`` gives a precision of ``1/√N``.

    Examples
    --------
    >>> defaults_for(100, None).precision
    0.1
    """
    usual = Defaults()
    number = usual.shots if shots is None else check_shots(shots, max_shots)
    if precision is None:
        precision = usual.precision if shots is None else number**-0.5
    return Defaults(number, precision, max_shots)


def normalise(
    kind: Kind, value: object, defaults: Defaults | None = None
) -> tuple[tuple[Pub, ...], Shape]:
    """Bring what a step returned into PUBs, all with shots or precision.

    Parameters
    ----------
    kind
        ``sample`` or ``estimate``.
    value
        A PUB, a bare circuit (``sample`` only), or a list or dict of them, nested.
    defaults
        Shots and precision of PUBs that have none, and the backend's limit.

    Returns
    -------
    tuple of PUBs
        In the order of the lists and dicts.
    Shape
        Its :meth:`~Shape.restore` takes one result for each of them.

    Raises
    ------
    NotAPub, UnboundParameter, MissingMeasurement, UnwantedMeasurement, BadShots,
    BadPrecision, NotFinite
        With what to return instead.
    """
    pubs: list[Pub] = []
    coerce = _sampler_pub if kind == "sample" else _estimator_pub
    shape = _walk(kind, value, "", coerce, defaults or Defaults(), pubs)
    return tuple(pubs), shape


def shots_of(precision: float) -> int:
    """Shots after which the standard error of a ±1 outcome is below `precision`.

    Examples
    --------
    >>> shots_of(0.1), shots_of(2000**-0.5)
    (100, 2000)
    """
    # Rounded first: 1/√2000 squared and inverted is 2000.0000000000002.
    return math.ceil(round(precision**-2, 6))


def _walk(
    kind: Kind,
    value: object,
    path: str,
    coerce: Callable[[Any, str, Defaults], Pub],
    defaults: Defaults,
    pubs: list[Pub],
) -> Shape:
    if isinstance(value, list | dict):
        if not value:
            raise NotAPub(
                f"the {kind} step returned an empty {type(value).__name__}{path}: "
                f"return {_WANTED[kind]}"
            )
        items = value.items() if isinstance(value, dict) else enumerate(value)
        parts = tuple(
            _walk(kind, part, f"{path}[{key!r}]", coerce, defaults, pubs)
            for key, part in items
        )
        if isinstance(value, dict):
            return Shape("dict", tuple(value), parts)
        return Shape("list", parts=parts)
    place = f"PUB {path}" if path else "the circuit"
    pubs.append(coerce(_as_tuple(kind, value, path), place, defaults))
    return Shape()


def _as_tuple(kind: Kind, value: object, path: str) -> tuple[Any, ...]:
    """The parts of one PUB, filled up with None."""
    low, high = _LENGTHS[kind]
    if isinstance(value, SamplerPub) and kind == "sample":
        return value.circuit, value.parameter_values, value.shots
    if isinstance(value, EstimatorPub) and kind == "estimate":
        return value.circuit, value.observables, value.parameter_values, value.precision
    if isinstance(value, QuantumCircuit):
        value = (value,)
    if (
        not isinstance(value, tuple)
        or not low <= len(value) <= high
        or not isinstance(value[0], QuantumCircuit)
        or any(isinstance(part, QuantumCircuit) for part in value[1:])
    ):
        at = f" at {path}" if path else ""
        raise NotAPub(
            f"the {kind} step returned {_describe(value)}{at}: "
            f"return {_WANTED[kind]}, or a list or dict of them"
        )
    return value + (None,) * (high - len(value))


def _describe(value: object) -> str:
    if value is None:
        return "None"
    if not isinstance(value, tuple):
        return f"{'an' if type(value).__name__[0] in 'aeiou' else 'a'} " + (
            type(value).__name__
        )
    names = [type(part).__name__ for part in value]
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def _sampler_pub(parts: tuple[Any, ...], place: str, defaults: Defaults) -> SamplerPub:
    circuit, values, shots = parts
    bindings = _bindings(circuit, values, place)
    checks.check_bound(circuit, bindings, place)
    checks.check_finite(circuit, bindings, place)
    checks.check_measured(circuit, place)
    number = check_shots(defaults.shots if shots is None else shots, defaults.max_shots)
    return _fitting(place, lambda: SamplerPub(circuit, bindings, number))


def _estimator_pub(
    parts: tuple[Any, ...], place: str, defaults: Defaults
) -> EstimatorPub:
    circuit, observables, values, precision = parts
    bindings = _bindings(circuit, values, place)
    checks.check_bound(circuit, bindings, place)
    checks.check_finite(circuit, bindings, place)
    checks.check_unmeasured(circuit, place)
    number = check_precision(
        defaults.precision if precision is None else precision, defaults.max_shots
    )
    array = _fitting(place, lambda: ObservablesArray.coerce(observables))
    return _fitting(place, lambda: EstimatorPub(circuit, array, bindings, number))


def _bindings(circuit: QuantumCircuit, values: Any, place: str) -> BindingsArray:
    if values is None:
        return BindingsArray()
    if not isinstance(values, BindingsArray | Mapping):
        width = _last_dimension(values)
        if width is not None and width != circuit.num_parameters > 1:
            names = ", ".join(p.name for p in circuit.parameters)
            raise UnboundParameter(
                f"{place} has {circuit.num_parameters} parameters ({names}) but gets "
                f"{width} values: the last dimension of the values must have length "
                f"{circuit.num_parameters}"
            )
        values = {tuple(circuit.parameters): values}
    return _fitting(place, lambda: BindingsArray.coerce(values))


def _last_dimension(values: Any) -> int | None:
    shape = getattr(values, "shape", None)
    if shape:
        return int(shape[-1])
    while isinstance(values, list | tuple) and values:
        if not isinstance(values[0], list | tuple):
            return len(values)
        values = values[0]
    return None


def _fitting(place: str, make: Callable[[], T]) -> T:
    """Call `make`; what Qiskit raises while it validates a PUB becomes ``NotAPub``."""
    try:
        return make()
    except (ValueError, TypeError, IndexError, QiskitError) as error:
        text = str(error).strip("'\"").rstrip(". ")
        raise NotAPub(f"{place} does not fit together: {text}") from error


def check_shots(shots: object, limit: int | None = None) -> int:
    """Return `shots` as an int, or raise ``BadShots``.

    Examples
    --------
    >>> check_shots(1000)
    1000
    >>> check_shots("1024")
    Traceback (most recent call last):
    ...
    quantumflow_lab.errors.BadShots: shots must be a whole number from 1, not '1024'; \
type shots=1024
    """
    range_ = "from 1" if limit is None else f"from 1 to {limit}"
    number = int(shots) if _is_whole(shots) else 0
    if 1 <= number <= (limit or number):
        return number
    hint = f"type shots={_nearest(shots, limit)}"
    raise BadShots(
        f"shots must be a whole number {range_}, not {shots!r}; {hint}", shots=shots
    )


def _is_whole(value: Any) -> TypeGuard[Integral]:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _nearest(shots: object, limit: int | None) -> int:
    try:
        number = float(shots)  # type: ignore[arg-type]  # anything may come; checked
    except (TypeError, ValueError, OverflowError):
        return 1024
    if isinstance(shots, bool) or not math.isfinite(number) or number < 1:
        return 1024
    return min(int(number), limit or int(number))


def check_precision(precision: object, max_shots: int | None = None) -> float:
    """Return `precision` as a float, or raise ``BadPrecision``."""
    if isinstance(precision, bool) or not isinstance(precision, Real):
        raise BadPrecision(
            f"precision must be a number such as 0.01, not {precision!r}",
            precision=precision,
        )
    number = float(precision)
    if not math.isfinite(number) or number < 0:
        raise BadPrecision(
            f"precision must be finite and not negative, not {number}; type "
            "precision=0.01, or 0 for exact values on a simulator",
            precision=number,
        )
    if 0 < number < LEAST_PRECISION:
        raise BadPrecision(
            f"precision {number:g} needs more than 10¹⁴ shots; type precision=0.01, or "
            "0 for exact values on a simulator",
            precision=number,
        )
    if number and max_shots and number < max_shots**-0.5 * (1 - 1e-9):
        raise BadPrecision(
            f"precision {number:g} needs more than {max_shots} shots, the most this "
            f"backend takes; type precision={_rounded_up(max_shots**-0.5)}",
            precision=number,
        )
    return number


def _rounded_up(number: float) -> str:
    digits = 1 - math.floor(math.log10(number))
    return f"{math.ceil(number * 10**digits) / 10**digits:g}"

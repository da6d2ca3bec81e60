"""A labelled grid: the values of a step along its axes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quantumflow_lab.errors import BadAxis, did_you_mean


@dataclass(frozen=True, slots=True)
class Failed:
    """Stands where a point has no value, and says why."""

    reason: str
    """Name of the error, such as ``ValueError`` or ``StepTimeout``."""
    message: str
    """What the error said."""
    attempt: int
    """Which try was the last, from 1."""
    job: str | None = None
    """Tag of the backend job it belonged to, if any."""

    def __float__(self) -> float:
        """NaN, so that a grid with failed points can still be plotted."""
        return float("nan")


def text_of(error: BaseException | None) -> str:
    """What an error says, even if its class cannot say it."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001  # __str__ may be the user's code
        return f"{type(error).__name__} without a text"


def numbers(values: Sequence[Any]) -> NDArray[Any] | None:
    """Values as a one-dimensional numeric array, or None if one of them is no number.

    A failed point counts as NaN beside numbers.
    """
    if not values or not all(isinstance(v, _NUMBERS | Failed) for v in values):
        return None
    if any(isinstance(v, Failed) for v in values):
        values = [float("nan") if isinstance(v, Failed) else v for v in values]
    return np.array(values)


class Grid:
    """Values over named axes, in the order the axes were declared in the cell.

    ``np.asarray(grid)`` gives a numeric array where every value is a number, with NaN
    for failed points, and an object array otherwise. Iteration is over the first axis.

    Parameters
    ----------
    values
        Object array of shape ``(len(axis_1), …, len(axis_n))``.
    axes
        Axis names and their values, in the order of the array's dimensions.
    units
        Unit of each axis that has one.

    Examples
    --------
    >>> grid = Grid(np.array([[1, 2], [3, 4]], dtype=object),
    ...             {"depth": [1, 4], "qubit": [0, 1]})
    >>> grid.sel(depth=4, qubit=0)
    3
    >>> grid.sel(qubit=1)
    Grid(depth=2)
    depth  value
        1  2
        4  4
    """

    def __init__(
        self,
        values: NDArray[np.object_],
        axes: Mapping[str, Sequence[Any]],
        units: Mapping[str, str | None] | None = None,
    ):
        self._values = values
        self.axes = {name: tuple(coords) for name, coords in axes.items()}
        self.units = dict(units or {})

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the axes."""
        return tuple(self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self._values.shape

    def sel(self, **where: Any) -> Any:
        """Pick by axis value: a value if every axis is named, else a smaller grid.

        A value that is equal comes first; else numbers match within a relative 1e-9.

        Raises
        ------
        BadAxis
            If an axis or a value does not exist.
        """
        index: list[Any] = [slice(None)] * len(self.axes)
        for name, value in where.items():
            if name not in self.axes:
                hint = did_you_mean(name, self.axes)
                raise BadAxis(f"this grid has no axis '{name}'{hint}")
            index[self.dims.index(name)] = _position(name, self.axes[name], value)
        picked = self._values[tuple(index)]
        left = {n: c for n, c in self.axes.items() if n not in where}
        return Grid(picked, left, self.units) if left else picked

    def items(self) -> Iterator[tuple[dict[str, Any], Any]]:
        """Each point as ``{axis: value}`` with its value."""
        for index in np.ndindex(*self.shape):
            point = {
                n: c[i] for (n, c), i in zip(self.axes.items(), index, strict=True)
            }
            yield point, self._values[index]

    def __iter__(self) -> Iterator[Any]:
        rest = dict(list(self.axes.items())[1:])
        for row in self._values:
            yield Grid(row, rest, self.units) if rest else row

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        found = numbers(self._values.ravel().tolist())
        array: NDArray[Any] = (
            self._values.copy() if found is None else found.reshape(self.shape)
        )
        return array if dtype is None else array.astype(dtype)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{n}={len(c)}" for n, c in self.axes.items())
        head, rest, tail = self._rows(_SHOWN_TEXT)
        left = [["…"] * len(self._columns())] if rest else []
        lines = _aligned([self._columns(), *head, *left, *tail])
        return "\n".join([f"Grid({sizes})", *lines])

    def _repr_html_(self) -> str:
        def line(cells: Sequence[str], tag: str = "td") -> str:
            inner = "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells)
            return f"<tr>{inner}</tr>"

        head, rest, tail = self._rows(_SHOWN)
        columns = self._columns()
        more = f"<tr><td colspan={len(columns)}>… {rest} more points</td></tr>"
        left = [more] if rest else []
        rows = [*map(line, head), *left, *map(line, tail)]
        return (
            f"<table><thead>{line(columns, 'th')}</thead>"
            f"<tbody>{''.join(rows)}</tbody></table>"
        )

    def _columns(self) -> list[str]:
        return [*(_label(n, self.units.get(n)) for n in self.axes), "value"]

    def _rows(self, most: int) -> tuple[list[list[str]], int, list[list[str]]]:
        """The first and the last points as texts, and how many are left out between."""
        size = self._values.size
        ends = size if size <= most else most // 2
        head = [self._row(n) for n in range(ends)]
        tail = [self._row(n) for n in range(size - ends, size)] if ends < size else []
        return head, size - len(head) - len(tail), tail

    def _row(self, number: int) -> list[str]:
        """Coordinates and value of one point, by its flat number."""
        index = np.unravel_index(number, self.shape)
        here = [c[i] for c, i in zip(self.axes.values(), index, strict=True)]
        return [_short(each) for each in (*here, self._values[index])]


_NUMBERS = bool | int | float | complex | np.number | np.bool_
_SHOWN = 40
_SHOWN_TEXT = 10
"""Points of which a table has a row, on a page and in a text."""


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of texts in columns; all but the last column are set to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([*map(str.rjust, row[:-1], widths), row[-1]]).rstrip() for row in rows
    ]


def _label(name: str, unit: str | None) -> str:
    return f"{name} ({unit})" if unit else name


def _short(value: object) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, np.generic):
        value = value.item()
    text = " ".join((value if isinstance(value, str) else repr(value)).split())
    return text if len(text) <= 80 else text[:79] + "…"


def _position(name: str, coords: tuple[Any, ...], value: ArrayLike) -> int:
    for same in (_equal, _close):
        for i, coord in enumerate(coords):
            if same(coord, value):
                return i
    shown = ", ".join(map(_short, coords[:8])) + (", …" if len(coords) > 8 else "")
    raise BadAxis(f"axis '{name}' has no value {value!r}; it has {shown}")


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, str | int | float) and isinstance(b, str | int | float):
        return a == b
    return bool(np.array_equal(a, b)) if type(a) is not str else a == b


def _close(a: Any, b: Any) -> bool:
    numbers = isinstance(a, int | float) and isinstance(b, int | float)
    return numbers and bool(np.isclose(a, b, rtol=1e-9, atol=0.0))

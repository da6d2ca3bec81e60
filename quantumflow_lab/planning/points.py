"""The arithmetic of points: which run of a need feeds which run of a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantumflow_lab.grid import numbers


def shape_of(dims: Sequence[str], sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Length of each axis in `dims`.

    Examples
    --------
    >>> shape_of(("delay", "qubit"), {"delay": 21, "qubit": 3})
    (21, 3)
    """
    return tuple(sizes[name] for name in dims)


def needed_points(
    dims: Sequence[str], need_dims: Sequence[str], sizes: Mapping[str, int]
) -> NDArray[np.int64]:
    """Points of a need that each point of a step reads.

    Axes that both share line up; axes only the need has are collected, in order.

    Parameters
    ----------
    dims
        Axes of the step; it has ``n`` points.
    need_dims
        Axes of the need; ``k`` of its points are collected into one of the step.
    sizes
        Length of every axis named.

    Returns
    -------
    array of int64, shape (n, k)
        Flat point numbers of the need, row by row for each point of the step.

    Examples
    --------
    >>> needed_points(("qubit",), ("delay", "qubit"), {"delay": 2, "qubit": 3})
    array([[0, 3],
           [1, 4],
           [2, 5]])
    >>> needed_points(("delay", "qubit"), ("delay",), {"delay": 2, "qubit": 2})
    array([[0],
           [0],
           [1],
           [1]])
    """
    shape = shape_of(dims, sizes)
    count = prod(shape)
    own = np.indices(shape, dtype=np.int64).reshape(len(dims), count)
    extra = [name for name in need_dims if name not in dims]
    extra_shape = shape_of(extra, sizes)
    collected = np.indices(extra_shape, dtype=np.int64).reshape(
        len(extra), prod(extra_shape)
    )
    flat = np.zeros((count, collected.shape[1]), dtype=np.int64)
    for name in need_dims:
        flat *= sizes[name]
        if name in dims:
            flat += own[dims.index(name)][:, None]
        else:
            flat += collected[extra.index(name)][None, :]
    return flat


def collect(values: Sequence[Any], shape: Sequence[int]) -> Any:
    """What a step gets for a need whose axes it collects.

    Returns
    -------
    ndarray or nested list
        An array of `shape` where every value is a number or a truth value (a failed
        point counts as NaN beside numbers), else lists nested like `shape`.

    Examples
    --------
    >>> collect([1.0, 2.0], (2,))
    array([1., 2.])
    >>> collect([{"0": 1}, {"0": 2}], (2,))
    [{'0': 1}, {'0': 2}]
    """
    array = numbers(values)
    return _nest(list(values), list(shape)) if array is None else array.reshape(shape)


def _nest(values: list[Any], shape: list[int]) -> list[Any]:
    if len(shape) <= 1:
        return values
    step = prod(shape[1:])
    return [_nest(values[i : i + step], shape[1:]) for i in range(0, len(values), step)]

"""Where the qubits of a device stand in a drawing, from who is coupled to whom."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

Place = tuple[float, float]
LARGEST = 500
"""Qubits up to which a map is drawn."""
_ROUNDS = 150
_DENSE = 6
"""Couplings per qubit above which they stand on a circle."""


def placed(count: int, pairs: Sequence[tuple[int, int]]) -> tuple[list[Place], float]:
    """Places of qubits, so that distances in the drawing are those along couplings.

    By stress majorization (Gansner, Koren & North, Graph Drawing 2004), from a start
    that is the same every time.

    Parameters
    ----------
    count
        Number of qubits, at least 1.
    pairs
        Coupled qubits, each pair once.

    Returns
    -------
    tuple
        Horizontal and vertical place of each qubit, both from 0 to 1, and the height
        of the drawing over its width, at most 1. Qubit 0 is nearer to the upper left.

    Examples
    --------
    >>> places, aspect = placed(3, [(0, 1), (1, 2)])
    >>> [(round(x, 2), round(y, 2)) for x, y in places], aspect
    ([(0.0, 0.5), (0.5, 0.5), (1.0, 0.5)], 0.12)
    """
    if len(pairs) > _DENSE * count / 2 and count > 2:
        return [
            (0.5 + 0.5 * sin(2 * pi * i / count), 0.5 - 0.5 * cos(2 * pi * i / count))
            for i in range(count)
        ], 1.0
    points = _turned(_relaxed(_distances(count, pairs)))
    low, high = points.min(axis=0), points.max(axis=0)
    width, height = high - low
    aspect = max(float(height / width) if width > 0 else 1.0, 0.12)
    # A line has no height: it runs through the middle.
    height_known = height > 0.01 * width
    xs = (points[:, 0] - low[0]) / width if width > 0 else np.full(count, 0.5)
    ys = (points[:, 1] - low[1]) / height if height_known else np.full(count, 0.5)
    return [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)], aspect


def _distances(count: int, pairs: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Couplings between any two qubits; parts that do not meet stand apart."""
    near: list[set[int]] = [set() for _ in range(count)]
    for a, b in pairs:
        near[a].add(b)
        near[b].add(a)
    found = np.full((count, count), -1.0)
    for start in range(count):
        found[start, start] = step = 0.0
        edge = {start}
        while edge:
            step += 1
            edge = {n for q in edge for n in near[q] if found[start, n] < 0}
            for each in edge:
                found[start, each] = step
    found[found < 0] = max(found.max(), 1.0) + 2
    return found


def _relaxed(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points whose distances are as near to those wished as can be."""
    count = len(distances)
    points = _spread(distances)
    if count < 3:
        return points
    with np.errstate(divide="ignore"):
        weights = np.where(distances > 0, distances**-2.0, 0.0)
    laplacian = np.diag(weights.sum(axis=1)) - weights
    inverse = np.linalg.pinv(laplacian)
    wished = weights * distances
    for _ in range(_ROUNDS):
        gaps = points[:, None, :] - points[None, :, :]
        lengths = np.maximum(np.linalg.norm(gaps, axis=2), 1e-9)
        pull = wished / lengths
        points = inverse @ ((np.diag(pull.sum(axis=1)) - pull) @ points)
    return np.asarray(points, dtype=float)


def _spread(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Classical scaling: the two widest directions of the distances."""
    count = len(distances)
    centre = np.eye(count) - 1 / count
    values, vectors = np.linalg.eigh(-0.5 * centre @ distances**2 @ centre)
    if count < 2:
        return np.zeros((count, 2))
    found = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 0.0))
    # No two at one place, or nothing would push them apart.
    nudge = 1e-3 * np.column_stack([np.arange(count), np.arange(count) ** 2 % 7])
    return np.asarray(found[:, ::-1] + nudge, dtype=float)


def _turned(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """With most of its edges level, wider than high, and qubit 0 at the upper left."""
    centred = points - points.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    turned = centred @ vectors[:, ::-1]
    turned = min((_by(turned, a) for a in np.linspace(0, pi / 2, 90)), key=_area)
    size = turned.max(axis=0) - turned.min(axis=0)
    if size[1] > size[0]:
        turned = turned[:, ::-1]
    first = np.where(turned[0] > 0, -1.0, 1.0)
    return np.asarray(turned * first, dtype=float)


def _by(points: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    turn = np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
    return np.asarray(points @ turn, dtype=float)


def _area(points: NDArray[np.float64]) -> float:
    width, height = points.max(axis=0) - points.min(axis=0)
    return float(width * height)

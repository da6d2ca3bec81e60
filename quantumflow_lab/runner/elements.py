"""The axis that runs over the elements of what a step returned, ``map="step"``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from quantumflow_lab.errors import BadAxis, RaggedMap


def elements_of(name: str, values: Iterable[Any]) -> tuple[Any, ...]:
    """Labels of the axis: the elements if all points have the same, or positions.

    Parameters
    ----------
    name
        The step.
    values
        What it returned, where it returned anything.

    Raises
    ------
    BadAxis
        One is no list.
    RaggedMap
        They are of several lengths.
    """
    lists = [_listed(name, value) for value in values]
    if not lists:
        return (None,)
    lengths = {len(value) for value in lists}
    if len(lengths) > 1:
        shown = ", ".join(map(str, sorted(lengths)))
        raise RaggedMap(
            f"map='{name}' needs lists of one length, but '{name}' "
            f"returned lengths {shown}; pad them or sweep in separate cells"
        )
    labels = [_labels(value) for value in lists]
    same = all(each == labels[0] for each in labels) and len(set(labels[0])) == len(
        labels[0]
    )
    return labels[0] if same else tuple(range(len(lists[0])))


def _listed(name: str, value: Any) -> list[Any]:
    """A mapped value as a list; it may be of any class, so anything may go wrong."""
    unsuited = isinstance(value, str | bytes | dict)
    try:
        elements = None if unsuited else [value[i] for i in range(len(value))]
    except Exception as error:  # len() and [] are the user's code
        raise _unmappable(name, value) from error
    if elements is None:
        raise _unmappable(name, value)
    return elements


def _unmappable(name: str, value: Any) -> BadAxis:
    return BadAxis(
        f"map='{name}' runs over the elements of a list, but '{name}' returned "
        f"{type(value).__name__}; return a list"
    )


def _labels(elements: list[Any]) -> tuple[Any, ...]:
    """Plain scalars as they are, anything else by its position."""
    plain = [e.item() if isinstance(e, np.generic) else e for e in elements]
    if all(isinstance(e, str | int | float | bool) for e in plain):
        return tuple(plain)
    return tuple(range(len(plain)))

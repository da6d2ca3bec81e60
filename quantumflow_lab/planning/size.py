"""How large a run is: known from its axes, before a single point is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from quantumflow_lab.errors import BadAxis
from quantumflow_lab.planning.plan import MOST_POINTS, StepPlan


def check_size(
    steps: Sequence[StepPlan], sizes: Mapping[str, int], most: int = MOST_POINTS
) -> None:
    """Refuse a run of more points than memory and the scheduler take with ease.

    Parameters
    ----------
    steps
        Of the run.
    sizes
        Length of every axis that is known; another one counts as one value.
    most
        Points of all steps together, and what each need of a step may read.

    Raises
    ------
    BadAxis
        Naming the step that has most of them.

    Examples
    --------
    >>> check_size([StepPlan("a", "step", ("x", "y"), (), ())], {"x": 9, "y": 9}, 80)
    Traceback (most recent call last):
    ...
    quantumflow_lab.errors.BadAxis: step 'a' would have 81 points (x 9 × y 9), and a \
run may have 80: take fewer values, sweep inside a step, or raise QFLOW_POINTS before \
the lab starts (each takes about 1 kB of memory)
    """
    counts = {step.name: _product(step.dims, sizes) for step in steps}
    total = sum(counts.values())
    if total > most:
        largest = max(steps, key=lambda step: counts[step.name])
        count = counts[largest.name]
        rest = "" if count == total else f", all steps {total:,}"
        raise _too_many(
            largest, f"have {count:,} points", largest.dims, sizes, rest, most
        )
    named = {step.name: step for step in steps}
    for step in steps:
        for need in step.needs:
            dims = tuple(dict.fromkeys((*step.dims, *named[need].dims)))
            if (count := _product(dims, sizes)) > most:
                what = f"read {count:,} values of '{need}'"
                raise _too_many(step, what, dims, sizes, "", most)


def _product(dims: Sequence[str], sizes: Mapping[str, int]) -> int:
    return prod(sizes.get(name, 1) for name in dims)


def _too_many(
    step: StepPlan,
    what: str,
    dims: Sequence[str],
    sizes: Mapping[str, int],
    rest: str,
    most: int,
) -> BadAxis:
    spelled = " × ".join(f"{name} {sizes[name]:,}" for name in dims if name in sizes)
    return BadAxis(
        f"step '{step.name}' would {what} ({spelled}){rest}, and a run may have "
        f"{most:,}: take fewer values, sweep inside a step, or raise QFLOW_POINTS "
        "before the lab starts (each takes about 1 kB of memory)",
        step=step.name,
    )

"""What a policy means for the order of steps and for the jobs they form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from quantumflow_lab.planning.plan import Policy, StepPlan

_PAID_LATER = 10**15
"""More microseconds than any critical path has."""
_BALANCED_HOLD = 10
"""Setups that a balanced job waits for members, so that setups take a tenth at most."""


def hold_s(policy: Policy, setup_s: float, *, billed: bool = False) -> float | None:
    """How long a job waits for more members, in seconds; None until it is complete.

    Waiting as long as another job would cost is never more than twice as slow as
    knowing the future (ski rental: Karlin et al. 1988, Algorithmica 3, 79-119). The
    cheapest job is the fullest, so it waits for everyone; so does one under a budget
    that costs something whatever is in it (`billed`), unless the run is to be fastest.

    Examples
    --------
    >>> [hold_s(policy, 2.0) for policy in ("fastest", "balanced", "cheapest")]
    [2.0, 20.0, None]
    >>> hold_s("balanced", 2.0, billed=True) is None
    True
    """
    if policy == "cheapest" or (billed and policy != "fastest"):
        return None
    return setup_s if policy == "fastest" else _BALANCED_HOLD * setup_s


def ranks(
    steps: Sequence[StepPlan], seconds: Mapping[str, float]
) -> Mapping[str, float]:
    """Seconds from the start of each step to the end of the run, on the longest path.

    Parameters
    ----------
    steps
        In topological order.
    seconds
        Expected seconds of each step.

    Examples
    --------
    >>> a, b, c = (StepPlan(n, "step", (), (), needs) for n, needs in
    ...            [("a", ()), ("b", ("a",)), ("c", ("a",))])
    >>> ranks([a, b, c], {"a": 1.0, "b": 5.0, "c": 2.0})
    {'a': 6.0, 'b': 5.0, 'c': 2.0}
    """
    found = dict(seconds)
    after = dict.fromkeys(found, 0.0)
    for step in reversed(steps):
        found[step.name] = seconds[step.name] + after[step.name]
        for need in step.needs:
            after[need] = max(after[need], found[step.name])
    return found


def priority(policy: Policy, rank_us: int, *, paid: bool) -> int:
    """What starts first within a run: the longer path; the cheapest run pays last.

    So a step that fails for nothing fails before money is spent on its siblings.
    """
    return rank_us - _PAID_LATER if paid and policy == "cheapest" else rank_us

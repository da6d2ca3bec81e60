"""How jobs are sent to a device: each alone, in a batch, or in a session.

A batch is billed as its jobs are. A session is billed by the clock, from the start of
its first job until it is closed, whatever runs in it; so under a budget it needs an end
that its provider keeps, and what it costs until then is kept back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from math import ceil

from quantumflow_lab.amounts import Money
from quantumflow_lab.errors import BadOption, ModeRefused
from quantumflow_lab.planning.bounds import SECOND, rate_of, watched
from quantumflow_lab.planning.plan import Plan
from quantumflow_lab.ports import BackendFacts, Mode
from quantumflow_lab.price import Price, Usage

Facts = Callable[[str], BackendFacts]
LONGEST_S = 3600
"""Seconds for which a session is opened where no deadline ends it."""


def offering(
    mode: Mode, among: Sequence[str], facts: Facts, others: Sequence[str] = ()
) -> tuple[str, ...]:
    """The backends of a choice that take jobs so.

    Raises
    ------
    ModeRefused
        If none does.
    """
    kept = tuple(name for name in among if mode in facts(name).modes)
    if among and not kept:
        raise _refused(mode, among, others)
    return kept


def check_mode(
    plan: Plan, facts: Facts, *, capped: bool, others: Sequence[str] = ()
) -> None:
    """Refuse a mode that a backend of a plan has not, or that no budget could watch.

    Parameters
    ----------
    capped
        Whether all runs together have a cap.
    others
        Backends that have the mode, for the message.

    Raises
    ------
    ModeRefused
        Naming the backends.
    BadOption
        For a session without an end under a budget, or one that may cost more than it.
    """
    names = dict.fromkeys(n for s in plan.steps for n in (*s.backends, *s.others))
    used = [facts(name) for name in names]
    check_backends(
        plan.mode, used, plan.budget, plan.deadline, capped=capped, others=others
    )


def check_backends(
    mode: Mode,
    backends: Sequence[BackendFacts],
    budget: Money | None,
    deadline: float | None,
    *,
    capped: bool,
    others: Sequence[str] = (),
) -> None:
    """The same of backends, whatever uses them.

    A simulator of this machine has no queue and no clock that bills: beside a device
    it takes no part.
    """
    if mode == "job":
        return
    lacking = [each.name for each in backends if not taking(mode, each)]
    if not any(mode in each.modes for each in backends):
        lacking = [each.name for each in backends]
    if lacking:
        raise _refused(mode, lacking, others)
    for each in backends if mode == "session" else ():
        if mode in each.modes:
            _check_end(each, budget, deadline, capped=capped)


def taking(mode: Mode, facts: BackendFacts) -> Mode | None:
    """How a backend takes the jobs of a run of that mode; None if it must not."""
    if mode in facts.modes:
        return mode
    return "job" if facts.simulator else None


def check_taking(mode: Mode, facts: BackendFacts) -> None:
    """Refuse a device that a step asks for while it runs, if it lacks the mode.

    Raises
    ------
    ModeRefused
        Naming it.
    """
    if taking(mode, facts) is None:
        raise _refused(mode, [facts.name], ())


def _check_end(
    facts: BackendFacts,
    budget: Money | None,
    deadline: float | None,
    *,
    capped: bool,
) -> None:
    price = watched(facts, budget)
    if price is None or not rate_of(price) or not (budget or capped):
        return
    rate = Money(rate_of(price), price.currency)
    if deadline is None:
        raise BadOption(
            f"a session on '{facts.name}' is billed by the clock, {rate} a second, so "
            "that a budget cannot be kept without an end: write --deadline 10min, or "
            "--mode batch",
            option="mode",
        )
    seconds = whole_seconds(deadline)
    most = Money(session_bound(price, seconds), price.currency)
    if budget is not None and most.amount > budget.amount:
        fits = int((budget.amount / rate.amount) - SECOND - price.step_s)
        shorter = f"--deadline {fits}s or less, " if fits >= 1 else ""
        raise BadOption(
            f"a session of {seconds} s on '{facts.name}' may cost {most}, more than "
            f"the budget of {budget}: write {shorter}a larger --budget, or --mode "
            "batch",
            option="mode",
        )


def _refused(mode: Mode, lacking: Sequence[str], others: Sequence[str]) -> ModeRefused:
    shown = ", ".join(f"'{name}'" for name in lacking)
    having = ", ".join(f"'{name}'" for name in others)
    have = f"run on {having}, which can, or " if having else ""
    verb = "has" if len(lacking) == 1 else "have"
    return ModeRefused(
        f"{shown} {verb} no --mode {mode}: {have}leave it out, which sends single jobs",
        mode=mode,
        backends=list(lacking),
    )


def whole_seconds(left: float) -> int:
    """What a session is opened for, so that it lasts as long as a run may."""
    return max(ceil(left), 1)


def session_seconds(deadline: float | None) -> int:
    """Whole seconds for which a run's session is opened at most."""
    return LONGEST_S if deadline is None else whole_seconds(deadline)


def session_bound(price: Price, seconds: int) -> Decimal:
    """The most that a session costs which its provider closes after so many seconds.

    What still runs then comes to its end: that is kept back for the job itself.
    """
    return (Decimal(seconds) + SECOND + price.step_s) * rate_of(price)


def session_cost(price: Price, seconds: float) -> Decimal:
    """What a session costs that was billed for so long.

    Examples
    --------
    >>> float(session_cost(Price("USD", per_job=5, per_second="1.60"), 10.0))
    16.0
    """
    return price.of(Usage(seconds=seconds), jobs=0)


def in_session(price: Price, mode: Mode) -> Price:
    """What a job costs by itself: in a session its time is billed with that.

    Examples
    --------
    >>> in_session(Price("USD", per_job=5, per_second="1.60"), "session").formula
    '5 USD a job'
    """
    if mode != "session":
        return price
    none = Decimal(0)
    return replace(price, per_second=none, per_hour=none, least_s=none)

"""`--mode` as people type it, and what a plan makes of it; nothing is sent here."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from quantumflow_lab.amounts import Money
from quantumflow_lab.backends import Registry
from quantumflow_lab.cell.magic_line import parse_magic_line
from quantumflow_lab.cli import _over, _parser
from quantumflow_lab.errors import BadOption, MagicLineError, ModeRefused
from quantumflow_lab.magics.commands import _taken_out
from quantumflow_lab.planning.asked import Asked, asked_in
from quantumflow_lab.planning.modes import (
    check_mode,
    in_session,
    offering,
    session_bound,
    whole_seconds,
)
from quantumflow_lab.planning.plan import Plan, StepPlan
from quantumflow_lab.ports import BackendFacts
from quantumflow_lab.price import Price
from quantumflow_lab.quote.modes import told
from quantumflow_lab.runner.records import options_of

SECONDS = Price("USD", per_second="1.60", job_s=2.0)


def test_the_line_a_run_and_its_record_know_it() -> None:
    asked = asked_in("%%qflow vqe --mode session --deadline 10min\n")
    assert asked.mode == "session"
    assert Asked(mode="batch").over(asked).mode == "batch"
    assert Asked().over(asked).mode == "session"
    assert options_of(asked)["mode"] == "session"
    upper = parse_magic_line("%%qflow vqe --mode job")
    lower = parse_magic_line("%%qflow vqe --mode batch --shots 7")
    assert (_over(upper, lower).mode, _over(upper, lower).shots) == ("job", 7)
    assert _parser().parse_args(["resume", "vqe", "--mode", "batch"]).mode == "batch"


def test_a_mode_that_there_is_not_is_refused() -> None:
    with pytest.raises(BadOption) as refused:
        Asked(mode="sesion")
    assert str(refused.value) == "mode cannot be 'sesion'; did you mean 'session'?"


def test_resume_takes_an_option_with_its_value() -> None:
    words = ["--steal", "--mode", "batch", "--resubmit"]
    assert _taken_out(words, "--mode", "batch") == "batch"
    assert words == ["--steal", "--resubmit"]
    assert _taken_out(words, "--budget", "x") is None
    with pytest.raises(MagicLineError, match="write --mode batch"):
        _taken_out(["--mode"], "--mode", "batch")


def test_what_a_mode_changes_is_told() -> None:
    assert told("batch", None).startswith("batch: they are queued together")
    assert told("session", None).endswith(
        "also while nothing runs, for at most 3600 s unless --deadline says else."
    )
    assert told("batch", None, ["aer"]).endswith(
        "as if it were alone. 'aer' on this machine takes no part in it."
    )
    assert told("session", 60.0, ["aer", "fake"]).endswith(
        "for at most 60 s. 'aer', 'fake' on this machine take no part in it."
    )


# --- plans ---------------------------------------------------------------------------


def device(name: str, price: Price | None = SECONDS, *modes: Any) -> BackendFacts:
    facts = Registry().facts("fake_manila")
    modes = modes or ("job", "batch", "session")
    return replace(facts, name=name, simulator=False, price=price, modes=modes)


def plan(mode: Any, *backends: str, **more: Any) -> Plan:
    steps = tuple(
        StepPlan(f"s{i}", "sample", (), (), (), backends=(name,))
        for i, name in enumerate(backends)
    )
    return Plan("p", steps, {}, mode=mode, **more)


def check(found: Plan, *known: BackendFacts, capped: bool = False) -> None:
    facts = {each.name: each for each in known}
    check_mode(found, facts.__getitem__, capped=capped)


def test_every_backend_of_a_plan_needs_the_mode() -> None:
    both = device("a"), device("b", SECONDS, "job")
    check(plan("job", "a", "b"), *both)
    with pytest.raises(ModeRefused) as refused:
        check(plan("batch", "a", "b"), *both)
    assert str(refused.value) == (
        "'b' has no --mode batch: leave it out, which sends single jobs"
    )
    facts = {each.name: each for each in both}
    assert offering("batch", ["a", "b"], facts.__getitem__) == ("a",)
    with pytest.raises(ModeRefused, match="'b' has no --mode batch: run on 'a', which"):
        offering("batch", ["b"], facts.__getitem__, ("a",))


def test_a_simulator_beside_a_device_takes_no_part() -> None:
    aer = Registry().facts("aer")
    for mode in ("batch", "session"):
        check(plan(mode, "aer", "a"), aer, device("a"))
        with pytest.raises(ModeRefused, match=f"'aer' has no --mode {mode}: leave"):
            check(plan(mode, "aer"), aer)
        three = aer, device("a"), device("b", None, "job")
        with pytest.raises(ModeRefused, match=f"^'b' has no --mode {mode}: leave"):
            check(plan(mode, "aer", "a", "b"), *three)


def test_only_what_is_billed_by_time_needs_an_end() -> None:
    budget = Money(Decimal(20), "USD")
    check(plan("session", "a"), device("a"))
    check(plan("batch", "a", budget=budget), device("a"))
    by_shots = device("a", Price("USD", per_shot="0.01"))
    check(plan("session", "a", budget=budget), by_shots)
    with pytest.raises(BadOption, match="write --deadline 10min, or --mode batch"):
        check(plan("session", "a"), device("a"), capped=True)
    with pytest.raises(BadOption, match="write --deadline 10min, or --mode batch"):
        check(plan("session", "a", budget=Money(Decimal(60), "s")), by_shots)


def test_the_deadline_that_is_named_would_do() -> None:
    budget = Money(Decimal(20), "USD")
    with pytest.raises(BadOption, match=r"--deadline 11s or less, a larger --budget"):
        check(plan("session", "a", budget=budget, deadline=600.0), device("a"))
    check(plan("session", "a", budget=budget, deadline=11.0), device("a"))
    small = Money(Decimal(2), "USD")
    with pytest.raises(BadOption, match="of 2 USD: write a larger --budget, or"):
        check(plan("session", "a", budget=small, deadline=600.0), device("a"))


def test_a_session_is_opened_for_whole_seconds_and_bounded_by_more() -> None:
    assert [whole_seconds(left) for left in (-1.0, 0.2, 9.01)] == [1, 1, 10]
    stepped = replace(SECONDS, step_s=Decimal(10))
    assert session_bound(SECONDS, 10) == Decimal("17.60")
    assert session_bound(stepped, 10) == Decimal("33.60")


def test_in_a_session_only_time_is_free() -> None:
    mixed = Price("USD", per_second=2, per_hour=7, per_shot="0.01", least_s=3)
    assert in_session(mixed, "session").formula == "0.01 USD a shot"
    assert in_session(mixed, "batch") is mixed

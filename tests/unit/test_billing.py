"""What a job is billed, by what became of it and by what is known."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantumflow_lab import Price
from quantumflow_lab.planning.billing import UNCHARGED, Bill, Ended, Rule, bill
from quantumflow_lab.price import Usage

GARNET = Price("USD", per_job="0.30", per_shot="0.00145")
IBM = Price("USD", per_second="1.60")
SENT = Usage(circuits=2, shots=2000)


def billed(
    price: Price,
    ended: Ended,
    *,
    ran: Usage = SENT,
    used: Usage | None = None,
    provider: str | None = None,
) -> Bill:
    """The bill of a job whose bound is twice what is expected of it."""
    most = 2 * price.of(ran)
    return bill(price, ended, most=most, ran=ran, used=used, provider=provider)


def test_a_job_that_is_done_is_billed_by_what_its_provider_says() -> None:
    used = Usage(circuits=2, shots=2000, seconds=3.5)
    found = billed(IBM, Ended.DONE, used=used, provider="ibm")
    assert found == Bill(Decimal("5.600"), Rule.USAGE)


def test_without_a_word_it_is_billed_by_what_was_sent() -> None:
    found = billed(GARNET, Ended.DONE, ran=Usage(1, 1000))
    assert found == Bill(Decimal("1.75000"), Rule.FORMULA)


def test_time_and_gates_are_billed_as_they_were_forecast_if_nobody_tells() -> None:
    forecast = Usage(circuits=2, shots=2000, seconds=2.5)
    assert billed(IBM, Ended.DONE, ran=forecast) == Bill(Decimal("4.0"), Rule.FORMULA)
    assert billed(IBM, Ended.UNKNOWN, ran=forecast).amount == Decimal("8.0")


@pytest.mark.parametrize("provider", [None, "ibm", "braket", "ionq", "iqm"])
@pytest.mark.parametrize("ended", [Ended.UNKNOWN, Ended.PART])
def test_what_nobody_knows_is_the_most_it_may_cost(
    ended: Ended, provider: str | None
) -> None:
    found = billed(GARNET, ended, provider=provider)
    assert found == Bill(Decimal("6.40000"), Rule.AT_MOST)


def test_a_figure_of_a_job_that_goes_on_is_not_its_last() -> None:
    used = Usage(circuits=1, shots=1)
    found = billed(GARNET, Ended.UNKNOWN, used=used, provider="braket")
    assert found.rule is Rule.AT_MOST


@pytest.mark.parametrize(
    ("provider", "ended", "rule"),
    [
        ("braket", Ended.FAILED, Rule.NOT_CHARGED),
        ("braket", Ended.CANCELLED, Rule.AT_MOST),
        ("ionq", Ended.FAILED, Rule.NOT_CHARGED),
        ("ionq", Ended.CANCELLED, Rule.NOT_CHARGED),
        ("ibm", Ended.FAILED, Rule.AT_MOST),
        ("ibm", Ended.CANCELLED, Rule.AT_MOST),
        (None, Ended.FAILED, Rule.AT_MOST),
        (None, Ended.NEVER, Rule.NOT_TAKEN),
    ],
)
def test_each_provider_has_its_rule_for_what_came_to_nothing(
    provider: str | None, ended: Ended, rule: Rule
) -> None:
    found = billed(GARNET, ended, provider=provider)
    assert found.rule is rule
    assert (found.amount == 0) == (rule is not Rule.AT_MOST)


def test_a_cancelled_task_is_billed_for_the_shots_that_were_done() -> None:
    used = Usage(circuits=2, shots=700)
    found = billed(GARNET, Ended.CANCELLED, used=used, provider="braket")
    assert found == Bill(Decimal("1.31500"), Rule.USAGE)


@pytest.mark.parametrize("ended", [Ended.FAILED, Ended.CANCELLED])
@pytest.mark.parametrize("price", [GARNET, IBM])
def test_a_job_that_used_nothing_costs_nothing(ended: Ended, price: Price) -> None:
    found = billed(price, ended, used=Usage(), provider="ibm")
    assert found == Bill(Decimal(0), Rule.USAGE)


def test_what_a_provider_leaves_out_counts_as_was_forecast() -> None:
    price = Price("USD", per_second="1", per_two_qubit="0.01")
    ran = Usage(circuits=1, shots=100, seconds=4.0, two_qubit=300)
    used = Usage(circuits=1, shots=100)
    assert billed(price, Ended.DONE, ran=ran, used=used).amount == Decimal("7.00")


def test_each_rule_says_where_it_is_from_and_when() -> None:
    assert all(each.source and each.dated[:3] == "202" for each in UNCHARGED)

"""How often somebody may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantumflow_lab.service.rates import MOST, Rates
from tests.service.conftest import BELL, Caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI


def test_a_bucket_fills_with_time_and_never_overflows() -> None:
    rates = Rates()
    assert [rates.wait("a", 60, now=0.0) for _ in range(61)] == [0.0] * 60 + [1.0]
    assert rates.wait("a", 60, now=1.0) == 0.0
    assert rates.wait("a", 60, now=1.5) == 0.5
    assert [rates.wait("a", 60, now=9999.0) for _ in range(61)][-1] == 1.0


def test_buckets_are_forgotten_before_they_fill_the_memory() -> None:
    rates = Rates()
    for number in range(MOST + 10):
        rates.wait(number, 1, now=0.0)
    assert len(rates._buckets) == MOST
    assert rates.wait(MOST, 1, now=0.0) > 0


def test_reads_and_submits_are_counted_by_token_and_route(
    make_app: Callable[..., FastAPI], token_for: Callable[..., str]
) -> None:
    app = make_app(reads_per_minute=3, submits_per_minute=2)
    one, other = (Caller(app, token_for("read", "run")) for _ in range(2))
    assert [one.get("/api/runs").status_code for _ in range(4)] == [200] * 3 + [429]
    said = one.get("/api/runs")
    assert int(said.headers["Retry-After"]) >= 1
    assert said.json()["type"] == "urn:quantumflow-lab:problem:too-many-requests"
    assert one.get("/api/workflows").status_code == 200
    assert other.get("/api/runs").status_code == 200
    new = {"name": "rated", "declared": BELL}
    codes = [one.post("/api/workflows", new).status_code for _ in range(3)]
    assert codes[-1] == 429
    assert 429 not in codes[:2]


def test_probes_are_not_counted(make_app: Callable[..., FastAPI]) -> None:
    probe = Caller(make_app(reads_per_minute=1))
    assert {probe.get("/api/health/ready").status_code for _ in range(5)} == {200}


def test_wrong_tokens_are_counted_by_address(
    make_app: Callable[..., FastAPI], token: str
) -> None:
    app = make_app(failures_per_minute=3)
    wrong = Caller(app, "qfl_000000000000_wrong")
    assert [wrong.get("/api/runs").status_code for _ in range(4)] == [401] * 3 + [429]
    assert "Retry-After" in wrong.get("/api/runs").headers
    # Others at this address, which may be that of a proxy, are not kept out.
    assert Caller(app, token).get("/api/runs").status_code == 200

"""Who may ask for what: every route, every scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from quantumflow_lab.service.app import OPEN
from tests.service.conftest import BELL, STEP, Caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

RUN = "20261126-190318-1f2e3d4c"
WORKFLOW = "0" * 32
NEEDS: dict[tuple[str, str], tuple[str, Any]] = {
    ("GET", "/metrics"): ("metrics", None),
    ("POST", "/api/workflows"): ("run", {"name": "w", "declared": BELL}),
    ("GET", "/api/workflows"): ("read", None),
    ("GET", "/api/workflows/{workflow}"): ("read", None),
    ("POST", "/api/workflows/{workflow}/execute"): ("run", {}),
    ("GET", "/api/about"): ("read", None),
    ("POST", "/api/runs"): ("run", {"name": "w", "declared": BELL}),
    ("GET", "/api/runs"): ("read", None),
    ("GET", "/api/runs/{run}"): ("read", None),
    ("GET", "/api/runs/{run}/events"): ("read", None),
    ("GET", "/api/runs/{run}/results"): ("read", None),
    ("GET", "/api/runs/{run}/results/{step}"): ("read", None),
    ("POST", "/api/runs/{run}/cancel"): ("run", {}),
    ("POST", "/api/runs/{run}/pause"): ("run", None),
    ("POST", "/api/runs/{run}/resume"): ("run", {}),
    ("POST", "/api/quotes"): ("run", {"declared": BELL}),
    ("GET", "/api/backends"): ("read", None),
    ("GET", "/api/backends/{name}"): ("read", None),
    ("GET", "/api/performance/{run}"): ("read", None),
    ("GET", "/api/performance/{run}/{step}"): ("read", None),
    ("POST", "/api/quantum/execute"): (
        "run",
        {"circuit": BELL["circuits"]["pair"], "primitive": "sampler"},
    ),
}
PLACES = {"workflow": WORKFLOW, "run": RUN, "step": "counts", "name": "aer"}


def operations(app: FastAPI) -> set[tuple[str, str]]:
    paths = app.openapi()["paths"]
    return {(m.upper(), path) for path, methods in paths.items() for m in methods}


def test_this_table_has_every_route_that_needs_a_token(shared_app: FastAPI) -> None:
    needing = {each for each in operations(shared_app) if each[1] not in OPEN}
    assert needing == {*NEEDS}


@pytest.mark.parametrize("operation", NEEDS, ids=" ".join)
def test_a_route_answers_nobody_without_a_token_or_with_one_for_something_else(
    operation: tuple[str, str], shared_app: FastAPI, token_for: Callable[..., str]
) -> None:
    method, path = operation
    scope, body = NEEDS[operation]
    path = path.format(**PLACES)
    said = Caller(shared_app).ask(method, path, json=body)
    assert said.status_code == 401
    assert said.headers["WWW-Authenticate"] == 'Bearer realm="qflow"'
    assert said.json()["type"] == "urn:quantumflow-lab:problem:no-token"
    others = [each for each in ("read", "run", "code", "metrics") if each != scope]
    said = Caller(shared_app, token_for(*others)).ask(method, path, json=body)
    assert said.status_code == 403
    assert f"lacks the scope '{scope}'" in said.json()["detail"]


@pytest.mark.parametrize("path", OPEN)
def test_probes_need_no_token_and_tell_nothing_of_the_inside(
    path: str, shared_app: FastAPI
) -> None:
    said = Caller(shared_app).get(path)
    assert said.status_code == 200
    assert set(said.json()) <= {"status", "checks"}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic cXVhbnR1bTpxdWFudHVt",
        "bearer qfl_x_y",
        "qfl_x_y",
    ],
)
def test_other_authorizations_are_refused(header: str, shared_app: FastAPI) -> None:
    said = Caller(shared_app).get("/api/runs", headers={"Authorization": header})
    assert said.status_code == 401


def test_a_token_in_the_address_is_not_looked_at(
    shared_app: FastAPI, token: str
) -> None:
    said = Caller(shared_app).get(f"/api/runs?token={token}&access_token={token}")
    assert said.status_code == 401


def test_python_needs_the_flag_and_the_scope(
    shared_app: FastAPI,
    make_app: Callable[..., FastAPI],
    token: str,
    token_for: Callable[..., str],
) -> None:
    new = {"name": "w", "source": STEP}
    closed = Caller(make_app(), token)
    for path, body in (("/api/workflows", new), ("/api/quotes", {"source": STEP})):
        said = closed.post(path, body)
        assert said.status_code == 403
        assert "may start it with --allow-code" in said.json()["detail"]
        said = Caller(shared_app, token_for("read", "run")).post(path, body)
        assert said.status_code == 403
        assert "lacks the scope 'code'" in said.json()["detail"]
    made = Caller(shared_app, token).post("/api/workflows", new).json()["id"]
    said = closed.post(f"/api/workflows/{made}/execute", {})
    assert said.status_code == 403
    without = Caller(shared_app, token_for("read", "run"))
    assert without.post(f"/api/workflows/{made}/execute", {}).status_code == 403


def test_inputs_of_a_notebook_need_the_scope_code(
    shared_app: FastAPI, token_for: Callable[..., str]
) -> None:
    without = Caller(shared_app, token_for("read", "run"))
    made = without.post("/api/workflows", {"name": "w", "declared": BELL}).json()["id"]
    inputs = {"x": {"media": "application/json", "data": "MQ=="}}
    said = without.post(f"/api/workflows/{made}/execute", {"inputs": inputs})
    assert said.status_code == 403

"""The description of the API is true: schemathesis asks, and finds no fault."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from quantumflow_lab.service.app import OPEN
from tests.service.conftest import Caller
from tests.service.test_access import NEEDS

if TYPE_CHECKING:
    from fastapi import FastAPI


PATIENCE_S = 60.0
"""Seconds until an answer, as the service allows; by itself schemathesis waits 10."""
OPERATIONS = [*NEEDS, *(("GET", path) for path in OPEN)]


@pytest.fixture(scope="module")
def described(shared_app: FastAPI) -> schemathesis.BaseSchema:
    # As ``qflow serve`` does. The first circuit would wait for processes to start, on a
    # busy machine for longer than schemathesis does.
    shared_app.state.desk.warm()
    return schemathesis.openapi.from_asgi(
        "/api/openapi.json", shared_app, headers={"Host": "localhost"}
    )


@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
def test_every_answer_is_as_described(
    operation: tuple[str, str], described: schemathesis.BaseSchema, token: str
) -> None:
    method, path = operation
    headers = {"Authorization": f"Bearer {token}", "Host": "localhost"}

    @settings(
        max_examples=10,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described[path][method].as_strategy())
    def ask(case: schemathesis.Case) -> None:
        if isinstance(case.body, dict) and "wait" in case.body:
            case.body["wait"] = 0
        # A schema cannot say that a circuit parses, or that a step names what is there.
        case.call_and_validate(
            headers=headers,
            excluded_checks=[positive_data_acceptance],
            timeout=PATIENCE_S,
        )

    ask()


def test_every_model_that_goes_in_has_an_example(shared_app: FastAPI) -> None:
    schemas = shared_app.openapi()["components"]["schemas"]
    for name in ("NewWorkflow", "Execution", "QuoteAsked", "OneCircuit", "Declared"):
        found = json.dumps(schemas[name])
        assert "examples" in found, name


def test_the_examples_of_the_models_are_accepted(caller: Caller) -> None:
    schemas = caller.app.openapi()["components"]["schemas"]
    for name, path in (
        ("NewWorkflow", "/api/workflows"),
        ("QuoteAsked", "/api/quotes"),
        ("OneCircuit", "/api/quantum/execute"),
    ):
        said = caller.post(path, schemas[name]["examples"][0])
        assert said.status_code in (200, 201), said.text


def test_there_is_no_page_that_loads_anything_from_elsewhere(caller: Caller) -> None:
    assert caller.get("/docs").status_code == 404
    assert caller.get("/redoc").status_code == 404

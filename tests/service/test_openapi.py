"""The description of the API is true: schemathesis asks, and finds no fault."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from tests.service.conftest import Caller

if TYPE_CHECKING:
    from fastapi import FastAPI


@pytest.fixture
def described(shared_app: FastAPI) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_asgi(
        "/api/openapi.json", shared_app, headers={"Host": "localhost"}
    )


schema = schemathesis.pytest.from_fixture("described")


@schema.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described(case: schemathesis.Case, token: str) -> None:
    if case.method == "POST" and isinstance(case.body, dict):
        case.body.pop("wait", None)
    case.call_and_validate(
        headers={"Authorization": f"Bearer {token}", "Host": "localhost"}
    )


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

"""Workflows over the wire: created, listed, fetched, executed, quoted."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import pytest
from qiskit import QuantumCircuit, qpy

from quantumflow_lab import codec
from quantumflow_lab.service.declared import BELL as TURNED
from tests.service.conftest import BELL, STEP, Caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI


def named(workflow: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**workflow, "steps": [{**workflow["steps"][0], **changes}]}


def test_creating_a_workflow_twice_makes_one(caller: Caller) -> None:
    new = {"name": "twice", "declared": BELL}
    first = caller.post("/api/workflows", new)
    assert first.status_code == 201
    again = caller.post("/api/workflows", new)
    assert again.status_code == 200
    assert again.json() == first.json()
    assert first.headers["Location"] == f"/api/workflows/{first.json()['id']}"
    got = caller.get(first.headers["Location"]).json()
    assert got == first.json()
    assert got["by"] == "tester"
    assert got["declared"]["circuits"] == BELL["circuits"]
    other = caller.post("/api/workflows", {"name": "other", "declared": BELL})
    assert other.json()["id"] != first.json()["id"]


def test_workflows_are_listed_newest_first_page_by_page(caller: Caller) -> None:
    made = [
        caller.post("/api/workflows", {"name": f"page{i}", "declared": BELL}).json()[
            "id"
        ]
        for i in range(5)
    ]
    seen: list[str] = []
    cursor: str | None = None
    while not {*made} <= {*seen}:
        page = f"/api/workflows?limit=2{f'&cursor={cursor}' if cursor else ''}"
        found = caller.get(page).json()
        seen += [each["id"] for each in found["items"]]
        cursor = found["next"]
        assert len(found["items"]) == 2 or cursor is None
    assert [each for each in seen if each in made] == made[::-1]
    assert len({*seen}) == len(seen)


def test_a_workflow_survives_the_service(
    caller: Caller, make_app: Callable[..., FastAPI], token: str
) -> None:
    made = caller.post("/api/workflows", {"name": "kept", "declared": BELL}).json()
    later = Caller(make_app(), token)
    assert later.get(f"/api/workflows/{made['id']}").json() == made


def test_more_workflows_than_are_kept_are_refused(
    caller: Caller, make_app: Callable[..., FastAPI], token: str
) -> None:
    caller.post("/api/workflows", {"name": "one", "declared": BELL})
    full = Caller(make_app(saved_workflows=1), token)
    said = full.post("/api/workflows", {"name": "one_more", "declared": BELL})
    assert said.status_code == 409
    assert said.json()["detail"].startswith("this service keeps 1 workflows")


def test_a_declared_sweep_gives_what_the_physics_says(caller: Caller) -> None:
    workflow = named(TURNED, precision=0.0)
    run = caller.run(workflow, "turned", seed=1)
    assert caller.ended(run)["state"] == "done"
    points = caller.get(f"/api/runs/{run}/results/values").json()["points"]
    # ry(θ) and a controlled NOT: cos(θ/2)|00⟩ + sin(θ/2)|11⟩, so ZZ = 1, XX = sin θ.
    assert [point["at"]["theta"] for point in points] == [0.0, 0.5, 1.0]
    for point, sine in zip(points, (0.0, 0.479425538604, 0.841470984808), strict=True):
        zz, energy = point["value"]["evs"]
        assert zz == pytest.approx(1.0)
        assert energy == pytest.approx(0.5 * sine - 0.5)


def test_a_circuit_comes_as_qpy_too(caller: Caller) -> None:
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.measure_all()
    data = io.BytesIO()
    qpy.dump(circuit, data)
    source = base64.b64encode(data.getvalue()).decode()
    workflow = {**BELL, "circuits": {"pair": {"format": "qpy", "source": source}}}
    run = caller.run(workflow, "flipped")
    assert caller.ended(run)["state"] == "done"
    points = caller.get(f"/api/runs/{run}/results/counts").json()["points"]
    assert points[0]["value"] == {"counts": {"meas": {"1": 200}}}


def test_python_runs_with_the_inputs_that_were_sent(caller: Caller) -> None:
    text = "scale = 3\n@qf.step\ndef doubled():\n    return scale * sum(values)\n"
    made = caller.post("/api/workflows", {"name": "code", "source": text}).json()["id"]
    value = codec.encode([1, 2])
    inputs = {
        "values": {
            "media": value.media,
            "data": base64.b64encode(value.data).decode(),
        }
    }
    options = {"inputs": inputs, "set": {"scale": 5}, "if_running": "beside"}
    run = caller.post(f"/api/workflows/{made}/execute", options).json()["id"]
    assert caller.ended(run)["state"] == "done"
    points = caller.get(f"/api/runs/{run}/results/doubled").json()["points"]
    assert points[0]["value"] == 15


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1", "has no step"),
        ("@qf.step\ndef a(b):\n    return b\n", "'b'"),
        ("@qf.step(", "'('"),
        (
            "import sys\nx = sys.exit(3)\n@qf.step\ndef a():\n    return x\n",
            "SystemExit",
        ),
        ("x = 1 / 0\n@qf.step\ndef a():\n    return x\n", "ZeroDivisionError"),
    ],
)
def test_what_is_wrong_with_python_is_said(
    text: str, says: str, caller: Caller
) -> None:
    said = caller.post("/api/quotes", {"source": text})
    assert said.status_code == 422, said.text
    assert says in said.json()["detail"]


def test_a_run_of_a_name_that_goes_on_is_refused_with_its_id(caller: Caller) -> None:
    text = "import time\n@qf.step\ndef a():\n    time.sleep(30)\n"
    made = caller.post("/api/workflows", {"name": "alone", "source": text}).json()["id"]
    path = f"/api/workflows/{made}/execute"
    run = caller.post(path, {}).json()["id"]
    said = caller.post(path, {})
    assert said.status_code == 409
    assert said.json()["run"] == run
    assert said.json()["type"] == "urn:quantumflow-lab:problem:run-is-live"
    beside = caller.post(path, {"if_running": "beside"}).json()
    assert beside["name"] == "alone_2"
    for each in (run, beside["id"]):
        caller.post(f"/api/runs/{each}/cancel", {})
        assert caller.ended(each)["state"] == "cancelled"


def test_no_more_runs_go_on_than_may(
    make_app: Callable[..., FastAPI], token: str
) -> None:
    mine = Caller(make_app(live_runs=1, allow_code=True), token)
    text = "import time\n@qf.step\ndef a():\n    time.sleep(30)\n"
    run = mine.run(text, "one_only")  # type: ignore[arg-type]
    made = mine.post("/api/workflows", {"name": "other", "source": STEP}).json()["id"]
    said = mine.post(f"/api/workflows/{made}/execute", {})
    assert said.status_code == 429
    assert said.headers["Retry-After"] == "2"
    assert said.json()["detail"].startswith("1 runs go on, as many as may")
    mine.post(f"/api/runs/{run}/cancel", {})
    mine.ended(run)


def test_a_quote_tells_jobs_and_shots_without_a_run(caller: Caller) -> None:
    before = caller.get("/api/runs?name=quote").json()
    said = caller.post(
        "/api/quotes", {"declared": TURNED, "backend": ["aer"], "fresh": True}
    )
    assert said.status_code == 200
    row = said.json()["steps"][0]
    # 3 points with 2 settings each, at 1/0.02² shots.
    assert (row["circuits"]["value"], row["shots"]["value"]) == (6, 15_000)
    assert caller.get("/api/runs?name=quote").json() == before


def test_a_device_that_is_billed_needs_a_budget(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qiskit.providers.fake_provider import GenericBackendV2

    from quantumflow_lab import Price

    lab = caller.app.state.desk.lab
    price = Price(per_shot="0.01", currency="USD")
    lab.backends.add("billed", GenericBackendV2(2, seed=1), price=price)
    unset = lab.settings.model_copy(update={"budget": None})
    monkeypatch.setattr(lab, "settings", unset)
    made = caller.post("/api/workflows", {"name": "paid", "declared": BELL}).json()[
        "id"
    ]
    path = f"/api/workflows/{made}/execute"
    said = caller.post(path, {"backend": ["billed"]})
    assert said.status_code == 402, said.text
    assert said.json()["type"] == "urn:quantumflow-lab:problem:budget-needed"
    assert said.json()["quote"]["steps"][0]["shots"]["value"] == 200
    said = caller.post(path, {"backend": ["billed"], "budget": "5 USD"})
    assert said.status_code == 202, said.text
    caller.ended(said.json()["id"])


def test_backends_are_listed_and_only_those_of_the_settings_may_be_used(
    make_app: Callable[..., FastAPI], token: str
) -> None:
    mine = Caller(make_app(backends="aer,generic_5"), token)
    items = mine.get("/api/backends").json()["items"]
    # Others may have been loaded: what a simulator's memory allows is then known, too.
    assert [each | {"qubits": 0} for each in items if each["name"] == "aer"] == [
        {"name": "aer", "qubits": 0, "simulator": True, "noisy": False, "billed": False}
    ]
    device = {"simulator": True, "qubits": 5, "noisy": True, "billed": False}
    assert items[1:] == [{"name": "generic_5", **device}]
    facts = mine.get("/api/backends/generic_5").json()
    assert (facts["qubits"], facts["billed"]) == (5, False)
    assert mine.get("/api/backends/fake_manila").status_code == 404
    made = mine.post("/api/workflows", {"name": "w", "declared": BELL}).json()["id"]
    said = mine.post(f"/api/workflows/{made}/execute", {"backend": ["fake_manila"]})
    assert said.status_code == 422
    assert "no backend 'fake_manila'" in said.json()["detail"]
    other = named(BELL, backend="fake_manila")
    said = mine.post("/api/workflows", {"name": "w", "declared": other})
    assert said.status_code == 422


def test_one_circuit_is_run_at_once(caller: Caller) -> None:
    one = {"circuit": BELL["circuits"]["pair"], "primitive": "sampler", "shots": 100}
    said = caller.post("/api/quantum/execute", {**one, "seed": 3})
    assert said.status_code == 200, said.text
    counts = said.json()["result"]["counts"]["c"]
    assert sum(counts.values()) == 100
    assert {*counts} <= {"00", "11"}
    bare = {
        "format": "qasm2",
        "source": 'OPENQASM 2.0; include "qelib1.inc"; qreg q[1]; h q[0];',
    }
    one = {"circuit": bare, "primitive": "estimator", "precision": 0}
    one["observables"] = [{"X": 2.0}, {"Z": 1.0}]
    said = caller.post("/api/quantum/execute", one)
    assert said.json()["result"]["evs"] == pytest.approx([2.0, 0.0])


def test_one_circuit_that_takes_long_is_a_run_to_follow(caller: Caller) -> None:
    one = {"circuit": BELL["circuits"]["pair"], "primitive": "sampler", "wait": 0}
    said = caller.post("/api/quantum/execute", one)
    assert said.status_code == 202
    run = said.json()["id"]
    assert said.headers["Location"] == f"/api/runs/{run}"
    assert caller.ended(run)["state"] == "done"


def test_a_workflow_is_executed_without_a_word_and_as_the_magic_line_has_it(
    caller: Caller,
) -> None:
    made = caller.post("/api/workflows", {"name": "said", "declared": BELL}).json()[
        "id"
    ]
    path = f"/api/workflows/{made}/execute"
    for body, backends in ((None, ["aer"]), ({"backend": "generic_5, aer"}, None)):
        said = caller.ask("POST", path, json=body)
        assert said.status_code == 202, said.text
        run = said.json()["id"]
        caller.ended(run)
        steps = caller.get(f"/api/runs/{run}/results").json()
        axis = steps["axes"].get("backend")
        assert axis == (["generic_5", "aer"] if backends is None else None)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"shotz": 1}, "body.shotz: there is no such field; did you mean 'shots'?"),
        ({"backend": "fake_manilla"}, "no backend 'fake_manilla'; did you mean"),
        ({"backend": 3}, "body.backend: Input should be a valid list"),
    ],
)
def test_an_option_that_does_not_fit_is_told_with_what_would(
    caller: Caller, options: dict[str, Any], says: str
) -> None:
    made = caller.post("/api/workflows", {"name": "said", "declared": BELL}).json()[
        "id"
    ]
    said = caller.post(f"/api/workflows/{made}/execute", options)
    assert said.status_code == 422
    assert said.json()["detail"].startswith(says)

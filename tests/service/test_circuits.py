"""Circuits from anybody: read where they can do no harm, or refused."""

from __future__ import annotations

import base64
import os
from typing import Any

import pytest

from tests.service.conftest import BELL, Caller

INCLUDE = 'OPENQASM 2.0; include "{}"; qreg q[1];'
DOUBLING = "OPENQASM 2.0; gate g0 a { U(0,0,0) a; } " + "".join(
    f"gate g{i} a {{ g{i - 1} a; g{i - 1} a; }} " for i in range(1, 31)
)


def asked(format_: str, source: str) -> dict[str, Any]:
    return {
        "circuit": {"format": format_, "source": source},
        "primitive": "estimator",
        "observables": [{"Z": 1.0}],
    }


@pytest.mark.parametrize(
    ("format_", "source", "kind"),
    [
        ("qasm2", INCLUDE.format("/etc/passwd"), "forbidden-include"),
        ("qasm2", INCLUDE.format("../../tokens.json"), "forbidden-include"),
        ("qasm3", 'OPENQASM 3.0; include "/etc/passwd"; qubit q;', "forbidden-include"),
        ("qasm2", DOUBLING + "qreg q[1]; g30 q[0];", "circuit-too-large"),
        ("qasm2", "OPENQASM 2.0; qreg q[100000000];", "circuit-too-large"),
        ("qasm3", "OPENQASM 3.0; qubit[1000000000] q;", "circuit-too-large"),
        ("qasm3", "OPENQASM 3.0; qubit[129] q;", "circuit-too-large"),
        ("qasm3", "/etc/passwd", "bad-circuit-text"),
        (
            "qpy",
            base64.b64encode(b"QISKIT" + b"\xff" * 64).decode(),
            "bad-circuit-data",
        ),
        (
            "qpy",
            base64.b64encode(b"cos\nsystem\n(S'true'\ntR.").decode(),
            "bad-circuit-data",
        ),
        ("qpy", "no base64", "bad-document"),
    ],
    ids=range(11),
)
def test_a_circuit_that_would_do_harm_is_refused(
    format_: str, source: str, kind: str, caller: Caller
) -> None:
    said = caller.post("/api/quantum/execute", asked(format_, source))
    assert said.status_code == 422, said.text
    assert said.json()["type"] == f"urn:quantumflow-lab:problem:{kind}"
    assert "root:" not in said.text


def test_a_limit_of_circuits_is_called_what_its_operator_sets(caller: Caller) -> None:
    source = "OPENQASM 3.0; qubit[129] q;"
    said = caller.post("/api/quantum/execute", asked("qasm3", source)).json()
    assert "raise QFLOW_SERVICE_PARSE_QUBITS" in said["detail"]


def test_circuits_are_read_in_processes_that_can_do_nothing_else(
    caller: Caller,
) -> None:
    new = {"name": "read_there", "declared": BELL}
    assert caller.post("/api/workflows", new).status_code in (200, 201)
    pids = [p.pid for p in caller.app.state.desk.circuits._parsers if p.pid]
    assert pids
    assert os.getpid() not in pids


def test_a_circuit_that_is_sent_again_is_not_read_again(caller: Caller) -> None:
    circuits = caller.app.state.desk.circuits
    new = {"name": "once", "declared": BELL}
    caller.post("/api/workflows", new)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(circuits, "_free", None)
        assert caller.post("/api/workflows", new).status_code == 200


def test_labels_of_a_circuit_come_back_as_text_and_never_as_a_page(
    caller: Caller,
) -> None:
    text = 'OPENQASM 3.0; include "stdgates.inc"; qubit[1] q; bit[1] c; c = measure q;'
    workflow = {
        "circuits": {"c": {"format": "qasm3", "source": text}},
        "axes": {"x": {"values": [1.0], "unit": "<script>alert(1)</script>"}},
        "steps": [{"name": "s", "kind": "sample", "circuit": "c", "shots": 10}],
    }
    run = caller.run(workflow, "labels")
    caller.ended(run)
    said = caller.get(f"/api/runs/{run}")
    assert said.headers["Content-Type"] == "application/json"
    assert said.headers["X-Content-Type-Options"] == "nosniff"

"""What becomes of a job by what a client raised when it was sent."""

from __future__ import annotations

import pytest
from qiskit.exceptions import QiskitError

from quantumflow_lab.backends.failures import (
    backend_error,
    fault_of,
    may_pass,
    text_of,
)
from quantumflow_lab.ports import Fault


def raised(status: int, *, retried: bool = False) -> Exception:
    """What a client raises for an HTTP status, perhaps after tries of its own."""
    error = type("Refused", (Exception,), {})("no")
    error.status_code, error.retried = status, retried  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (raised(429), Fault.TRANSIENT),
        (raised(429, retried=True), Fault.REFUSED),
        (raised(503, retried=True), Fault.REFUSED),
        (raised(400, retried=True), Fault.PERMANENT),
        (raised(413), Fault.TOO_BIG),
        (raised(402), Fault.REFUSED),
        (raised(424), Fault.REFUSED),
    ],
)
def test_a_submit_is_tried_again_in_one_place_only(
    error: Exception, fault: Fault
) -> None:
    assert fault_of(backend_error(error, "device")) is fault


def test_a_question_is_asked_again_however_often_the_client_has() -> None:
    assert may_pass(raised(429, retried=True))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (QiskitError("the cable is cut"), "QiskitError: the cable is cut"),
        (KeyError("x"), "KeyError: x"),
        (AttributeError("'A' has no 'b'"), "AttributeError: 'A' has no 'b'"),
        (ValueError("'"), "ValueError: '"),
        (ValueError(), "ValueError: no reason given"),
    ],
)
def test_quotes_go_only_if_they_are_around_all_of_it(
    said: Exception, told: str
) -> None:
    assert text_of(said) == told

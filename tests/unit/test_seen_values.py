"""Whatever a step returns or raises, what is shown of it does no harm."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import DataBin, PubResult, SamplerPubResult, StatevectorSampler

from quantumflow_lab import Lab
from quantumflow_lab.composer.quoting import answer
from quantumflow_lab.edit.source import expression
from quantumflow_lab.errors import EditRefused
from quantumflow_lab.runner.glimpse import glimpse

TOKEN = "sesame-open-1234567890"


def unmeasured() -> SamplerPubResult:
    return StatevectorSampler().run([QuantumCircuit(1)]).result()[0]


@pytest.mark.filterwarnings("ignore:One of your circuits has no output")
@pytest.mark.parametrize(
    "value",
    [
        10**400,
        np.complex128(1 + 2j),
        pytest.param(unmeasured, id="unmeasured"),
        PubResult(DataBin(evs=np.array(["a", "b"]))),
        PubResult(DataBin(evs=[1j, 2j])),
    ],
)
def test_values_that_cannot_be_drawn_are_not(value: Any) -> None:
    assert glimpse(value() if callable(value) else value) is None


def test_a_number_that_no_float_holds_ends_no_run(lab: Lab) -> None:
    cell = """
    big = qf.axis([10**400, 1])

    @qf.step
    def number(big):
        return big
    """
    run = lab.run(dedent(cell), name="large")
    assert list(run["number"]) == [10**400, 1]
    assert lab.run("@qf.step\ndef one():\n    return 1\n", name="next")["one"] == 1


def test_a_secret_that_an_error_quotes_is_not_shown_later(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", TOKEN)
    cell = (
        f"@qf.step\ndef ask():\n    raise ValueError('bad {TOKEN[:6]}' '{TOKEN[6:]}')\n"
    )
    lab.run(cell, name="asks")
    shown = lab.load("asks")._repr_html_()
    assert TOKEN not in shown
    assert "bad (secret left out)" in shown


def test_a_quote_that_fails_hides_secrets_and_survives_an_exit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_TOKEN", TOKEN)

    def asks(text: str) -> Any:
        raise ValueError(TOKEN)

    def exits(text: str) -> Any:
        raise SystemExit("no")

    assert answer(asks, "", 3)["message"] == "ValueError: (secret left out)"
    told = answer(exits, "", 3)
    assert (told["state"], told["message"]) == ("failed", "SystemExit: no")


def test_a_comment_does_not_hide_what_follows_a_value() -> None:
    for kept in ("'#' + \"#\"", "[\n    1,  # one\n    2,\n]"):
        assert expression(kept, "x") == kept
    with pytest.raises(EditRefused, match="without a comment behind it"):
        expression("5 #", "dial 'n'")

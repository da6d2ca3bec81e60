"""Each planted fault is found by the check that looks for it."""

from __future__ import annotations

import pytest

from quantumflow_lab.backends.conformance import CHECKS, Verdict
from tests.conformance import faulty

FAULTS = [
    (faulty.NoMeasure, "target", "the target has no measure"),
    (faulty.BrokenTarget, "target", "ConnectionError: no calibration today"),
    (faulty.ReversedBits, "bit_order", "X on qubit 0, bit 0: 0 of 1000 shots"),
    (faulty.SwappedReadout, "bit_order", "X on qubit 1, bit 1: 0 of 1000 shots"),
    (faulty.AllZeros, "ones", "bit 0: 0 of 1000 shots"),
    (faulty.DroppedClbits, "registers", "outcome 100: 0 of 1000 shots"),
    (faulty.WrongWidth, "answers", "returned outcome "),
    (faulty.ShotsOffByOne, "shots", "the backend ran 6 shots instead of 7"),
    (faulty.IgnoredSeed, "seeds", "the same seed gave different counts"),
    (faulty.OneSeed, "seeds", "different seeds gave the same counts"),
    (faulty.OneSeed, "unseeded", "two jobs without a seed gave the same counts"),
    (faulty.BatchSeedsEqual, "batch_seeds", "circuit 1 of a batch differs"),
    (faulty.ReversedResults, "batch_order", "circuit 0, bit 0: 1000 of 1000"),
    (faulty.IgnoredCondition, "conditional", "outcome 00: 0 of 1000 shots"),
    (faulty.IgnoredReset, "reset", "outcome 0: 0 of 1000 shots"),
    (faulty.WrongSignOfY, "paulis", "+1 of IY"),
    (faulty.HalfRotations, "angles", "(2π/3): "),
    (faulty.RaisesInResult, "answers", "RuntimeError: calibration in progress"),
]


@pytest.mark.parametrize(
    ("kind", "check", "text"), FAULTS, ids=lambda v: getattr(v, "__name__", None)
)
def test_a_fault_is_found_by_its_check(examined, kind, check, text):
    finding = examined(kind()).find(check)
    assert finding.verdict is Verdict.FAIL, finding.answer.text
    assert text in finding.answer.text


def test_the_healthy_twin_passes_every_check(examined):
    found = {
        finding.check.name: finding.verdict.value
        for finding in examined(faulty.Healthy())
    }
    wanted = {check.name: "pass" for check in CHECKS}
    # It claims neither exact values nor a rule for the seeds of a batch.
    assert found == {**wanted, "batch_seeds": "note", "exact": "skipped"}


def test_limits_of_a_backend_are_kept_by_the_checks(examined):
    failed = [
        (finding.check.name, finding.answer.text)
        for finding in examined(faulty.FewShots())
        if finding.verdict is Verdict.FAIL
    ]
    assert failed == []


def test_swallowed_options_are_noted(examined):
    finding = examined(faulty.SwallowsOptions()).find("unknown_option")
    assert finding.verdict is Verdict.NOTE
    assert finding.answer.text.startswith("run() ignores unknown options")


def test_a_backend_that_hangs_is_asked_once(examined):
    examination = examined(faulty.Hangs(), deadline=1.0)
    assert examination.find("answers").answer.text == "a job had no end after 1 s"
    skipped = examination.find("bell")
    assert (skipped.verdict.value, skipped.answer.text) == (
        "skipped",
        "'answers' did not pass",
    )
    late = examination.find("ends_in_time")
    assert late.verdict is Verdict.FAIL
    assert late.answer.text == "in 'answers': a job had no end after 1 s"


def test_a_hang_in_the_kernel_is_waited_for_no_longer_than_the_deadline(examined):
    examination = examined(faulty.HangsInKernel(), deadline=1.0)
    assert examination.find("portable").verdict is Verdict.NOTE
    assert examination.find("answers").answer.text == "a job had no end after 1 s"


def test_after_three_hangs_nothing_more_is_sent(examined):
    examination = examined(faulty.HangsOnWideRegisters(), deadline=1.0)
    checks = ("bit_order", "registers", "ones", "bell")
    told = [examination.find(check).answer.text for check in checks]
    hung = "a job had no end after 1 s"
    assert told == [hung, hung, hung, "not sent: 3 jobs before it hung"]
    late = examination.find("ends_in_time").answer
    assert late.text == f"in 'bit_order', 'registers', 'ones': {hung}"
    assert late.numbers == {"hung": 3}


def test_an_abort_is_told_and_the_examination_goes_on(examined):
    examination = examined(faulty.AbortsOnResets())
    reset = examination.find("reset")
    assert reset.verdict is Verdict.FAIL
    assert "signal 6" in reset.answer.text
    assert examination.find("bell").verdict is Verdict.PASS
    survives = examination.find("survives")
    assert survives.verdict is Verdict.FAIL
    assert survives.answer.text.startswith("in 'reset': ")


def test_a_backend_that_always_aborts_is_found(examined):
    examination = examined(faulty.Aborts())
    assert examination.find("answers").verdict is Verdict.FAIL
    assert examination.find("bell").verdict is Verdict.SKIPPED
    assert examination.find("survives").verdict is Verdict.FAIL

"""Batches and sessions of IBM's own client, opened and closed by runs.

Whatever becomes of a run, of its process or of its provider, no session stays open that
nobody knows of, and none costs more than was kept back for it.
"""

from __future__ import annotations

import logging
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit

from quantumflow_lab import Lab, Run, closing
from quantumflow_lab.backends import jobs, registry, sessions
from quantumflow_lab.emulate.faults import FAULTS, Named
from quantumflow_lab.emulate.ibm import Service, service
from quantumflow_lab.emulate.sessions import Session
from quantumflow_lab.errors import (
    BackendFailed,
    BadOption,
    BudgetNeeded,
    BudgetReached,
    JournalFull,
    ModeRefused,
    SessionClosed,
)
from quantumflow_lab.planning.modes import LONGEST_S
from quantumflow_lab.ports import Mode
from quantumflow_lab.runner import aside
from tests.unit.test_emulated_faults import account

pytestmark = pytest.mark.filterwarnings(
    "ignore::urllib3.exceptions.InsecureRequestWarning"
)

RATE = Decimal("1.60")
TWO = """
@qf.sample(shots=100)
def first():
    return flip(0)

@qf.sample(shots=100)
def second(first):
    return flip(1)
"""
LOOP = """
@qf.step
def ones(sampler):
    found = []
    for _ in range(CALLS):
        result = sampler.run([flip(1)], shots=100).result()
        found.append(result[0].data.meas.num_shots)
    return found
"""
CHILD = """
import sys
sys.path.insert(0, {root!r})
from tests.unit.test_modes import begin, opened

home, url, mode = sys.argv[1:]
begin(opened(home, url), mode)
"""
UNHEARD = """
import time
from quantumflow_lab.backends import registry

really = registry.open_session

def silent(*asked):
    really(*asked)
    time.sleep(999)

registry.open_session = silent
"""


def flip(turns: int) -> QuantumCircuit:
    qc = QuantumCircuit(1)
    for _ in range(turns):
        qc.x(0)
    qc.measure_all()
    return qc


@pytest.fixture
def ibm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(jobs, "POLL_S", 0.05)
    monkeypatch.setattr(sessions, "LOOKS_S", (0.0, 0.1, 0.2))
    monkeypatch.setattr(sessions, "CLOSES_S", (0.0, 0.01, 0.02))
    # The lines set these; so they are put back.
    monkeypatch.setenv("IAM_URL", "")
    monkeypatch.setenv("QISKIT_FUNCTIONS_EXPERIMENTAL", "")
    with service() as found:
        yield found


def opened(home: Path | str, url: str) -> Lab:
    lab = Lab(home)
    lab.backends.add("ibm", account(url))
    return lab


@pytest.fixture
def lab(ibm: Service, tmp_path: Path) -> Iterator[Lab]:
    lab = opened(tmp_path, ibm.url)
    yield lab
    lab.close()


def begin(lab: Lab, mode: str, cell: str = TWO, calls: int = 2, **options: Any) -> Run:
    options = {"budget": "200 USD", "deadline": "60s", **options}
    inputs = {"flip": flip, "CALLS": calls}
    return lab.run(
        cell, name="work", backend="ibm", mode=mode, inputs=inputs, **options
    )


def until(happened: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


def recorded(lab: Lab) -> list[dict[str, Any]]:
    """Sessions as they are on record, the oldest first."""
    return lab.sql(
        "SELECT mode, session, state, seconds, cost, currency, rule FROM qf_sessions "
        "ORDER BY opened"
    ).to_pylist()


def rules(lab: Lab) -> set[tuple[str, float]]:
    rows = lab.sql("SELECT rule, cost FROM qf_jobs").to_pylist()
    return {(row["rule"], row["cost"]) for row in rows}


def only(ibm: Service) -> tuple[str, Session]:
    ((name, session),) = ibm.sessions.items()
    return name, session


# --- the regular way -----------------------------------------------------------------


def test_all_jobs_of_a_run_go_in_one_batch_and_are_billed_alone(
    lab: Lab, ibm: Service
) -> None:
    assert begin(lab, "batch", deadline=None).state == "done"
    name, session = only(ibm)
    assert session.posted["mode"] == "batch"
    assert [each["session_id"] for each in ibm.jobs.values()] == [name] * 2
    assert session.closed
    (row,) = recorded(lab)
    assert (row["mode"], row["session"], row["state"]) == ("batch", name, "closed")
    assert (row["cost"], row["currency"]) == (0.0, None)
    (run,) = lab.sql("SELECT cost, currency FROM qf_runs").to_pylist()
    assert run["cost"] == pytest.approx(float(RATE) * session.elapsed)
    assert {rule for rule, _ in rules(lab)} == {"usage"}


def test_a_session_is_billed_by_the_clock_and_its_jobs_are_not(
    lab: Lab, ibm: Service
) -> None:
    run = begin(lab, "session", LOOP)
    assert run.state == "done"
    name, session = only(ibm)
    assert session.posted["mode"] == "dedicated"
    assert 58 <= session.posted["max_ttl"] <= 60
    assert {each["session_id"] for each in ibm.jobs.values()} == {name}
    assert session.closed
    assert session.elapsed > session.used  # the clock runs between jobs, too
    (row,) = recorded(lab)
    assert (row["state"], row["rule"]) == ("closed", "usage")
    assert row["seconds"] == pytest.approx(session.elapsed)
    assert row["cost"] == pytest.approx(float(RATE) * session.elapsed)
    assert rules(lab) == {("session", 0.0)}
    parts = {row["step"]: row["cost"] for row in run.cost}
    assert parts == {"(session)": row["cost"], "ones": 0.0}
    ((spent,),) = [r["costs"] for r in lab.sql("FROM qf_runs").to_pylist()]
    assert spent == ("USD", row["cost"])


def test_seconds_of_a_session_count_against_a_budget_in_seconds(
    lab: Lab, ibm: Service
) -> None:
    begin(lab, "session", budget="2 min")
    (row,) = recorded(lab)
    assert row["currency"] == "s"
    assert row["cost"] == pytest.approx(only(ibm)[1].elapsed)


def test_simulators_beside_a_device_take_no_part_in_a_session(
    lab: Lab, ibm: Service
) -> None:
    both: dict[str, Any] = {"backend": ["aer", "ibm"], "mode": "session"}
    both |= {"deadline": "60s", "inputs": {"flip": flip}, "name": "work"}
    quote = lab.plan(TWO, **both)
    assert "'aer' on this machine takes no part in it." in str(quote)
    lab.run(TWO, budget="200 USD", **both).raise_failure()
    only(ibm)
    rows = lab.sql("SELECT backend, rule FROM qf_jobs ORDER BY backend").to_pylist()
    assert [row["backend"] for row in rows] == ["aer", "aer", "ibm", "ibm"]
    assert {row["rule"] for row in rows if row["backend"] == "ibm"} == {"session"}
    (row,) = lab.sql("SELECT DISTINCT backend FROM qf_sessions").to_pylist()
    assert row["backend"] == "ibm"


def test_a_session_that_nothing_ends_is_opened_for_an_hour(
    lab: Lab, ibm: Service
) -> None:
    run = begin(lab, "session", budget="unlimited", deadline=None)
    run.raise_failure()
    (row,) = lab.sql("SELECT most_s FROM qf_sessions").to_pylist()
    assert row["most_s"] == LONGEST_S
    assert only(ibm)[1].posted["max_ttl"] == LONGEST_S


# --- handles --------------------------------------------------------------------------


def test_calls_outside_of_a_cell_go_in_a_session_that_closing_ends(
    lab: Lab, ibm: Service
) -> None:
    options = {"mode": "session", "deadline": "60s", "budget": "200 USD"}
    with lab.sampler("ibm", **options) as sampler:
        for turns in (0, 1):
            sampler.run([flip(turns)], shots=100).result()
    until(lambda: lab.runs()[0]["state"] == "done")
    (row,) = recorded(lab)
    assert (row["mode"], row["state"]) == ("session", "closed")
    assert len(ibm.jobs) == 2
    only(ibm)


def test_a_handle_asks_of_a_mode_what_a_run_does(lab: Lab, ibm: Service) -> None:
    with pytest.raises(ModeRefused, match="'aer' has no --mode batch: run on 'ibm'"):
        lab.sampler("aer", mode="batch")
    with pytest.raises(BadOption, match="write --deadline 10min, or --mode batch"):
        lab.estimator("ibm", mode="session", budget="20 USD")
    with pytest.raises(BadOption, match="mode cannot be 'sesion'; did you mean"):
        lab.sampler("ibm", mode="sesion")
    assert not ibm.sessions


def test_options_of_a_run_are_refused_on_a_handle_in_a_step(lab: Lab) -> None:
    cell = "@qf.step\ndef inner():\n    return make()"
    made = {"make": lambda: lab.sampler("aer", budget="1 USD")}
    with pytest.raises(BadOption) as refused:
        lab.run(cell, name="inner", inputs=made).raise_failure()
    assert str(refused.value).partition("\n")[0] == (
        "lab.sampler(budget=…) in a step: its calls belong to the run, so write "
        "--budget on the %%qflow line"
    )


# --- refused before anything is sent --------------------------------------------------


def test_a_backend_without_modes_is_refused_and_one_that_has_them_is_named(
    lab: Lab, ibm: Service
) -> None:
    for mode in ("batch", "session"):
        with pytest.raises(ModeRefused) as refused:
            lab.run(TWO, name="work", backend="aer", mode=mode, inputs={"flip": flip})
        assert str(refused.value) == (
            f"'aer' has no --mode {mode}: run on 'ibm', which can, or leave it out, "
            "which sends single jobs"
        )
    assert not ibm.sessions


def test_among_several_only_those_that_have_the_mode_are_chosen(
    lab: Lab, ibm: Service
) -> None:
    inputs = {"flip": flip}
    run = lab.run(
        TWO,
        name="work",
        among=["aer", "ibm"],
        mode="batch",
        budget="50 USD",
        inputs=inputs,
    )
    assert run.state == "done"
    assert len(ibm.jobs) == 2
    choice = lab.candidates(
        TWO, name="w", among=["aer", "ibm"], mode="batch", inputs=inputs
    )
    assert choice.best is not None
    assert choice.best.backend == "ibm"
    assert "Jobs go by batch: they are queued together" in str(choice)
    assert "'aer' has no --mode batch" in str(choice)


def test_a_session_under_a_budget_needs_an_end_that_the_budget_can_pay(
    lab: Lab, ibm: Service
) -> None:
    with pytest.raises(BadOption) as refused:
        begin(lab, "session", deadline=None)
    assert str(refused.value) == (
        "a session on 'ibm' is billed by the clock, 1.6 USD a second, so that a budget "
        "cannot be kept without an end: write --deadline 10min, or --mode batch"
    )
    with pytest.raises(BadOption) as refused:
        begin(lab, "session", deadline="10min", budget="20 USD")
    assert str(refused.value) == (
        "a session of 600 s on 'ibm' may cost 961.6 USD, more than the budget of 20 "
        "USD: write --deadline 11s or less, a larger --budget, or --mode batch"
    )
    assert not ibm.sessions


def test_a_cap_of_the_home_asks_for_an_end_as_well(
    ibm: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QFLOW_BUDGET_SESSION", "50 USD")
    lab = opened(tmp_path, ibm.url)
    with pytest.raises(BadOption, match="write --deadline 10min"):
        begin(lab, "session", budget="unlimited", deadline=None)
    with pytest.raises(
        BudgetReached, match=r"session on 'ibm' may cost 10\d.* of the 50 USD of"
    ):
        begin(lab, "session", budget="unlimited").raise_failure()
    assert not ibm.sessions
    lab.close()


def test_the_budget_that_is_advised_pays_for_the_session(
    ibm: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QFLOW_BUDGET")
    lab = opened(tmp_path, ibm.url)
    one = TWO.partition("\n\n")[0]
    with pytest.raises(BudgetNeeded) as stopped:
        begin(lab, "session", one, budget=None)
    advised = re.search('--budget "(.+) USD" for the most', str(stopped.value))
    assert advised is not None
    assert float(RATE) * 60 < float(advised[1]) < float(RATE) * 80
    assert begin(lab, "session", one, budget=f"{advised[1]} USD").state == "done"
    assert len(ibm.jobs) == 1
    lab.close()


def test_what_is_left_of_a_budget_has_to_pay_for_the_session(
    lab: Lab, ibm: Service
) -> None:
    """The bound fits the budget, but not beside what is kept back for the job."""
    with pytest.raises(BudgetReached) as stopped:
        begin(lab, "session", budget="98 USD", deadline="60s").raise_failure()
    assert "a session on 'ibm' may cost 10" in str(stopped.value)
    assert "of the budget of 98 USD is left: " in str(stopped.value)
    assert "give it a shorter --deadline or a larger --budget" in str(stopped.value)
    assert not ibm.sessions


# --- every end -----------------------------------------------------------------------


def test_a_cancelled_run_closes_its_session(lab: Lab, ibm: Service) -> None:
    ibm.add(FAULTS["never-final"])
    run = begin(lab, "session", background=True)
    until(lambda: ibm.jobs)
    run.cancel()
    run.wait(20)
    assert run.state == "cancelled"
    assert only(ibm)[1].closed
    assert recorded(lab)[0]["state"] == "closed"


def test_one_that_opens_while_its_run_is_cancelled_is_closed(
    lab: Lab, ibm: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go_on, slowly = threading.Event(), threading.Event(), registry.open_session

    def opening(*given: Any) -> str:
        asked.set()
        go_on.wait(20)
        return slowly(*given)

    monkeypatch.setattr(registry, "open_session", opening)
    run = begin(lab, "session", background=True)
    assert asked.wait(20)
    run.cancel()
    until(lambda: run.snapshot()["steps"][0]["counts"].get("cancelled"))
    assert run.state == "running"  # what was asked for is awaited
    go_on.set()
    run.wait(20)
    assert run.state == "cancelled"
    assert only(ibm)[1].closed
    assert not ibm.jobs
    assert [row["state"] for row in recorded(lab)] == ["closed"]


def test_a_longer_job_has_more_kept_back_for_its_session(
    lab: Lab, ibm: Service
) -> None:
    """When a session is closed one job may run on, so that the longest counts."""
    cell = """
@qf.sample(shots=100)
def short():
    return flip(0)

@qf.sample(shots=10_000)
def long(short):
    return flip(1)
"""
    bounds = "SELECT seq, cost FROM rec_session WHERE state = 'open' ORDER BY seq"
    begin(lab, "session", cell, budget="200 USD")
    one, other = (row["cost"] for row in lab.sql(bounds).to_pylist())
    most = [job.posted["cost"] for job in ibm.taken.values()]
    assert other - one == pytest.approx(float(RATE) * (most[1] - most[0]))
    assert most[1] > most[0]


def test_the_deadline_closes_a_session(lab: Lab, ibm: Service) -> None:
    ibm.add(FAULTS["never-final"])
    run = begin(lab, "session", deadline="2s").wait(20)
    assert run.state == "failed"
    assert only(ibm)[1].closed


def test_a_step_that_fails_closes_a_session(lab: Lab, ibm: Service) -> None:
    begin(lab, "session", LOOP + "\n    raise ValueError('no')\n").wait(20)
    assert only(ibm)[1].closed
    assert recorded(lab)[0]["state"] == "closed"


def test_a_lab_that_is_closed_closes_its_sessions(ibm: Service, tmp_path: Path) -> None:
    ibm.add(FAULTS["never-final"])
    lab = opened(tmp_path, ibm.url)
    begin(lab, "session", background=True)
    until(lambda: ibm.jobs)
    lab.close()
    assert only(ibm)[1].closed


def test_a_paused_run_closes_a_session_that_nothing_needs(
    lab: Lab, ibm: Service
) -> None:
    run = begin(lab, "session", LOOP, calls=40, background=True)
    until(lambda: len(ibm.jobs) > 1)
    run.pause()
    until(lambda: only(ibm)[1].closed, 20)
    run.cancel()
    run.wait(20)
    assert [row["state"] for row in recorded(lab)] == ["closed"]


# --- what a provider does ------------------------------------------------------------


def close_at(ibm: Service, *jobs: int) -> None:
    """Have the service close sessions when so many jobs have been taken."""
    take, left = ibm.take, list(jobs)

    def taking(body: bytes) -> tuple[int, dict[str, Any]]:
        if left and len(ibm.jobs) == left[0]:
            left.pop(0)
            for session in ibm.sessions.values():
                session.close()
        return take(body)

    ibm.take = taking  # type: ignore[method-assign]  # one service, for one test


def test_a_session_that_its_provider_closes_is_opened_once_more(
    lab: Lab, ibm: Service
) -> None:
    close_at(ibm, 1)
    run = begin(lab, "session", LOOP, calls=3, budget="400 USD")
    assert run.state == "done"
    assert ibm.refused == [1217]
    assert len(ibm.jobs) == 3
    assert all(session.closed for session in ibm.sessions.values())
    rows = recorded(lab)
    assert [row["state"] for row in rows] == ["closed", "closed"]
    elapsed = sum(session.elapsed for session in ibm.sessions.values())
    assert sum(row["cost"] for row in rows) == pytest.approx(float(RATE) * elapsed)


def test_one_that_is_closed_again_is_told(lab: Lab, ibm: Service) -> None:
    close_at(ibm, 1, 2)
    run = begin(lab, "session", LOOP, calls=4, budget="400 USD")
    with pytest.raises(SessionClosed) as stopped:
        run.raise_failure()
    text = str(stopped.value)
    assert " on emulated was closed at its provider" in text
    assert "as was one before it: run it with --mode job, or see what its plan" in text
    assert len(ibm.sessions) == 2
    assert len(ibm.jobs) == 2


def test_one_that_cannot_be_opened_fails_the_step(lab: Lab, ibm: Service) -> None:
    ibm.add(Named("no sessions", (("POST", "/sessions", 400, {"times": 9}),)))
    with pytest.raises(BackendFailed, match="ibm failed"):
        begin(lab, "session").raise_failure()
    assert not ibm.jobs
    (row,) = recorded(lab)
    assert (row["state"], row["session"]) == ("closed", None)
    assert (row["rule"], row["cost"]) == ("not taken", 0.0)


def test_one_whose_answer_was_lost_counts_in_full_and_is_told(
    lab: Lab,
    ibm: Service,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    really = registry.open_session

    def lost(*asked: Any) -> str:
        really(*asked)
        raise ConnectionResetError("no answer")

    monkeypatch.setattr(registry, "open_session", lost)
    # It is asked for again, which the rest of the budget cannot pay.
    with pytest.raises(BudgetReached), caplog.at_level(logging.WARNING):
        begin(lab, "session", LOOP, budget="150 USD").raise_failure()
    assert not ibm.jobs
    only(ibm)
    (row,) = recorded(lab)
    assert (row["state"], row["session"]) == ("opening", None)
    assert (row["rule"], row["cost"] >= float(RATE) * 60) == ("at most", True)
    assert told_unheard(caplog.text)
    (run,) = lab.sql("SELECT cost FROM qf_runs").to_pylist()
    assert run["cost"] == row["cost"]


def test_one_that_cannot_be_closed_counts_in_full_until_a_run_closes_it(
    ibm: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ibm.add(Named("no close", (("PATCH", "/sessions/*", 400, {"times": 3}),)))
    lab = opened(tmp_path, ibm.url)
    with caplog.at_level(logging.WARNING):
        run = begin(lab, "session")
    assert run.state == "done"
    assert "could not be closed" in caplog.text
    (row,) = recorded(lab)
    assert (row["state"], row["rule"]) == ("open", "at most")
    assert row["cost"] >= float(RATE) * 60
    assert not only(ibm)[1].closed
    begin(lab, "job", deadline=None, fresh=True)
    assert only(ibm)[1].closed
    (row,) = recorded(lab)
    assert (row["state"], row["rule"]) == ("closed", "usage")
    assert row["cost"] == pytest.approx(float(RATE) * only(ibm)[1].elapsed)
    lab.close()


def test_a_session_that_opens_after_all_patience_is_closed_at_once(
    lab: Lab,
    ibm: Service,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    really, go = registry.open_session, threading.Event()

    def slow(*asked: Any) -> str:
        name = really(*asked)
        go.wait(60)
        return name

    monkeypatch.setattr(registry, "open_session", slow)
    monkeypatch.setattr(aside, "ANSWER_S", 0.2)
    unanswered = "the provider of 'ibm' has not answered within 0.2 s: see whether it"
    with (
        pytest.raises(BackendFailed, match=unanswered),
        caplog.at_level(logging.WARNING),
    ):
        begin(lab, "session", LOOP).raise_failure()
    assert told_unheard(caplog.text)
    assert not only(ibm)[1].closed
    assert not ibm.jobs
    monkeypatch.setattr(aside, "ANSWER_S", 60)
    go.set()
    until(lambda: recorded(lab)[0]["state"] == "closed")
    assert only(ibm)[1].closed
    (row,) = recorded(lab)
    assert (row["session"], row["rule"]) == (only(ibm)[0], "usage")
    assert row["cost"] == pytest.approx(float(RATE) * only(ibm)[1].elapsed)


def test_a_provider_that_does_not_answer_does_not_keep_a_run_from_its_end(
    lab: Lab,
    ibm: Service,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    really, go = registry.close_session, threading.Event()

    def slow(*asked: Any) -> None:
        monkeypatch.setattr(aside, "ANSWER_S", 60)
        go.wait(60)
        really(*asked)

    monkeypatch.setattr(registry, "close_session", slow)
    monkeypatch.setattr(aside, "ANSWER_S", 2.0)
    with caplog.at_level(logging.WARNING):
        run = begin(lab, "session")
    assert run.state == "done"
    name, session = only(ibm)
    assert f"ibm: the session {name} could not be closed (the provider of" in (
        caplog.text
    )
    assert not session.closed
    (row,) = recorded(lab)
    assert (row["state"], row["rule"]) == ("open", "at most")
    go.set()
    until(lambda: recorded(lab)[0]["state"] == "closed")
    assert session.closed
    (row,) = recorded(lab)
    assert row["cost"] == pytest.approx(float(RATE) * session.elapsed)


def test_a_session_whose_seconds_nobody_tells_counts_by_our_own_clock(
    lab: Lab, ibm: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "LOOKS_S", ())
    begin(lab, "session")
    (row,) = recorded(lab)
    assert (row["state"], row["rule"], row["seconds"]) == ("closed", "at most", None)
    assert 0 < row["cost"] < float(RATE) * 60


# --- a process that dies -------------------------------------------------------------


def killed(ibm: Service, home: Path, mode: Mode) -> str:
    """Begin in a process that dies with a job in a session; the session's id."""
    ibm.add(FAULTS["slow-queue"])
    code = CHILD.format(root=str(Path(__file__).parents[2]))
    child = subprocess.Popen([sys.executable, "-c", code, str(home), ibm.url, mode])
    journal = home / "journal"

    def heard() -> bool:
        text = "".join(path.read_text() for path in journal.glob("*.jsonl"))
        return bool(ibm.jobs) and all(job in text for job in ibm.jobs)

    until(heard)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    name, session = only(ibm)
    assert not session.closed
    assert name in "".join(path.read_text() for path in journal.glob("*.jsonl"))
    return name


def told_unheard(text: str) -> bool:
    told = r"a session may be open on 'ibm' since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d .*: "
    told += "its provider was asked to open it, and no answer was heard. .* close it "
    told += r"there, or type qf\.lab\(\)\.backends\.close_session\('ibm', 'session', ID"
    return re.search(told, text) is not None


def killed_while_opening(ibm: Service, home: Path, mode: Mode) -> str:
    """Begin in a process that dies before it hears of its session; the id."""
    code = UNHEARD + CHILD.format(root=str(Path(__file__).parents[2]))
    child = subprocess.Popen([sys.executable, "-c", code, str(home), ibm.url, mode])
    until(lambda: ibm.sessions)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    name, session = only(ibm)
    assert not session.closed
    assert name not in "".join(p.read_text() for p in home.glob("journal/*.jsonl"))
    return name


def test_a_session_that_nobody_heard_open_is_told_until_its_provider_closes_it(
    ibm: Service,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = killed_while_opening(ibm, tmp_path, "session")
    lab = opened(tmp_path, ibm.url)
    (row,) = recorded(lab)
    assert (row["state"], row["session"]) == ("opening", None)
    assert row["cost"] >= float(RATE) * 60
    with caplog.at_level(logging.WARNING):
        run = lab.resume("work", inputs={"flip": flip}, budget="400 USD")
    assert run.state == "done"
    assert told_unheard(caplog.text)
    assert any(
        "may be open on 'ibm'" in each["words"] for each in run.snapshot()["events"]
    )
    assert [row["state"] for row in recorded(lab)] == ["opening", "closed"]
    # What the message says to type closes it.
    lab.backends.close_session("ibm", "session", name)
    assert ibm.sessions[name].closed
    # Another run tells it, too, as long as it may be open, and then no more.
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        begin(lab, "job", deadline=None, fresh=True)
    assert told_unheard(caplog.text)
    caplog.clear()
    wall = lab._clock.wall
    monkeypatch.setattr(type(lab._clock), "wall", lambda clock: wall() + 61)
    with caplog.at_level(logging.WARNING):
        begin(lab, "job", deadline=None, fresh=True)
    assert "may be open" not in caplog.text
    first = recorded(lab)[0]
    assert (first["state"], first["rule"]) == ("closed", "at most")
    assert first["cost"] == row["cost"]
    lab.close()


def test_a_batch_that_nobody_heard_open_costs_nothing(
    ibm: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    killed_while_opening(ibm, tmp_path, "batch")
    lab = opened(tmp_path, ibm.url)
    assert [row["state"] for row in recorded(lab)] == ["opening"]
    with caplog.at_level(logging.WARNING):
        inputs = {"flip": flip}
        lab.run(TWO, name="other", backend="ibm", budget="20 USD", inputs=inputs)
    (row,) = recorded(lab)
    assert (row["state"], row["cost"], row["rule"]) == ("closed", 0.0, "no price")
    assert "may be open" not in caplog.text
    lab.close()


def test_a_session_that_a_lab_left_while_it_opened_is_on_record(
    ibm: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, never = threading.Event(), threading.Event()

    def silent(*given: Any) -> str:
        asked.set()
        never.wait(60)
        raise TimeoutError

    monkeypatch.setattr(registry, "open_session", silent)
    lab = opened(tmp_path, ibm.url)
    begin(lab, "session", background=True)
    assert asked.wait(20)
    lab.leave()
    other = opened(tmp_path, ibm.url)
    (row,) = other.store.query("open_sessions", run=None)
    assert (row["backend"], row["mode"], row["session"]) == ("ibm", "session", None)
    assert row["most_s"] == 60
    never.set()
    other.close()


def test_nothing_is_asked_for_that_could_not_be_recorded(
    lab: Lab, ibm: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab._runner._sessions, "_secure", lambda: False)
    with pytest.raises(JournalFull) as stopped:
        begin(lab, "session").raise_failure()
    assert "a session could not be recorded" in str(stopped.value)
    assert not ibm.sessions


@pytest.mark.parametrize("mode", ["session", "batch"])
def test_a_run_that_is_taken_up_closes_what_was_left_and_opens_its_own(
    mode: Mode, ibm: Service, tmp_path: Path
) -> None:
    old = killed(ibm, tmp_path, mode)
    lab = opened(tmp_path, ibm.url)
    run = lab.resume("work", inputs={"flip": flip})
    assert run.state == "done"
    assert len(ibm.jobs) == 2  # what was sent is fetched, and not sent again
    assert [job["session_id"] == old for job in ibm.jobs.values()] == [True, False]
    assert all(session.closed for session in ibm.sessions.values())
    rows = recorded(lab)
    assert [row["state"] for row in rows] == ["closed", "closed"]
    billed = ibm.sessions.values() if mode == "session" else ibm.taken.values()
    seconds = sum(getattr(one, "elapsed", 0) or one.usage for one in billed)
    (cost,) = [row["cost"] for row in lab.sql("FROM qf_runs").to_pylist()]
    assert cost == pytest.approx(float(RATE) * seconds)
    assert cost <= 200
    lab.close()


def test_another_run_on_a_device_closes_what_a_dead_process_has_left(
    ibm: Service, tmp_path: Path
) -> None:
    killed(ibm, tmp_path, "session")
    lab = opened(tmp_path, ibm.url)
    inputs = {"flip": flip}
    lab.run(TWO, name="other", backend="ibm", budget="20 USD", inputs=inputs)
    (row,) = recorded(lab)
    assert row["state"] == "closed"
    assert only(ibm)[1].closed
    lab.close()


def test_a_provider_that_does_not_answer_about_a_left_session_holds_no_run(
    ibm: Service,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    name = killed(ibm, tmp_path, "session")
    lab, go = opened(tmp_path, ibm.url), threading.Event()
    monkeypatch.setattr(closing, "ANSWER_S", 0.2)
    monkeypatch.setattr(registry, "close_session", lambda *asked: go.wait(60))
    inputs = {"flip": flip}
    with caplog.at_level(logging.WARNING):
        lab.run(TWO, name="other", backend="ibm", budget="20 USD", inputs=inputs)
    told = f"the session {name} of an earlier run is open on 'ibm', and may be billed"
    assert told in caplog.text
    assert "has not answered within 0.2 s" in caplog.text
    assert recorded(lab)[0]["state"] == "open"
    go.set()
    lab.close()


def test_cancelling_a_dead_run_closes_its_session(ibm: Service, tmp_path: Path) -> None:
    killed(ibm, tmp_path, "session")
    lab = opened(tmp_path, ibm.url)
    lab.load("work").cancel()
    assert only(ibm)[1].closed
    lab.close()

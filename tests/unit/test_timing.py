"""How long jobs are expected to run: known truths, odd jobs, and what is stated."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from quantumflow_lab.backends import Registry
from quantumflow_lab.planning.expect import (
    History,
    Makings,
    Timing,
    learned_of,
    timing,
)
from quantumflow_lab.planning.timing import (
    DEVICE,
    MOST_JOBS,
    SIMULATOR,
    Model,
    Ran,
    job_terms,
)
from quantumflow_lab.ports import JobMetrics
from quantumflow_lab.price import Price
from quantumflow_lab.runner.times import Times, predicted
from quantumflow_lab.work import Work, work_of

# Twice as slow as the prior, thrice for gates.
TRUTH = np.array(SIMULATOR.seconds) * 2.0 * np.array([1, 1, 1, 1.5, 1, 1, 1, 1])


def works(count: int, seed: int) -> list[Work]:
    """Circuits of 2 to 14 qubits and of many lengths."""
    rng = np.random.default_rng(seed)
    return [
        work_of(
            qubits=(qubits := int(rng.integers(2, 15))),
            operations=int(np.exp(rng.uniform(1, 6))),
            two_qubit_gates=0,
            bits=qubits,
            shots=int(np.exp(rng.uniform(5, 9))),
            method="statevector",
        )
        for _ in range(count)
    ]


def jobs(count: int, seed: int, spread: float = 0.15) -> list[Ran]:
    """Jobs that take what the truth says, up to a factor of known spread."""
    rng = np.random.default_rng(seed + 1000)
    terms = [job_terms(work) for work in works(count, seed)]
    return [
        Ran(each, float(TRUTH @ np.array(each) * np.exp(rng.normal(0, spread))))
        for each in terms
    ]


def off(model: Model, seed: int = 99) -> float:
    """Median relative error against the truth itself, on jobs not seen."""
    terms = [job_terms(work) for work in works(200, seed)]
    errors = [
        abs(model.predict(each).value / float(TRUTH @ np.array(each)) - 1)
        for each in terms
    ]
    return float(np.median(errors))


def test_without_history_the_prior_speaks() -> None:
    found = Model.fitted(SIMULATOR, []).predict(job_terms(Work(2, 100, 1e6, 3000)))
    assert found.value == pytest.approx(
        5e-4 + 2 * 3e-4 + 100 * 2e-5 + 1e6 * 2.5e-9 + 3000 * 2e-7
    )
    assert found.low < found.value / 1.5
    assert found.high > found.value * 1.5
    assert (found.jobs, found.source) == (0, "usual times of such backends")
    assert found.how == (
        "1 job x 0.0005 s + 2 circuits x 0.0003 s + 100 operations x 2e-05 s"
        " + 1e+06 amplitudes x 2.5e-09 s + 3,000 bits x 2e-07 s"
    )


def test_nothing_to_run_takes_no_time() -> None:
    found = Model.fitted(SIMULATOR, []).predict(job_terms(Work(), 0))
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_twenty_jobs_find_a_machine_that_differs_from_the_prior() -> None:
    before = off(Model.fitted(SIMULATOR, []))
    after = [off(Model.fitted(SIMULATOR, jobs(20, seed))) for seed in range(10)]
    assert before > 0.45
    assert max(after) < 0.15
    assert np.median(after) < 0.08


def test_more_jobs_tell_more() -> None:
    few, many = (
        np.mean([off(Model.fitted(SIMULATOR, jobs(n, seed))) for seed in range(8)])
        for n in (5, 100)
    )
    assert many < few
    assert many < 0.05


def test_a_busy_machine_now_and_then_spoils_nothing() -> None:
    clean = jobs(40, 3)
    # Every fifth job takes ten times as long.
    rough = [
        replace(ran, seconds=ran.seconds * (10 if i % 5 == 0 else 1))
        for i, ran in enumerate(clean)
    ]
    assert off(Model.fitted(SIMULATOR, rough)) < 0.15
    # It is said, though, that jobs may take long: a fifth did.
    found = Model.fitted(SIMULATOR, rough).predict(clean[0].terms)
    calm = Model.fitted(SIMULATOR, clean).predict(clean[0].terms)
    assert found.high / found.value > 2 * calm.high / calm.value


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.inf, math.nan])
def test_jobs_that_cannot_be_tell_nothing(seconds: float) -> None:
    odd = Ran(job_terms(Work(1, 10)), seconds)
    past = jobs(10, 4)
    assert Model.fitted(SIMULATOR, [odd]).jobs == 0
    with_odd, without = (Model.fitted(SIMULATOR, p) for p in ([odd, *past], past))
    assert with_odd.jobs == without.jobs == 10
    assert np.isfinite(with_odd.logs).all()
    assert Model.fitted(SIMULATOR, [Ran(job_terms(Work(), 0), 1.0)]).jobs == 0


def test_an_interval_of_80_percent_holds_about_as_many() -> None:
    """Of 20 x 100 jobs 80 % ± 4 standard deviations of the means of 20 histories."""
    parts = []
    for seed in range(20):
        model = Model.fitted(SIMULATOR, jobs(40, seed, spread=0.25))
        held = [
            (said := model.predict(ran.terms)).low <= ran.seconds <= said.high
            for ran in jobs(100, 500 + seed, spread=0.25)
        ]
        parts.append(np.mean(held))
    slack = 4 * np.std(parts) / math.sqrt(len(parts))
    assert abs(float(np.mean(parts)) - 0.8) < min(slack + 0.02, 0.08)
    assert min(parts) > 0.6


def test_later_jobs_count_more_than_earlier_ones() -> None:
    slow = jobs(150, 5)
    fast = [replace(ran, seconds=ran.seconds / 3) for ran in jobs(150, 6)]
    terms = slow[0].terms
    then = Model.fitted(SIMULATOR, slow).predict(terms).value
    now = Model.fitted(SIMULATOR, [*fast, *slow]).predict(terms).value
    mixed = Model.fitted(SIMULATOR, [*slow, *fast]).predict(terms).value
    assert now < mixed < then * 1.05
    assert Model.fitted(SIMULATOR, [*fast, *slow, *slow]).jobs == MOST_JOBS


@pytest.mark.parametrize("seed", range(5))
def test_more_of_anything_takes_longer(seed: int) -> None:
    model = Model.fitted(SIMULATOR, jobs(20, seed))
    base = job_terms(Work(3, 200, 1e6, 5000, 10, 20, 30))
    for i in range(len(base)):
        more = tuple(2 * n if i == j else n for j, n in enumerate(base))
        assert model.predict(more).value > model.predict(base).value
    widths = [
        model.predict(job_terms(work_of(**CIRCUIT | {"qubits": n}))).value
        for n in range(2, 20)
    ]
    assert widths == sorted(widths)


CIRCUIT = {
    "qubits": 8,
    "operations": 100,
    "two_qubit_gates": 40,
    "bits": 8,
    "shots": 1000,
    "method": "statevector",
}


def test_work_follows_the_method() -> None:
    def work(**given: object) -> Work:
        return work_of(**{**CIRCUIT, **given})

    vector = 100 * (2**8 + 64)
    assert work() == Work(1, 100, vector, 8000)
    assert work(shots=0) == Work(1, 100, vector)
    assert work(method="stabilizer") == Work(1, 100, 0.0, 8000)
    assert work(sampled=False) == Work(1, 100, 1000 * vector, 8000, 1000)
    assert work(noisy=True) == Work(1, 100, 1000 * vector, 8000, 1000, 100_000)
    dense = work(method="density_matrix", noisy=True)
    assert dense == Work(1, 100, 100 * 8 * (2**16 + 64), 8000)
    # A bond of 2 to the 4, half of the qubits, whatever the gates.
    assert work(method="matrix_product_state").amplitudes == 100 * (2**12 + 64)
    # As wide as one likes.
    assert math.isfinite(work(qubits=4000, method="density_matrix").amplitudes)


def test_work_is_read_back_as_it_was_written() -> None:
    work = Work(1, 2, 3.5, 4, 5, 6, 7)
    assert Work.read(work.document()) == work
    assert Work.read({"circuits": 2, "of a later version": 1}) == Work(2)


def test_a_device_is_believed_within_a_quarter_until_it_was_measured() -> None:
    said = Model.fitted(DEVICE, []).predict((8.0,))
    assert said.value == pytest.approx(8.0)
    assert (said.low, said.high) == pytest.approx((8.0 / 1.25, 8.0 * 1.25))
    rng = np.random.default_rng(2)
    past = [
        Ran((t,), 1.3 * t * float(np.exp(rng.normal(0, 0.03))))
        for t in rng.uniform(2, 60, 20)
    ]
    learned = Model.fitted(DEVICE, past).predict((8.0,))
    assert learned.value == pytest.approx(1.3 * 8, rel=0.02)
    assert learned.high / learned.low < 1.25
    assert learned.source == "20 earlier jobs of it"


def test_a_lab_learns_from_each_job_and_says_what_it_knew_before() -> None:
    facts, times = Registry().facts("aer"), Times()
    metrics = JobMetrics(circuits=1, run_s=0.02, work=Work(1, 40))
    said = []
    for _ in range(30):
        model = times.model(facts)
        found = predicted(model, facts, metrics)
        assert found is not None
        said.append((found.jobs, found.value))
        times.ended(facts, metrics)
    assert said[0] == (0, pytest.approx(0.0016))
    assert said[1][0] == 1
    assert said[-1][0] >= 25
    assert said[-1][1] == pytest.approx(0.02, rel=0.1)
    # What nobody counted tells nothing.
    assert predicted(model, facts, JobMetrics(run_s=1.0)) is None
    times.ended(facts, JobMetrics(run_s=1.0))
    assert times.model(facts).jobs >= 25


def test_a_device_learns_from_what_it_says_it_used() -> None:
    price = Price("USD", per_second=1, job_s=2.0, rep_delay_s=1e-3)
    facts = replace(Registry().facts("aer"), simulator=False, price=price)
    metrics = JobMetrics(circuits=1, shots=1000, busy_s=1.0, qpu_s=6.0, run_s=900.0)
    times = Times()
    found = predicted(times.model(facts), facts, metrics)
    assert found is not None
    assert found.value == pytest.approx(2.0 + 1.0 + 1.0)
    for _ in range(20):
        times.ended(facts, metrics)
    found = predicted(times.model(facts), facts, metrics)
    assert found is not None
    assert found.value == pytest.approx(6.0, rel=0.05)
    # One that says nothing of its seconds leaves things as they were.
    silent = replace(metrics, qpu_s=None)
    jobs_before = times.model(facts).jobs
    for _ in range(20):
        times.ended(facts, silent)
    assert times.model(facts).jobs == jobs_before


ROW = {
    "backend": "aer",
    "work": {"circuits": 2, "operations": 80},
    "busy_s": None,
    "circuits": 2,
    "shots": 200,
    "queue_s": 0.01,
    "transpile_s": 0.02,
    "run_s": 0.4,
    "qpu_s": None,
    "submitted": 0.0,
}


def test_jobs_of_other_workflows_tell_of_a_backend() -> None:
    facts = Registry().facts("aer")
    learned = learned_of([ROW] * 20, Registry().facts)
    history = History(backends=learned)
    assert timing(history, "counts", facts) == Timing(0.03, 0.2)
    like = Makings(qubits=2, operations=40, two_qubit_gates=1, bits=2, shots=100)
    history = replace(history, makings={"counts": like})
    found = timing(history, "counts", facts)
    assert found.setup_s == pytest.approx(0.03)
    # Twenty times slower than usual, as the other jobs were.
    assert 10 < found.circuit_s / timing_of_usual(like) < 200
    # The step's own jobs say more.
    own = replace(history, jobs={("counts", "aer"): Timing(1.0, 2.0)})
    assert timing(own, "counts", facts) == Timing(1.0, 2.0)


def timing_of_usual(makings: Makings) -> float:
    """Seconds of a circuit like that where nothing has run yet."""
    facts = Registry().facts("aer")
    return timing(History(makings={"counts": makings}), "counts", facts).circuit_s


def test_jobs_recorded_before_work_was_counted_still_tell_medians() -> None:
    rows = [{**ROW, "work": None}] * 3
    learned = learned_of(rows, Registry().facts)["aer"]
    assert learned.model.jobs == 0
    assert learned.usual == Timing(0.03, 0.2)

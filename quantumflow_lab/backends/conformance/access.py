"""Checks of reaching a backend at all."""

from __future__ import annotations

from statistics import median

from qiskit import QuantumCircuit

from quantumflow_lab.backends.conformance.bench import Bench, NoResult
from quantumflow_lab.backends.conformance.finding import (
    Answer,
    check,
    failed,
    noted,
    passed,
)
from quantumflow_lab.backends.facts import option_names
from quantumflow_lab.ports import Member

JOBS = 5
"""Jobs whose time is taken."""


def flip() -> QuantumCircuit:
    """The smallest circuit with a certain outcome: 1."""
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    return circuit


@check(
    "Can the target, the width and the options be read?",
    why="The lab transpiles for the target and refuses what does not fit it.",
    remedy="give the backend a Target with a measure instruction, and Options",
    needs=(),
)
def target(bench: Bench) -> Answer:
    """Facts of the registry, and that something can be measured."""
    # Asked anew: this raises what reading raises.
    facts = bench.registry.facts(bench.name)
    if "measure" not in facts.operations:
        return failed("the target has no measure, so no circuit can be transpiled")
    size = "no declared width" if facts.num_qubits is None else f"{facts.num_qubits} "
    size += "" if facts.num_qubits is None else "qubits"
    return passed(
        f"{size}, {len(facts.operations)} operations, "
        f"{len(option_names(bench.backend))} options",
        operations=len(facts.operations),
    )


@check(
    "Can the backend leave this process?",
    why="In a worker a hang or an abort costs one job; here it costs the notebook.",
    remedy="let the object be pickled: open connections and locks on first use",
    needs=("target",),
)
def portable(bench: Bench) -> Answer:
    """Whether it survives pickling."""
    if bench.facts.portable:
        return passed("pickled, so it runs in a worker process")
    return noted(
        "it cannot be pickled, so it runs in this process: an abort ends the notebook, "
        "and a job that hangs keeps its thread"
    )


@check(
    "Does the smallest job end?",
    why="Without this there is nothing else to ask.",
    decided="exact, within the deadline",
    remedy="run the circuit by hand: backend.run(transpile(circuit, backend))",
    needs=("target",),
)
def answers(bench: Bench) -> Answer:
    """A job of one circuit; that its counts are wrong is for later checks to say."""
    try:
        bench.counts([flip()], shots=100)
    except NoResult as none:
        returned = getattr(none.error, "facts", {}).get("returned")
        if returned is None:
            raise
        return passed("a job of one circuit ended")
    return passed("a job of one circuit ended, with counts")


@check(
    "Does every circuit run the shots that were asked for?",
    why="Error bars are computed from the shots, and bills as well.",
    remedy="run exactly the shots of the option shots=",
    needs=("answers",),
)
def shots(bench: Bench) -> Answer:
    """Four numbers of shots, odd ones among them."""
    wanted = [n for n in (1, 7, 100, 1001) if n <= bench.facts.max_shots]
    for number in wanted:
        found = bench.counts([flip()], shots=number)[0]
        if found.shots != number:
            return failed(f"{found.shots} shots instead of {number}")
    return passed(f"{', '.join(map(str, wanted))} shots came back as such")


@check(
    "How long does the smallest job take?",
    why="Small steps cost this much each, unless they share a job.",
    remedy="keep what is built for a job, such as a noise model",
    decided="median of 5 jobs of one shot, in a warm worker",
)
def overhead(bench: Bench) -> Answer:
    """Wall time from submission to the last event, and the part in ``run()``."""
    pubs, _ = bench.registry.normalise(
        "sample", [flip()], backend=bench.name, shots=1, precision=None
    )
    member = Member(0, 1, pubs, 0)
    times = [bench.run("sample", member)[1] for _ in range(JOBS)]
    wall = median(timing.wall_s for timing in times) * 1e3
    inside = median(timing.metrics.run_s for timing in times) * 1e3
    return passed(
        f"{wall:.1f} ms a job, of which {inside:.1f} ms on the backend",
        wall_ms=wall,
        run_ms=inside,
    )

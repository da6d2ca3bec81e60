"""Where the steps of a run went, and with how many shots."""

from __future__ import annotations

import ast

from quantumflow_lab.export.loops import Loops
from quantumflow_lab.export.names import Names
from quantumflow_lab.export.subject import Subject
from quantumflow_lab.workflow import Workflow


def loops_of(subject: Subject, names: Names, usual_shots: int) -> Loops:
    """What runs the steps of a cell, each on the backend that it had.

    Parameters
    ----------
    usual_shots
        Shots of steps of which nothing tells how many they had.
    """
    flow = subject.flow
    rows = {row["name"]: row["backend"] for row in subject.stored.view["steps"]}
    asked = subject.record["options"]
    first = [*asked["backend"], *asked.get("among", ()), *subject.record["backends"]]
    backends = {
        step.name: str(rows.get(step.name) or _own(flow, step.name) or first[0])
        for step in flow.steps
        if first
    }
    return Loops(
        workflow=flow,
        dims=subject.dims,
        backends={name: b.split(",")[0] for name, b in backends.items()},
        shots=_shots(subject, usual_shots),
        precision=asked["precision"],
        run_shots=asked["shots"],
        indexed=subject.indexed,
        simple=_simple(subject),
        mine=names.mine,
    )


def _own(flow: Workflow, step: str) -> str | None:
    """The backend that a step names itself."""
    option = flow.step(step).option("backend")
    try:
        found = ast.literal_eval(option.source) if option else None
    except ValueError:
        return None
    return found if isinstance(found, str) else None


def _shots(subject: Subject, usual: int) -> dict[str, int]:
    """Shots of a circuit of each step, where nobody named any."""
    names = subject.flow.step_names
    if (said := subject.record["options"]["plan"].get("usual_shots")) is not None:
        return dict.fromkeys(names, int(said))
    # Earlier runs did not say; their jobs tell what it comes to.
    shots = dict.fromkeys(names, usual)
    for row in subject.stored.shelf.query("jobs", run=subject.stored.id):
        if row["shots"] and row["circuits"]:
            shots[row["step"]] = row["shots"] // row["circuits"]
    return shots


def _simple(subject: Subject) -> frozenset[str]:
    """Names of numbers and texts, functions and modules."""
    names = {n for n, i in subject.inputs.items() if i["kind"] not in ("value", "run")}
    for each in subject.flow.assignments:
        try:
            value = ast.literal_eval(each.source)
        except ValueError:
            continue
        if isinstance(value, int | float | complex | str | bytes):
            names.add(each.name)
    for name, given in subject.inputs.items():
        if given["kind"] == "value" and not given["summary"].startswith(("[", "(")):
            names |= {name} if _is_plain_summary(given["summary"]) else set()
    return frozenset(names)


def _is_plain_summary(text: str) -> bool:
    try:
        return isinstance(ast.literal_eval(text), int | float | complex | str)
    except (ValueError, SyntaxError):
        return False

"""The text that a composer opens on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from quantumflow_lab.amounts import money, seconds
from quantumflow_lab.cell.text import MAGIC, split_cell
from quantumflow_lab.edit.magic import quoted
from quantumflow_lab.errors import BadOption
from quantumflow_lab.run import Run
from quantumflow_lab.workflow import Workflow

if TYPE_CHECKING:
    from quantumflow_lab.lab import Lab
    from quantumflow_lab.planning.asked import Asked

NAME = "flow"
"""Of a workflow that nobody has named yet."""


def opened(source: object, names: Mapping[str, Any], lab: Lab) -> str:
    """The text of a cell, from whatever stands for one.

    Parameters
    ----------
    source
        Text of a cell; the name of a run, of which the notebook's or else the latest of
        the store is taken; a run; a workflow; None for a new cell.
    names
        Of the notebook.
    lab
        Where to look runs up.

    Raises
    ------
    UnknownRun
        Naming the nearest one.
    BadOption
        If it is none of these.
    """
    if source is None:
        return f"{MAGIC} {NAME}\n"
    if isinstance(source, str):
        if _is_cell(source):
            return source if split_cell(source)[0] else f"{MAGIC} {NAME}\n{source}"
        known = names.get(source)
        return run_text(known if isinstance(known, Run) else lab.load(source))
    if isinstance(source, Run):
        return run_text(source)
    if isinstance(source, Workflow):
        return f"{MAGIC} {source.name}\n{source.source}"
    raise BadOption(
        "a composer opens the text of a cell, the name of a run, a Run or a Workflow, "
        f"not {type(source).__name__}"
    )


def _is_cell(text: str) -> bool:
    return "\n" in text or not text.isidentifier()


class Told(Protocol):
    """What of a run makes its cell."""

    @property
    def name(self) -> str:
        """Name of the workflow."""

    @property
    def asked(self) -> Asked:
        """The options it was asked for."""

    @property
    def workflow(self) -> Workflow:
        """What was run."""


def run_text(run: Told) -> str:
    """The cell that a run was made of, with what it was asked for on the magic line."""
    words = [MAGIC, run.name, *_options(run.asked)]
    return f"{' '.join(words)}\n{run.workflow.source}"


def _options(asked: Asked) -> list[str]:
    """Options as typed; values of another kind than text and numbers are left out."""
    budget = None if asked.budget is None else str(money(asked.budget))
    found = {
        "backend": ",".join(_name(each) for each in asked.backend),
        "among": ",".join(_name(each) for each in asked.among),
        "policy": asked.policy,
        "mode": asked.mode,
        "deadline": None if asked.deadline is None else _duration(asked.deadline),
        "budget": budget,
        "shots": asked.shots,
        "precision": asked.precision,
        "seed": asked.seed,
    }
    words = [f"--{k} {quoted(str(v))}" for k, v in found.items() if v not in (None, "")]
    return words + [
        f"--set {quoted(f'{name}={value!r}')}" for name, value in asked.set.items()
    ]


def _name(backend: object) -> str:
    return backend if isinstance(backend, str) else str(getattr(backend, "name", ""))


def _duration(value: float | str) -> str:
    if isinstance(value, str):
        return value
    found = seconds(value)
    return f"{found:g}s"

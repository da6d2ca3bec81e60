"""What a run is asked for, as a service takes it; what it cannot take is told."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Callable, Mapping
from typing import Any

from quantumflow_lab import codec
from quantumflow_lab.amounts import money, seconds
from quantumflow_lab.cell.inputs import refuse_secret
from quantumflow_lab.cell.options import is_backend, shown
from quantumflow_lab.errors import (
    NotRemote,
    NotStorable,
    UnknownOption,
    did_you_mean,
)
from quantumflow_lab.planning.asked import Asked
from quantumflow_lab.remote.notebook import Carried, carry
from quantumflow_lab.workflow import Workflow

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def run_body(
    workflow: Workflow,
    asked: Asked,
    notebook: Mapping[str, Any],
    runs: Callable[[Any], str | None],
    project: str | None = None,
) -> dict[str, Any]:
    """A cell with its options and all that it reads of its notebook.

    Parameters
    ----------
    workflow
        The cell.
    asked
        The options.
    notebook
        The names of the notebook.
    runs
        As in :func:`quantumflow_lab.remote.notebook.carry`.
    project
        What its costs are charged to.

    Raises
    ------
    CellError
        As a run here would.
    NotRemote
        Naming what the service cannot do, and what to type instead.
    """
    if workflow.live is not None:
        raise NotRemote(
            f"'{workflow.name}' is made of functions of this process; send the text of "
            "a cell instead"
        )
    if not _NAME.fullmatch(workflow.name) or keyword.iskeyword(workflow.name):
        raise NotRemote(
            f"a service takes names of at most 64 of a-z, A-Z, 0-9 and _ that begin "
            f"with a letter, not '{workflow.name}'; choose another name"
        )
    carried = carry(workflow, notebook, runs)
    body = {
        "name": workflow.name,
        "source": workflow.source,
        "inputs": {name: each.document() for name, each in carried.items()},
        **_options(asked, notebook),
        "set": _set(workflow, asked.set),
        "project": project,
    }
    return {name: value for name, value in body.items() if value is not None}


def refuse_large(body: Mapping[str, Any], most: int) -> None:
    """Refuse what the service would not read to its end.

    Parameters
    ----------
    body
        From :func:`run_body`.
    most
        Bytes that the service takes at once.

    Raises
    ------
    NotRemote
        Naming the largest part.
    """
    size = len(json.dumps(body, allow_nan=False))
    if size <= most:
        return
    parts = {name: len(each["data"]) for name, each in body["inputs"].items()}
    largest = max(parts, key=lambda name: parts[name], default=body["name"])
    raise NotRemote(
        f"the cell with what it reads is {size / 1e6:.1f} MB, more than the "
        f"{most / 1e6:.1f} MB that the service takes; '{largest}' is the largest part: "
        "read it in a step, where the service is, or ask its operator for a higher "
        "QFLOW_SERVICE_BODY_BYTES",
        name=largest,
    )


def _options(asked: Asked, notebook: Mapping[str, Any]) -> dict[str, Any]:
    if asked.executor not in (None, "local"):
        raise NotRemote(
            f"--executor {asked.executor} is for the lab of this process; the service "
            "runs steps itself, so leave it out, or type %qflow disconnect first"
        )
    until = None if asked.deadline is None else seconds(asked.deadline)
    budget = None if asked.budget is None else money(asked.budget)
    return {
        "backend": [_backend(each, notebook) for each in asked.backend],
        "among": [_backend(each, notebook) for each in asked.among],
        "policy": asked.policy,
        "mode": asked.mode,
        "deadline": None if until is None else f"{until:.3f} s",
        "budget": None if budget is None else str(budget),
        "shots": asked.shots,
        "precision": asked.precision,
        "seed": asked.seed,
        "fresh": asked.fresh,
    }


def _backend(given: object, notebook: Mapping[str, Any]) -> str:
    if is_backend(given) or is_backend(notebook.get(str(given))):
        name = given if isinstance(given, str) else getattr(given, "name", given)
        raise NotRemote(
            f"backend '{name}' is an object of this notebook, which cannot go to the "
            "service; name one of the service's, which %qflow backends lists",
            name=str(name),
        )
    return str(given)


def _set(workflow: Workflow, values: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    known = {*(each.name for each in workflow.assignments), *workflow.axis_names}
    known |= {each.name for each in workflow.inputs}  # axes of the notebook
    found = {}
    for name, value in values.items():
        if name not in known:
            raise UnknownOption(
                f"--set names '{name}', which is no assignment or axis of this cell"
                f"{did_you_mean(name, known)}",
                name=name,
            )
        refuse_secret(name, value)
        try:
            encoded = codec.encode(value)
        except NotStorable as error:
            raise NotRemote(
                f"--set {name}={shown(value)} cannot go to the service: "
                f"{error.message}",
                name=name,
            ) from error
        found[name] = Carried("value", encoded.media, encoded.data).document()
    return found

"""``qf.Backends()``: the devices of a lab, and what a workflow would take on each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quantumflow_lab.colours import colour_of
from quantumflow_lab.composer.notebook import Notebook
from quantumflow_lab.errors import QuantumFlowError
from quantumflow_lab.explore.desk import Desk, told
from quantumflow_lab.explore.devices import coupling_in, device
from quantumflow_lab.lab import Lab
from quantumflow_lab.lab import lab as own_lab
from quantumflow_lab.planning.asked import listed
from quantumflow_lab.ports import BackendFacts
from quantumflow_lab.quote import Choice
from quantumflow_lab.run import Run
from quantumflow_lab.widgets.backends import BackendsWidget
from quantumflow_lab.workflow import Workflow

PATIENCE = 1.0
"""Seconds for which a cell waits for quotes; longer ones follow."""


class Backends(BackendsWidget):
    """Devices as coupling maps and calibration tables, without a shot.

    Parameters
    ----------
    workflow
        A workflow, a run or its name, or the text of a cell: then what it would cost,
        take and yield on each of them, as :meth:`~quantumflow_lab.Lab.candidates`
        finds. That may take up to a minute: in a notebook the devices are shown after
        a second at most and the quotes follow, or why there are none. ``join()``
        waits for them.
    among
        Names of backends; by default those that were added to the lab, those that its
        runs have used, and the one of its settings.
    lab
        By default that of this process.
    **asked
        What :meth:`~quantumflow_lab.Lab.candidates` takes beside, such as ``shots`` or
        ``inputs``.

    Raises
    ------
    UnknownBackend, UnknownRun
        Naming the nearest one.
    """

    def __init__(
        self,
        workflow: Workflow | Run | str | None = None,
        *,
        among: str | Sequence[str] | None = None,
        lab: Lab | None = None,
        **asked: Any,
    ) -> None:
        lab = lab or own_lab()
        if workflow is None and asked:
            raise TypeError(
                f"{next(iter(asked))!r} needs a workflow: qf.Backends(workflow, …)"
            )
        named = [lab.backends.facts(str(each)).name for each in listed(among)]
        names = named or _usual(lab)
        self._desk = Desk(self._quote)
        self._answer: Choice | Exception | None = None
        self._notebook = Notebook()
        self._lab = lab
        super().__init__(
            {
                "view": "backends",
                "devices": [_device(lab, name) for name in names],
                "choice": None,
                "message": None,
                "working": False,
            }
        )
        if workflow is not None:
            meant, as_run = _meant(lab, workflow)
            self.update({**self.state, "working": True})
            inputs = dict(self._notebook.names)
            known = {"workflow": meant, "among": tuple(names), "inputs": inputs}
            self._desk.ask({**known, **as_run, **asked})
            # Where nothing would show what follows, all of it is waited for.
            self._desk.join(PATIENCE if self._notebook.live else None)
            if isinstance(self._answer, Exception):
                raise self._answer
            self._show()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the quotes of the workflow are there."""
        self._desk.join(timeout)

    def _quote(self, asked: dict[str, Any]) -> None:
        """On a thread of its own."""
        workflow = asked.pop("workflow")
        try:
            self._answer = self._lab.candidates(workflow, **asked)
        # The cell's own functions run, of which anything may come.
        except Exception as error:  # noqa: BLE001
            self._answer = error
        self._notebook.post(self._show)

    def _show(self) -> None:
        match self._answer:
            case Choice(candidates=candidates) as choice:
                ranks = {each.backend: n for n, each in enumerate(candidates)}
                devices = sorted(
                    self.state["devices"],
                    key=lambda each: ranks.get(each["name"], len(ranks)),
                )
                found: dict[str, Any] = {"choice": _choice(choice), "devices": devices}
            case Exception() as error:
                found = {"message": told(error)}
            case _:
                return
        self.update({**self.state, **found, "working": False})


def _meant(
    lab: Lab, workflow: Workflow | Run | str
) -> tuple[Workflow | str, dict[str, Any]]:
    """What to quote, and what its run was asked for."""
    if isinstance(workflow, str) and workflow.isidentifier():
        workflow = lab.load(workflow)
    if not isinstance(workflow, Run):
        return workflow, {}
    asked = workflow.asked
    options = {"shots": asked.shots, "precision": asked.precision, "set": asked.set}
    return workflow.workflow, options


def _usual(lab: Lab) -> list[str]:
    used = [row["backend"] for row in lab.store.query("explore_backends")]
    return list(dict.fromkeys([*lab.backends.added(), *used, lab.settings.backend]))


def _device(lab: Lab, name: str) -> dict[str, Any]:
    try:
        facts = lab.backends.facts(name)
    except QuantumFlowError as error:
        return _remembered(lab, name, error.message)
    coupling = lab.backends.backend(name).coupling_map
    return {
        "name": name,
        "colour": colour_of(name),
        "num_qubits": facts.num_qubits,
        "calibrated": _date(facts.calibrated),
        "about": _about(facts),
        "note": _note(facts, mapped=coupling is not None),
        **device(
            lab.backends.calibration(name) if facts.num_qubits else None,
            [] if coupling is None else coupling.get_edges(),
            facts.num_qubits or 0,
        ),
    }


def _remembered(lab: Lab, name: str, why: str) -> dict[str, Any]:
    """A device that this lab cannot reach, as runs have met it."""
    rows = lab.store.query("calibrations", backends=[name])
    last = rows[-1] if rows else None
    data = last["data"] if last else {}
    note = "as its last run met it; " if last else ""
    return {
        "name": name,
        "colour": colour_of(name),
        "num_qubits": None,
        "calibrated": _date(last["calibrated"]) if last else None,
        "about": "not known here",
        "note": f"{note}{why}",
        **device(data, coupling_in(data), 0),
    }


def _date(text: str | None) -> str | None:
    """A date to the minute."""
    return None if text is None else text[:16].replace("T", " ")


def _about(facts: BackendFacts) -> str:
    """What it is, in a few words."""
    kind = "simulator" if facts.simulator else "device"
    kind = f"noisy {kind}" if facts.simulator and facts.noisy else kind
    return f"{facts.num_qubits} qubits, {kind}" if facts.num_qubits else kind


def _note(facts: BackendFacts, *, mapped: bool) -> str:
    """What it costs and takes."""
    said = []
    if not facts.noisy:
        said.append("no noise, so no calibration")
    elif not mapped:
        said.append("every pair of qubits may meet")
    if facts.price is not None and not facts.price.free:
        said.append(str(facts.price))
    elif facts.billed:
        said.append("billed, at a price that is not known")
    said.append(f"up to {facts.max_shots:,} shots and {facts.max_circuits:,} circuits")
    return "; ".join(said) + " a job"


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "title": choice.title,
        "sentence": choice.sentence,
        "candidates": [
            {
                "backend": each.backend,
                "cost": str(each.cost),
                "time": str(each.seconds),
                "wait": str(each.wait_s),
                "success": str(each.success),
                "success_value": each.success.value,
                "front": each.front,
                "ruled_out": each.ruled_out,
            }
            for each in choice.candidates
        ],
    }

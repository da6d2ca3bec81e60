"""Devices: their calibration, and what a workflow would take on each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quantumflow_lab.widgets.explorer import Explorer, Message, Report, State
from quantumflow_lab.widgets.report import Section

NO_BACKENDS = (
    "No backend to show. Name some, such as "
    'qf.Backends(among=["fake_manila", "fake_torino"]).'
)
WORKING = (
    "What the workflow would take on each was still being worked out when this was "
    "shown; lab.candidates tells it."
)
_COLUMNS = {
    "t1": ("T1, µs", 1e6),
    "t2": ("T2, µs", 1e6),
    "readout": ("readout error, %", 1e2),
    "readout_s": ("readout time, ns", 1e9),
    "error": ("{one} error, %", 1e2),
    "gate_s": ("{one} time, ns", 1e9),
}
_OF_PAIRS = {"error": ("{two} error, %", 1e2), "gate_s": ("{two} time, ns", 1e9)}


class BackendsWidget(Explorer):
    """Maps and tables of devices; all of it is sent at once, and nothing is asked.

    Parameters
    ----------
    state
        What to show; its fields are described in ``docs/explore.md``.
    """

    def __init__(self, state: State) -> None:
        super().__init__(state, _ignore)

    def _report(self) -> Report:
        return backends_report(self._whole)

    @staticmethod
    def _understood(_: object) -> Message | None:
        return None


def _ignore(message: Message) -> None:
    """No message is understood, so that none arrives."""


def backends_report(state: State) -> Report:
    """The state as sentences and tables."""
    devices, choice = state["devices"], state["choice"]
    if not devices:
        return "Backends", [NO_BACKENDS], []
    said = [state["message"]] if state["message"] else []
    if state.get("working"):
        said.append(WORKING)
    sections = []
    if choice:
        said.append(choice["sentence"])
        sections.append(_candidates(choice))
    rows = tuple(
        (each["name"], each["about"], each["calibrated"] or "", each["note"])
        for each in devices
    )
    columns = ("backend", "what", "calibrated", "note")
    sections.append(Section("Devices", columns, rows))
    for device in devices:
        sections += _tables(device)
    return "Backends", said, sections


def _candidates(choice: Mapping[str, Any]) -> Section:
    said = ("backend", "cost", "time", "wait", "success", "ruled_out")
    return Section(
        choice["title"],
        ("", *said[:-1], "ruled out by"),
        tuple(
            ("★" if each["front"] else "", *(each[name] for name in said))
            for each in choice["candidates"]
        ),
    )


def _tables(device: Mapping[str, Any]) -> list[Section]:
    """Calibration of a device, folded away in HTML."""
    gates = {"one": device["one_qubit_gate"], "two": device["two_qubit_gate"]}
    found = []
    qubits = [{"at": i, **each} for i, each in enumerate(device["qubits"])]
    pairs = [{"at": f"{p['a']}-{p['b']}", **p} for p in device["pairs"]]
    for title, head, rows, columns in (
        ("qubits", "qubit", qubits, _COLUMNS),
        ("couplings", "coupling", pairs, _OF_PAIRS),
    ):
        known = {k: v for k, v in columns.items() if any(k in row for row in rows)}
        if known:
            found.append(
                Section(
                    f"{device['name']}: {title}",
                    (head, *(text.format_map(gates) for text, _ in known.values())),
                    tuple(
                        (row["at"], *(_times(row.get(k), known[k][1]) for k in known))
                        for row in rows
                    ),
                    folded=True,
                )
            )
    return found


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else float(f"{value * factor:.3g}")

"""What a run opens its journal with, so that it can go on without its notebook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from quantumflow_lab.backends import Registry
from quantumflow_lab.cell.definitions import definitions
from quantumflow_lab.runner import records
from quantumflow_lab.runner.live import LiveRun
from quantumflow_lab.store import Store

LARGEST_INPUT = 1 << 28
"""Bytes of a notebook array up to which runs keep it, to go on without the notebook."""


def taken_inputs(live: LiveRun, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Notebook values as the run took them at its start, to run it again with."""
    values = {**inputs, **live.bound.values}
    return {i.name: values[i.name] for i in live.bound.inputs if i.name in values}


def opening(live: LiveRun, options: Mapping[str, Any], store: Store) -> records.Record:
    """The first record of a run; what it refers to is stored by then.

    Parameters
    ----------
    live
        A run that has taken its inputs.
    options
        What is recorded beside what was asked.
    """
    axes = {name: store.put(list(values)) for name, values in live.axes.items()}
    kept = {
        i.name: store.put(live.inputs[i.name])
        for i in live.bound.inputs
        if i.kind == "value" and _is_modest(live.inputs.get(i.name))
    }
    defined = {
        i.name: _defined(i.name, live.inputs[i.name], store)
        for i in live.bound.inputs
        if i.kind in ("function", "class", "module")
    }
    return records.started(live, live.asked, axes, kept, options, defined)


def _defined(name: str, value: Any, store: Store) -> list[dict[str, Any]]:
    """The source of an input that is code, so that scripts can be made of it."""
    return [
        {
            "name": each.name,
            "text": each.text,
            "kept": None if each.value is None else store.put(each.value),
        }
        for each in definitions(name, value)
    ]


def _is_modest(value: Any) -> bool:
    return int(getattr(value, "nbytes", 0)) <= LARGEST_INPUT


class Calibrations:
    """What devices say of themselves, recorded once for each calibration."""

    def __init__(self, backends: Registry) -> None:
        self._backends = backends
        self._recorded: set[tuple[str, str, str | None]] = set()
        """Backends and dates of calibrations that this process has recorded."""

    def news(self, live: LiveRun) -> Iterator[records.Record]:
        """Records of the devices of a run, but for those there are."""
        for name in live.backend_keys:
            facts = self._backends.known(name)
            seen = name, facts.key, facts.calibrated
            if seen in self._recorded:
                continue
            self._recorded.add(seen)
            if (data := self._backends.calibration(name)) is not None:
                yield records.calibration(live, facts, data)

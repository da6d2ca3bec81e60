"""From the name of a run and a form to files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from quantumflow_lab.backends import Registry
from quantumflow_lab.backends.constructors import constructor
from quantumflow_lab.cell.secrets import Secrets
from quantumflow_lab.errors import NotExportable, UnknownBackend
from quantumflow_lab.evidence import calibration_dates
from quantumflow_lab.export.devices import Device
from quantumflow_lab.export.files import Written, check_form, target, write
from quantumflow_lab.export.report import report
from quantumflow_lab.export.script import script
from quantumflow_lab.export.tables import tables
from quantumflow_lab.run import Run
from quantumflow_lab.store import Store
from quantumflow_lab.takeup import stored_run


@dataclass(frozen=True, slots=True)
class Exporter:
    """Writes the runs of a lab to files that need nothing of this package."""

    store: Store
    """Where runs are recorded."""
    backends: Registry
    load: Callable[[str], Run]
    """A run by its name or id."""
    usual_shots: int
    """Shots of sample steps where nobody names any."""

    def export(
        self, name: str, form: str, *, to: str | Path | None, force: bool
    ) -> Written:
        """Write a run; as :meth:`quantumflow_lab.Lab.export`."""
        check_form(form)
        tabular = form in ("csv", "parquet")
        name, _, step = name.partition(".") if tabular else (name, "", "")
        run = self.load(name)
        stored = stored_run(self.store, run.id)
        secrets = Secrets.of()
        if tabular:
            files = tables(run, step or None, form, secrets)
        else:
            dates = calibration_dates(stored)
            if form == "py":
                shots = self.usual_shots
                files = script(stored, self, usual_shots=shots, calibrated=dates)
            else:
                files = report(run, stored, secrets, dates)
        stem = f"{name}.{step}" if step else name
        path = target(stem, stored.record["number"], form, to)
        return write(files, path, force=force, secrets=secrets)

    def device(self, name: str) -> Device:
        """What a script has to know of a backend.

        Raises
        ------
        NotExportable
            If it lived in a notebook that has gone.
        """
        try:
            facts = self.backends.facts(name)
        except UnknownBackend:
            raise NotExportable(
                f"backend '{name}' lived in the notebook of the run; make it there "
                f"again, and type lab.backends.add('{name}', ...) before the export",
                backend=name,
            ) from None
        backend = self.backends.backend(name)
        made = constructor(name, backend)
        return Device(made, type(backend).__name__, facts.noisy)

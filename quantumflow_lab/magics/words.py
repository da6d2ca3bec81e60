"""The two magics: ``%%qflow`` runs a cell, ``%qflow`` is the control plane."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from IPython.core.magic import (
    Magics,
    cell_magic,
    line_magic,
    magics_class,
    no_var_expand,
)

from quantumflow_lab.cell.magic_line import RunOptions, parse_magic_line
from quantumflow_lab.cell.text import MAGIC
from quantumflow_lab.connected import lab
from quantumflow_lab.errors import BudgetNeeded
from quantumflow_lab.magics.attendance import Attendance, Attended
from quantumflow_lab.magics.commands import Commands
from quantumflow_lab.magics.notebook import notebook_of
from quantumflow_lab.magics.on_the_line import on_the_line
from quantumflow_lab.magics.place import Place, place_of
from quantumflow_lab.magics.showing import publisher, show
from quantumflow_lab.magics.tracebacks import as_the_cell_s
from quantumflow_lab.magics.view import view_for
from quantumflow_lab.store import find_home
from quantumflow_lab.workflow import Workflow

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from quantumflow_lab.magics.config import QFlow


@magics_class
class QFlowMagics(Magics):
    """Parses, calls the lab, displays."""

    def __init__(self, shell: InteractiveShell, settings: QFlow):
        super().__init__(shell)
        self._shell = shell
        self._settings = settings
        self._commands = Commands(shell)

    @no_var_expand
    @line_magic("qflow")  # type: ignore[arg-type]  # IPython types it for no function
    def line(self, line: str) -> Any:
        """Look after runs; ``%qflow help`` lists the commands."""
        __tracebackhide__ = True
        return self._commands.run(line)

    @no_var_expand
    @cell_magic("qflow")  # type: ignore[arg-type]  # as above
    def cell(self, line: str, cell: str) -> None:
        """Run a workflow: ``%%qflow NAME [options]``, then steps in plain Python.

        The run is bound to NAME; ``%qflow help`` lists the options.
        """
        __tracebackhide__ = True
        try:
            attendance = self._start(line, cell)
            if attendance is None:
                return
            attendance.block()
            error = attendance.error()
        # It is raised below, without our frames.
        except Exception as caught:  # noqa: BLE001
            error = as_the_cell_s(caught)
        if error is not None:
            raise error

    def attend(self, line: str, cell: str) -> Awaitable[None]:
        """What the cell of a notebook awaits; see :mod:`.top_level`."""
        attended = Attended()
        try:
            attendance = self._start(line, cell)
        # The cell raises it, when it awaits.
        except Exception as error:  # noqa: BLE001
            attended.set_exception(as_the_cell_s(error))
            return attended
        if attendance is None:
            attended.set_result(None)
        else:
            attended.attend(attendance)
        return attended

    def _start(self, line: str, cell: str) -> Attendance | None:
        """Start a cell's run; None if there is nothing to wait for."""
        place = place_of(self._shell, line, cell)
        options = parse_magic_line(
            f"{MAGIC} {line}", file=place.label, number=place.first_line
        )
        workflow = Workflow.from_source(
            cell, options.name, file=place.label, first_line=place.first_line
        )
        with on_the_line(place, line):
            if options.plan:
                self._plan(workflow, options)
                return None
            return self._attendance(workflow, options, place, line)

    def _attendance(
        self, workflow: Workflow, options: RunOptions, place: Place, line: str
    ) -> Attendance | None:
        names = self._shell.user_ns
        origin = {
            "line": line,
            "notebook": notebook_of(names, find_home(lab().settings.home)),
            "project": self._settings.project or lab().settings.project,
        }
        try:
            run = lab().run(
                workflow,
                **options.keywords(),
                seed=options.seed,
                fresh=options.fresh,
                executor=options.executor,
                inputs=names,
                background=True,
                options=origin,
                filename=place.file,
            )
        except BudgetNeeded as error:
            self._show(error.quote)
            raise
        self._shell.user_ns[options.name] = run
        shows = "--show" in line
        view = view_for(
            self._shell, run, options.show if shows else self._settings.show
        )
        attendance = Attendance(run, view)
        self._commands.attended[options.name] = attendance
        if options.background:
            attendance.detach()
            attendance.follow()
            return None
        return attendance

    def _plan(self, workflow: Workflow, options: RunOptions) -> None:
        quote = lab().plan(
            workflow,
            **options.keywords(),
            seed=options.seed,
            fresh=options.fresh,
            inputs=self._shell.user_ns,
        )
        self._show(quote)

    def _show(self, quote: Any) -> None:
        data = {"text/plain": repr(quote), "text/html": quote._repr_html_()}
        show(publisher(self._shell), data)

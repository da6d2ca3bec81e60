"""The composer: a cell, its edits, its quote and its run, in one view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from quantumflow_lab.cell.secrets import Secrets
from quantumflow_lab.composer.document import cell_document, read, with_revision
from quantumflow_lab.composer.following import follow
from quantumflow_lab.composer.history import History
from quantumflow_lab.composer.notebook import Notebook
from quantumflow_lab.composer.opening import opened
from quantumflow_lab.composer.ops import applied
from quantumflow_lab.composer.palette import palette
from quantumflow_lab.composer.quoting import Quoting
from quantumflow_lab.errors import EditRefused, QuantumFlowError
from quantumflow_lab.lab import Lab
from quantumflow_lab.lab import lab as lab_of_process
from quantumflow_lab.reading import read_circuit
from quantumflow_lab.widgets.composer import ComposerWidget
from quantumflow_lab.widgets.frame import trimmed

if TYPE_CHECKING:
    from quantumflow_lab.quote import Quote
    from quantumflow_lab.run import Run
    from quantumflow_lab.workflow import Workflow


class Composer:
    r"""A workflow to look at and edit, whose truth is the text of a ``%%qflow`` cell.

    At the end of a cell it is a canvas; without a front end it is a picture of the
    workflow, and its text. Every edit changes the touched lines and nothing else.

    Parameters
    ----------
    source
        Text of a cell; the name of a run, for the notebook's run of that name or the
        latest of the store; a :class:`~quantumflow_lab.Run`; a
        :class:`~quantumflow_lab.Workflow`; nothing for a new cell.
    lab
        Where to quote and run; by default the lab of this process.

    Raises
    ------
    UnknownRun
        If no run has that name.
    BadOption
        If `source` is nothing of the kind.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> composer = Composer("%%qflow bell\n", lab=Lab(mkdtemp()))
    >>> composer.edit({"do": "magic", "name": "shots", "text": "100"})
    >>> composer.edit({"do": "add", "kind": "step", "name": "answer"})
    >>> print(composer.text)
    %%qflow bell --shots 100
    @qf.step
    def answer():
        ...
    <BLANKLINE>
    >>> composer.undo()
    >>> composer.text
    '%%qflow bell --shots 100\n'
    """

    def __init__(self, source: object = None, *, lab: Lab | None = None):
        self._lab = lab or lab_of_process()
        self._notebook = Notebook()
        self._history = History(opened(source, self._notebook.names, self._lab))
        self._revision = 0
        self._document: dict[str, Any] | None = None
        """Of the last text that could be read."""
        self._workflow: Workflow | None = None
        self._run: Run | None = None
        self._ran: str | None = None
        """The text that the run is of."""
        self._quoting = Quoting(self._quote, self._tell_quote)
        self._widget = ComposerWidget(self._receive)
        self._widget.palette = self._palette()
        self._show()

    @property
    def text(self) -> str:
        """The cell, its magic line included."""
        return self._history.text

    @property
    def workflow(self) -> Workflow | None:
        """What the text says; None while it cannot be read."""
        return self._workflow

    @property
    def problems(self) -> list[str]:
        """What stands against running it."""
        return [each["message"] for each in self._widget.cell["problems"]]

    @property
    def run(self) -> Run | None:
        """The run that was started here last."""
        return self._run

    def edit(self, op: Mapping[str, Any]) -> None:
        """Make one edit, as the view sends it; see ``docs/composer.md``.

        Raises
        ------
        EditRefused
            If it cannot be made; the text stays as it is.
        """
        text = applied(self.text, op, self._notebook.edit_names(), _check_qasm)
        self._history = self._history.then(text)
        if op.get("do") == "rename":
            self._move(str(op["step"]), str(op["to"]))
        # Also if the text is the same: the view waits for an answer.
        self._revise()

    def undo(self) -> None:
        """Take the last edit back, if there is one."""
        self._go(self._history.undone())

    def redo(self) -> None:
        """Make the edit again that was taken back last."""
        self._go(self._history.redone())

    def cell(self) -> str:
        """Put the cell below the one that runs, and return its text."""
        self._notebook.put(self.text)
        return self.text

    def start(self) -> Run:
        """Run the cell in the background, and bind the run to its name.

        Raises
        ------
        QuantumFlowError
            As the ``%%qflow`` cell would.
        """
        lab, names = self._lab, self._notebook.names
        run = lab.run(
            self.text,
            inputs=names,
            background=True,
            options=self._notebook.origin(
                self.text, lab.store.home, lab.settings.project
            ),
        )
        names[run.name] = self._run = run
        self._ran = self.text
        self._show()
        self._widget.run = trimmed(run.snapshot())
        follow(run, lambda snapshot: self._tell_run(run, snapshot))
        return run

    def close(self) -> None:
        """Close the view; the run goes on."""
        self._quoting.drop(self._revision + 1)
        self._widget.close()

    def __repr__(self) -> str:
        return repr(self._widget)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        self._refresh()
        self._want_quote()
        return self._widget._repr_mimebundle_(**kwargs)

    # What the view asks.

    def _receive(self, message: dict[str, Any]) -> None:
        """Act on a message of the view; what is refused is told there."""
        try:
            self._act(message)
        except QuantumFlowError as error:
            self._refuse(message, error.message)
        # The cell's own top level, of which anything may come when it is run.
        except Exception as error:  # noqa: BLE001
            self._refuse(message, f"{type(error).__name__}: {error}")

    def _act(self, message: dict[str, Any]) -> None:
        match message:
            case {"type": "edit", "revision": int(revision), "op": dict(op)}:
                self._refuse_old(revision)
                self.edit(op)
            case {"type": "undo"}:
                self.undo()
            case {"type": "redo"}:
                self.redo()
            case {"type": "quote"}:
                self._refresh()
                self._want_quote()
            case {"type": "run"}:
                self.start()
            case {"type": "cancel"} if self._run is not None:
                self._run.cancel(message.get("step"))
            case {"type": "pause"} if self._run is not None:
                self._run.pause()
            case {"type": "resume"} if self._run is not None:
                self._run.resume()
            case {"type": "write"}:
                self.cell()

    def _refuse_old(self, revision: int) -> None:
        if revision != self._revision:
            raise EditRefused(
                "the cell has changed; look at it as it is now, and edit it again",
                revision=self._revision,
            )

    def _refuse(self, message: dict[str, Any], why: str) -> None:
        op = message.get("op") or {"do": message.get("type")}
        line = Secrets.of().hide_text(" ".join(why.split()))
        self._widget.send({"type": "refused", "op": op, "message": line})

    # What the view shows.

    def _go(self, history: History) -> None:
        if history is not self._history:
            self._history = history
            self._revise()

    def _revise(self) -> None:
        self._revision += 1
        self._show()
        self._want_quote()

    def _show(self) -> None:
        around = self._notebook.around(self._lab.backends.names())
        reading = read(self.text, around)
        document = cell_document(reading, around, self._document)
        self._workflow = reading.workflow
        if reading.workflow is not None:
            self._document = document
        self._widget.cell = with_revision(
            document,
            self._revision,
            can_undo=self._history.can_undo,
            can_redo=self._history.can_redo,
            ran=self._ran == self.text,
        )

    def _refresh(self) -> None:
        """Look at the notebook again, which has gone on."""
        self._widget.palette = self._palette()
        self._show()

    def _palette(self) -> dict[str, Any]:
        return palette(self._notebook.circuits(), self._lab.backends.names())

    def _move(self, step: str, to: str) -> None:
        """A step that was dragged somewhere stays there under its new name."""
        places = dict(self._widget.places)
        if step in places:
            places[to] = places.pop(step)
            self._widget.places = places

    def _want_quote(self) -> None:
        """Quote the text if it can run; no shot is taken for it."""
        if self._widget.cell["problems"]:
            self._quoting.drop(self._revision)
            self._widget.set_trait("quote", None)
        else:
            self._quoting.want(self.text, self._revision)

    def _quote(self, text: str) -> Quote:
        return self._lab.plan(text, inputs=dict(self._notebook.names))

    def _tell_quote(self, quote: dict[str, Any]) -> None:
        def show() -> None:
            # Posted from a thread: the text may have changed in the meantime.
            if quote["revision"] == self._revision:
                self._widget.quote = quote

        self._notebook.post(show)

    def _tell_run(self, run: Run, snapshot: dict[str, Any]) -> None:
        def show() -> None:
            if self._run is run:
                self._widget.run = trimmed(snapshot)

        self._notebook.post(show)


def _check_qasm(text: str) -> None:
    """Refuse OpenQASM that does not parse, with the parser's own message."""
    if "\n" not in text and ";" not in text:
        raise EditRefused("this is no OpenQASM; it begins with OPENQASM 3.0; or 2.0;")
    read_circuit(text)

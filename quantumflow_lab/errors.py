"""Everything that can go wrong, in one tree.

::

    QuantumFlowError
    ├── CellError                 the text of a cell; carries the line
    │   ├── MagicLineError        %%qflow or %qflow does not parse
    │   ├── CellSyntaxError       the body is not Python
    │   ├── BareStatement         a top-level statement that belongs in a step
    │   ├── BadDecorator          a @qf. decorator that is unknown or out of place
    │   ├── NoSteps               a cell without any step
    │   ├── DuplicateStep         two steps of one name
    │   ├── UnknownNeed           a parameter that nothing provides
    │   ├── HiddenNeed            a need hidden by a default value
    │   ├── UndeclaredNeed        a step reads another step without asking for it
    │   ├── UnknownName           a name found nowhere
    │   ├── UnknownOption         a step option that does not exist
    │   ├── BadOption             an option with a value it cannot have
    │   ├── NeedCycle             steps that need each other in a circle
    │   ├── BadAxis               an axis that is empty, or used against its meaning
    │   ├── SecretInput           an input that is or looks like a secret
    │   ├── EditRefused           an edit that cannot be made; the cell stays as it is
    │   └── BadDocument           a document that is not qflow/1, or a newer one
    ├── PubError                  what a sample or estimate step returned
    │   ├── NotAPub               no circuit, PUB, list or dict of PUBs
    │   ├── UnboundParameter      parameters without values
    │   ├── MissingMeasurement    a sampled circuit that measures nothing
    │   ├── UnwantedMeasurement   an estimated circuit with final measurements
    │   ├── BadShots              shots that are no whole number within the limits
    │   ├── BadPrecision          a precision that is not a non-negative finite number
    │   └── NotFinite             NaN or infinity in a circuit or parameter value
    ├── CircuitSourceError        a circuit that is read from text or a file
    │   ├── NoCircuitFile         no file of that name, or one that does not open
    │   ├── UnknownCircuitFormat  neither OpenQASM 2, OpenQASM 3 nor QPY
    │   ├── BadCircuitText        it does not parse; carries line and column
    │   ├── BadCircuitData        QPY that is damaged, unsafe or too new
    │   ├── ForbiddenInclude      an include of anything but the standard gates
    │   ├── CircuitTooLarge       beyond a limit, of the circuit or of reading it
    │   ├── SeveralCircuits       a file of several circuits where one was asked for
    │   └── ParserLost            the process that reads circuits died
    ├── BackendError
    │   ├── UnknownBackend        no backend of that name
    │   ├── UnknownBackendOption  an option the backend would silently ignore
    │   ├── TooWide               more qubits than the backend has
    │   ├── TooMuchMemory         a simulation this machine cannot hold
    │   ├── CircuitRefused        transpiling or validating the circuit failed
    │   ├── BackendFailed         the backend answered with an error
    │   ├── JobCancelled          the job was cancelled at its provider
    │   ├── JobUnanswered         a job was sent, and cannot be asked about any more
    │   ├── JobNeverArrived       a job that may have been sent is not there
    │   ├── WorkerLost            the worker process died
    │   ├── NoCluster             no Dask cluster where one was asked for
    │   ├── ClusterDiffers        its versions cannot exchange values with ours
    │   ├── EnvironmentBroken     another Python that cannot give its backend
    │   ├── NoCommonQpy           two versions of Qiskit without a form both know
    │   ├── PluginBroken          a registered backend that cannot be loaded
    │   ├── ModeRefused           jobs cannot be sent so to this backend
    │   ├── SessionClosed         its provider has closed a session or batch
    │   ├── PriceUnknown          a budget cannot be kept without a price
    │   └── BadPrices             a table of prices that cannot be read
    ├── RunError
    │   ├── StepFailed            a step raised; the cause is chained
    │   ├── StepTimeout           a step took longer than its timeout
    │   ├── StepSkipped           a need failed, so the step never ran
    │   ├── RunCancelled          the run, step or point was cancelled
    │   ├── DeadlinePassed        the run took longer than its deadline
    │   ├── BudgetReached         a job would cost more than the budget leaves
    │   ├── BudgetNeeded          a run that costs something and has no budget
    │   ├── NotReady              the value is not there yet
    │   ├── UnknownStep           a run has no such step
    │   ├── UnknownRun            the store has no such run
    │   ├── RunIsLive             a run of this name is still going
    │   ├── RunIsHeld             another process has the run
    │   ├── NothingToResume       the run has ended, and nothing of it is missing
    │   ├── InputsChanged         the notebook no longer has what the run began with
    │   ├── ReplayDrift           a loop does not ask again what it had asked
    │   ├── OpenJobs              a run has jobs on devices that cannot be fetched
    │   ├── NestedRun             a step that would wait for a run inside it
    │   ├── TooManyCalls          a loop step asked for more than calls=N
    │   ├── NotInStep             used outside a running step
    │   ├── NotExportable         a run has something that no script can say
    │   ├── FileExists            an export would replace a file
    │   ├── ExportFailed          a folder that an export cannot write to
    │   └── RaggedMap             lists of different lengths under map=
    ├── ServiceError              the lab of a service, which a notebook is connected to
    │   ├── NoService             nothing answers there, or nothing that is a lab
    │   ├── InsecureService       a token would cross the network in the clear
    │   ├── TokenRefused          no token, or one that may not do this
    │   ├── ServiceDiffers        its version cannot exchange values with ours
    │   └── NotRemote             what only the lab of this process can do
    ├── SchedulerError            events that the scheduler refused whole
    ├── SchedulerBug              the scheduler broke one of its own equalities
    └── StoreError
        ├── HomeNotWritable       the lab's home cannot be written
        ├── JournalFull           the disk is full or the write was short
        ├── JournalDamaged        a record fails its checksum
        ├── StoreLocked           another program holds the database
        ├── StoreTooNew           written by a newer version
        ├── BadQuery              SQL that DuckDB refuses
        └── NotStorable           a value the codec cannot keep

The first line of a message says what is wrong and what to type instead; a second line,
when the place is known, quotes the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a cell, for messages."""

    file: str
    """What Python calls the file: ``Cell In[8]`` once shown, a path for modules."""
    line: int
    """Line, counted from 1 with the magic line as line 1."""
    source: str
    """The text of that line."""

    def __str__(self) -> str:
        return f"  {self.file}, line {self.line}:  {self.source.strip()}"


class QuantumFlowError(Exception):
    """Base of every error this package raises on purpose.

    Parameters
    ----------
    message
        One sentence: what is wrong and what to type instead.
    where
        The place in the cell, when it is known.
    **facts
        The names and numbers the message was made from, kept as ``facts``.
    """

    slug: ClassVar[str] = "error"
    """Stable identifier, for programs."""

    def __init__(self, message: str, *, where: Where | None = None, **facts: object):
        self.message = message
        self.where = where
        self.facts = facts
        super().__init__(message if where is None else f"{message}\n{where}")

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.where, self.facts)

    def _render_traceback_(self) -> list[str]:
        """What IPython prints: the message alone, without our frames."""
        return [f"{type(self).__name__}: {self}"]


def _rebuild(
    kind: type[QuantumFlowError],
    message: str,
    where: Where | None,
    facts: dict[str, object],
) -> QuantumFlowError:
    return kind(message, where=where, **facts)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message that names the nearest known name, or lists a few.

    Examples
    --------
    >>> did_you_mean("count", ["counts", "bell"])
    "; did you mean 'counts'?"
    >>> did_you_mean("zzz", ["counts", "bell"])
    '; known: bell, counts'
    >>> did_you_mean("zzz", [])
    ''
    """
    names = sorted(set(known))
    folded = {each.lower(): each for each in names}
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    near = near or get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    if near:
        return f"; did you mean '{folded.get(near[0], near[0])}'?"
    if not names:
        return ""
    shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    return f"; known: {shown}"


class CellError(QuantumFlowError):
    """The text of a cell; carries the line."""

    slug = "cell-error"


class MagicLineError(CellError):
    """%%qflow or %qflow does not parse."""

    slug = "magic-line-error"


class CellSyntaxError(CellError):
    """The body is not Python."""

    slug = "cell-syntax-error"


class BareStatement(CellError):
    """A top-level statement that belongs in a step."""

    slug = "bare-statement"


class BadDecorator(CellError):
    """A @qf. decorator that is unknown or out of place."""

    slug = "bad-decorator"


class NoSteps(CellError):
    """A cell without any step."""

    slug = "no-steps"


class DuplicateStep(CellError):
    """Two steps of one name."""

    slug = "duplicate-step"


class UnknownNeed(CellError):
    """A parameter that nothing provides."""

    slug = "unknown-need"


class HiddenNeed(CellError):
    """A need hidden by a default value."""

    slug = "hidden-need"


class UndeclaredNeed(CellError):
    """A step reads another step without asking for it."""

    slug = "undeclared-need"


class UnknownName(CellError):
    """A name found nowhere."""

    slug = "unknown-name"


class UnknownOption(CellError):
    """A step option that does not exist."""

    slug = "unknown-option"


class BadOption(CellError):
    """An option with a value it cannot have."""

    slug = "bad-option"


class NeedCycle(CellError):
    """Steps that need each other in a circle."""

    slug = "need-cycle"


class BadAxis(CellError):
    """An axis that is empty, or used against its meaning."""

    slug = "bad-axis"


class SecretInput(CellError):
    """An input that is or looks like a secret."""

    slug = "secret-input"


class EditRefused(CellError):
    """An edit that cannot be made; the cell stays as it is."""

    slug = "edit-refused"


class BadDocument(CellError):
    """A document that is not qflow/1, or a newer one."""

    slug = "bad-document"


class PubError(QuantumFlowError):
    """What a sample or estimate step returned."""

    slug = "pub-error"


class NotAPub(PubError):
    """No circuit, PUB, list or dict of PUBs."""

    slug = "not-a-pub"


class UnboundParameter(PubError):
    """Parameters without values."""

    slug = "unbound-parameter"


class MissingMeasurement(PubError):
    """A sampled circuit that measures nothing."""

    slug = "missing-measurement"


class UnwantedMeasurement(PubError):
    """An estimated circuit with final measurements."""

    slug = "unwanted-measurement"


class BadShots(PubError):
    """Shots outside 1 .. the backend's limit, or not an integer."""

    slug = "bad-shots"


class BadPrecision(PubError):
    """A precision that is not a non-negative finite number."""

    slug = "bad-precision"


class NotFinite(PubError):
    """NaN or infinity in a circuit or parameter value."""

    slug = "not-finite"


class CircuitSourceError(QuantumFlowError):
    """A circuit that is read from text or a file."""

    slug = "circuit-source-error"


class NoCircuitFile(CircuitSourceError):
    """No file of that name, or one that does not open."""

    slug = "no-circuit-file"


class UnknownCircuitFormat(CircuitSourceError):
    """Neither OpenQASM 2, OpenQASM 3 nor QPY."""

    slug = "unknown-circuit-format"


class BadCircuitText(CircuitSourceError):
    """It does not parse; carries line and column."""

    slug = "bad-circuit-text"


class BadCircuitData(CircuitSourceError):
    """QPY that is damaged, unsafe or too new."""

    slug = "bad-circuit-data"


class ForbiddenInclude(CircuitSourceError):
    """An include of anything but the standard gates."""

    slug = "forbidden-include"


class CircuitTooLarge(CircuitSourceError):
    """Beyond a limit, of the circuit or of reading it."""

    slug = "circuit-too-large"


class SeveralCircuits(CircuitSourceError):
    """A file of several circuits where one was asked for."""

    slug = "several-circuits"


class ParserLost(CircuitSourceError):
    """The process that reads circuits died."""

    slug = "parser-lost"


class BackendError(QuantumFlowError):
    """A backend that cannot do what was asked."""

    slug = "backend-error"


class UnknownBackend(BackendError):
    """No backend of that name."""

    slug = "unknown-backend"


class UnknownBackendOption(BackendError):
    """An option the backend would silently ignore."""

    slug = "unknown-backend-option"


class TooWide(BackendError):
    """More qubits than the backend has."""

    slug = "too-wide"


class TooMuchMemory(BackendError):
    """A simulation this machine cannot hold."""

    slug = "too-much-memory"


class CircuitRefused(BackendError):
    """Transpiling or validating the circuit failed."""

    slug = "circuit-refused"


class BackendFailed(BackendError):
    """The backend answered with an error."""

    slug = "backend-failed"


class JobCancelled(BackendError):
    """The job was cancelled at its provider."""

    slug = "job-cancelled"


class JobUnanswered(BackendError):
    """A job was sent, and cannot be asked about any more."""

    slug = "job-unanswered"


class JobNeverArrived(BackendError):
    """A job that may have been sent is not at its provider."""

    slug = "job-never-arrived"


class ModeRefused(BackendError):
    """A backend that has no batches or no sessions was asked for one."""

    slug = "mode-refused"


class SessionClosed(BackendError):
    """A session or batch takes no more jobs: its provider has closed it."""

    slug = "session-closed"


class WorkerLost(BackendError):
    """The worker process died."""

    slug = "worker-lost"


class NoCluster(BackendError):
    """No Dask cluster where one was asked for."""

    slug = "no-cluster"


class ClusterDiffers(BackendError):
    """Versions on a cluster that cannot exchange values with ours."""

    slug = "cluster-differs"


class EnvironmentBroken(BackendError):
    """Another Python environment that cannot give its backend."""

    slug = "environment-broken"


class NoCommonQpy(BackendError):
    """Two versions of Qiskit without a form of circuits that both know."""

    slug = "no-common-qpy"


class PluginBroken(BackendError):
    """A backend registered by a distribution that cannot be loaded."""

    slug = "plugin-broken"


class PriceUnknown(BackendError):
    """A budget cannot be kept without a price."""

    slug = "price-unknown"


class BadPrices(BackendError):
    """A table of prices that cannot be read."""

    slug = "bad-prices"


class RunError(QuantumFlowError):
    """A run and its steps."""

    slug = "run-error"


class StepFailed(RunError):
    """A step raised; the cause is chained."""

    slug = "step-failed"


class StepTimeout(RunError):
    """A step took longer than its timeout."""

    slug = "step-timeout"


class StepSkipped(RunError):
    """A need failed, so the step never ran."""

    slug = "step-skipped"


class RunCancelled(RunError):
    """The run, step or point was cancelled."""

    slug = "run-cancelled"


class DeadlinePassed(RunError):
    """The run took longer than its deadline."""

    slug = "deadline-passed"


class BudgetReached(RunError):
    """A job would cost more than the budget leaves."""

    slug = "budget-reached"


class BudgetNeeded(RunError):
    """A run that costs something, and was given no budget."""

    slug = "budget-needed"
    quote: object = None
    """What it would cost, a :class:`quantumflow_lab.quote.Quote`."""


class NotReady(RunError):
    """The value is not there yet."""

    slug = "not-ready"


class UnknownStep(RunError):
    """A run has no such step."""

    slug = "unknown-step"


class UnknownRun(RunError):
    """The store has no such run."""

    slug = "unknown-run"


class RunIsLive(RunError):
    """A run of this name is still going."""

    slug = "run-is-live"


class RunIsHeld(RunError):
    """Another process has the run."""

    slug = "run-is-held"


class NothingToResume(RunError):
    """The run has ended, and nothing of it is missing."""

    slug = "nothing-to-resume"


class InputsChanged(RunError):
    """The notebook no longer has what the run began with."""

    slug = "inputs-changed"


class ReplayDrift(RunError):
    """A loop that is taken up does not ask again what it had asked."""

    slug = "replay-drift"


class OpenJobs(RunError):
    """A run has jobs on devices that nobody waits for and that cannot be fetched."""

    slug = "open-jobs"


class NestedRun(RunError):
    """A step that would wait for a run inside it."""

    slug = "nested-run"


class TooManyCalls(RunError):
    """A loop step asked for more than calls=N."""

    slug = "too-many-calls"


class NotInStep(RunError):
    """Used outside a running step."""

    slug = "not-in-step"


class RaggedMap(RunError):
    """Lists of different lengths under map=."""

    slug = "ragged-map"


class NotExportable(RunError):
    """A run has something that no script can say."""

    slug = "not-exportable"


class FileExists(RunError):
    """An export would replace a file."""

    slug = "file-exists"


class ExportFailed(RunError):
    """A folder that an export cannot write to."""

    slug = "export-failed"


class ServiceError(QuantumFlowError):
    """The lab of a service, which a notebook is connected to."""

    slug = "service-error"


class NoService(ServiceError):
    """Nothing answers at an address, or nothing that is a lab."""

    slug = "no-service"


class InsecureService(ServiceError):
    """A token would cross the network in the clear."""

    slug = "insecure-service"


class TokenRefused(ServiceError):
    """No token, or one that may not do what was asked."""

    slug = "token-refused"


class ServiceDiffers(ServiceError):
    """A service whose version cannot exchange values with ours."""

    slug = "service-differs"


class NotRemote(ServiceError):
    """Something that only the lab of this process can do or have."""

    slug = "not-remote"


class SchedulerError(QuantumFlowError):
    """Events that the scheduler cannot take; nothing has changed."""

    slug = "scheduler-error"


class SchedulerBug(QuantumFlowError):
    """The scheduler broke one of its own equalities."""

    slug = "scheduler-bug"


class StoreError(QuantumFlowError):
    """Journals, database and values on disk."""

    slug = "store-error"


class HomeNotWritable(StoreError):
    """The lab's home cannot be written."""

    slug = "home-not-writable"


class JournalFull(StoreError):
    """The disk is full or the write was short."""

    slug = "journal-full"


class JournalDamaged(StoreError):
    """A record fails its checksum."""

    slug = "journal-damaged"


class StoreLocked(StoreError):
    """Another program holds the database."""

    slug = "store-locked"


class StoreTooNew(StoreError):
    """Written by a newer version."""

    slug = "store-too-new"


class BadQuery(StoreError):
    """SQL that DuckDB refuses."""

    slug = "bad-query"


class NotStorable(StoreError):
    """A value the codec cannot keep."""

    slug = "not-storable"

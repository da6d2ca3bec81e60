"""What a running step can reach: its metrics, its output, its quantum calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Event
from typing import Any, Literal, Protocol

from quantumflow_lab.cell.options import real, shown
from quantumflow_lab.errors import BadOption, NotInStep


class Call(Protocol):
    """A quantum call a step made: PUBs on their way to a backend."""

    tag: str
    """Name of the call, unique in the run."""
    why: Exception | None
    """Why it was stopped, once it is, if a budget is the reason."""

    def wait(self) -> tuple[Any, ...]:
        """Block until answered, giving the step's slot back meanwhile.

        Returns
        -------
        tuple of PubResult
            One for each PUB, in order.
        """

    def done(self) -> bool:
        """True once the call is answered, either way."""

    def cancel(self) -> None:
        """Ask for the call to be stopped."""


class Rest(Protocol):
    """A step without a slot, which has nothing to do."""

    stopped: bool
    """True once the step is to end."""
    woken: Event
    """Set once the step has a slot again, or is to end."""


class StepPort(Protocol):
    """The runner, as a step sees it."""

    def log(self, context: StepContext, name: str, value: float) -> None:
        """Record one value of a metric."""

    def emit(self, context: StepContext, mime: str, data: Any) -> None:
        """Show something under the name of the step."""

    def call(
        self,
        context: StepContext,
        kind: Literal["sample", "estimate"],
        backend: str | None,
        pubs: Sequence[Any],
        options: Mapping[str, Any],
    ) -> Call:
        """Send PUBs through the scheduler."""

    def rest(self, context: StepContext) -> Rest:
        """Give the slot of a step back until :meth:`go_on`."""

    def go_on(self, waiting: Any) -> None:
        """Let a step that rests have a slot again, and then go on."""


@dataclass(frozen=True, slots=True)
class StepContext:
    """One attempt of one point of one step."""

    port: StepPort
    run: str
    step: str
    unit: int
    """Scheduler number of the unit."""
    attempt: int
    point: int
    """Flat number of the point within the step."""
    backend: str
    """Backend that injected handles use."""


_current: ContextVar[StepContext | None] = ContextVar("qflow_step", default=None)


@contextmanager
def entered(context: StepContext) -> Iterator[None]:
    """Make `context` the current one for the duration of a step's body."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


def current(what: str) -> StepContext:
    """The step that is running here.

    Raises
    ------
    NotInStep
        Outside a step; `what` names what was called.
    """
    context = _current.get()
    if context is None:
        raise NotInStep(
            f"{what} works inside a running step; put it in a @qf.step of a %%qflow "
            "cell (a thread of a step takes contextvars.copy_context().run with it)",
            what=what,
        )
    return context


def running_context() -> StepContext | None:
    """The step that runs in this thread, if any."""
    return _current.get()


def log(*values: object, **metrics: float) -> None:
    """Record metrics of the running step; they are drawn as they arrive.

    Parameters
    ----------
    **metrics
        Name and value of each; a value is one real number. NaN and infinity are
        recorded as they are.

    Raises
    ------
    NotInStep
        Outside a running step.
    BadOption
        For a value without a name, or one that is not one real number.

    Examples
    --------
    >>> log(energy=-1.13)
    Traceback (most recent call last):
    ...
    quantumflow_lab.errors.NotInStep: qf.log() works inside a running step; put it in \
a @qf.step of a %%qflow cell (a thread of a step takes \
contextvars.copy_context().run with it)
    """
    if values:
        raise BadOption("name each value: write qf.log(energy=e)")
    context = current("qf.log()")
    for name, value in metrics.items():
        context.port.log(context, name, _real(name, value))


def _real(name: str, value: object) -> float:
    number = real(value)
    if number is None:
        raise BadOption(
            f"qf.log({name}=…) takes one real number, this is {shown(value)}; "
            "log its parts under names of their own"
        )
    return number

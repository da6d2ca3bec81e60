"""Functions of steps run: in threads of this process, or on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from quantumflow_lab.core import Reason
from quantumflow_lab.errors import QuantumFlowError, WorkerLost
from quantumflow_lab.ports import Backends, Came, Clock, Cluster, Sink, Stopped
from quantumflow_lab.runner import console
from quantumflow_lab.runner.answers import Answers
from quantumflow_lab.runner.away import away
from quantumflow_lab.runner.blame import hidden
from quantumflow_lab.runner.bodies import Produced, completed, run_body
from quantumflow_lab.runner.cached import Cache
from quantumflow_lab.runner.context import StepContext, StepPort
from quantumflow_lab.runner.live import LiveRun, StepState, Task
from quantumflow_lab.runner.rooms import Rooms
from quantumflow_lab.runner.schedule import Schedule


class Threads(Protocol):
    """Runs functions of steps, as ``quantumflow_lab.workers.StepThreads`` does."""

    def start(
        self,
        key: tuple[int, int],
        call: Callable[[], Any],
        on_end: Callable[[tuple[int, int], Any, BaseException | None], None],
    ) -> None:
        """Run `call` in a thread and tell how it ended."""

    def stop(self, key: tuple[int, int]) -> None:
        """Raise ``Stopped`` in the thread."""

    def close(self) -> None:
        """Stop them all."""


@dataclass
class Attempts:
    """Starts and stops functions of steps, and hears how they ended.

    Parameters
    ----------
    port
        What steps reach.
    post
        Hands a function to the runner's thread.
    schedule, answers, rooms, cache
        The runner's.
    threads, backends, sink, clock
        Ports.
    """

    port: StepPort
    post: Callable[[Callable[[], None]], None]
    schedule: Schedule
    answers: Answers
    rooms: Rooms
    cache: Cache
    threads: Threads
    backends: Backends
    sink: Sink
    clock: Clock

    def run(self, unit: int, attempt: int) -> None:
        """Start an attempt of a point."""
        live, block, point = self.schedule.find(unit)
        state = block.step
        now = self.clock.wall()
        state.started = state.started or now
        state.began.setdefault(point, now)
        live.dirty = True
        if attempt > 1:
            live.forget_metrics(state.name, point)
        context = StepContext(
            port=self.port,
            run=live.id,
            step=state.name,
            unit=unit,
            attempt=attempt,
            point=point,
            backend=live.backend_of(state, point),
        )
        if live.cluster is not None and state.name in live.codes:
            self._send_away(live.cluster, live, state, context)
            return
        try:
            self.threads.start(
                (unit, attempt),
                lambda: self._body(live, state, context),
                self._ended,
            )
        except RuntimeError as error:
            # The machine has no thread left: this attempt fails, the lab goes on.
            self.answers.answer(unit, attempt, error, Reason.TRANSIENT, -1)

    def stop(self, unit: int, attempt: int) -> None:
        """Stop an attempt that nobody waits for any more."""
        self.threads.stop((unit, attempt))
        self.rooms.stop((unit, attempt))

    def retrying(self, unit: int, attempt: int) -> None:
        """Tell that an attempt has failed and another one follows."""
        live, block, _ = self.schedule.find(unit)
        live.dirty = True
        why = hidden(self.answers.failure(unit))
        words = f"{block.step.name}: try {attempt} failed, trying again ({why})"
        now = self.clock.wall()
        live.watch.story.tell("retried", words, now, same=block.step.name)
        if not live.paused:
            live.message = words

    def _send_away(
        self, cluster: Cluster, live: LiveRun, state: StepState, context: StepContext
    ) -> None:
        """Run the function on a cluster; what follows from its value is done here."""
        options: dict[str, Any] = {}

        def end(key: tuple[int, int], came: Came) -> None:
            for name, value in came.metrics:
                self.port.log(context, name, value)
            for mime, data in came.outputs:
                self.port.emit(context, mime, data)
            produced, error = None, came.error
            if error is None:
                try:
                    produced = completed(
                        live,
                        state,
                        context,
                        self.backends,
                        self.sink,
                        self.cache,
                        options,
                        came.value,
                    )
                except Exception as raised:  # noqa: BLE001 - PUBs of the user's
                    error = raised
            self._ended(key, produced, error, retries=state.plan.attempts > 1)

        cluster.call(away(live, state, context, options), end)

    def _body(
        self, live: LiveRun, state: StepState, context: StepContext
    ) -> Produced | Task:
        """Called in the step's thread."""
        try:
            return run_body(live, state, context, self.backends, self.sink, self.cache)
        finally:
            console.finish(context)

    def _ended(
        self,
        key: tuple[int, int],
        produced: Produced | Task | None,
        error: BaseException | None,
        *,
        retries: bool = True,
    ) -> None:
        """Called in the step's thread, or in one of a cluster's.

        Without `retries` only what is lost is tried again.
        """
        answer = self.answers.answer
        if isinstance(error, Stopped):
            self.post(lambda: self._stopped(key))
        elif error is not None:
            reason = _reason(error, retries=retries)
            self.post(lambda: answer(*key, error, reason, -1))
        elif produced is not None:
            self.post(lambda: answer(*key, produced, Reason.PERMANENT, -1))

    def _stopped(self, key: tuple[int, int]) -> None:
        self.schedule.events.stopped(*key)


def _reason(error: BaseException, *, retries: bool) -> Reason:
    """Of what sort the failure of a function is.

    Another try does not help with what we refuse, nor with an exit.
    """
    if isinstance(error, WorkerLost):
        return Reason.LOST
    refused = isinstance(error, QuantumFlowError) or not isinstance(error, Exception)
    return Reason.PERMANENT if refused or not retries else Reason.TRANSIENT

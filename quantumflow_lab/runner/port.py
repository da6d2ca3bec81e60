"""What steps ask of the runner, in threads of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from quantumflow_lab.errors import QuantumFlowError
from quantumflow_lab.planning.decide import need_price
from quantumflow_lab.planning.modes import check_taking
from quantumflow_lab.planning.seeds import derive
from quantumflow_lab.ports import Backends, Clock, MemberForecast, Sink, Stopped
from quantumflow_lab.runner import foresight
from quantumflow_lab.runner.bodies import Produced, call_key, found_or_left, make_task
from quantumflow_lab.runner.cached import Cache
from quantumflow_lab.runner.calls import Calls, PendingCall, Waiting, call_record
from quantumflow_lab.runner.context import StepContext
from quantumflow_lab.runner.forecasts import Forecasts
from quantumflow_lab.runner.going import Going
from quantumflow_lab.runner.labels import point_label
from quantumflow_lab.runner.live import LiveRun, StepState
from quantumflow_lab.runner.outputs import Outputs
from quantumflow_lab.runner.recorder import Recorder


@dataclass
class Port:
    """A :class:`~quantumflow_lab.runner.context.StepPort`.

    Parameters
    ----------
    post
        Hands a function to the runner's thread.
    going, outputs, calls, forecasts, cache, recorder
        The runner's.
    backends, sink, clock
        Ports.
    """

    post: Callable[[Callable[[], None]], None]
    going: Going
    outputs: Outputs
    calls: Calls
    forecasts: Forecasts
    cache: Cache
    recorder: Recorder
    backends: Backends
    sink: Sink
    clock: Clock

    def emit(self, context: StepContext, mime: str, data: Any) -> None:
        """Show something under the name of a step."""
        self.post(lambda: self.outputs.show(context, mime, data))

    def log(self, context: StepContext, name: str, value: float) -> None:
        """Record one value of a metric."""
        self.post(lambda: self.outputs.log(context, name, value))

    def call(
        self,
        context: StepContext,
        kind: Literal["sample", "estimate"],
        backend: str | None,
        pubs: Sequence[Any],
        options: Mapping[str, Any],
    ) -> PendingCall:
        """Send PUBs of a loop step through the scheduler.

        Raises
        ------
        Stopped
            If the step has outlived its run.
        TooManyCalls
            If the step has used up its ``calls=``.
        PriceUnknown
            If a budget could not be watched there.
        ModeRefused
            If it does not take jobs as the run sends them.
        """
        live = self.going.named.get(context.run)
        if live is None:
            raise Stopped  # the step has outlived its run
        made = self.calls.count(context, live.steps[context.step].plan.calls)
        name = backend or context.backend
        need_price(live.plan.budget, facts := self.backends.known(name))
        check_taking(live.plan.mode, facts)
        where = point_label(live, live.steps[context.step], context.point)
        seed_at = derive(live.seed, context.step, where, str(made))
        task = make_task(
            live,
            self.backends,
            kind,
            list(pubs),
            options,
            backend=name,
            others=live.steps[context.step].plan.others,
            seed_at=seed_at,
        )
        state = live.steps[context.step]
        key = call_key(self.backends, kind, name, task)
        number = 0 if key is None else self.calls.number(context, key)
        pending = PendingCall(
            tag=f"{live.id}.{context.step}.{context.point}.{made}",
            parent=context,
            task=task,
            backend=name,
            kind=kind,
            key=key,
            number=number,
            park=lambda call: self.post(lambda: self.calls.park(call)),
            withdraw=lambda call: self.post(lambda: self.calls.withdraw(call)),
        )
        if (known := self._replayed(live, pending)) is not None:
            pending.results = known
            self.post(lambda: self.calls.found(live, state, None, None))
            return pending
        if options.get("cache") is not False:
            call = f"{where} {made}"
            pending.task = self.cache.look(live, state, kind, task, call)
        produced = found_or_left(pending.task, self.sink)
        if isinstance(produced, Produced):
            pending.results = tuple(produced.value)
            self.post(lambda: self._found(live, state, pending, produced))
        else:
            self.post(lambda: self._define(live, pending))
        return pending

    def rest(self, context: StepContext) -> Waiting:
        """Give the slot of a step back until :meth:`go_on`."""
        waiting = Waiting(context)
        self.post(lambda: self.calls.park(waiting))
        return waiting

    def go_on(self, waiting: Waiting) -> None:
        """Let a step that rests have a slot again, and then go on."""

        def answer() -> None:
            waiting.results = ()
            self.calls.release(waiting)

        self.post(answer)

    def _replayed(self, live: LiveRun, call: PendingCall) -> tuple[Any, ...] | None:
        """The answer that a call had before the run was taken up."""
        replay = live.replays.get((call.parent.step, call.parent.point))
        if replay is None or call.key is None or call.parent.attempt > 1:
            return None
        reference = replay.find((call.key, call.number))
        if reference is None:
            return None
        return tuple(cast("list[Any]", self.sink.get(reference)))

    # In the runner's thread.

    def _found(
        self, live: LiveRun, state: StepState, call: PendingCall, produced: Produced
    ) -> None:
        """A call was answered by what other runs have taken."""
        self.recorder.note(call_record(live, call, produced.ref, self.clock.wall()))
        self.calls.found(live, state, produced.origin, produced.part)

    def _define(self, live: LiveRun, call: PendingCall) -> None:
        """Give a call to the scheduler, once it is known what it may cost."""
        self.recorder.note(call_record(live, call, None, self.clock.wall()))
        names = (call.backend, *live.steps[call.parent.step].plan.others)
        places, budget = [self.backends.known(n) for n in names], live.plan.budget
        if not foresight.is_wanted(places, budget):
            self.calls.define(live, call)
            return

        def heard(answer: MemberForecast | Exception) -> None:
            if live not in self.going or call.done():
                return
            facts = self.backends.known(call.task.backend)
            try:
                forecast = foresight.take(call.task, facts, budget, answer)
            except QuantumFlowError as error:
                call.error = error
                self.calls.release(call)
            else:
                dear = foresight.most_extra(places, budget, forecast)
                self.calls.define(live, call, dear)

        self.forecasts.ask(live, call.kind, call.task, heard)

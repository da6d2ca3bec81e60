"""Steps as they open and close: each is defined once its points can be counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from quantumflow_lab.ports import Clock
from quantumflow_lab.runner import records
from quantumflow_lab.runner.answers import Answers
from quantumflow_lab.runner.bodies import Produced
from quantumflow_lab.runner.live import LiveRun, StepState
from quantumflow_lab.runner.past import Past
from quantumflow_lab.runner.recorder import Recorder
from quantumflow_lab.runner.schedule import Schedule
from quantumflow_lab.runner.snapshot import final_state
from quantumflow_lab.runner.telling import step_ended

_OVER = object()
_SLICE_US = 20_000
"""Longest time that steps take to open before others have their turn."""
_LOOK = 64
"""Points that are looked at between two looks at the clock."""


@dataclass
class Steps:
    """Tells the scheduler of steps. Belongs to the runner's thread.

    Parameters
    ----------
    post
        Hands a function to that thread.
    """

    schedule: Schedule
    answers: Answers
    recorder: Recorder
    clock: Clock
    post: Callable[[Callable[[], None]], None]
    _opening: set[int] = field(default_factory=set)
    """Runs of which steps are just told of, by number."""

    def define(self, live: LiveRun) -> None:
        """Tell the scheduler of every step whose points can be counted by now.

        What an earlier run has made of many points takes a while to find: that is done
        in slices, and a cancel gets through in between.
        """
        if live.number not in self._opening:
            self._opening.add(live.number)
            self._go_on(live, self._open(live))

    def _go_on(self, live: LiveRun, opening: Iterator[None]) -> None:
        until = self.clock.now_us() + _SLICE_US
        while not (live.cancelled or live.is_late(self.clock.now_us())):
            if next(opening, _OVER) is _OVER:
                break
            if self.clock.now_us() >= until:
                self.post(lambda: self._go_on(live, opening))
                return
        self._opening.discard(live.number)

    def _open(self, live: LiveRun) -> Iterator[None]:
        """Define steps, with pauses."""
        while fresh := live.definable():
            for state in fresh:
                if not state.size:
                    self.close(live, state)
                    continue
                found: dict[int, Produced] = {}
                keeping = live.keeping
                for point, made in keeping.looked_at(state) if keeping else ():
                    if made is not None:
                        found[point] = made
                    if point % _LOOK == 0:
                        yield
                self.schedule.define_step(live, state)
                if keeping is not None and found:
                    self._keep(live, state, found, keeping.past)
        if not live.sealed and live.counted:
            live.sealed = True
            self.schedule.events.seal(live.number)

    def close(self, live: LiveRun, step: StepState) -> None:
        """Every point of a step is final: steps that map over it can be counted."""
        step.ended = self.clock.wall()
        self.recorder.note(records.step(live, step, final_state(step), step.ended))
        kind, words = step_ended(live, step)
        live.watch.story.tell(kind, words, self.clock.wall())
        live.open_maps(step)

    def _keep(
        self, live: LiveRun, state: StepState, found: dict[int, Produced], past: Past
    ) -> None:
        """Take the points that an earlier run has made and nothing has changed."""
        for point, produced in found.items():
            assert produced.kept is not None, "that is what keeping finds"
            state.kept[point] = produced.kept
            end, body = int(state.units[point]), state.first_body + point
            self.answers.known(end, produced)
            if end != body:
                self.schedule.events.known(body)
        self._repeat(live, state, past)

    def _repeat(self, live: LiveRun, state: StepState, past: Past) -> None:
        """What kept points had logged and shown."""
        noted: list[records.Record] = []
        now = self.clock.wall()
        for point, made in state.kept.items():
            for name, values in past.metrics.get((state.name, made.number), {}).items():
                live.metrics[state.name, point, name] = list(values)
                where = live, state.name, point, name
                noted += (
                    records.metric(*where, v, n, now) for n, v in enumerate(values)
                )
        moved = {made.number: point for point, made in state.kept.items()}
        for output in past.outputs:
            if output.step == state.name and output.point in moved:
                shown = replace(output, point=moved[output.point])
                live.outputs.append(shown)
                if isinstance(shown.data, str):
                    noted.append(records.output(live, shown, now))
        for record in noted if not live.taken_up else ():
            self.recorder.note(record)

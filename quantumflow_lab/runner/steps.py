"""Steps as they open and close: each is defined once its points can be counted."""

from __future__ import annotations

from dataclasses import dataclass, replace

from quantumflow_lab.ports import Clock
from quantumflow_lab.runner import records
from quantumflow_lab.runner.answers import Answers
from quantumflow_lab.runner.live import LiveRun, StepState
from quantumflow_lab.runner.past import Past
from quantumflow_lab.runner.recorder import Recorder
from quantumflow_lab.runner.schedule import Schedule
from quantumflow_lab.runner.snapshot import final_state
from quantumflow_lab.runner.telling import step_ended


@dataclass
class Steps:
    """Tells the scheduler of steps. Belongs to the runner's thread."""

    schedule: Schedule
    answers: Answers
    recorder: Recorder
    clock: Clock

    def define(self, live: LiveRun) -> None:
        """Tell the scheduler of every step whose points can be counted by now."""
        if live.cancelled or live.is_late(self.clock.now_us()):
            return
        while fresh := live.definable():
            for state in fresh:
                if state.size:
                    self.schedule.define_step(live, state)
                    self._keep(live, state)
                else:
                    self.close(live, state)
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

    def _keep(self, live: LiveRun, state: StepState) -> None:
        """Take the points that an earlier run has made and nothing has changed."""
        if live.keeping is None:
            return
        for point, produced in live.keeping.points(state).items():
            assert produced.kept is not None, "that is what keeping finds"
            state.kept[point] = produced.kept
            end, body = int(state.units[point]), state.first_body + point
            self.answers.known(end, produced)
            if end != body:
                self.schedule.events.known(body)
        if state.kept:
            self._repeat(live, state, live.keeping.past)

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

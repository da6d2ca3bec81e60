"""What steps log and show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quantumflow_lab.ports import Clock
from quantumflow_lab.runner import records
from quantumflow_lab.runner.context import StepContext
from quantumflow_lab.runner.going import Going
from quantumflow_lab.runner.live import Output
from quantumflow_lab.runner.recorder import Recorder


@dataclass
class Outputs:
    """Keeps and records it. Belongs to the runner's thread."""

    going: Going
    recorder: Recorder
    clock: Clock

    def log(self, context: StepContext, name: str, value: float) -> None:
        """One value of a metric."""
        live = self.going.named.get(context.run)
        if live is None:
            return
        key = context.step, context.point, name
        values = live.metrics.setdefault(key, [])
        now = self.clock.wall()
        record = records.metric(
            live, context.step, context.point, name, value, len(values), now
        )
        values.append(value)
        live.dirty = True
        self.recorder.note(record)

    def show(self, context: StepContext, mime: str, data: Any) -> None:
        """Something under the name of a step."""
        live = self.going.named.get(context.run)
        if live is None:
            return
        output = Output(context.step, mime, data, context.point)
        live.outputs.append(output)
        if isinstance(data, str):
            now = self.clock.wall()
            self.recorder.note(records.output(live, output, now))

"""The scheduler in Python: the same machine as ``rust/core``, word for word.

It serves where no compiled module loads, and the differential test drives both with the
same events. File by file it follows the Rust ones, which explain the rules; change
neither without the other. Where Rust has methods of the scheduler, there are functions
of a machine here. `answers`, `jobs`, `states` and `timers` are in the plural, since so
many variables have the singular.
"""

from __future__ import annotations

from quantumflow_lab._fallback.log import ScheduleLog, replay_log
from quantumflow_lab._fallback.scheduler import Scheduler

__all__ = ["ScheduleLog", "Scheduler", "replay_log"]

"""The scheduler in Python: the same machine as ``rust/core``, word for word.

It serves where no compiled module loads, and the differential test drives both with the
same events. File by file it follows the Rust ones, which explain the rules; change
neither without the other.
"""

from __future__ import annotations

from quantumflow_lab._fallback.log import ScheduleLog, replay_log
from quantumflow_lab._fallback.machine import Scheduler

__all__ = ["ScheduleLog", "Scheduler", "replay_log"]

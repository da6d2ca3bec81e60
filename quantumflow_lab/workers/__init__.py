"""Processes and threads in which the work is done.

Jobs on backends run in child processes, because Aer and ``transpile`` hold the
interpreter lock for their whole run; classical steps run in threads of the kernel,
where breakpoints work. The only place that starts either.
"""

from __future__ import annotations

from quantumflow_lab.workers.environment import EnvironmentBackend
from quantumflow_lab.workers.executors import Executors
from quantumflow_lab.workers.kernel import KernelJobs
from quantumflow_lab.workers.pool import WorkerPool
from quantumflow_lab.workers.threads import StepThreads

__all__ = ["EnvironmentBackend", "Executors", "KernelJobs", "StepThreads", "WorkerPool"]

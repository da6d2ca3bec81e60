"""Jobs go where their backend can be."""

from __future__ import annotations

from typing import Protocol

from quantumflow_lab.backends.registry import Registry
from quantumflow_lab.backends.spec import BackendSpec
from quantumflow_lab.errors import QuantumFlowError
from quantumflow_lab.ports import Accepted, JobRequest, MaySend, may_send
from quantumflow_lab.workers.kernel import KernelJobs
from quantumflow_lab.workers.listeners import OnEvent, refuse, tell
from quantumflow_lab.workers.pool import WorkerPool


class Site(Protocol):
    """A cluster, as far as it runs jobs."""

    @property
    def name(self) -> str:
        """What requests call it."""

    def submit(
        self,
        request: JobRequest,
        on_event: OnEvent,
        may_send: MaySend = may_send,
        *,
        spec: BackendSpec | None = None,
    ) -> None:
        """Take a job."""

    def cancel(self, job: int) -> None:
        """Stop a job now."""

    def close(self) -> None:
        """Stop everything."""


class Executors:
    """Portable backends to pool or cluster, others to the kernel; a ``JobExecutor``.

    Parameters
    ----------
    pool
        Takes the jobs of backends that can be rebuilt in a worker.
    backends
        Where to look backends up.
    """

    def __init__(self, pool: WorkerPool, backends: Registry):
        self._pool = pool
        self._backends = backends
        self._kernel = KernelJobs(backends)
        self._sites: dict[str, Site] = {}

    def add(self, site: Site) -> None:
        """Let jobs go to a cluster, by its name; to the latest of that name."""
        self._sites = {**self._sites, site.name: site}

    def submit(
        self, request: JobRequest, on_event: OnEvent, may_send: MaySend = may_send
    ) -> None:
        """Take a job."""
        try:
            spec = self._backends.spec(request.backend)
        except QuantumFlowError as error:
            tell(on_event, Accepted(request.job))
            refuse(request, on_event, error)
            return
        if request.site and spec is not None:
            self._sites[request.site].submit(request, on_event, may_send, spec=spec)
        elif spec is None:
            self._kernel.submit(request, on_event, may_send)
        else:
            self._pool.submit(request, on_event, may_send, spec=spec)

    def cancel(self, job: int) -> None:
        """Stop a job now."""
        self._pool.cancel(job)
        self._kernel.cancel(job)
        for site in self._sites.values():
            site.cancel(job)

    def close(self) -> None:
        """Stop everything, leave no process behind."""
        self._pool.close()
        self._kernel.close()
        for site in self._sites.values():
            site.close()

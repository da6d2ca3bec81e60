"""A worker process: ``python -m quantumflow_lab.workers.child IN OUT LIFE``.

Reads jobs from one pipe, writes events to another, and ends when the kernel does. Its
standard streams belong to whatever libraries print; they never carry the protocol.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import traceback
from dataclasses import dataclass, field

from quantumflow_lab.backends.adapters import Adapter, adapter_for
from quantumflow_lab.backends.execute import execute, warm_up
from quantumflow_lab.backends.isa_store import IsaStore
from quantumflow_lab.backends.spec import BackendSpec
from quantumflow_lab.errors import BackendFailed
from quantumflow_lab.ports import (
    Fault,
    JobEvent,
    JobMetrics,
    MemberDone,
    MemberFailed,
    Phase,
    Progress,
    Settled,
    Stopped,
)
from quantumflow_lab.workers.frames import (
    Asking,
    Broken,
    Hello,
    Ready,
    Work,
    receive,
    send,
)
from quantumflow_lab.workers.memory import limit_memory
from quantumflow_lab.workers.watch import watch_parent

PART = 40
"""Members whose results leave in one frame."""


@dataclass
class Worker:
    """Executes jobs one after the other; keeps what is built once for a backend."""

    source: int
    """Pipe that jobs come from."""
    output: int
    """Pipe for events."""
    kept: IsaStore | None = None
    """Where ISA circuits outlive this process."""
    adapters: dict[str, Adapter] = field(default_factory=dict)
    """Backends by content key."""
    held: list[JobEvent] = field(default_factory=list)
    """Events to send with the next one."""
    serving: Adapter | None = None
    """Who has the job that runs now."""
    sending: bool = False
    """Whether it is on its way to its provider."""
    stopping: bool = False
    """Whether to stop it when it has arrived."""

    def run(self, work: Work) -> None:
        """Execute one job; a backend or request that does not load is an event too."""
        if work.environ is not None:
            # A provider may look for its token there, which came with the last cell.
            os.environ.clear()
            os.environ.update(work.environ)
        try:
            adapter = self.serving = self._adapter(work.key, work.spec)
            request = pickle.loads(work.payload)  # noqa: S301 - our kernel wrote it
        except Exception as error:  # noqa: BLE001 - unpickling runs foreign code
            send(self.output, [_broken(work.job, error)])
            return
        try:
            execute(
                request,
                adapter,
                self._emit,
                threads=work.threads,
                may_send=self._may_send,
            )
        except Stopped:
            # Nobody waits for it any more.
            self._emit(Settled(work.job, JobMetrics()))

    def stop(self, *_: object) -> None:
        """Cancel at its provider what a device has of the job, and end."""
        if self.sending:
            # Nobody could cancel what has no number yet.
            self.stopping = True
            return
        try:
            if self.serving is not None and self.serving.job is not None:
                self.serving.job.cancel()
        except Exception:  # noqa: BLE001 - a backend raises whatever it likes
            traceback.print_exc()
        os._exit(0)

    def _may_send(self, batch: int) -> bool:
        """Ask the kernel, which answers before anything else."""
        self._flush()
        send(self.output, [Asking(batch)])
        self.sending = bool(receive(self.source))
        return self.sending

    def _adapter(self, key: str, spec: BackendSpec | None) -> Adapter:
        if key not in self.adapters:
            if spec is None:
                raise LookupError("the worker was not sent the backend")
            self.adapters[key] = adapter_for(spec.load(), self.kept)
        return self.adapters[key]

    def _emit(self, event: JobEvent) -> None:
        """Send events together where that delays none: each frame wakes the kernel.

        Results of many members go in parts, so that the kernel keeps the first while
        this process makes the next.
        """
        if event == Progress(event.job, Phase.TRANSPILING):
            return  # the kernel said so when it sent the job
        self.sending = False
        self.held.append(event)
        answer = isinstance(event, MemberDone | MemberFailed)
        if not answer or len(self.held) >= PART:
            self._flush()
        if self.stopping:
            self.stop()

    def _flush(self) -> None:
        held, self.held = self.held, []
        try:
            send(self.output, held)
        except (pickle.PicklingError, TypeError, AttributeError, ValueError):
            for event in held:
                send(self.output, [_sendable(event)])


def _sendable(event: JobEvent) -> JobEvent:
    """The event, or the failure that tells why it cannot be pickled."""
    try:
        pickle.dumps(event)
    except (pickle.PicklingError, TypeError, AttributeError, ValueError) as error:
        if not isinstance(event, MemberDone | MemberFailed):
            raise
        text = f"{type(error).__name__}: {error}"
        failed = BackendFailed(f"the result cannot leave the worker: {text}")
        return MemberFailed(
            event.job, event.unit, event.attempt, failed, Fault.PERMANENT
        )
    return event


def _broken(job: int, error: Exception) -> Broken:
    text = f"{type(error).__name__}: {error}"
    return Broken(job, BackendFailed(f"a worker could not take the job: {text}"))


def serve(source: int, output: int, life: int) -> None:
    """Take jobs until the kernel closes the pipe."""
    watch_parent(life)
    hello: Hello = receive(source)
    sys.path[:] = hello.path
    warm_up()
    # Half a million objects of Qiskit that live as long as the process: the collector
    # need not look at them again in the middle of a job.
    gc.collect()
    gc.freeze()
    kept = None
    if hello.cache is not None:
        kept = IsaStore(hello.cache)
        kept.prune()
    if hello.memory_mb is not None:
        limit_memory(hello.memory_mb)
    worker = Worker(source, output, kept)
    signal.signal(signal.SIGTERM, worker.stop)
    send(output, Ready())
    while True:
        try:
            work: Work = receive(source)
        except EOFError:
            return
        worker.run(work)


def main(source: int, output: int, life: int) -> None:
    """Entry point: `life` closes when the kernel dies."""
    # Ctrl-C reaches the whole process group; what it stops is for the kernel to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    serve(source, output, life)
    # Skips destructors of simulators, which may take long and matter to nobody.
    os._exit(0)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))

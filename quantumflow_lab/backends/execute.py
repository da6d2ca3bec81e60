"""A job, from request to results, in whatever process holds the backend."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from qiskit import QuantumCircuit
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.transpiler import Target, generate_preset_pass_manager

from quantumflow_lab.backends.adapter import RunAdapter
from quantumflow_lab.backends.adapters import Adapter
from quantumflow_lab.backends.measured import Measured
from quantumflow_lab.backends.names import make
from quantumflow_lab.backends.native import Native
from quantumflow_lab.ports import JobEvent, JobRequest, MaySend, Member, may_send


def execute(
    request: JobRequest,
    adapter: Adapter,
    emit: Callable[[JobEvent], None],
    *,
    threads: int | None = None,
    wanted: Callable[[], bool] = lambda: True,
    may_send: MaySend = may_send,
) -> None:
    """Run a job and tell how it goes.

    Every member is answered by ``MemberDone`` or ``MemberFailed`` before ``Settled``
    ends the job. A member that fails leaves its siblings alone. Of a dry job nothing
    runs.

    Parameters
    ----------
    request
        The job.
    adapter
        Its backend.
    emit
        Takes the events, in order, in this thread.
    threads
        Threads this job may use for simulating; None leaves it to the backend.
    wanted
        Asked before anything is sent to the backend.
    may_send
        Asked before a batch is sent to a device.

    Raises
    ------
    Stopped
        If the job is not wanted any more.
    """
    native = request.kind == "estimate" and adapter.estimates
    kind = Native if native else Measured
    job = kind(request, adapter, emit, threads, wanted, may_send)
    if request.dry:
        job.forecast()
    else:
        job.run()


def load() -> None:
    """Import what the first job would import, and leave the process fit to be forked.

    So nothing starts a thread, and no simulator is made: one that was built for GPUs
    would begin with CUDA, which works in no process that is forked after that.
    """
    import_module("qiskit_aer")
    target = Target.from_configuration(["rz", "sx", "cx"], num_qubits=2)
    generate_preset_pass_manager(optimization_level=1, target=target)


def warm_up() -> None:
    """Do once, before the first job, what the first job would wait for."""
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    member = Member(0, 1, (SamplerPub(bell, shots=1),), None)
    request = JobRequest(0, "warm-up", "sample", "aer", (member,), None)
    execute(request, RunAdapter(make("aer")), lambda event: None)

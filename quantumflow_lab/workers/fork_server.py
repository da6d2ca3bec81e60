"""A process that has imported what workers import, and becomes them by forking.

``python -P -m quantumflow_lab.workers.fork_server SOCKET``. Importing Qiskit takes a
processor a second or two; a fork takes hundredths of a second, and shares the memory.

Each message from the kernel carries the working directory and the descriptors of one
worker: the three of :data:`~quantumflow_lab.workers.pipes.Theirs`, its output, and a
socket that is told two numbers: first the process id (with a descriptor of the process)
or ``-errno``, and at its end the status as :func:`os.waitpid` gives it. The server ends
when the kernel closes its own socket, or dies.

It runs no job and starts no thread: a fork would lose them, and the locks they hold.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import traceback
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np

from quantumflow_lab.backends.execute import load
from quantumflow_lab.workers.child import main as work
from quantumflow_lab.workers.forked import NAME, NUMBER
from quantumflow_lab.workers.pipes import Theirs

DESCRIPTORS = 5
PATH_BYTES = 4096


@dataclass(frozen=True, slots=True)
class _Worker:
    pid: int
    report: socket.socket


@dataclass
class _Server:
    control: socket.socket
    workers: dict[int, _Worker] = field(default_factory=dict)
    """By the descriptor of their process."""
    waits: select.poll = field(default_factory=select.poll)

    def serve(self) -> None:
        """Fork and bury until the kernel is gone."""
        self.waits.register(self.control, select.POLLIN)
        while True:
            for fd, _ in self.waits.poll():
                if fd in self.workers:
                    self._bury(fd)
                elif not self._take():
                    return

    def _take(self) -> bool:
        """Fork one worker; False if nobody will ask for another."""
        folder, fds, _, _ = socket.recv_fds(self.control, PATH_BYTES, DESCRIPTORS)
        if not fds:
            return False
        source, output, life, printed, told = fds
        report = socket.socket(fileno=told)
        try:
            self._fork(folder, (source, output, life), printed, report)
        except OSError as error:
            with suppress(OSError), report:  # nobody may wait for it any more
                report.send(NUMBER.pack(-(error.errno or 0)))
        finally:
            for fd in (source, output, life, printed):
                os.close(fd)
        return True

    def _fork(
        self, folder: bytes, theirs: Theirs, printed: int, report: socket.socket
    ) -> None:
        with warnings.catch_warnings():
            # Python counts the threads of OpenBLAS, which ends them before a fork.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            self._become_worker(folder, theirs, printed, report)
        try:
            process = os.pidfd_open(pid)
        except OSError:  # too many open files; nobody could reach it
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        self.workers[process] = _Worker(pid, report)
        self.waits.register(process, select.POLLIN)
        with suppress(OSError):  # the kernel is gone, as the worker will see
            socket.send_fds(report, [NUMBER.pack(pid)], [process])

    def _become_worker(
        self, folder: bytes, theirs: Theirs, printed: int, report: socket.socket
    ) -> NoReturn:
        try:
            os.dup2(printed, 1)
            os.dup2(printed, 2)
            # Whoever waits for the end of one of these must not wait for ours.
            for fd, worker in self.workers.items():
                os.close(fd)
                worker.report.close()
            for held in (self.control, report):
                held.close()
            os.close(printed)
            with suppress(OSError):  # it is gone; the kernel's own is as well
                os.chdir(folder)
            with suppress(OSError):  # a sandbox may not let us
                Path("/proc/self/comm").write_text(NAME, encoding="ascii")
            # Else all would draw the same; the module ``random`` sees to it by itself.
            np.random.seed()
            work(*theirs)
        except BaseException:  # noqa: BLE001 - the server's loop must not go on in here
            traceback.print_exc()
        os._exit(1)

    def _bury(self, process: int) -> None:
        worker = self.workers.pop(process)
        self.waits.unregister(process)
        os.close(process)
        _, status = os.waitpid(worker.pid, 0)
        with suppress(OSError), worker.report as report:
            report.send(NUMBER.pack(status))


def main(control: int) -> None:
    """Entry point."""
    # Ctrl-C reaches the whole process group, and is not for this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load()
    # Objects that the collector does not look at are not copied when it runs.
    gc.collect()
    gc.freeze()
    _Server(socket.socket(fileno=control)).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""The process that reads circuits: ``python -m quantumflow_lab.workers.parse``.

Once Qiskit is imported it gives up what a parser does not need: it can open no file and
no socket, write no file, fork no process, and use only so much memory. Then it answers
requests, one after the other: JSON and the source come in, QPY or JSON goes out.
Nothing is ever pickled, and text runs no code, so one source leaves nothing for the
next. It ends when it has been idle for long, has grown, or when the kernel dies.
"""

from __future__ import annotations

import codecs
import importlib
import json
import math
import os
import pkgutil
import resource
import select
import signal
import sys
import warnings
from typing import Any

import qiskit.circuit
import qiskit.synthesis

from quantumflow_lab.errors import CircuitSourceError
from quantumflow_lab.sources.limits import Limits
from quantumflow_lab.sources.qpy import write_qpy
from quantumflow_lab.sources.read import out_of_memory, read
from quantumflow_lab.sources.text import Place
from quantumflow_lab.workers.memory import limit_memory
from quantumflow_lab.workers.messages import receive, send
from quantumflow_lab.workers.watch import watch_parent

_GROWTH = 256 * 2**20
"""Bytes of resident memory by which it may have grown and still be used again."""

_SAID = 600
"""Characters of a message that are told."""

_EVERYTHING = """OPENQASM 3.0;
include "stdgates.inc";
input float angle_in;
qubit[4] q;
bit[2] c;
gate turn(b, a) k { rx(b) k; rz(a) k; }
for int i in [0:2] { rx(i) q[0]; }
ctrl(2) @ turn(angle_in * 2, 1) q[0], q[1], q[2];
pow(1.5) @ inv @ turn(0.4, 0.5) q[0];
pow(0.5) @ cx q[0], q[1];
negctrl @ x q[0], q[1];
ctrl @ gphase(pi) q[0];
box { delay[100ns] q[0]; }
c[0] = measure q[0];
if (c == 1) { x q[0]; } else { h q[0]; }
while (c[0]) { reset q[0]; barrier q; }
"""
_OLD = """OPENQASM 2.0;
include "qelib1.inc";
qreg q[2]; creg c[2];
gate pair a, b { h a; cx a, b; }
pair q[0], q[1]; rxx(0.1) q[0], q[1]; if (c == 1) u3(1, 2, 3) q[0]; measure q -> c;
"""


def serve(source: int, output: int, idle: float) -> None:
    """Answer requests until the kernel closes the pipe, or for `idle` s none comes."""
    before = _resident()
    send(output, b"+", b"")
    while _ready(source, idle):
        try:
            head, data = receive(source)
        except EOFError:
            return
        send(output, *_answer(json.loads(head), data))
        if _resident() - before > _GROWTH:
            return


def _answer(asked: dict[str, Any], data: bytes) -> tuple[bytes, bytes]:
    limits = Limits(**asked["limits"])
    _limit_processor(limits.seconds)
    try:
        circuits = read(data, asked["format"], asked["file"], limits)
        return b"Q", write_qpy(circuits)
    except CircuitSourceError as error:
        return b"E", _told(error)
    except (KeyboardInterrupt, SystemExit):
        raise
    except MemoryError:
        return b"E", _told(out_of_memory(asked["file"], limits))
    except BaseException as error:  # noqa: BLE001 - a panic in Rust is no Exception
        text = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        return b"E", json.dumps({"kind": None, "message": text}).encode()


def _told(error: CircuitSourceError) -> bytes:
    where = None
    if isinstance(error.where, Place):
        where = [error.where.line, error.where.column, error.where.source]
    facts = {
        name: value
        for name, value in error.facts.items()
        if isinstance(value, str | int | float)
    }
    # Names of the source stand in messages, however long somebody made them.
    message = error.message
    if len(message) > _SAID:
        message = f"{message[:_SAID]}…"
    told = {"kind": error.slug, "message": message, "where": where}
    return json.dumps({**told, "facts": facts}).encode()


def _ready(source: int, idle: float) -> bool:
    waiting = select.poll()
    waiting.register(source, select.POLLIN)
    return bool(waiting.poll(idle * 1000))


def _resident() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _limit_processor(seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    end = math.ceil(used.ru_utime + used.ru_stime + seconds)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (end, hard))


def warm_up() -> None:
    """Import all that any circuit may need: later no file can be opened."""
    for package in (qiskit.circuit, qiskit.synthesis):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    # What json tries on bytes that are no UTF-8, for old QPY.
    for encoding in ("utf-16", "utf-16-be", "utf-16-le", "utf-32-be", "utf-32-le"):
        codecs.lookup(encoding)
    limits = Limits()
    for text, form in ((_EVERYTHING, "qasm3"), (_OLD, "qasm2")):
        circuits = read(text.encode(), form, "warm-up", limits)
        read(write_qpy(circuits), "qpy", "warm-up", limits)


def lock_up(memory_mb: int) -> None:
    """Give up files, sockets, processes and memory that reading does not need."""
    for what in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
        resource.setrlimit(what, (0, 0))
    # Standard input is the one that is allowed; with none at all, poll refuses to work.
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, 1))
    limit_memory(memory_mb)


def main() -> None:
    """Entry point.

    Arguments are the pipes in, out and of life, MiB of memory, and seconds without work
    after which it ends. Without any it only starts, which shows why it cannot.
    """
    if len(sys.argv) == 1:
        warm_up()
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    warnings.simplefilter("ignore")
    source, output, life, memory_mb = map(int, sys.argv[1:5])
    watch_parent(life)
    warm_up()
    lock_up(memory_mb)
    serve(source, output, float(sys.argv[5]))
    os._exit(0)


if __name__ == "__main__":
    main()

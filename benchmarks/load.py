"""Fifty clients of ``qflow serve``, and again with a large store and killed workers.

The service is a process of its own with its defaults; locust is another, on the same
machine, and takes its share of it. ``benchmarks/_clients.py`` says what a client does:
of a hundred requests some eighty read, some eighteen create, run or quote, and three
follow a run. The second time the home has ten million points already, and every five
seconds a worker process is killed.

``python -m benchmarks load`` prints both; ``python -m benchmarks.load --seconds 20
--points 0`` a shorter one of the first kind.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil

from benchmarks.__main__ import table
from benchmarks.row import Row
from quantumflow_lab.service.tokens import TokenFile
from quantumflow_lab.workers.forked import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CLIENTS = 50
SECONDS = 60
RAMP = 10
"""Clients that come in a second, until all are there."""
POINTS = 10_000_000
KILL_S = 5.0
"""Seconds between two kills."""
READS_MS, SUBMITS_MS = 100.0, 250.0
FOLDER = Path(__file__).parent


@contextmanager
def served(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """``qflow serve`` on a free port of loopback: its address and its process."""
    log = home.parent / f"{home.name}.log"
    command = [sys.executable, "-P", "-m", "quantumflow_lab", "serve", "--port", "0"]
    with subprocess.Popen(
        [*command, "--log-file", str(log)],
        env={**os.environ, "QFLOW_HOME": str(home), "PYTHONPATH": str(FOLDER.parent)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            said = ""
            while "serving on" not in said:
                line = process.stderr.readline()
                if not line:
                    raise RuntimeError(f"qflow serve did not start: {said}")
                said += line
            yield re.findall(r"http://\S+", said)[-1], psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def workers(service: psutil.Process) -> list[psutil.Process]:
    """The processes of a service that simulate."""
    found = []
    for child in service.children(recursive=True):
        try:
            if child.name() == NAME:
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def clients(url: str, tokens: Sequence[str], seconds: int, folder: Path) -> Any:
    """Start locust, which stops by itself and then writes what it has seen."""
    given, seen = folder / "tokens.json", folder / "seen.json"
    given.write_text(json.dumps(list(tokens)), encoding="utf-8")
    command = [sys.executable, "-m", "locust", "-f", str(FOLDER / "_clients.py")]
    return subprocess.Popen(
        [
            *(*command, "--headless", "--only-summary", "--host", url),
            *("--users", str(CLIENTS), "--spawn-rate", str(RAMP)),
            *("--run-time", f"{seconds}s", "--stop-timeout", "10"),
        ],
        env={**os.environ, "BENCH_TOKENS": str(given), "BENCH_SEEN": str(seen)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill_now_and_then(until: subprocess.Popen[Any], service: psutil.Process) -> int:
    """Kill a worker every few seconds while clients are there; how often."""
    killed = 0
    while True:
        try:
            until.wait(KILL_S)
        except subprocess.TimeoutExpired:
            for worker in workers(service)[:1]:
                worker.kill()
                killed += 1
        else:
            return killed


def loaded(home: Path, seconds: int, *, kill: bool) -> dict[str, Any]:
    """What clients of a service of this home saw, and how their runs ended."""
    tokens = TokenFile(home)
    given = [tokens.create(f"c{i}", ["read", "run"]).text for i in range(CLIENTS)]
    with served(home) as (url, service), httpx.Client(base_url=url) as client:
        client.headers["Authorization"] = f"Bearer {given[0]}"
        warm(client)
        locust = clients(url, given, seconds, home.parent)
        try:
            killed = kill_now_and_then(locust, service) if kill else 0
            locust.wait(seconds + 120)
        finally:
            locust.kill()
            locust.wait()
        seen = json.loads((home.parent / "seen.json").read_text(encoding="utf-8"))
        states = [ended(client, run) for run in seen["runs"]]
        memory = service.memory_info().rss / 2**20
    return {**seen, "states": states, "killed": killed, "memory": memory}


def warm(client: httpx.Client) -> None:
    """Wait until a run has gone through: workers and parsers take seconds to start."""
    circuit = {"format": "qasm2", "source": "OPENQASM 2.0; qreg q[1]; creg c[1];"}
    circuit["source"] += "measure q -> c;"
    asked = {"circuit": circuit, "primitive": "sampler", "wait": 30}
    client.post("/api/quantum/execute", json=asked, timeout=60).raise_for_status()


def ended(client: httpx.Client, run: str) -> str:
    """The state of a run, which has some time to end."""
    deadline = time.monotonic() + 60
    while True:
        told = client.get(f"/api/runs/{run}", timeout=60).raise_for_status().json()
        if told["ended"] or time.monotonic() > deadline:
            return str(told["state"])
        time.sleep(0.2)


def rows(what: str, found: dict[str, Any]) -> Iterator[Row]:
    """The figures of one minute."""
    requests = found["requests"]
    for kind, gate in (("read", READS_MS), ("submit", SUBMITS_MS)):
        times = sorted(ms for name, ms, _ in requests if name.startswith(kind))
        for share in (0.5, 0.99):
            value = times[round(share * (len(times) - 1))]
            mark = gate if share > 0.5 else None
            label = f"{what}: {len(times)} {kind}s, p{100 * share:g}"
            yield Row(label, "", value, times[0], times[-1], "ms", "lower", mark)
    fault = float(sum(status == 0 or status >= 500 for _, _, status in requests))
    yield Row(f"{what}: server errors", "", fault, fault, fault, "", "lower", 0.0)
    lost = float(sum(state != "done" for state in found["states"]))
    label = f"{what}: of {len(found['states'])} runs not done"
    if found["killed"]:
        label += f", {found['killed']} kills"
    yield Row(label, "", lost, lost, lost, "", "lower", 0.0)


def by_name(found: dict[str, Any]) -> list[Row]:
    """What each kind of request took, and how many were refused."""
    names = sorted({name for name, _, _ in found["requests"]})
    lines = []
    for each in names:
        mine = [(ms, status) for name, ms, status in found["requests"] if name == each]
        times = sorted(ms for ms, _ in mine)
        refused = sum(status != 0 and status >= 400 for _, status in mine)
        value = times[round(0.99 * (len(times) - 1))]
        label = f"{each}: {len(mine)}, {refused} refused, p99"
        lines.append(Row(label, "", value, times[0], times[-1], "ms", "lower"))
    return lines


def measure(seconds: int = SECONDS, points: int = POINTS) -> Iterator[Row]:
    """A minute on a new home, and one on a large home with kills."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        yield from rows(f"{CLIENTS} clients", loaded(home, seconds, kill=False))
    if not points:
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        make = [sys.executable, "-m", "benchmarks._size", str(home), str(points)]
        subprocess.run(make, check=True, cwd=FOLDER.parent)
        what = f"{CLIENTS} clients, {points / 1e6:g}M points"
        yield from rows(what, loaded(home, seconds, kill=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load")
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--points", type=int, default=POINTS, help="0 for none")
    parser.add_argument("--home", type=Path, help="ask about this one, by request")
    parser.add_argument("--kill", action="store_true", help="there, kill workers")
    chosen = parser.parse_args()
    if chosen.home:
        told = loaded(chosen.home, chosen.seconds, kill=chosen.kill)
        print(table([*rows("this home", told), *by_name(told)]))
    else:
        print(table(list(measure(chosen.seconds, chosen.points))))

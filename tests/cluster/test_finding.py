"""What is said when there is no cluster, or one of other versions."""

from __future__ import annotations

import re
import signal
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from quantumflow_lab.cluster.executor import DaskCluster
from quantumflow_lab.cluster.finding import _checked
from quantumflow_lab.cluster.versions import Verdict, judge
from quantumflow_lab.errors import BadOption, ClusterDiffers, MagicLineError, NoCluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Client

    from quantumflow_lab.lab import Lab

CELL = "@qf.step\ndef one():\n    return 1\n"
OURS = {"python": "3.11.7.final.0", "quantumflow_lab": "0.1.0", "qiskit": "2.6.2"}


class FakeLink:
    """A link whose workers have the versions that a test says."""

    address = "tcp://fake:1"

    def __init__(self, **theirs: dict[str, str | None]):
        self._theirs = theirs

    def verdicts(self) -> dict[str, Verdict]:
        return {name: judge(OURS, each) for name, each in self._theirs.items()}


def test_without_a_client_it_says_what_to_type(lab: Lab) -> None:
    with pytest.raises(NoCluster, match=re.escape("client = Client()")):
        lab.run(CELL, name="one", executor="dask")
    (row,) = lab.sql("SELECT count(*) AS runs FROM qf_runs").to_pylist()
    assert row["runs"] == 0, "it was said before the run"


def test_an_address_that_does_not_answer(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quantumflow_lab.cluster.finding.CONNECT_S", 0.5)
    with pytest.raises(NoCluster, match="no Dask scheduler answers at 'tcp://127"):
        lab.run(CELL, name="one", executor="dask:tcp://127.0.0.1:9")


@contextmanager
def other_server(answer: bytes) -> Iterator[str]:
    """Address of a server that is no scheduler: it takes a connection, and answers."""
    server = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                taken.append(server.accept()[0])
                taken[-1].sendall(answer)
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        for each in (server, *taken):
            each.close()


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"", "something is there, but silent for 0.5 s"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what is there speaks another protocol"),
    ],
)
def test_what_is_no_scheduler_is_not_waited_for(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, answer: bytes, told: str
) -> None:
    monkeypatch.setattr("quantumflow_lab.cluster.finding.CONNECT_S", 0.5)
    began = time.monotonic()
    with other_server(answer) as address, pytest.raises(NoCluster) as error:
        lab.run(CELL, name="one", executor=f"dask:{address}")
    assert error.value.message == (
        f"no Dask scheduler answers at '{address}' ({told}); an address looks like "
        "tcp://10.0.0.1:8786"
    )
    assert time.monotonic() - began < 15


@pytest.mark.timeout(60)
def test_who_waits_for_a_scheduler_may_leave(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quantumflow_lab.cluster.finding.CONNECT_S", 3)
    main = threading.main_thread().ident
    assert main is not None
    lab.run(CELL, name="warm")  # what is imported is not to be interrupted
    timer = threading.Timer(1, signal.pthread_kill, (main, signal.SIGINT))
    began = time.monotonic()
    with other_server(b"") as address:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            lab.run(CELL, name="one", executor=f"dask:{address}")
    assert time.monotonic() - began < 3


def test_an_address_connects_and_is_used_again(lab: Lab, client: Client) -> None:
    executor = f"dask:{client.scheduler.address}"
    assert lab.run(CELL, name="one", executor=executor)["one"] == 1
    found = lab._clusters.known[f"dask at {client.scheduler.address}"]
    assert isinstance(found, DaskCluster)
    assert lab.run(CELL, name="two", executor=executor)["one"] == 1
    assert lab._clusters.known[found.name] is found


def test_a_client_without_its_scheduler_is_not_waited_for(
    lab: Lab, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = client.scheduler.address
    told = f"the scheduler of Dask at {address} is gone, and its client looks for it"
    with monkeypatch.context() as lost:
        lost.setattr(client, "status", "connecting")
        with pytest.raises(NoCluster, match=told):
            lab.run(CELL, name="one", executor="dask")
    assert lab.run(CELL, name="one", executor="dask")["one"] == 1
    monkeypatch.setattr(client, "status", "connecting")
    for executor in ("dask", f"dask:{address}"):
        with pytest.raises(NoCluster, match=told):
            lab.run(CELL, name="two", executor=executor)


def test_an_executor_that_is_none() -> None:
    from quantumflow_lab.planning.asked import Asked, asked_in

    with pytest.raises(BadOption, match="executor must be local, dask, or dask:ADDR"):
        Asked(executor="ray")
    with pytest.raises(MagicLineError, match="--executor takes local, dask, or dask"):
        asked_in("%%qflow a --executor ray")
    assert asked_in("%%qflow a --executor dask:tcp://a:1").executor == "dask:tcp://a:1"


def test_another_minor_python_is_refused_before_the_run() -> None:
    theirs = {**OURS, "python": "3.12.1.final.0"}
    with pytest.raises(ClusterDiffers, match=r"python 3\.12\.1 there"):
        _checked(FakeLink(a=theirs))  # type: ignore[arg-type]  # a stand-in


def test_a_worker_without_us_is_left_out_with_a_warning() -> None:
    theirs = {**OURS, "quantumflow_lab": None}
    link = FakeLink(a=OURS, b=theirs)
    with pytest.warns(UserWarning, match=r"1 of 2 workers are not used"):
        found = _checked(link)  # type: ignore[arg-type]  # a stand-in
    assert found["b"].refused
    assert not found["a"].refused


def test_small_differences_are_told() -> None:
    theirs = {**OURS, "qiskit": "2.5.0"}
    with pytest.warns(UserWarning, match=r"qiskit 2.5.0 there, 2.6.2 here \(1 worker"):
        _checked(FakeLink(a=theirs))  # type: ignore[arg-type]  # a stand-in


def test_a_cluster_without_workers() -> None:
    with pytest.raises(NoCluster, match="has no worker; start one with `dask worker"):
        _checked(FakeLink())  # type: ignore[arg-type]  # a stand-in

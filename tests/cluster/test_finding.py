"""What is said when there is no cluster, or one of other versions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from quantumflow_lab.cluster.executor import DaskCluster
from quantumflow_lab.cluster.finding import _checked
from quantumflow_lab.cluster.versions import Verdict, judge
from quantumflow_lab.errors import BadOption, ClusterDiffers, MagicLineError, NoCluster

if TYPE_CHECKING:
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

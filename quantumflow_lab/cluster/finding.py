"""From ``dask`` or ``dask:ADDRESS`` to a cluster that can be used."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

from quantumflow_lab.cluster.versions import Verdict
from quantumflow_lab.errors import ClusterDiffers, NoCluster

if TYPE_CHECKING:
    from distributed import Client

    from quantumflow_lab.cluster.executor import DaskCluster
    from quantumflow_lab.cluster.link import Link

CONNECT_S = 10
"""Seconds in which a scheduler has to answer."""
_HOW = (
    "make one with `from distributed import Client; client = Client()`, or give the "
    "address of a scheduler: --executor dask:tcp://HOST:8786"
)


def find_cluster(executor: str, known: Mapping[str, DaskCluster]) -> DaskCluster:
    """The cluster that an option names, with versions that fit.

    Parameters
    ----------
    executor
        ``dask`` for the current client of this process, or ``dask:ADDRESS``.
    known
        Clusters found before, by name; one that is still there is found again.

    Raises
    ------
    NoCluster
        Without Dask, a client, a scheduler or a worker.
    ClusterDiffers
        If no worker has versions with which values arrive.

    Warns
    -----
    UserWarning
        For versions that differ and may matter, and workers that are not used.
    """
    try:
        from quantumflow_lab.cluster.executor import DaskCluster
        from quantumflow_lab.cluster.link import Link
    except ImportError as error:
        raise NoCluster(
            f"--executor {executor} needs Dask ({error}): "
            "pip install 'quantumflow-lab[dask]'"
        ) from error
    address = executor.partition(":")[2]
    if address:
        for cluster in known.values():
            if cluster.name == f"dask at {address}" and cluster.usable:
                return _there(cluster)
    client = _at(address) if address else _current()
    link = Link(client, own=bool(address))
    kept = known.get(f"dask at {link.address}")
    if kept is not None and kept.usable:
        link.close()
        return _there(kept)
    try:
        _refuse_lost(link, link.address)
        return DaskCluster(link, _checked(link))
    except BaseException:
        link.close()
        raise


def _there(cluster: DaskCluster) -> DaskCluster:
    """A cluster that was found before, if its scheduler is there."""
    _refuse_lost(cluster, cluster.name.removeprefix("dask at "))
    return cluster


def _refuse_lost(has: Link | DaskCluster, address: str) -> None:
    if not has.connected:
        raise NoCluster(
            f"the scheduler of Dask at {address} is gone, and its client looks for it: "
            "wait until it is back, make another client, or use --executor local",
            address=address,
        )


def _current() -> Client:
    from distributed import Client

    from quantumflow_lab.cluster.link import Link

    try:
        client: Client = Client.current()
    except ValueError:
        raise NoCluster(f"--executor dask needs a client of Dask: {_HOW}") from None
    if client.asynchronous:
        raise NoCluster(
            "the current client of Dask is asynchronous, and only its own loop may use "
            f"it; give the address: --executor dask:{Link(client, own=False).address}"
        )
    return client


def _at(address: str) -> Client:
    from distributed import Client

    from quantumflow_lab.cluster.reaching import reach

    try:
        reach(address, CONNECT_S)
        return Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        told = str(error) or type(error).__name__
        raise NoCluster(
            f"no Dask scheduler answers at '{address}' ({told}); an address looks like "
            "tcp://10.0.0.1:8786",
            address=address,
        ) from error


def _checked(link: Link) -> dict[str, Verdict]:
    """Versions of all workers: refuse if none will do, warn of what differs."""
    verdicts = link.verdicts()
    if not verdicts:
        raise NoCluster(
            f"the Dask cluster at {link.address} has no worker; start one with "
            f"`dask worker {link.address}`",
            address=link.address,
        )
    bad = {a: v.refused for a, v in verdicts.items() if v.refused}
    if len(bad) == len(verdicts):
        raise ClusterDiffers(
            f"no worker of {link.address} can exchange values with this process: "
            f"{_listed(bad)}; install the same versions on both sides",
            address=link.address,
        )
    if bad:
        warnings.warn(
            f"{len(bad)} of {len(verdicts)} workers are not used, since their versions "
            f"differ: {_listed(bad)}",
            stacklevel=2,
        )
    told = {a: v.told for a, v in verdicts.items() if v.told and not v.refused}
    if told:
        warnings.warn(
            f"versions on {link.address} differ, so results may: {_listed(told)}",
            stacklevel=2,
        )
    return verdicts


def _listed(differences: Mapping[str, tuple[str, ...]]) -> str:
    """Each difference once, with how many workers have it."""
    counts: dict[str, int] = {}
    for each in differences.values():
        for words in each:
            counts[words] = counts.get(words, 0) + 1
    return ", ".join(f"{words} ({n} workers)" for words, n in counts.items())

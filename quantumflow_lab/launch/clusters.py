"""The clusters that runs of this process have asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantumflow_lab.cluster import find_cluster
from quantumflow_lab.runner.away import pack_steps
from quantumflow_lab.runner.live import LiveRun
from quantumflow_lab.workers import Executors

if TYPE_CHECKING:
    from quantumflow_lab.cluster.executor import DaskCluster


class Clusters:
    """Finds clusters, and gives them the functions of runs."""

    def __init__(self, executor: Executors) -> None:
        self._executor = executor
        self.known: dict[str, DaskCluster] = {}
        """By name."""

    def send(self, live: LiveRun) -> None:
        """Find the cluster that a run asks for, and give it the functions.

        Raises
        ------
        NoCluster, ClusterDiffers
            If it is not there or cannot be used.
        """
        asked = live.asked.executor
        if asked is None or asked == "local":
            return
        cluster = find_cluster(asked, self.known)
        before = self.known.get(cluster.name)
        if before is not cluster:
            if before is not None:
                before.close()
            self.known[cluster.name] = cluster
            self._executor.add(cluster)
        pack_steps(live, cluster)

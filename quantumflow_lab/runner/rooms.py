"""What clusters can take, as it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from quantumflow_lab.ports import Clock, Cluster, Room
from quantumflow_lab.runner.going import Going
from quantumflow_lab.runner.live import LiveRun
from quantumflow_lab.runner.schedule import Schedule


@dataclass
class Rooms:
    """Follows the clusters of runs. Belongs to the runner's thread.

    Parameters
    ----------
    post
        Hands a function to that thread.
    """

    schedule: Schedule
    going: Going
    clock: Clock
    post: Callable[[Callable[[], None]], None]
    _watched: list[Cluster] = field(default_factory=list)

    def watch(self, cluster: Cluster) -> None:
        """Follow what a cluster can take."""
        self._resized(cluster.name, cluster.room)
        if cluster not in self._watched:
            self._watched.append(cluster)
            cluster.watch(
                lambda room: self.post(lambda: self._resized(cluster.name, room))
            )

    def stop(self, key: tuple[int, int]) -> None:
        """Stop an attempt of a unit, on whichever cluster it is."""
        for cluster in self._watched:
            cluster.stop(key)

    def _resized(self, name: str, room: Room) -> None:
        """Workers have come or gone, or points turn out to be quick."""
        self.schedule.resize(name, room)
        for live in self.going:
            if live.cluster is None or live.cluster.name != name:
                continue
            if room.workers != live.workers:
                self._tell(live, name, room)

    def _tell(self, live: LiveRun, name: str, room: Room) -> None:
        live.workers, live.dirty = room.workers, True
        workers = f"{room.workers:,} worker{'s' * (room.workers != 1)}"
        words = f"{name} has {workers} now, {room.threads:,} threads"
        if not room.workers:
            words = f"{name} has no worker; the run goes on when one comes"
        live.watch.story.tell("cluster", words, self.clock.wall())
        live.message = None if room.workers else words

"""Collects the records of a turn and writes them in one go."""

from __future__ import annotations

from quantumflow_lab.ports import Clock, Sink
from quantumflow_lab.runner.records import Record

_SYNC_US = 200_000
"""Longest time a record waits to be brought to the disk."""


class Recorder:
    """What stands between a runner and its journal.

    Parameters
    ----------
    sink
        Where records go.
    clock
        Tells when records have waited long enough.
    """

    def __init__(self, sink: Sink, clock: Clock):
        self._sink = sink
        self._clock = clock
        self._records: list[Record] = []
        self._unsynced_since: int | None = None

    def note(self, record: Record) -> None:
        """Keep a record for the next :meth:`flush`."""
        self._records.append(record)

    def due(self) -> int | None:
        """When written records have to reach the disk, monotonic microseconds."""
        if self._unsynced_since is None:
            return None
        return self._unsynced_since + _SYNC_US

    def flush(self, *, sync: bool = False) -> bool:
        """Write what was noted since the last time; True if it is on the disk now.

        Raises
        ------
        StoreError
            If the journal cannot be written.
        """
        now = self._clock.now_us()
        due = self.due()
        sync = sync or (due is not None and now >= due)
        batch, self._records = self._records, []
        if not (batch or sync):
            return False
        self._unsynced_since = None if sync else self._unsynced_since or now
        self._sink.append(batch, sync=sync)
        return sync

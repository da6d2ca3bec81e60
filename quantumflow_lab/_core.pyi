"""The compiled half: scheduler, placement, journal, and the watch on the parent."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import final

from typing_extensions import Buffer

__all__ = [
    "Journal",
    "ScheduleLog",
    "Scheduler",
    "forecast",
    "place",
    "read_journal",
    "replay_log",
    "watch_parent",
]

@final
class Scheduler:
    """The schedule of all runs of a lab: events in, commands out.

    A pure state machine: it has no clock, no thread and no randomness but its seed.
    Replaying the same events gives the same commands. `quantumflow_lab.core` has
    encoders for the words that go in and decoders for those that come out.

    Parameters
    ----------
    seed
        Goes into the jitter of back-offs, with the seed of the run. Signed 64-bit.
    grace_us
        Microseconds that a stopped unit or job has for its last word.

    Raises
    ------
    SchedulerError
        If the grace is negative.
    """

    def __new__(cls, seed: int, grace_us: int = 150_000) -> Scheduler: ...
    def handle(self, events: Buffer, now_us: int) -> bytes:
        """Take a batch of events, and start whatever can start.

        Parameters
        ----------
        events
            Native-endian ``int64`` words, as ``array("q")`` or any buffer of them or of
            bytes.
        now_us
            Monotonic microseconds; an earlier time counts as the latest one seen.

        Returns
        -------
        bytes
            Commands, as native-endian ``int64`` words.

        Raises
        ------
        SchedulerError
            If an event is malformed or names what does not exist. Nothing has changed
            then.
        TypeError
            If `events` is no such buffer.
        """

    def next_wake(self) -> int | None:
        """Time in microseconds at which `handle` is to be called without any event."""

    def unit_state(self, unit: int) -> int:
        """Position of a unit's state in ``UNIT_STATES``.

        Raises
        ------
        SchedulerError
            If there is no such unit.
        """

    def counts(self, run: int) -> bytes:
        """How many units of each step are in each state.

        Returns
        -------
        bytes
            ``int64`` words: for each step its number and then one count per state in
            the order of ``UNIT_STATES``; by ascending step.
        """

    def money(self, run: int) -> tuple[int, int]:
        """Micro-units that a run has spent by bills, and reserved for other jobs."""

    def check(self) -> None:
        """Compare all sums the machine keeps with their parts; for tests.

        Raises
        ------
        SchedulerBug
            Naming the equality that does not hold.
        """

@final
class ScheduleLog:
    """The log of a scheduler, from which :func:`replay_log` gives its commands again.

    Parameters
    ----------
    seed, grace_us
        Those of the scheduler.
    """

    def __new__(cls, seed: int, grace_us: int = 150_000) -> ScheduleLog: ...
    def append(self, events: Buffer, now_us: int) -> bytes:
        """The bytes of one more batch, to be written behind those before.

        Parameters
        ----------
        events, now_us
            As ``Scheduler.handle`` takes them.
        """

def replay_log(log: bytes) -> list[bytes]:
    """Commands that a scheduler gave, batch by batch, from its log.

    A batch that was torn at the end is left out.

    Raises
    ------
    SchedulerError
        If the bytes are no log, or of a version that is not known.
    """

def forecast(
    words: Buffer,
) -> tuple[float, float, float, float, int, int, int, int, int]:
    """How long a transpiled circuit takes, and how likely it comes through.

    `quantumflow_lab.backends.forecast` has the readable form.

    Parameters
    ----------
    words
        Native-endian ``int64`` words: ``qubits, clbits, rows``; for each row the bits
        of its duration in seconds and of its error, and its role (0 one-qubit gate, 1
        gate on more, 2 measurement, 3 delay, 4 barrier, 5 anything else); for each
        qubit the bits of T1 and T2 in seconds; for each operation its row, how many
        wires it has, and these, classical bits counted after the qubits. NaN is what
        nobody knows.

    Returns
    -------
    tuple
        Seconds of a shot; natural logarithms of what gates, readouts and waits let
        through; one-qubit gates, larger gates, measurements; operations without a known
        duration, and without a known error.

    Raises
    ------
    SchedulerError
        If the words are cut short or out of range.
    TypeError
        If `words` is no such buffer.
    """

def place(words: Buffer, evaluations: int, seed: int) -> bytes:
    """Find a good schedule; `quantumflow_lab.placement` has the readable form.

    Parameters
    ----------
    words
        A problem as native-endian ``int64`` words, in microseconds and micro-units;
        ``docs/placement.md`` lists them. Any buffer of such words or of bytes.
    evaluations
        How often a task may be tried on a machine, over all plans; 0 gives HEFT's plan.
    seed
        Signed 64-bit seed of the search.

    Returns
    -------
    bytes
        The schedule as ``int64`` words; the same arguments give the same.

    Raises
    ------
    SchedulerError
        If the words are no problem: cut short, out of range, circular, or without a
        machine for a family.
    TypeError
        If `words` is no such buffer.
    """

def watch_parent(fd: int) -> None:
    """Kill this process at once when the other end of a pipe closes.

    A thread blocks on the pipe; it does not need the GIL, so it works while a
    simulation holds it for seconds. The process gets SIGKILL: no handler runs, nothing
    can hang.

    Parameters
    ----------
    fd
        Read end of a pipe whose write end the parent, and only the parent, holds open.
        The watch opens it anew, so the number may be closed afterwards.

    Raises
    ------
    OSError
        If `fd` is not an open file descriptor.
    """

@final
class Journal:
    """Appends the records of one writer to files of its own.

    A file holds one line per record, ``{"c":"<crc32>","e":{"eid":"<writer>-<n>",…}}``,
    and begins with a header record. It appears with the first record and has the mode
    0600.

    Parameters
    ----------
    path
        Directory of the journals; it must exist.
    writer
        Name of the writer, unique among all that ever write there.
    max_bytes
        Size at which a file is synced and followed by the next one.
    header
        JSON object for the head of each file.
    """

    def __new__(
        cls,
        path: str | PathLike[str],
        writer: str,
        max_bytes: int = 67_108_864,
        header: bytes = b"{}",
    ) -> Journal: ...
    @property
    def path(self) -> Path | None:
        """File that takes the next record; None before the first and once closed."""

    @property
    def seq(self) -> int | None:
        """Sequence number of the next record, headers counted too; None once closed."""

    def append(self, payloads: Sequence[bytes], sync: bool = False) -> None:
        """Add records in one write call.

        Parameters
        ----------
        payloads
            JSON objects, each on one line and without an ``eid``.
        sync
            Return only when they are on the disk.

        Raises
        ------
        JournalFull
            If the disk is full; ``facts["written"]`` records of the batch are in the
            file.
        HomeNotWritable
            If the directory cannot be written.
        StoreError
            If the system refuses for another reason, with ``written`` likewise.
        ValueError
            If a payload is not an object on one line, or the journal is closed.
        RuntimeError
            If this process is a fork of the one that made the journal.
        """

    def sync(self) -> None:
        """Return once everything appended is on the disk; errors as for `append`."""

    def close(self) -> None:
        """Sync and close; closing twice is harmless."""

def read_journal(
    path: str | PathLike[str],
    offset: int = 0,
    max_bytes: int = 16_777_216,
    seq: int | None = None,
) -> tuple[bytes, bytes, int, int | None, tuple[int, str] | None]:
    """Read whole records whose checksum and sequence are right.

    Parameters
    ----------
    path
        One file of a journal.
    offset
        Byte to start at: 0, or what an earlier call returned.
    max_bytes
        About how much to read; one longer record is still read whole.
    seq
        Sequence number expected at `offset`; None believes what it finds there.

    Returns
    -------
    payloads
        Records as JSON objects, one after another without separators.
    bounds
        Where each payload starts, and where the last one ends: native 32-bit integers.
    offset
        Where to read on: after the last whole line, or at the damage.
    seq
        Sequence number expected there.
    damage
        None, or how many bytes to skip to the next line (0 where records are missing),
        and what is wrong.
    """

"""Which results there are already: an index of the home, by content.

A file of JSON lines, to which every process of the home appends whole lines. It is a
cache: whoever deletes it loses nothing but time.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Set
from pathlib import Path

from quantumflow_lab.ports import Known

MOST_BYTES = 1 << 25
"""Size of the file above which it is begun anew."""


class Results:
    """Results by key and number; safe to use from several threads.

    Parameters
    ----------
    path
        The file; made when the first result comes.
    """

    def __init__(self, path: Path):
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[str, dict[int, list[Known]]] = {}
        """Results of each key, by number."""
        self._unwritten: list[bytes] = []
        self._read_to = 0
        """Bytes of the file that are in memory."""

    def find(
        self,
        key: str,
        number: int,
        taken: set[int],
        *,
        besides: str,
        shots: int = 0,
        since: float = 0,
        reserved: Callable[[], Set[int]] = frozenset,
    ) -> Known | None:
        """A result that another run has taken: that of a number, or else of any other.

        Of several that of the newest run with enough shots; if none has as many, that
        with most of them.

        Parameters
        ----------
        key
            Content key of a PUB on a backend.
        number
            Which of the equal PUBs of a run it is.
        taken
            Numbers that the run has had before; that of what is found is added.
        besides
            The run that asks, whose own results do not count.
        shots
            Shots that are wanted.
        since
            Seconds since the epoch before which results are too old.
        reserved
            Tells the numbers that others of the run will ask for.
        """

        def use(found: Known) -> tuple[int, float]:
            return min(found.shots, shots), found.taken

        with self._lock:
            self._refresh()
            rows = self._known.get(key, {})

            def usable(each: int) -> list[Known]:
                known = rows[each]
                return [k for k in known if k.run != besides and k.taken >= since]

            free = rows.keys() - taken
            found = usable(number) if number in free else []
            if not found and free:
                found = [k for each in free - reserved() for k in usable(each)]
            best = max(found, key=use, default=None)
            if best is not None:
                taken.add(best.number)
        return best

    @property
    def any(self) -> bool:
        """Whether there is any at all."""
        with self._lock:
            self._refresh()
            return bool(self._known)

    def keep(self, key: str, known: Known) -> None:
        """Add a result; it is there for others after the next :meth:`flush`."""
        line = {
            "key": key,
            "number": known.number,
            "run": known.run,
            "name": known.name,
            "taken": known.taken,
            "shots": known.shots,
            "value": known.value,
        }
        data = json.dumps(line).encode() + b"\n"
        with self._lock:
            self._unwritten.append(data)

    def flush(self) -> None:
        """Write what has been added; a disk that takes none loses only the cache."""
        with self._lock:
            data, self._unwritten = b"".join(self._unwritten), []
        if data:
            with contextlib.suppress(OSError):
                self._append(data)

    def _append(self, data: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        file = os.open(self._path, flags, 0o600)
        try:
            if os.fstat(file).st_size > MOST_BYTES:
                os.ftruncate(file, 0)
            # One write, so that lines of several processes do not mix.
            os.write(file, data)
        finally:
            os.close(file)

    def _refresh(self) -> None:
        """Read what has been appended since."""
        try:
            size = self._path.stat().st_size
        except OSError:
            size = 0
        if size < self._read_to:
            self._known.clear()
            self._read_to = 0
        if size == self._read_to:
            return
        with contextlib.suppress(OSError), self._path.open("rb") as file:
            file.seek(self._read_to)
            data = file.read()
            # A line that is being written comes next time.
            whole = data[: data.rfind(b"\n") + 1]
            self._read_to += len(whole)
            for line in whole.splitlines():
                self._learn(line)

    def _learn(self, text: bytes) -> None:
        try:
            line = json.loads(text)
            key = str(line["key"])
            known = Known(
                number=int(line["number"]),
                run=str(line["run"]),
                name=str(line["name"]),
                taken=float(line["taken"]),
                shots=int(line["shots"]),
                value=dict(line["value"]),
            )
        except (ValueError, KeyError, TypeError):
            return  # a torn line is no result
        numbers = self._known.setdefault(key, {})
        numbers.setdefault(known.number, []).append(known)

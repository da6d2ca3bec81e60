"""ISA circuits in a folder, so that another process need not transpile them again.

A file is a line of JSON about the circuit, then the circuit as QPY. The folder is a
cache: whoever deletes it loses time and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from qiskit import qpy

from quantumflow_lab.backends.isa import Isa, Size
from quantumflow_lab.delays import from_units, with_units

MOST_BYTES = 1 << 29
"""Size of the folder above which the oldest circuits go."""


@dataclass(frozen=True, slots=True)
class IsaStore:
    """A folder of ISA circuits by key."""

    folder: Path
    """Where they are; made when the first one comes."""

    def get(self, key: str) -> Isa | None:
        """The circuit of a key, or None if it is not there or not whole."""
        path = self._path(key)
        try:
            data = path.read_bytes()
            about, _, circuit = data.partition(b"\n")
            isa = _read(json.loads(about), circuit)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, qpy.QpyError):
            # Cut short by a full disk, or written by a later Qiskit.
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        return isa

    def put(self, key: str, isa: Isa) -> None:
        """Keep a circuit, unless QPY or the disk refuses it."""
        buffer = BytesIO()
        path = self._path(key)
        part = path.with_name(f"{uuid.uuid4().hex}.part")
        try:
            qpy.dump(with_units(isa.circuit), buffer)
            circuit = buffer.getvalue()
            about = {
                "layout": isa.layout,
                "size": asdict(isa.size),
                "sha256": sha256(circuit).hexdigest(),
            }
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(json.dumps(about).encode() + b"\n" + circuit)
            # A reader sees the old file or the new one, never a half.
            part.replace(path)
        except (OSError, ValueError, TypeError, qpy.QpyError):
            with contextlib.suppress(OSError):
                part.unlink()

    def prune(self) -> None:
        """Let the circuits go that were not written for longest, if there are many."""
        room = MOST_BYTES
        for _, size, path in sorted(self._files(), reverse=True):
            room -= size
            if room < 0:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """When each file was written, its size, and where it is."""
        for path in self.folder.glob("*/*.isa"):
            # Another process may prune at the same time.
            with contextlib.suppress(OSError):
                stat = path.stat()
                yield stat.st_mtime, stat.st_size, path

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.isa"


def _read(about: dict[str, object], circuit: bytes) -> Isa:
    layout, size = about["layout"], about["size"]
    if about["sha256"] != sha256(circuit).hexdigest():
        raise ValueError("the bytes have changed")
    if not isinstance(size, dict) or not isinstance(layout, list | None):
        raise TypeError("not what put() wrote")
    return Isa(
        from_units(qpy.load(BytesIO(circuit))[0]),
        None if layout is None else tuple(layout),
        given=False,
        size=Size(**size),
    )

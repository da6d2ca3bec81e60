"""Full disks and kills: whole records or nothing, and never the same one twice."""

from __future__ import annotations

import json
import subprocess
import sys
from array import array
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from quantumflow_lab import _core, _fallback_journal
from quantumflow_lab.store import Store

if TYPE_CHECKING:
    from pathlib import Path

MODULES = pytest.mark.parametrize("module", ["_core", "_fallback_journal"])

LIMITED = """
import json, resource, sys
from pathlib import Path
from quantumflow_lab.errors import JournalFull
from quantumflow_lab import {module} as module

hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
journal = module.Journal(Path(sys.argv[1]), "w")
journal.append([b'{{"first":true}}'])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), hard))
try:
    journal.append([b'{{"i":%d}}' % i for i in range(5)])
except JournalFull as error:
    print(json.dumps([str(error), error.facts["written"]]))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
journal.append([b'{{"last":true}}'], sync=True)
"""


def records(path: Path) -> list[dict[str, Any]]:
    payloads, bounds, _, _, damage = _core.read_journal(path)
    assert damage is None
    cuts = array("i", bounds)
    pieces = [payloads[a:b] for a, b in pairwise(cuts)]
    return [json.loads(piece) for piece in pieces]


@MODULES
@pytest.mark.parametrize("room", range(130, 300, 19))
def test_a_short_write_leaves_whole_records_and_says_how_many(
    module: str, room: int, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", LIMITED.format(module=module)]
    command += [str(tmp_path), str(room)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    path = tmp_path / "w-00000.jsonl"
    found = records(path)
    message, written = json.loads(out)
    assert message == (
        f"cannot write {path}: File too large;"
        " free some space: what is unwritten waits in memory"
    )
    assert found == [
        {"eid": "w-0", "kind": "header", "v": 1, "file": 0},
        {"eid": "w-1", "first": True},
        *({"eid": f"w-{2 + i}", "i": i} for i in range(written)),
        {"eid": f"w-{2 + written}", "last": True},
    ]
    assert path.read_bytes().endswith(b"\n")


FULL = """
import os, sys
from pathlib import Path
from quantumflow_lab.errors import JournalFull
from quantumflow_lab.store import Store

home = Path(sys.argv[1])
store = Store(home)
ballast = home / "ballast"
ballast.write_bytes(bytes(150_000))
sent = 0
while True:
    try:
        for _ in range(100):
            sent += 1
            record = {"kind": "metric", "run": "r", "n": sent, "name": "x" * 50}
            store.append([record], sync=sent % 10 == 0)
    except JournalFull as error:
        print(type(error).__name__, sent)
        break
ballast.unlink()
store.append([{"kind": "end", "run": "r", "state": "failed"}], sync=True)
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A file system of 400 kB; needs the right to mount."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("cannot mount a tmpfs here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_loses_nothing_once_there_is_room_again(small_disk: Path) -> None:
    home = small_disk / "home"
    command = [sys.executable, "-c", FULL, str(home)]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    name, sent = out.split()
    assert name == "JournalFull"
    (path,) = (home / "journal").iterdir()
    kinds = [(r["kind"], r.get("n")) for r in records(path)]
    metrics = [("metric", n) for n in range(1, int(sent) + 1)]
    assert kinds == [("header", None), *metrics, ("end", None)]


def test_both_readers_agree_on_damaged_journals(tmp_path: Path) -> None:
    """Bytes flipped, cut and doubled at places a fixed seed chooses."""
    journal = _core.Journal(tmp_path, "w")
    journal.append([b'{"i":%d,"s":"a-9"}' % i for i in range(6)])
    assert journal.path is not None
    whole = journal.path.read_bytes()
    state = 12345
    for _ in range(2000):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        at, how, byte = (state >> 33) % len(whole), (state >> 20) % 4, state >> 56
        broken = {
            0: whole[:at] + bytes([byte]) + whole[at + 1 :],
            1: whole[:at],
            2: whole[:at] + whole[at + 1 :],
            3: whole[:at] + whole[at // 2 :],
        }[how]
        journal.path.write_bytes(broken)
        limit = 1 + byte
        first = _core.read_journal(journal.path, 0, limit, None)
        assert first == _fallback_journal.read_journal(journal.path, 0, limit, None)


POINTS = [
    {"step": "s", "step_kind": "step", "unit": n, "state": "done", "value": {"n": n}}
    for n in range(6)
]


def journal_of_six(folder: Path) -> bytes:
    """A journal of a header and six points."""
    with Store(folder) as store:
        for point in POINTS:
            store.append([{"kind": "unit", "run": "r", "ts": 1.5, **point}])
        (path,) = (folder / "journal").iterdir()
        return path.read_bytes()


def taken(home: Path, journals: dict[str, bytes]) -> tuple[dict[str, Any], Any]:
    """Points and damages by journal, of many journals that one ingest takes in."""
    with Store(home) as store:
        for name, data in journals.items():
            (home / "journal" / f"{name}-00000.jsonl").write_bytes(data)
        store.ingest()
        points: dict[str, Any] = {name: {} for name in journals}
        columns = "run, ts, step, step_kind, unit, state, value"
        rows = store.sql(f"SELECT writer, seq, {columns} FROM rec_unit").to_pylist()
        for row in rows:
            row["value"] = json.loads(row["value"])
            points[row.pop("writer")][row.pop("seq")] = row
        damages = store.sql('SELECT journal, "offset" FROM journal_damage').to_pylist()
        return points, {(row["journal"][:-12], row["offset"]) for row in damages}


def expected(seqs: Any) -> dict[int, dict[str, Any]]:
    """The points of some records; the header has the number 0."""
    return {n: {"run": "r", "ts": 1.5, **POINTS[n - 1]} for n in seqs if n > 0}


def test_whatever_byte_is_flipped_the_other_records_are_read(tmp_path: Path) -> None:
    whole = journal_of_six(tmp_path / "first")
    lines = whole.splitlines(keepends=True)
    starts = [sum(map(len, lines[:n])) for n in range(8)]
    flipped = {}
    for at in range(len(whole)):
        byte = bytes([whole[at] ^ (1 << at % 8)])
        flipped[f"w{at}"] = whole[:at] + byte + whole[at + 1 :]
    points, damages = taken(tmp_path / "home", flipped)
    for at in range(len(whole)):
        hit = max(n for n in range(7) if starts[n] <= at)
        lost = {hit, hit + 1} if at == starts[hit + 1] - 1 else {hit}
        assert points[f"w{at}"] == expected({*range(7)} - lost), at
        # Without its newline the last line looks like one that is being written.
        assert ((f"w{at}", starts[hit]) in damages) == (at != len(whole) - 1), at


def test_at_whatever_byte_a_journal_ends_its_whole_lines_are_read(
    tmp_path: Path,
) -> None:
    whole = journal_of_six(tmp_path / "first")
    cut = {f"w{end}": whole[:end] for end in range(len(whole) + 1)}
    points, damages = taken(tmp_path / "home", cut)
    assert damages == set()
    for end in range(len(whole) + 1):
        assert points[f"w{end}"] == expected(range(whole[:end].count(b"\n")))


@MODULES
def test_a_journal_that_grows_byte_by_byte_is_read_once(
    module: str, tmp_path: Path
) -> None:
    read = {"_core": _core, "_fallback_journal": _fallback_journal}[module].read_journal
    whole = journal_of_six(tmp_path / "first")
    path = tmp_path / "w-00000.jsonl"
    found, offset, seq = b"", 0, None
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        payloads, _, offset, seq, damage = read(path, offset, 1 << 20, seq)
        assert damage is None
        found += payloads
    assert (found, seq) == (read(path)[0], 7)

"""The journal's two implementations: each alone, and side by side."""

from __future__ import annotations

import stat
import subprocess
import sys
from array import array
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from quantumflow_lab import _core, _fallback_journal
from quantumflow_lab.errors import HomeNotWritable

if TYPE_CHECKING:
    from pathlib import Path

BOTH = pytest.mark.parametrize(
    "module", [_core, _fallback_journal], ids=["compiled", "python"]
)


def payloads(found: tuple[bytes, bytes, int, int | None, Any]) -> list[bytes]:
    bounds = array("i", found[1])
    return [found[0][a:b] for a, b in pairwise(bounds)]


def everything(module: Any, path: Path) -> list[bytes]:
    return payloads(module.read_journal(path))


@BOTH
def test_records_come_back_with_their_event_ids(module: Any, tmp_path: Path) -> None:
    journal = module.Journal(tmp_path, "w", header=b'{"pid":1}')
    journal.append([b'{"kind":"run"}', b"{}"], sync=True)
    journal.append([b'{"kind":"end"}'])
    path = tmp_path / "w-00000.jsonl"
    assert journal.path == path
    assert journal.seq == 4
    assert everything(module, path) == [
        b'{"eid":"w-0","kind":"header","v":1,"file":0,"pid":1}',
        b'{"eid":"w-1","kind":"run"}',
        b'{"eid":"w-2"}',
        b'{"eid":"w-3","kind":"end"}',
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@BOTH
def test_reading_on_gives_only_what_is_new(module: Any, tmp_path: Path) -> None:
    journal = module.Journal(tmp_path, "w")
    journal.append([b'{"a":1}'])
    _, _, offset, seq, damage = module.read_journal(journal.path)
    assert (seq, damage) == (2, None)
    assert payloads(module.read_journal(journal.path, offset, seq=seq)) == []
    journal.append([b'{"a":2}'])
    found = module.read_journal(journal.path, offset, seq=seq)
    assert payloads(found) == [b'{"eid":"w-2","a":2}']


@BOTH
def test_damage_names_its_place_and_how_to_go_on(module: Any, tmp_path: Path) -> None:
    journal = module.Journal(tmp_path, "w")
    journal.append([b'{"a":1}', b'{"a":2}'])
    lines = journal.path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"a":1', b'"a":7')
    journal.path.write_bytes(b"".join(lines))
    found = module.read_journal(journal.path)
    assert found[2:] == (
        len(lines[0]),
        1,
        (len(lines[1]), "the checksum does not match"),
    )
    rest = module.read_journal(journal.path, len(lines[0]) + len(lines[1]))
    assert payloads(rest) == [b'{"eid":"w-2","a":2}']


@BOTH
def test_a_payload_of_two_lines_is_refused(module: Any, tmp_path: Path) -> None:
    journal = module.Journal(tmp_path, "w")
    with pytest.raises(ValueError, match="payload 1 is not a JSON object on one line"):
        journal.append([b"{}", b'{"a":\n1}'])
    with pytest.raises(ValueError, match="payload 0 is not a JSON object on one line"):
        journal.append([b"[]"])
    assert list(tmp_path.iterdir()) == []


@BOTH
def test_a_closed_journal_refuses_records(module: Any, tmp_path: Path) -> None:
    journal = module.Journal(tmp_path, "w")
    journal.append([b"{}"])
    journal.close()
    journal.close()
    assert (journal.path, journal.seq) == (None, None)
    with pytest.raises(ValueError, match="the journal is closed"):
        journal.append([b"{}"])


@BOTH
def test_a_directory_that_is_gone_is_not_writable(module: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = module.Journal(tmp_path / "file", "w")
    with pytest.raises(HomeNotWritable) as caught:
        journal.append([b"{}"])
    path = tmp_path / "file" / "w-00000.jsonl"
    assert str(caught.value) == (
        f"cannot write {path}: Not a directory;"
        " choose another home with QFLOW_HOME=<folder>"
    )
    assert caught.value.facts == {"path": str(path), "written": 0}


FORK = """
import os, sys
from pathlib import Path
from quantumflow_lab import {module} as module
journal = module.Journal(Path(sys.argv[1]), "w")
journal.append([b"{{}}"])
if os.fork() == 0:
    try:
        journal.append([b"{{}}"])
    except RuntimeError as error:
        print(error)
    os._exit(0)
os.wait()
print(os.getpid())
"""


@BOTH
def test_a_fork_cannot_write_into_its_parents_journal(
    module: Any, tmp_path: Path
) -> None:
    code = FORK.format(module=module.__name__.rpartition(".")[2])
    command = [sys.executable, "-c", code, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    parent = said.splitlines()[-1]
    assert said.splitlines()[0] == (
        f"this journal belongs to process {parent}; open another one after a fork"
    )
    assert len(everything(module, tmp_path / "w-00000.jsonl")) == 2


def test_both_write_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for module in (_core, _fallback_journal):
        folder = tmp_path / module.__name__
        folder.mkdir()
        journal = module.Journal(folder, "w", 300, b'{"app":"1"}')
        for i in range(10):
            journal.append(
                [b'{"i":%d,"text":"\xc3\xa9"}' % i] * (i % 4), sync=i % 3 == 0
            )
        written.append({p.name: p.read_bytes() for p in sorted(folder.iterdir())})
    assert written[0] == written[1]
    assert len(written[0]) == 3

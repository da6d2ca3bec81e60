"""What a power cut leaves: files as far as they were synced, names that were synced.

A process runs under ``strace``; from its system calls follows what POSIX promises of
each file at each moment. That is less than most file systems keep, which order what
they write: here each name, and the end of each file, may be missing by itself.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

_CALLS = (
    "open openat creat mkdir mkdirat rename renameat renameat2 unlink unlinkat rmdir"
    " write pwrite64 ftruncate fsync fdatasync"
).split()
_LINE = re.compile(r"(\d+) +(?:(\w+)\(|<\.\.\. (\w+) resumed>)(.*)")
_FILE = re.compile(r"(?:\d+|AT_FDCWD)<([^>]*)>")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_RESULT = re.compile(r"\) += (-?\d+)")

Left = Literal["synced", "some", "zeros"]
"""What is left of the rest: nothing; some of it; its length, but no data."""


@dataclass
class Node:
    """A file or a folder, in memory and on the disk."""

    number: int
    folder: bool
    length: int = 0
    synced: int = 0
    names: dict[str, Node] = field(default_factory=dict)
    """What is in a folder."""
    kept: dict[str, Node] = field(default_factory=dict)
    """What was in it when it was last synced."""


@dataclass(frozen=True)
class Call:
    """A system call that has come back, or a sync that has only begun."""

    name: str
    path: str
    other: str = ""
    """New name, or what was written."""
    amount: int = 0
    """Bytes that were written, or the new length."""


def traced(command: Sequence[str], log: Path, cwd: Path) -> None:
    """Run a command under ``strace``; fails where it is missing and ``CI`` is set.

    Skipped where the system forbids it, as some containers do.
    """
    if shutil.which("strace") is None:
        reason = "no strace: install it (Debian: apt-get install strace)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    asked = subprocess.run(["strace", "-o", "/dev/null", "true"], check=False)
    if asked.returncode:
        pytest.skip("this machine lets no process be traced")
    strace = ["strace", "-f", "--seccomp-bpf", "-y", "-s", "200", "-o", str(log)]
    strace += ["-e", f"trace={','.join(_CALLS)}", "-e", "signal=none"]
    subprocess.run([*strace, *command], check=True, cwd=cwd, timeout=110)


class Machine:
    """A folder whose power can be cut at each moment of a traced process.

    Parameters
    ----------
    root
        The folder, which was there, and empty, before the process.
    log
        What ``strace`` has written.
    """

    def __init__(self, root: Path, log: Path) -> None:
        self._root = root
        self.calls = [*_calls(log.read_text(errors="replace"))]
        state = self._state(len(self.calls))
        self._data = {
            node.number: path.read_bytes()
            for path, node in _walk(root, state)
            if not node.folder
        }
        """What each file has by now, of which it had a beginning at each moment."""

    def marks(self) -> dict[str, int]:
        """When the process has said something: calls that had come back before."""
        said = [(i, call.other) for i, call in enumerate(self.calls)]
        found = [(i, text[5:]) for i, text in said if text.startswith("MARK ")]
        return {text: i for i, text in reversed(found)}

    def syncs(self) -> list[int]:
        """Moments right before and after something was synced."""
        ends = [i for i, call in enumerate(self.calls) if call.name == "synced"]
        return sorted({*ends, *(i + 1 for i in ends)})

    def cut(self, moment: int, to: Path, left: Left, seed: int = 0) -> None:
        """Make the folder ``to`` what the disk has after a power cut."""
        to.mkdir()
        self._write(self._state(moment), to, left, random.Random(seed))

    def whole(self, moment: int, to: Path) -> None:
        """Make the folder ``to`` what programs saw before the power cut."""
        to.mkdir()
        for path, node in _walk(to, self._state(moment)):
            if node.folder:
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(self._bytes(node)[: node.length])

    def _write(self, folder: Node, to: Path, left: Left, chance: random.Random) -> None:
        names = dict(folder.kept)
        if left == "some":
            for name in sorted(folder.names.keys() | names.keys()):
                if chance.random() < 0.5:
                    continue
                if name in folder.names:
                    names[name] = folder.names[name]
                else:
                    del names[name]
        for name, node in names.items():
            if node.folder:
                (to / name).mkdir()
                self._write(node, to / name, left, chance)
            else:
                (to / name).write_bytes(self._remains(node, left, chance))

    def _remains(self, node: Node, left: Left, chance: random.Random) -> bytes:
        data = self._bytes(node)
        if left == "some":
            return data[: chance.randint(*sorted((node.synced, node.length)))]
        if left == "zeros":
            return data[: node.synced] + bytes(max(node.length - node.synced, 0))
        return data[: node.synced]

    def _bytes(self, node: Node) -> bytes:
        # Of a file that was removed later nobody knows what it had.
        return self._data.get(node.number, bytes(node.length))

    def _state(self, moment: int) -> Node:
        top = Node(0, folder=True)
        begun: dict[tuple[str, str], tuple[int, dict[str, Node]]] = {}
        for number, call in enumerate(self.calls[:moment], 1):
            if not Path(call.path).is_relative_to(self._root):
                continue
            if call.name in ("open", "mkdir"):
                folder, name = self._place(top, call.path)
                node = Node(number, folder=call.name == "mkdir")
                found = folder.names.setdefault(name, node)
                if call.amount:
                    found.length = 0
            elif call.name == "unlink":
                folder, name = self._place(top, call.path)
                folder.names.pop(name)
            elif call.name == "rename":
                folder, name = self._place(top, call.path)
                target, new = self._place(top, call.other)
                target.names[new] = folder.names.pop(name)
            else:
                _change(self._find(top, call.path), call, begun)
        return top

    def _place(self, top: Node, path: str) -> tuple[Node, str]:
        parent, _, name = path.rpartition("/")
        found = self._find(top, parent)
        assert found is not None, f"{path} is in no folder"
        return found, name

    def _find(self, top: Node, path: str) -> Node | None:
        found: Node | None = top
        for name in Path(path).relative_to(self._root).parts:
            found = found and found.names.get(name)
        return found


def _change(
    node: Node | None,
    call: Call,
    begun: dict[tuple[str, str], tuple[int, dict[str, Node]]],
) -> None:
    if node is None:
        return  # a file that has no name any more
    if call.name == "write":
        node.length += call.amount
    elif call.name == "pwrite":
        node.length = max(node.length, call.amount)
    elif call.name == "truncate":
        node.length = call.amount
        node.synced = min(node.synced, call.amount)
    elif call.name == "syncing":
        begun[call.path, call.other] = node.length, dict(node.names)
    elif call.name == "synced":
        # What came while it went on may be there, or not.
        node.synced, node.kept = begun.pop((call.path, call.other))


def _walk(path: Path, node: Node) -> Iterator[tuple[Path, Node]]:
    yield path, node
    for name, inner in sorted(node.names.items()):
        yield from _walk(path / name, inner)


def _calls(log: str) -> Iterator[Call]:
    waiting: dict[str, str] = {}
    for line in log.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        thread, name, resumed, rest = found.groups()
        if resumed:
            name, rest = resumed, waiting.pop(thread) + rest
        elif name in ("fsync", "fdatasync"):
            yield Call("syncing", _FILE.match(rest)[1], thread)  # type: ignore[index]
        if rest.endswith("<unfinished ...>"):
            waiting[thread] = rest.removesuffix("<unfinished ...>").rstrip()
            continue
        result = _RESULT.search(rest)
        if result is not None and int(result[1]) >= 0:
            yield from _call(name, rest, int(result[1]), thread)


def _call(name: str, rest: str, result: int, thread: str) -> Iterator[Call]:
    file, texts = _FILE.match(rest), _TEXT.findall(rest)
    if name in ("open", "openat", "creat"):
        if "O_CREAT" in rest:
            yield Call("open", texts[0], amount="O_TRUNC" in rest)
    elif name in ("mkdir", "mkdirat"):
        yield Call("mkdir", texts[0])
    elif name in ("unlink", "unlinkat", "rmdir"):
        yield Call("unlink", texts[0])
    elif name.startswith("rename"):
        yield Call("rename", texts[0], texts[1])
    elif file is None:
        return
    elif name == "write":
        yield Call("write", file[1], texts[0] if texts else "", result)
    elif name == "pwrite64":
        offset = int(rest.rpartition(")")[0].rpartition(",")[2])
        yield Call("pwrite", file[1], amount=offset + result)
    elif name == "ftruncate":
        length = int(rest.rpartition(")")[0].rpartition(",")[2])
        yield Call("truncate", file[1], amount=length)
    else:
        yield Call("synced", file[1], thread)

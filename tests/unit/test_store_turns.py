"""Threads of one process read the database together, and write it alone."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from quantumflow_lab.store import Store
from quantumflow_lab.store.lock import _OF_THIS_PROCESS, held
from quantumflow_lab.store.projection import Projection

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_threads_read_together(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    both = threading.Barrier(2)

    def read() -> bool:
        with held(path, exclusive=False, wait=20) as mine:
            both.wait(20)  # passes only while the other one reads, too
            return mine

    with ThreadPoolExecutor(2) as pool:
        assert [f.result(30) for f in [pool.submit(read), pool.submit(read)]] == [
            True,
            True,
        ]


def test_who_writes_waits_for_readers_and_goes_before_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    order: list[str] = []
    waits = threading.Event()

    def write() -> None:
        waits.set()
        with held(path, exclusive=True, wait=20) as mine:
            assert mine
            order.append("write")

    def read() -> None:
        with held(path, exclusive=False, wait=20) as mine:
            assert mine
            order.append("read")

    with ThreadPoolExecutor(2) as pool:
        with held(path, exclusive=False, wait=0) as mine:
            assert mine
            writer = pool.submit(write)
            assert waits.wait(20)
            # Until the writer stands in line, others may read; from then on, not.
            while True:
                with held(path, exclusive=False, wait=0) as free:
                    if not free:
                        break
            reader = pool.submit(read)
            assert order == []
        writer.result(30)
        reader.result(30)
    assert order == ["write", "read"]


def test_who_gives_up_keeps_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with held(path, exclusive=False, wait=0) as mine:
        assert mine
        with ThreadPoolExecutor(1) as pool:

            def write() -> bool:
                with held(path, exclusive=True, wait=0.01) as free:
                    return free

            assert pool.submit(write).result(20) is False
        with held(path, exclusive=False, wait=0) as again:
            assert again
    with held(path, exclusive=True, wait=0) as mine:
        assert mine
        with held(path, exclusive=False, wait=0) as free:
            assert not free


def test_many_threads_ask_while_another_records(tmp_path: Path) -> None:
    with Store(tmp_path / "home") as store:
        count = 30

        def record() -> None:
            for number in range(count):
                store.append([{"kind": "unheard", "number": number}])
                store.ingest()

        def kept() -> int:
            of_ours = "SELECT count(*) AS n FROM rec_other WHERE record ->> 'kind' = ?"
            return int(store.sql(of_ours, ["unheard"]).to_pylist()[0]["n"])

        def ask() -> list[int]:
            return [kept() for _ in range(count)]

        with ThreadPoolExecutor(5) as pool:
            recording = pool.submit(record)
            asking = [pool.submit(ask) for _ in range(4)]
            recording.result(60)
            for each in asking:
                seen = each.result(60)
                assert seen == sorted(seen)
        assert kept() == count


def test_who_asked_before_records_were_taken_in_does_not_take_them_in_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path / "home") as store:
        fills: list[str] = []
        began, let = threading.Event(), threading.Event()
        fill = Projection._fill

        def slow(self: Projection, path: Path) -> int:
            fills.append(path.name)
            began.set()
            assert let.wait(20)
            return fill(self, path)

        monkeypatch.setattr(Projection, "_fill", slow)
        store.append([{"kind": "unheard"}])
        with ThreadPoolExecutor(4) as pool:
            first = pool.submit(store.ingest)
            assert began.wait(20)
            # What comes now, the first may not have seen.
            store.append([{"kind": "unheard"}])
            lock = _OF_THIS_PROCESS[str(store.home / "ingest.lock")]
            others = [pool.submit(store.query, "names") for _ in range(3)]
            deadline = time.monotonic() + 20
            while lock._to_write < 3:
                assert time.monotonic() < deadline
                time.sleep(0.002)
            let.set()
            first.result(30)
            for each in others:
                each.result(30)
        assert len(fills) == 2
        kept = "SELECT count(*) AS n FROM rec_other WHERE record ->> 'kind' = 'unheard'"
        assert store.sql(kept).to_pylist() == [{"n": 2}]

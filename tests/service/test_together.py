"""Questions that come while another one is being answered are asked as one."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from quantumflow_lab.service.together import Together

if TYPE_CHECKING:
    from collections.abc import Sequence


class Slow:
    """Doubles numbers, but not before it is let."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.began = threading.Event()
        self.let = threading.Event()

    def __call__(self, keys: Sequence[int]) -> dict[int, int]:
        self.asked.append(sorted(keys))
        self.began.set()
        assert self.let.wait(20)
        if 13 in keys:
            raise ValueError("no luck")
        return {key: 2 * key for key in keys}


def waiting(together: Together[int, int], count: int) -> None:
    deadline = time.monotonic() + 20
    while len(together._waiting) < count:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_who_comes_meanwhile_is_answered_with_the_others() -> None:
    slow = Slow()
    together = Together(slow)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(together.of, 1)
        assert slow.began.wait(20)
        # The first question again: what is being answered may be older than it.
        others = [pool.submit(together.of, key) for key in (1, 2, 3, 3, 2)]
        waiting(together, 3)
        slow.let.set()
        assert first.result(20) == 2
        assert [each.result(20) for each in others] == [2, 4, 6, 6, 4]
    assert slow.asked[0] == [1]
    # Late threads may ask once more; never one by one.
    assert slow.asked[1] == [1, 2, 3]
    assert len(slow.asked) <= 3


def test_an_error_is_heard_by_all_who_asked_and_by_nobody_after() -> None:
    slow = Slow()
    together = Together(slow)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(together.of, 1)
        assert slow.began.wait(20)
        others = [pool.submit(together.of, key) for key in (2, 13)]
        waiting(together, 2)
        slow.let.set()
        assert first.result(20) == 2
        for each in others:
            with pytest.raises(ValueError, match="no luck"):
                each.result(20)
    assert together.of(2) == 4

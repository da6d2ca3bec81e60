"""How long a job will wait for a device."""

from __future__ import annotations

import numpy as np
import pytest

from quantumflow_lab.planning.waits import Waited, forecast_wait

DAY = 86400.0


def test_nothing_known_is_nothing_said() -> None:
    assert forecast_wait([], now=0.0) is None


def test_one_job_says_little() -> None:
    wait = forecast_wait([Waited(100.0, 0.0)], now=60.0)
    assert wait is not None
    assert (wait.middle, wait.jobs, wait.hour) == (100.0, 1, False)
    assert wait.low < 60
    assert wait.high > 160


def test_the_interval_holds_what_it_says() -> None:
    """Of waits with one lognormal law, 80 % ± 5 over 40 histories of 60 jobs."""
    rng = np.random.default_rng(1)
    parts = []
    for _ in range(40):
        waits = np.exp(rng.normal(5, 1.0, 160))
        past = [Waited(w, -i * 600.0) for i, w in enumerate(waits[:60])]
        found = forecast_wait(past, now=0.0)
        assert found is not None
        parts.append(np.mean([found.low <= each <= found.high for each in waits[60:]]))
    assert float(np.mean(parts)) == pytest.approx(0.8, abs=0.05)


def test_recent_waits_count_more() -> None:
    old = [Waited(10.0, -40 * DAY - i) for i in range(12)]
    new = [Waited(1000.0, -i * 60.0) for i in range(12)]
    wait = forecast_wait([*new, *old], now=0.0)
    assert wait is not None
    assert wait.middle > 500
    # Whatever is old is better than nothing.
    only = forecast_wait(old, now=0.0)
    assert only is not None
    assert only.middle == pytest.approx(10.0)


def test_the_time_of_the_day_counts_where_there_is_enough() -> None:
    """Quiet nights, busy noons, for three weeks."""
    past = [
        Waited(3600.0 if hour == 12 else 60.0, -day * DAY + hour * 3600.0)
        for day in range(1, 22)
        for hour in (0, 12)
    ]
    night, noon = (forecast_wait(past, now) for now in (600.0, 12 * 3600.0))
    assert night is not None
    assert noon is not None
    assert night.hour
    assert night.middle < 100
    assert noon.middle > 3000
    few = forecast_wait(past[-20:], 600.0)
    assert few is not None
    assert not few.hour


def test_no_wait_at_all_stays_none() -> None:
    wait = forecast_wait([Waited(0.0, 0.0)] * 5, now=1.0)
    assert wait is not None
    assert (wait.low, wait.middle, wait.high) == (0.0, 0.0, 0.0)

"""The log of the compiled scheduler and of the one in Python are the same bytes."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantumflow_lab import _fallback
from quantumflow_lab.core import Events, ScheduleLog, Scheduler, replay_log
from quantumflow_lab.errors import SchedulerError

numbers = st.integers(-(2**63), 2**63 - 1)
batches = st.lists(st.tuples(numbers, st.lists(numbers, max_size=20)), max_size=6)


def written(kind: type, seed: int, told: list[tuple[int, list[int]]]) -> bytes:
    log = kind(seed)
    return b"".join(log.append(array("q", words), now) for now, words in told)


@given(numbers, batches)
def test_both_write_the_same_bytes(seed, told):
    ours = written(ScheduleLog, seed, told)
    assert ours == written(_fallback.ScheduleLog, seed, told)
    if told:
        assert replay_log(ours) == _fallback.replay_log(ours)


def test_a_log_gives_the_commands_again_and_leaves_out_a_torn_batch():
    scheduler, log = Scheduler(1), ScheduleLog(1)
    start = Events().lane(0, slots=1).run(0, seed=7)
    start.define_class(0, run=0, step=0, lane=0)
    start.define(run=0, cls=0, first=0, needs=[[], [0]]).seal(0)
    told = [(start, 0), (Events().done(0, 1), 10), (Events().done(1, 1), 20)]
    data = b"".join(log.append(events, now) for events, now in told)
    commands = [scheduler.handle(events, now) for events, now in told]
    for replay in (replay_log, _fallback.replay_log):
        assert replay(data) == commands
        assert replay(data[:-1]) == commands[:-1]


@pytest.mark.parametrize("replay", [replay_log, _fallback.replay_log])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "this is no log of a scheduler"),
        (b"PK\x03\x04", "this is no log of a scheduler"),
        (b"qflog\x09", "the log has version 9, this program reads 2"),
        (b"qflog\x02\x00\x00abcd", "the head of the log is cut short or damaged"),
        (b"qflog\x02\x80", "the head of the log is cut short or damaged"),
    ],
)
def test_what_is_no_log_is_refused(replay, data, message):
    with pytest.raises(SchedulerError, match=message):
        replay(data)


@given(st.binary(max_size=60))
def test_no_bytes_break_a_reader(data):
    answers = []
    for replay in (replay_log, _fallback.replay_log):
        try:
            answers.append(replay(b"qflog" + data))
        except SchedulerError as error:
            answers.append(error.message)
    assert answers[0] == answers[1]

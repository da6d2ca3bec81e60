"""Server-sent events mean the same however their bytes are cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from quantumflow_lab.remote.sse import Event, Parser

TEXT = st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8"), max_size=12)
LINES = st.lists(TEXT, min_size=1, max_size=3)
ENDS = st.sampled_from(["\n", "\r", "\r\n"])


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[Event]]:
    """Bytes of some events with all that may stand between them, and the events."""
    events, last, text = [], "", draw(st.sampled_from(["", "\ufeff"]))
    end = draw(ENDS)
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            text += f": {draw(TEXT)}{end}"
        if draw(st.booleans()):
            text += f"retry: 7{end}unknown: {draw(TEXT)}{end}"
        if draw(st.booleans()):
            last = draw(TEXT)
            text += f"id: {last}{end}"
        kind = draw(st.sampled_from(["snapshot", "end", ""]))
        text += f"event: {kind}{end}" if kind else ""
        data = draw(LINES)
        text += "".join(f"data: {line}{end}" for line in data) + end
        events.append(Event(kind or "message", "\n".join(data), last))
    return text.encode(), events


@given(streams(), st.lists(st.integers(0, 400), max_size=12))
def test_events_do_not_depend_on_where_the_bytes_are_cut(
    stream: tuple[bytes, list[Event]], cuts: list[int]
) -> None:
    data, events = stream
    parser, found = Parser(), []
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for first, last in pairwise(places):
        found += parser.feed(data[first:last])
    assert found == events


@given(streams())
def test_an_event_comes_as_soon_as_its_last_byte(
    stream: tuple[bytes, list[Event]],
) -> None:
    data, events = stream
    parser = Parser()
    found = [event for byte in data for event in parser.feed(bytes([byte]))]
    assert found == events


@given(st.binary(max_size=200), st.integers(0, 200))
def test_no_bytes_break_it(data: bytes, cut: int) -> None:
    whole, parts = Parser(), Parser()
    assert whole.feed(data) == parts.feed(data[:cut]) + parts.feed(data[cut:])


def test_an_id_with_a_nought_and_an_event_without_data_do_not_count() -> None:
    parser = Parser()
    text = b"id: 1\ndata: a\n\nid: 2\0\nevent: end\n\ndata\n\ndata: b"
    assert parser.feed(text) == [Event("message", "a", "1"), Event("message", "", "1")]
    assert parser.feed(b"\n\n") == [Event("message", "b", "1")]
    assert parser.retry_ms is None

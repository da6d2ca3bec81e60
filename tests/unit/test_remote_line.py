"""The line to a service: errors by slug, redirects, lost lines, words that arrive."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from quantumflow_lab import errors
from quantumflow_lab.errors import (
    BudgetReached,
    NoService,
    ServiceError,
    StepFailed,
    TokenRefused,
    UnknownBackend,
    UnknownRun,
    Where,
)
from quantumflow_lab.remote.address import Address
from quantumflow_lab.remote.data import RemoteData
from quantumflow_lab.remote.follow import Follower
from quantumflow_lab.remote.http import Connection, Lost
from quantumflow_lab.remote.order import Order, begin
from quantumflow_lab.remote.problems import (
    BY_SLUG,
    MEDIA,
    TYPE,
    problem_error,
    step_error,
)
from quantumflow_lab.remote.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = "qfl_0123456789ab_" + "s" * 43
RUN = "20261126-190318-1f2e3d4c"
STATUS = {
    "id": RUN,
    "name": "w",
    "seed": 1,
    "state": "running",
    "ended": False,
    "snapshot": {"name": "w", "run": RUN, "state": "running", "steps": []},
}
Said = tuple[int, dict[str, str], bytes]


class Script(ThreadingHTTPServer):
    """Answers each request with the next line of a script, and keeps what was asked."""

    def __init__(self) -> None:
        self.said: list[Said | None] = []
        """None breaks the line."""
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Script

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.command, self.path, headers, body))
        said = self.server.said.pop(0)
        if said is None:
            self.close_connection = True
            return
        status, more, data = said
        self.send_response(status)
        for name, value in {**more, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET  # noqa: N815  # as http.server wants it


@pytest.fixture
def script() -> Iterator[Script]:
    server = Script()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def line(script: Script) -> Connection:
    return Connection(Address.of(script.url), Secret(TOKEN))


def problem(status: int, slug: str, detail: str, **more: Any) -> Said:
    body = {"type": TYPE + slug, "status": status, "detail": detail, **more}
    return status, {"Content-Type": MEDIA}, json.dumps(body).encode()


def events(*said: tuple[str, str, Any]) -> Said:
    text = "".join(
        f"id: {i}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"
        for i, kind, data in said
    )
    return 200, {"Content-Type": "text/event-stream"}, text.encode()


def test_a_token_goes_to_the_address_that_was_typed_and_nowhere_else(
    script: Script, line: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    script.said = [(307, {"Location": "https://elsewhere.example.org/"}, b"")]
    with pytest.raises(NoService, match=r"sends on to https://elsewhere.*address that"):
        line.get("about")
    ((method, path, headers, _),) = script.asked
    assert (method, path) == ("GET", "/api/about")
    assert headers["authorization"] == f"Bearer {TOKEN}"


def test_parts_of_a_path_lead_nowhere_else(script: Script, line: Connection) -> None:
    script.said = [(200, {}, b"{}")]
    line.get("backends", "../../metrics?x=1", name="a&b=c")
    assert (
        script.asked[0][1] == "/api/backends/..%2F..%2Fmetrics%3Fx%3D1?name=a%26b%3Dc"
    )


def test_an_error_is_that_of_the_package_by_its_slug(
    script: Script, line: Connection
) -> None:
    script.said = [problem(404, "unknown-run", "there is no run x", run="x")]
    with pytest.raises(UnknownRun, match="there is no run x") as caught:
        line.get("runs", "x")
    assert caught.value.facts["run"] == "x"


@pytest.mark.parametrize("slug", sorted(BY_SLUG))
def test_every_slug_has_its_class(slug: str) -> None:
    said = problem(422, slug, "what was wrong; what to type")
    error = problem_error(said[0], MEDIA, said[2])
    assert type(error) is BY_SLUG[slug]
    assert error.message == "what was wrong; what to type"


def test_the_line_of_a_cell_is_that_of_the_notebook() -> None:
    said = problem(422, "unknown-name", "no 'x'", line=3, source="return x")
    where = Where("Cell In[7]", 2, "")
    error = problem_error(422, MEDIA, said[2], where=where)
    assert str(error) == "no 'x'\n  Cell In[7], line 4:  return x"


@pytest.mark.parametrize(
    ("said", "kind", "says"),
    [
        (problem(401, "no-token", "send"), TokenRefused, "does not know this token"),
        (problem(403, "no-scope", "lacks"), TokenRefused, "lacks"),
        (problem(413, "body-too-large", "at most 2 MB"), ServiceError, "in a step"),
        (problem(429, "busy", "64 runs go on"), ServiceError, "64 runs go on"),
        (problem(500, "internal", "failed", request_id="r-1"), ServiceError, "r-1"),
        ((404, {"Content-Type": "text/html"}, b"<html>"), NoService, "no lab answers"),
        ((200, {}, b"<html>"), NoService, "no lab answers there, but something"),
        ((502, {"Content-Type": "text/html"}, b""), Lost, "its proxy says 502"),
        (None, Lost, "does not answer"),
    ],
)
def test_other_answers_say_what_they_are(
    said: Said | None,
    kind: type[Exception],
    says: str,
    script: Script,
    line: Connection,
) -> None:
    script.said = [said]
    with pytest.raises(kind, match=says) as caught:
        line.post("quotes", body={}).json()
    assert TOKEN not in str(caught.value)


def test_who_asks_too_often_waits_as_long_as_it_is_told_to(
    script: Script, line: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("quantumflow_lab.remote.http.time.sleep", waited.append)
    status, headers, body = problem(429, "too-many-requests", "wait")
    script.said = [(status, {**headers, "Retry-After": "7"}, body), (200, {}, b"[]")]
    assert line.get("runs").json() == []
    assert waited == [7.0]


def test_nobody_there_is_said_with_what_to_look_at() -> None:
    nobody = Connection(Address.of("http://127.0.0.1:9"), Secret(TOKEN))
    with pytest.raises(NoService, match=r"Connection refused; is qflow serve running"):
        nobody.get("about")


def test_a_run_is_begun_once_however_often_the_line_breaks(
    script: Script, line: Connection
) -> None:
    script.said = [None, None, (202, {}, json.dumps(STATUS).encode())]
    waited: list[float] = []
    assert begin(line, {"name": "w"}, None, waited.append) == STATUS
    keys = {headers["idempotency-key"] for _, _, headers, _ in script.asked}
    assert (len(script.asked), len(keys), waited) == (3, 1, [0.5, 1.0])
    script.said = [problem(422, "unknown-backend", "no backend 'x'")]
    with pytest.raises(UnknownBackend):
        begin(line, {"name": "w"}, None, waited.append)


def test_who_never_answers_is_given_up(script: Script, line: Connection) -> None:
    script.said = [None] * 6
    with pytest.raises(Lost):
        begin(line, {"name": "w"}, None, lambda _: None)


def test_a_word_to_a_run_arrives_once_the_service_answers(
    script: Script, line: Connection
) -> None:
    script.said = [None, (202, {}, b"{}")]
    said: list[str] = []
    order = Order(line, RUN, "cancel", {"step": "a"}, said.append)
    order._send()
    assert "cancel is sent when it does" in said[0]
    assert [json.loads(body) for *_, body in script.asked] == [{"step": "a"}] * 2
    script.said = [problem(403, "no-scope", "token 'x' lacks the scope 'run'")]
    with pytest.raises(TokenRefused, match="lacks the scope 'run'"):
        Order(line, RUN, "cancel", {}, said.append).send()
    assert said[-1].startswith("the run was not told to cancel: token 'x'")


def followed(script: Script, line: Connection) -> tuple[RemoteData, list[str]]:
    """A run that was listened to until its end, and what its widget has said."""
    said: list[str] = []

    def follow(data: RemoteData) -> None:
        Follower(data, lambda _: said.append(data.view["message"])).run()

    data = RemoteData(line, STATUS, follow)
    data.listen()
    return data, said


def snapshot(done: int, **more: Any) -> dict[str, Any]:
    steps = [{"name": "a", "counts": {"done": done}, "total": 2}]
    return {**STATUS["snapshot"], "steps": steps, **more}  # type: ignore[dict-item]


def output(text: str) -> dict[str, str]:
    return {"step": "a", "mime": "text/plain", "data": text}


def test_a_stream_that_breaks_goes_on_behind_the_last_event(
    script: Script, line: Connection
) -> None:
    script.said = [
        events(
            ("live.1-0", "snapshot", snapshot(0)), ("live.1-1", "output", output("1"))
        ),
        None,
        events(("live.1-2", "output", output("2")), ("live.1-2", "bye", {})),
        events(
            ("live.2-0", "reset", {}),
            ("live.2-1", "output", output("2")),
            ("live.2-2", "output", output("1")),
            ("live.2-3", "output", output("1")),
            ("live.2-3", "snapshot", snapshot(2, state="done")),
            ("live.2-3", "end", {"state": "done"}),
        ),
    ]
    data, said = followed(script, line)
    assert [headers.get("last-event-id") for _, _, headers, _ in script.asked] == [
        None,
        "live.1-1",
        "live.1-1",
        "live.1-2",
    ]
    # All come again; those that were shown are not shown again.
    assert [each.data for each in data.outputs] == ["1", "2", "1"]
    assert [words.partition(";")[0] for words in said] == [
        "the service stops, or has restarted",
        f"{script.url} does not answer: Remote end closed connection without response",
        "the service stops, or has restarted",
    ]
    assert "the run goes on there, asking again in 0 s" in said[0] or "1 s" in said[0]
    assert (data.state, data.finished.done(), data.broken) == ("done", True, None)


def test_a_stream_that_is_refused_ends_the_watch(
    script: Script, line: Connection
) -> None:
    script.said = [problem(401, "no-token", "send")]
    data, said = followed(script, line)
    assert said == []
    assert isinstance(data.error, TokenRefused)
    assert data.view["message"] == str(data.error)
    assert data.finished.done()


def test_too_many_streams_are_waited_for(script: Script, line: Connection) -> None:
    status, headers, body = problem(429, "too-many-streams", "this token follows 16")
    script.said = [
        (status, {**headers, "Retry-After": "5"}, body),
        events(
            ("live.1-0", "snapshot", snapshot(2)),
            ("live.1-0", "end", {"state": "done"}),
        ),
    ]
    data, said = followed(script, line)
    assert said == ["this token follows 16; the run goes on there, asking again in 5 s"]
    assert data.state == "done"


def test_rubbish_on_a_stream_is_said(script: Script, line: Connection) -> None:
    script.said = [(200, {}, b"id: 1\nevent: snapshot\ndata: {\n\n")]
    data, _ = followed(script, line)
    assert str(data.broken) == "the service's events do not read"


def test_why_a_step_failed_is_our_own_error_where_there_is_one() -> None:
    ours = step_error(
        {"type": "BudgetReached", "message": "would pass 20 USD"}, "a", None
    )
    assert (type(ours), str(ours)) == (BudgetReached, "would pass 20 USD")
    theirs = step_error(
        {"type": "KeyError", "message": "'x'"}, "a", "Traceback …\nKeyError: 'x'"
    )
    assert type(theirs) is StepFailed
    assert str(theirs) == (
        "step 'a' failed on the service: KeyError: 'x'\n\nTraceback …\nKeyError: 'x'"
    )


def test_every_class_of_services_has_a_slug_of_its_own() -> None:
    kinds = [errors.ServiceError, *errors.ServiceError.__subclasses__()]
    mine = [kind for kind in kinds if kind.__module__ == errors.__name__]
    slugs = [kind.slug for kind in mine]
    assert len(set(slugs)) == len(slugs) == 6


def test_nobody_waits_for_a_thread_that_has_died(
    line: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("our own bug")

    monkeypatch.setattr(line, "stream", fail)
    data = RemoteData(line, STATUS, lambda _: None)
    sleep: Callable[[float], None] = fail
    Follower(data, sleep).run()
    assert "the run cannot be followed: RuntimeError('our own bug')" in str(data.error)

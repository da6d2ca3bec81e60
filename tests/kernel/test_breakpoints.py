"""A breakpoint that JupyterLab's debugger sets in a cell stops inside the step."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.kernel.driver import Kernel

CELL = """%%qflow look --show none
@qf.step
def text():
    a = 1
    b = a + 1
    return b
"""


class Debugger:
    """Speaks the debug protocol on a kernel's control channel."""

    def __init__(self, kernel: Kernel) -> None:
        self._client = kernel.client
        self._numbers = count(1)

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        content = {
            "type": "request",
            "seq": next(self._numbers),
            "command": command,
            "arguments": arguments,
        }
        message = self._client.session.msg("debug_request", content)
        self._client.control_channel.send(message)
        while True:
            reply = self._client.get_control_msg(timeout=30)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                return dict(reply["content"].get("body") or {})

    def stopped(self) -> int:
        """The thread that has come to a breakpoint."""
        while True:
            message = self._client.get_iopub_msg(timeout=30)
            if message["content"].get("event") == "stopped":
                return int(message["content"]["body"]["threadId"])


def test_a_breakpoint_stops_in_the_step_at_its_line(kernel: Kernel) -> None:
    debugger = Debugger(kernel)
    debugger.ask("initialize", clientID="test", adapterID="", pathFormat="path")
    debugger.ask("attach")
    file = debugger.ask("dumpCell", code=CELL)["sourcePath"]
    debugger.ask("setBreakpoints", breakpoints=[{"line": 5}], source={"path": file})
    debugger.ask("configurationDone")
    request = kernel.send(CELL)
    thread = debugger.stopped()
    top = debugger.ask("stackTrace", threadId=thread)["stackFrames"][0]
    assert (top["name"], top["line"], top["source"]["path"]) == ("text", 5, file)
    debugger.ask("continue", threadId=thread)
    assert kernel.collect(request).status == "ok"

"""A real ipykernel, driven over its own protocol as JupyterLab drives it."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from pathlib import Path

    from jupyter_client.blocking.client import BlockingKernelClient

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Cell:
    """What one request led to, in the order it came."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    reply: dict[str, Any] = field(default_factory=dict)
    sent: float = 0.0
    idle: float = 0.0
    """When the kernel said it was idle again, monotonic seconds."""

    @property
    def status(self) -> str:
        return str(self.reply.get("status"))

    @property
    def text(self) -> str:
        """Everything on stdout."""
        return self._stream("stdout")

    @property
    def stderr(self) -> str:
        return self._stream("stderr")

    @property
    def traceback(self) -> str:
        """The error as a person reads it, without colours; empty if there is none."""
        lines = self.of("error")[-1]["traceback"] if self.of("error") else []
        return _ANSI.sub("", "\n".join(lines))

    @property
    def displayed(self) -> dict[str, Any]:
        """Data of the last display, updates included."""
        shown = [
            m["content"]["data"]
            for m in self.messages
            if m["msg_type"]
            in ("display_data", "update_display_data", "execute_result")
        ]
        return dict(shown[-1]) if shown else {}

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Contents of the messages of one type."""
        return [m["content"] for m in self.messages if m["msg_type"] == kind]

    def _stream(self, name: str) -> str:
        return "".join(c["text"] for c in self.of("stream") if c["name"] == name)


class Kernel:
    """One kernel and its only client."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        self.others: list[dict[str, Any]] = []
        """Messages that belonged to no request that was collected at the time."""
        self.manager = KernelManager()
        self.manager.start_kernel(env=env, cwd=str(folder))
        self.client: BlockingKernelClient = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    @property
    def pid(self) -> int:
        assert self.manager.provisioner is not None
        return int(self.manager.provisioner.process.pid)  # type: ignore[attr-defined]  # of the local provisioner

    def send(self, code: str) -> str:
        """Ask for a cell to be run; the answer is for :meth:`collect`."""
        return str(self.client.execute(code, store_history=True))

    def collect(
        self,
        request: str,
        *,
        timeout: float = 60,
        seen: Callable[[dict[str, Any]], None] | None = None,
    ) -> Cell:
        """Read what a request leads to, until the kernel is idle.

        Parameters
        ----------
        seen
            Called with each message as it arrives.
        """
        cell = Cell(sent=time.monotonic())
        end = cell.sent + timeout
        while True:
            message = self._next(end)
            if message["parent_header"].get("msg_id") != request:
                self.others.append(message)
                continue
            cell.messages.append(message)
            if seen is not None:
                seen(message)
            if message["content"].get("execution_state") == "idle":
                cell.idle = time.monotonic()
                break
        while not cell.reply:
            reply = self.client.get_shell_msg(timeout=timeout)
            if reply["parent_header"].get("msg_id") == request:
                cell.reply = reply["content"]
        return cell

    def run(self, code: str, *, timeout: float = 60) -> Cell:
        """Run a cell to its end."""
        return self.collect(self.send(code), timeout=timeout)

    def interrupted(self, code: str, after: float) -> Cell:
        """A cell that is interrupted; ``sent`` is that moment."""
        moment: list[float] = []

        def press() -> None:
            moment.append(time.monotonic())
            self.interrupt()

        timer = threading.Timer(after, press)
        timer.start()
        cell = self.run(code)
        timer.join()
        cell.sent = moment[0]
        return cell

    def pressed(self, code: str, after: float, **message: Any) -> Cell:
        """A cell whose widget has a button pressed; ``sent`` is that moment."""
        moment: list[float] = []

        def press(comm: str) -> None:
            moment.append(time.monotonic())
            self.comm_message(comm, message)

        def seen(each: dict[str, Any]) -> None:
            state = each["content"].get("data", {}).get("state", {})
            if state.get("_view_module") == "anywidget":
                comm = each["content"]["comm_id"]
                threading.Timer(after, press, (comm,)).start()

        cell = self.collect(self.send(code), seen=seen)
        cell.sent = moment[0]
        return cell

    def value(self, expression: str) -> Any:
        """What an expression is worth, for plain values."""
        cell = self.run(f"print(repr(({expression})))")
        assert cell.status == "ok", cell.traceback
        return eval(cell.text)

    def late(self, request: str, seconds: float = 1.0) -> Cell:
        """What came of a request after its cell had ended, within some seconds."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            with suppress(Empty):
                self.others.append(dict(self.client.get_iopub_msg(timeout=left)))
        ours = [m for m in self.others if m["parent_header"].get("msg_id") == request]
        return Cell(ours)

    def comm_message(self, comm: str, content: dict[str, Any]) -> None:
        """What a widget in the browser sends when something is pressed."""
        data = {"method": "custom", "content": content}
        message = self.client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        self.client.shell_channel.send(message)

    def interrupt(self) -> None:
        """What the Interrupt button does; from any thread, unlike the manager's way."""
        os.killpg(os.getpgid(self.pid), signal.SIGINT)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def _next(self, end: float) -> dict[str, Any]:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the kernel did not become idle")
        try:
            return dict(self.client.get_iopub_msg(timeout=left))
        except Empty:
            raise TimeoutError("the kernel did not become idle") from None

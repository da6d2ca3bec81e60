"""The process of ``qflow serve``: it listens, and it leaves without losing a run.

On SIGTERM or Ctrl-C nothing new begins, ``/api/health/ready`` says no, and runs that go
on have some time to end. Those that do not are left as they are: unfinished, each step
that is done kept, jobs on devices going on. The next service takes them up.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import ssl
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from quantumflow_lab.errors import BadOption
from quantumflow_lab.lab import Lab
from quantumflow_lab.service.app import create_app
from quantumflow_lab.service.desk import Desk
from quantumflow_lab.service.logs import configure, log
from quantumflow_lab.service.settings import ServiceSettings
from quantumflow_lab.service.tokens import Made, TokenFile, make
from quantumflow_lab.settings import Settings

WORKERS = 2
"""Workers, unless the settings say otherwise: nobody waits for a new one when one dies,
nor for each job of others."""
CLOSING_S = 5
"""Seconds for requests that are being answered when the service stops."""


class Server(uvicorn.Server):
    """Serves until a signal, then drains; a second signal ends it at once.

    Parameters
    ----------
    config
        Of uvicorn.
    desk
        Whose runs are waited for.
    """

    def __init__(self, config: uvicorn.Config, desk: Desk) -> None:
        super().__init__(config)
        self._desk = desk
        self._drained: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain, or stop."""
        if self._drained is None and self.started:
            log.info("draining", signal=signal.Signals(sig).name)
            self._desk.draining.set()
            loop = asyncio.get_running_loop()
            self._drained = loop.create_task(self._drain())
            return
        self._stop()

    async def _drain(self) -> None:
        deadline = time.monotonic() + self._desk.settings.drain_seconds
        while self._desk.lab.live() and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        self._stop()

    def _stop(self) -> None:
        self._desk.leaving.set()
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, say where, and go on with what was left."""
        take_up = self._desk.settings.take_up
        if take_up:
            self._desk.settled.clear()
        await super().startup(sockets)
        if not self.started:
            return
        for server in self.servers:
            for listening in server.sockets:
                _say(listening.getsockname(), self.config.is_ssl)
        # Half a million objects of Qiskit that live as long as the process: to look at
        # them again would stop all requests for a tenth of a second. Before there are
        # runs, which would never be given back.
        gc.collect()
        gc.freeze()
        # Later than this, so that an address that is taken is told at once: processes
        # that start have to be waited for before one can leave.
        self._desk.lab.warm(WORKERS)
        threading.Thread(target=self._desk.warm, name="qflow-warm", daemon=True).start()
        if take_up:
            try:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(None, self._desk.take_up)
            finally:
                self._desk.settled.set()


def check(settings: ServiceSettings, tokens: TokenFile) -> None:
    """Refuse to serve what anybody could use or listen to.

    Raises
    ------
    BadOption
        With what to type first.
    """
    if (settings.certificate is None) != (settings.key is None):
        raise BadOption("TLS needs both --certificate FILE and --key FILE")
    if settings.certificate is not None and settings.key is not None:
        _check_certificate(settings.certificate, settings.key)
    if settings.on_loopback:
        return
    if not tokens.all():
        raise BadOption(
            f"{settings.host} can be reached by other machines, and there is no token: "
            "type qflow token create NAME --scope read --scope run first",
            option="host",
        )
    if settings.certificate is None and not settings.behind_proxy:
        raise BadOption(
            f"tokens would cross the network to {settings.host} in the clear: give "
            "--certificate FILE and --key FILE, or --behind-proxy if a proxy in front "
            "speaks TLS",
            option="host",
        )


def _check_certificate(certificate: Path, key: Path) -> None:
    try:
        ssl.create_default_context().load_cert_chain(certificate, key)
    except OSError as error:
        raise BadOption(
            f"no certificate and key are in {certificate} and {key}: "
            f"{error.strerror or error}; give PEM files that belong together",
            option="certificate",
        ) from error


def serve(settings: ServiceSettings) -> int:
    """Serve the lab of this process until it is told to stop; the exit status.

    Raises
    ------
    BadOption
        If it would be unsafe, or cannot listen.
    """
    chosen = Settings()
    workers = chosen.workers or WORKERS
    lab = Lab(settings=chosen.model_copy(update={"workers": workers}))
    try:
        return _serve(lab, settings)
    finally:
        lab.leave()


def _serve(lab: Lab, settings: ServiceSettings) -> int:
    tokens = TokenFile(lab.store.home)
    check(settings, tokens)
    if not tokens.all():
        scopes = ("read", "run", "metrics", *(["code"] if settings.allow_code else []))
        made = make("this-session", scopes, "never", now=time.time())
        tokens = TokenFile(lab.store.home, [made.token])
        _tell_token(made)
    try:
        handler = configure(settings)
    except OSError as error:
        raise BadOption(
            f"the log cannot be written to {settings.log_file}: {error.strerror}",
            option="log_file",
        ) from error
    app = create_app(lab, settings, tokens)
    server = Server(_config(app, settings), app.state.desk)
    try:
        server.run()
    except SystemExit:
        # What uvicorn says of an address that is taken went to the log.
        raise BadOption(
            f"cannot listen on {settings.host}:{settings.port}; choose another --port",
            option="port",
        ) from None
    finally:
        left = [run.id for run in lab.live()]
        log.info("stopped", left=left)
        handler.flush()
    return 0


def _config(app: FastAPI, settings: ServiceSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=settings.behind_proxy,
        forwarded_allow_ips=settings.proxies,
        limit_concurrency=settings.connections,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=CLOSING_S,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
        ws="none",
        h11_max_incomplete_event_size=32 * 1024,
    )


def _say(address: tuple[object, ...], tls: bool) -> None:
    host, port = address[0], address[1]
    shown = f"[{host}]" if ":" in str(host) else host
    url = f"http{'s' * tls}://{shown}:{port}"
    print(f"serving on {url}", file=sys.stderr, flush=True)
    log.info("serving", url=url)


def _tell_token(made: Made) -> None:
    """The only place that shows a secret: the terminal of who started the service."""
    print(
        "no token yet, so here is one for this session:\n"
        f"  {made.text}\n"
        "make others by qflow token create NAME --scope read --scope run",
        file=sys.stderr,
        flush=True,
    )

"""Which lab a notebook uses: that of its process, or that of a service."""

from __future__ import annotations

import threading
from collections.abc import Callable

from quantumflow_lab.lab import Lab
from quantumflow_lab.lab import lab as own
from quantumflow_lab.remote.address import Address
from quantumflow_lab.remote.http import Connection
from quantumflow_lab.remote.lab import RemoteLab
from quantumflow_lab.remote.secret import find_token
from quantumflow_lab.settings import Settings
from quantumflow_lab.store import find_home

_lock = threading.Lock()
_service: RemoteLab | None = None


def lab() -> Lab | RemoteLab:
    """The lab that cells run in: of the service if connected, else of this process."""
    return _service or own()


def service() -> RemoteLab | None:
    """The service that this process is connected to, if it is."""
    return _service


def connect(
    url: str,
    *,
    token: str | None = None,
    insecure: bool = False,
    ask: Callable[[], str] | None = None,
) -> RemoteLab:
    """Run ``%%qflow`` cells on a service from now on; see ``docs/howto``.

    Parameters
    ----------
    url
        Where ``qflow serve`` answers, such as ``https://lab.example.org``.
    token
        The token; by default that of ``QFLOW_TOKEN``, or of ``remote-tokens.json`` in
        the home. A token in the text of a cell is kept by the notebook's history.
    insecure
        Send the token in the clear, to another machine by plain HTTP.
    ask
        Asks a person for the token where it is found nowhere.

    Returns
    -------
    RemoteLab
        With ``run``, ``plan``, ``load``, ``resume`` and ``runs``, as ``qf.lab()`` has.

    Raises
    ------
    NoService
        If nothing answers there, or nothing that is a lab.
    InsecureService
        If the token would cross a network in the clear.
    TokenRefused
        If there is no token, or the service does not know it.
    ServiceDiffers
        If its version cannot exchange values with ours.
    """
    global _service  # one lab for a notebook is the point
    address = Address.of(url, insecure=insecure)
    settings = Settings()
    home = find_home(settings.home)
    found = find_token(address.url, home, given=token, ask=ask)
    remote = RemoteLab(Connection(address, found), settings)
    with _lock:
        _service = remote
    return remote


def disconnect() -> RemoteLab | None:
    """Use the lab of this process again; runs of the service go on there.

    Returns
    -------
    RemoteLab or None
        The service that was left.
    """
    global _service  # as above
    with _lock:
        left, _service = _service, None
    return left

"""Where a service is, and whether a token may be sent there."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from quantumflow_lab.errors import InsecureService, NoService

SUCH = "https://lab.example.org or http://localhost:8321"


@dataclass(frozen=True, slots=True)
class Address:
    """A service."""

    url: str
    """Without a slash at its end; it may have a path."""
    local: bool
    """Whether it is this machine."""

    @classmethod
    def of(cls, text: str, *, insecure: bool = False) -> Address:
        """Read what a person typed.

        Parameters
        ----------
        text
            A URL.
        insecure
            Send the token in the clear, to another machine by plain HTTP.

        Raises
        ------
        NoService
            If it is no URL of a service.
        InsecureService
            If the token would cross a network in the clear.

        Examples
        --------
        >>> Address.of("http://localhost:8321/").url
        'http://localhost:8321'
        """
        text = text.strip()
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise NoService(f"'{text}' is no address: {error}; write {SUCH}") from error
        if parts.username is not None or parts.password is not None:
            raise NoService(
                "an address has no user or password in it; give the token by "
                "QFLOW_TOKEN, or type it when you are asked"
            )
        if parts.scheme not in ("http", "https") or not host:
            near = f"http://{text}" if "://" not in text else SUCH
            raise NoService(f"'{text}' is no address of a service; write {near}")
        if parts.query or parts.fragment:
            raise NoService(f"an address ends before '?' and '#'; write {SUCH}")
        shown = f"[{host}]" if ":" in host else host
        where = shown if port is None else f"{shown}:{port}"
        local = is_loopback(host)
        if parts.scheme == "http" and not local and not insecure:
            raise InsecureService(
                f"your token would cross the network to {host} in the clear; write "
                f"https://{where}, or add --insecure if nobody else is on that network"
            )
        return cls(f"{parts.scheme}://{where}{parts.path.rstrip('/')}", local)


def is_loopback(host: str) -> bool:
    """Whether a name or number of a host is this machine.

    Examples
    --------
    >>> [is_loopback(h) for h in ("localhost", "127.0.0.2", "::1", "localhost.org")]
    [True, True, True, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"

"""Whether a scheduler of Dask answers at an address, asked with a deadline.

A client of Dask has deadlines for all but the greeting: at something that takes its
connection and stays silent it waits for minutes, and Ctrl-C does not reach it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import Future

from distributed import Client

GRACE_S = 1.0
"""Seconds in which Dask may say itself why it has no connection."""
CLOSE_S = 2.0
"""Seconds after which a client that does not close is left."""


def reach(address: str, seconds: float) -> None:
    """Connect to a scheduler once, and take leave.

    Parameters
    ----------
    address
        Where it is.
    seconds
        In which it has to answer.

    Raises
    ------
    OSError
        If nothing is there, or it says nothing in time.
    ValueError
        If it is no address, or what answers is no scheduler.
    """
    heard: Future[None] = Future()
    # In a thread, since the loop of this one may be running; who waits may leave.
    threading.Thread(
        target=_listen, args=(address, seconds, heard), name="qflow-reach", daemon=True
    ).start()
    heard.result()


def _listen(address: str, seconds: float, heard: Future[None]) -> None:
    try:
        asyncio.run(_greet(address, seconds))
    except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
        heard.set_exception(error)
    else:
        heard.set_result(None)


async def _greet(address: str, seconds: float) -> None:
    client = Client(address, timeout=seconds, asynchronous=True, set_as_default=False)
    try:
        await asyncio.wait_for(client, seconds + GRACE_S)
    except TimeoutError:
        raise TimeoutError(f"something is there, but silent for {seconds} s") from None
    except MemoryError:  # the first bytes are how many more there are
        raise ValueError("what is there speaks another protocol") from None
    finally:
        # Whatever that raises: what was raised before it is what tells.
        with contextlib.suppress(Exception):
            await asyncio.wait_for(client.close(), CLOSE_S)

"""A client of Dask, and the few things that are asked of it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from distributed import Client, Future

from quantumflow_lab.cluster.versions import PACKAGES, Verdict, judge

_LARGE = 1 << 20
"""Bytes from which on a parcel goes straight to its worker, not through the graph."""
PATIENCE_S = 30

_log = logging.getLogger(__name__)


class Link:
    """What the executor asks of Dask; every call may raise ``Exception``.

    Parameters
    ----------
    client
        A client that is not asynchronous.
    own
        Whether to close it in the end.
    """

    def __init__(self, client: Client, *, own: bool):
        self.client = client
        self._own = own

    @property
    def address(self) -> str:
        """Where the scheduler is."""
        scheduler = self.client.scheduler
        return str(scheduler.address) if scheduler is not None else "nowhere"

    @property
    def alive(self) -> bool:
        """Whether the client has not been closed, or has lost its scheduler."""
        return str(self.client.status) in ("running", "connecting")

    @property
    def connected(self) -> bool:
        """Whether it has its scheduler now, and need not look for it for a minute."""
        return str(self.client.status) == "running"

    def workers(self) -> dict[str, int]:
        """Threads of each worker there is now, by address."""
        return dict(self.client.nthreads())

    def verdicts(self) -> dict[str, Verdict]:
        """How the versions of each worker compare with ours."""
        found: Any = self.client.get_versions(packages=list(PACKAGES))
        ours = found["client"]["packages"]
        return {
            address: judge(ours, each["packages"])
            for address, each in found["workers"].items()
        }

    def submit(
        self, function: Callable[[bytes], bytes], data: bytes, address: str, key: str
    ) -> Future[bytes]:
        """Run a function on one worker and no other, once."""
        argument: Any = data
        if len(data) > _LARGE:
            argument = self.client.scatter(data, workers=[address], hash=False)
        return self.client.submit(
            function,
            argument,
            key=key,
            workers=[address],
            allow_other_workers=False,
            pure=False,
            retries=0,
        )

    def results(self, futures: Sequence[Future[bytes]]) -> list[bytes | Exception]:
        """Values of futures that have ended, or why there is none."""
        done = [future for future in futures if future.status == "finished"]
        values: dict[Any, bytes | Exception] = {}
        with contextlib.suppress(Exception):  # then each for itself, with its reason
            found = self.client.gather(done, errors="raise")
            values = {f.key: v for f, v in zip(done, found, strict=True)}
        return [
            values[future.key] if future.key in values else self._one(future)
            for future in futures
        ]

    def _one(self, future: Future[bytes]) -> bytes | Exception:
        try:
            value: bytes = future.result(timeout=PATIENCE_S)
        except Exception as error:  # noqa: BLE001 - a worker, or its network, is gone
            return error
        except BaseException as error:  # noqa: BLE001 - Dask's cancellation is none
            return RuntimeError(f"{type(error).__name__}: {error}")
        return value

    def tell(
        self,
        function: Callable[..., Coroutine[Any, Any, None]],
        sender: int,
        what: list[Any],
        address: str,
    ) -> None:
        """Call a function on the loop of a worker, beside what its threads do.

        It has to be a coroutine: only for these Dask need not wait.
        """
        self.client.run(
            function, sender, what, workers=[address], on_error="ignore", wait=False
        )

    def cancel(self, futures: Sequence[Future[bytes]]) -> None:
        """Forget futures; whoever waits for them is woken."""
        self.client.cancel(list(futures))

    def close(self) -> None:
        """Close the client, if it is ours."""
        if self._own:
            try:
                self.client.close(timeout=2)
            except Exception:  # noqa: BLE001 - the scheduler may be gone
                _log.debug("the client did not close in order", exc_info=True)

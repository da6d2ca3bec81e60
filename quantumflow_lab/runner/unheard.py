"""Sessions that their provider was asked for, and nobody heard of what came of it.

A session is known to its provider by an id that only the answer tells, and none lists
those that there are, so that a lab cannot close one whose answer it has not heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def unheard(row: Mapping[str, Any], now: float) -> str | None:
    """What to tell a person of a session that may be open; None if none is by now.

    Parameters
    ----------
    row
        ``mode``, ``backend``, ``opened`` and ``most_s`` of it.
    now
        Seconds since the epoch.

    Examples
    --------
    A batch has no bill of its own, so that nobody needs to look for one:

    >>> asked = {"mode": "batch", "backend": "ibm", "opened": 0.0, "most_s": None}
    >>> unheard(asked, 1.0) is None
    True
    """
    mode, backend, most_s = row["mode"], row["backend"], row["most_s"]
    if mode == "batch" or (most_s is not None and now >= row["opened"] + most_s):
        return None
    asked = datetime.fromtimestamp(row["opened"]).astimezone()
    return (
        f"a {mode} may be open on '{backend}' since {asked:%Y-%m-%d %H:%M:%S %z}: its "
        "provider was asked to open it, and no answer was heard. It counts as the most "
        "that it may cost. Look for one of that time among the workloads that the "
        "provider shows you, and close it there, or type "
        f"qf.lab().backends.close_session('{backend}', '{mode}', ID)"
    )

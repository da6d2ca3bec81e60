"""Ask the service of this container whether it lives; the exit status says so.

It knows where to ask from the settings of the service, and needs nothing but Python.
"""

from __future__ import annotations

import os
import ssl
import sys
from http.client import HTTPConnection, HTTPException, HTTPSConnection

PATH = "/api/health/live"
SECONDS = 4.0


def host_header(hosts: str) -> str:
    """A name that the service answers to: the first one that is no pattern."""
    names = [each.strip() for each in hosts.split(",")]
    return next((each for each in names if each and "*" not in each), "localhost")


def main() -> int:
    """0 if the service answers with 200."""
    port = int(os.environ.get("QFLOW_SERVICE_PORT", "8321"))
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    if os.environ.get("QFLOW_SERVICE_CERTIFICATE"):
        # The certificate is for a name that others use; this asks its own process.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = HTTPSConnection(
            "127.0.0.1", port, timeout=SECONDS, context=context
        )
    host = host_header(os.environ.get("QFLOW_SERVICE_HOSTS", ""))
    try:
        connection.request("GET", PATH, headers={"Host": host})
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        print(f"no answer on port {port}: {error}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    if status != 200:
        print(f"{PATH} answers {status}", file=sys.stderr)
    return int(status != 200)


if __name__ == "__main__":
    sys.exit(main())

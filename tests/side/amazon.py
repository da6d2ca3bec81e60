"""Amazon's SDK in its own environment, told what to do line by line.

Started by its interpreter, so that several tests share one import of the SDK.
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Carry out each line of the standard input, and say what it called ``said``."""
    for line in sys.stdin:
        names: dict[str, object] = {}
        try:
            exec(json.loads(line), names)
            told = {"said": names["said"]}
        except Exception as error:  # noqa: BLE001 - it is what the test looks at
            told = {"said": [type(error).__name__, str(error)]}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()

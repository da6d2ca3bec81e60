"""`qflow emulate`: the lines it prints work, and Ctrl-C ends it."""

from __future__ import annotations

import signal
import subprocess
import sys

QFLOW = [sys.executable, "-m", "quantumflow_lab.cli", "emulate", "ibm"]


def test_the_printed_lines_lead_to_the_device_until_ctrl_c() -> None:
    with subprocess.Popen(QFLOW, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = []
        while not (printed and printed[-1].startswith("device =")):
            line = process.stdout.readline()
            assert line, printed
            printed.append(line)
        typed = subprocess.run(
            [sys.executable, "-c", "".join([*printed, "print(device.num_qubits)"])],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert typed.stdout == "5\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0


def test_a_misspelt_fault_is_answered_with_those_there_are() -> None:
    done = subprocess.run(
        [*QFLOW, "--fault", "drop"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("MagicLineError: unknown fault drop; there are 429, ")

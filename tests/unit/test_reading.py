"""Circuits from OpenQASM and QPY: what is read, and how each fault is answered."""

from __future__ import annotations

import io
import math
import os
import pickle
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from qiskit import QuantumCircuit, qasm3, qpy
from qiskit.circuit import Parameter
from qiskit.circuit.library import quantum_volume
from qiskit.qpy import binary_io
from qiskit.quantum_info import Operator

import quantumflow_lab as qf
from quantumflow_lab import Lab, errors, reading
from quantumflow_lab.errors import (
    BadCircuitData,
    BadCircuitText,
    CircuitSourceError,
    CircuitTooLarge,
    ForbiddenInclude,
    NoCircuitFile,
    ParserLost,
    SeveralCircuits,
)
from quantumflow_lab.sources.limits import Limits
from quantumflow_lab.workers import parser

OLD = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2];\ncreg c[2];\n'
NEW = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[2] c;\n'
PAIR = "h q[0];\ncx q[0], q[1];\n"


def pair() -> QuantumCircuit:
    circuit = QuantumCircuit(2, name="pair")
    circuit.h(0)
    circuit.cx(0, 1)
    return circuit


def packed(*circuits: QuantumCircuit, version: int | None = None) -> bytes:
    out = io.BytesIO()
    qpy.dump(list(circuits), out, version=version)
    return out.getvalue()


def message(source: str | bytes | Path, **options: str) -> str:
    with pytest.raises(CircuitSourceError) as caught:
        qf.read_circuit(source, **options)
    return f"{type(caught.value).__name__}: {caught.value}"


@pytest.mark.parametrize(
    "source",
    [
        OLD + PAIR,
        NEW + PAIR,
        (OLD + PAIR).encode(),
        (NEW + PAIR).encode(),
        packed(pair()),
    ],
    ids=["qasm2", "qasm3", "qasm2 bytes", "qasm3 bytes", "qpy"],
)
def test_text_and_bytes_are_told_apart_by_content(source: str | bytes) -> None:
    found = qf.read_circuit(source)
    assert Operator(found) == Operator(pair())


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.qasm", OLD + PAIR), ("a.txt", NEW + PAIR), ("a", packed(pair()))],
)
def test_a_file_may_have_any_name(
    tmp_path: Path, name: str, content: str | bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert Operator(qf.read_circuit(path)) == Operator(pair())
    assert Operator(qf.read_circuit(str(path))) == Operator(pair())


def test_a_circuit_is_named_after_its_file(tmp_path: Path) -> None:
    (tmp_path / "bell.qasm").write_text(OLD + PAIR)
    (tmp_path / "stored.qpy").write_bytes(packed(pair()))
    assert qf.read_circuit(tmp_path / "bell.qasm").name == "bell"
    assert qf.read_circuit(tmp_path / "stored.qpy").name == "pair"


@pytest.mark.parametrize(
    "before", ["\ufeff", "\n\n", "// bell\n", "/* a\n b */ ", "\r\n// x\r\n"]
)
def test_comments_blanks_and_a_mark_may_stand_before_the_header(before: str) -> None:
    assert qf.read_circuit(before + NEW + PAIR).num_qubits == 2


def test_a_format_can_be_said() -> None:
    headless = 'include "stdgates.inc";\nqubit[2] q;\nh q[0];\n'
    assert qf.read_circuit(headless, format="qasm3").count_ops() == {"h": 1}


def test_gates_that_qiskit_writes_beside_the_standard_ones_are_known() -> None:
    found = qf.read_circuit(OLD + "rxx(0.25) q[0], q[1];\nsx q[0];\np(0.5) q[1];\n")
    expected = QuantumCircuit(2)
    expected.rxx(0.25, 0, 1)
    expected.sx(0)
    expected.p(0.5, 1)
    assert Operator(found) == Operator(expected)


def test_angles_of_an_openqasm_3_gate_keep_their_order() -> None:
    text = NEW + "gate turn(b, a) k { rx(b) k; rz(a) k; }\nturn(1, 2) q[0];\n"
    expected = QuantumCircuit(2)
    expected.rx(1, 0)
    expected.rz(2, 0)
    assert Operator(qf.read_circuit(text)) == Operator(expected)


def test_an_input_becomes_a_parameter() -> None:
    found = qf.read_circuit(NEW + "input float theta;\nrx(theta / 2) q[0];\n")
    assert [each.name for each in found.parameters] == ["theta"]
    bound = found.assign_parameters({"theta": math.pi})
    expected = QuantumCircuit(2)
    expected.rx(math.pi / 2, 0)
    assert Operator(bound) == Operator(expected)


def test_control_flow_and_delays_survive() -> None:
    text = NEW + (
        "c[0] = measure q[0];\nif (c[0]) { x q[1]; }\n"
        "for int i in [0:3] { h q[0]; }\ndelay[100ns] q[0];\n"
    )
    found = qf.read_circuit(text)
    assert dict(found.count_ops()) == {
        "measure": 1,
        "if_else": 1,
        "for_loop": 1,
        "delay": 1,
    }


def test_a_parameter_of_a_stored_circuit_is_the_same_parameter() -> None:
    theta = Parameter("theta")
    circuit = QuantumCircuit(1)
    circuit.rx(2 * theta, 0)
    assert qf.read_circuit(packed(circuit)).parameters == {theta}


@pytest.mark.parametrize("version", range(13, 19))
def test_every_qpy_version_that_qiskit_writes_is_read(version: int) -> None:
    theta = Parameter("theta")
    circuit = pair()
    circuit.rz(theta**2 + 1, 0)
    assert qf.read_circuit(packed(circuit, version=version)) == circuit


def test_a_file_of_an_older_qiskit_is_read() -> None:
    circuit = pair()
    circuit.rx(Parameter("theta"), 0)
    out = io.BytesIO(struct.pack("!6sBBBBQcc", b"QISKIT", 12, 1, 0, 0, 1, b"p", b"q"))
    out.seek(0, io.SEEK_END)
    binary_io.write_circuit(out, circuit, version=12, use_rust=False)
    assert qf.read_circuit(out.getvalue()) == circuit


def test_a_process_that_does_not_start_says_how_to_see_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parser, "_MODULE", "quantumflow_lab.workers.nothing")
    lost = parser.CircuitParser()
    with pytest.raises(ParserLost, match=r"does not start \(status 1\); see why with"):
        lost.read(NEW.encode(), "qasm3", "the text", Limits())
    assert lost.pid is None


def test_several_circuits_are_read_by_the_other_function() -> None:
    several = packed(pair(), QuantumCircuit(3, name="three"))
    assert [each.num_qubits for each in qf.read_circuits(several)] == [2, 3]
    assert message(several) == (
        "SeveralCircuits: the data holds 2 circuits ('pair', 'three');"
        " read them all with qf.read_circuits(...)"
    )


def test_a_file_of_no_circuit_says_so() -> None:
    with pytest.raises(SeveralCircuits, match="holds 0 circuits; read them all with"):
        qf.read_circuit(packed())
    assert qf.read_circuits(packed()) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            OLD + "hh q[0];",
            (
                "BadCircuitText: 'hh' is not defined; did you mean 'h'?\n"
                "  the text, line 5, column 1:  hh q[0];"
            ),
        ),
        (
            NEW + "h q[0];\n  ccz q[0], q[1];",
            (
                "BadCircuitText: 'ccz' is not defined; did you mean 'cz'?\n"
                "  the text, line 6, column 3:  ccz q[0], q[1];"
            ),
        ),
        (
            OLD + "h q[0]\ncx q[0], q[1];",
            (
                "BadCircuitText: line 5 does not end with ';'; write h q[0];\n"
                "  the text, line 5, column 7:  h q[0]"
            ),
        ),
        (
            NEW + "h q[0]  // first\n\ncx q[0], q[1];",
            (
                "BadCircuitText: line 5 does not end with ';'; write h q[0];\n"
                "  the text, line 5, column 7:  h q[0]  // first"
            ),
        ),
        (
            NEW + "h q[0]",
            (
                "BadCircuitText: line 5 does not end with ';'; write h q[0];\n"
                "  the text, line 5, column 7:  h q[0]"
            ),
        ),
        (
            OLD + "h q[0]",
            (
                "BadCircuitText: line 5 does not end with ';'; write h q[0];\n"
                "  the text, line 5, column 7:  h q[0]"
            ),
        ),
        (
            "OPENQASM 2.0;\nqreg q[1];\nh q[0];",
            (
                "BadCircuitText: gate 'h' is not defined without the standard gates;"
                ' write include "qelib1.inc"; below the first line\n'
                "  the text, line 3, column 1:  h q[0];"
            ),
        ),
        (
            "OPENQASM 3.0;\nqubit q;\nh q;",
            (
                "BadCircuitText: gate 'h' is not defined without the standard gates;"
                ' write include "stdgates.inc"; below the first line\n'
                "  the text, line 3, column 1:  h q;"
            ),
        ),
        (
            OLD + "h qq[0];",
            (
                "BadCircuitText: 'qq' is not defined; did you mean 'q'?\n"
                "  the text, line 5, column 3:  h qq[0];"
            ),
        ),
        (
            NEW + "h qq[0];",
            (
                "BadCircuitText: 'qq' is not defined; did you mean 'q'?\n"
                "  the text, line 5, column 3:  h qq[0];"
            ),
        ),
        (
            OLD + "h q[5];",
            (
                "BadCircuitText: index 5 is out-of-range for register 'q' of size 2\n"
                "  the text, line 5, column 5:  h q[5];"
            ),
        ),
        (
            NEW + "h q[5];",
            (
                "BadCircuitText: index out of range\n"
                "  the text, line 5, column 1:  h q[5];"
            ),
        ),
        (
            OLD + "rx q[0];",
            (
                "BadCircuitText: gate 'rx' has the wrong number of angles: missing 1"
                " required positional argument: 'theta'\n"
                "  the text, line 5, column 1:  rx q[0];"
            ),
        ),
        (
            NEW + "rx q[0];",
            (
                "BadCircuitText: gate 'rx' takes 1 angle, but got 0\n"
                "  the text, line 5, column 1:  rx q[0];"
            ),
        ),
        (
            NEW + "cx q[0];",
            (
                "BadCircuitText: gate 'cx' takes 2 qubits, but got 1\n"
                "  the text, line 5, column 1:  cx q[0];"
            ),
        ),
        (
            NEW + "def f() { }",
            (
                "BadCircuitText: Qiskit has no subroutine definition; write the program"
                " without it\n  the text, line 5, column 1:  def f() { }"
            ),
        ),
        (
            NEW + "rx(pi q[0];",
            (
                "BadCircuitText: 'q' does not fit here\n"
                "  the text, line 5, column 7:  rx(pi q[0];"
            ),
        ),
        (
            NEW + "if (c[0]) {\nx q[0];\n",
            (
                "BadCircuitText: the text ends in the middle of a statement\n"
                "  the text, line 7, column 1"
            ),
        ),
        (
            OLD + "rx(1e999) q[0];",
            "BadCircuitText: gate 'rx' has an angle of inf; write a finite one",
        ),
        (
            OLD + 'include "../secret.inc";',
            (
                "ForbiddenInclude: include '../secret.inc' is not read, only"
                " 'qelib1.inc' is; put the gate definitions into this text\n"
                '  the text, line 5, column 1:  include "../secret.inc";'
            ),
        ),
        (
            "OPENQASM 4;",
            (
                "UnknownCircuitFormat: the text is OpenQASM 4, which nothing here"
                " reads; write it as OpenQASM 3.0"
            ),
        ),
        (
            "h q[0];",
            (
                "UnknownCircuitFormat: the text is neither OpenQASM nor QPY: it begins"
                " with 'h q[0];'; begin text with 'OPENQASM 3.0;' or 'OPENQASM 2.0;',"
                " or say format='qasm3', 'qasm2' or 'qpy'"
            ),
        ),
        (
            b"QISKIT",
            "BadCircuitData: the QPY ends within its header; copy the file again",
        ),
        (
            b"QISKIT\x63" + bytes(20),
            (
                "BadCircuitData: QPY version 99 is newer than 18, the newest that this"
                " Qiskit reads; pip install -U qiskit, or write it with qpy.dump(...,"
                " version=18)"
            ),
        ),
        (
            b"QISKIT\x0c" + bytes(11) + b"e" + bytes(9),
            (
                "BadCircuitData: this QPY of version 12 keeps its expressions with"
                " symengine, which may hold code; write it with qpy.dump(...,"
                " use_symengine=False)"
            ),
        ),
        (
            (NEW + "h q[0]; // ").encode() + b"\xff",
            (
                "BadCircuitText: line 5 of the data is not UTF-8 text; save the file as"
                " UTF-8"
            ),
        ),
    ],
)
def test_a_fault_is_answered_with_its_place_and_what_to_type(
    source: str | bytes, expected: str
) -> None:
    assert message(source) == expected


def test_an_error_in_a_file_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "bell.qasm").write_text(OLD + "hh q[0];")
    assert message(tmp_path / "bell.qasm").endswith(
        "\n  bell.qasm, line 5, column 1:  hh q[0];"
    )


def test_a_missing_file_is_answered_with_the_nearest_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bell.qasm").touch()
    assert message("bel.qasm") == (
        f"NoCircuitFile: there is no file 'bel.qasm' in {tmp_path};"
        " did you mean 'bell.qasm'?"
    )
    assert message(str(tmp_path)) == (
        f"NoCircuitFile: {tmp_path} is no file; name a file"
    )
    assert message("a\0b.qasm") == (
        "NoCircuitFile: 'a\\x00b.qasm' does not open: embedded null byte"
    )


def test_a_device_or_a_pipe_is_no_source(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.qasm")
    for path in (Path("/dev/zero"), tmp_path / "pipe.qasm"):
        with pytest.raises(NoCircuitFile, match="is no file"):
            qf.read_circuit(path)


def test_what_is_no_source_at_all_is_refused() -> None:
    assert message(7) == (  # type: ignore[arg-type]
        "UnknownCircuitFormat: a int is no source of a circuit; give a path, text or"
        " bytes"
    )
    assert message(NEW, format="qasm") == (
        "UnknownCircuitFormat: there is no format 'qasm'; did you mean 'qasm3'?"
    )
    assert message(pickle.dumps(pair())).startswith("UnknownCircuitFormat: the data is")


@pytest.mark.parametrize(
    ("setting", "value", "source", "what"),
    [
        ("BYTES", "50", NEW + PAIR, "bytes"),
        ("QUBITS", "1", NEW + PAIR, "qubits"),
        ("QUBITS", "1", packed(pair()), "qubits"),
        ("CLBITS", "1", NEW + PAIR, "clbits"),
        ("INSTRUCTIONS", "2", NEW + PAIR + PAIR, "instructions"),
        ("INSTRUCTIONS", "2", packed(pair(), pair()), "instructions"),
    ],
)
def test_each_limit_is_a_setting(
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: str,
    source: str | bytes,
    what: str,
) -> None:
    monkeypatch.setenv(f"QFLOW_PARSE_{setting}", value)
    with pytest.raises(CircuitTooLarge, match=f"raise QFLOW_PARSE_{setting}") as caught:
        qf.read_circuit(source)
    assert caught.value.facts == {"what": what, "limit": int(value)}


def test_definitions_and_loops_count_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QFLOW_PARSE_INSTRUCTIONS", "24")
    gate = NEW + "gate two k { x k; x k; }\n"
    # The circuit itself, two gates twice, a loop and nine rounds of two.
    fits = gate + "two q[0]; two q[1]; for int i in [0:8] { two q[0]; }\n"
    assert qf.read_circuit(fits).num_qubits == 2
    with pytest.raises(CircuitTooLarge, match="more than 24 instructions once"):
        qf.read_circuit(fits + "x q[0];")


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x.inc", "file:///x", "https://x.org/x.inc", "x.inc", ""]
)
@pytest.mark.parametrize("head", [OLD, NEW])
def test_no_other_file_is_ever_included(tmp_path: Path, head: str, name: str) -> None:
    (tmp_path / "x.inc").write_text("gate mine a { }")
    (tmp_path / "main.qasm").write_text(f'{head}/* */ include\n "{name}";')
    with pytest.raises(ForbiddenInclude) as caught:
        qf.read_circuit(tmp_path / "main.qasm")
    assert caught.value.facts["include"] == name


def test_an_include_in_a_comment_is_none() -> None:
    assert qf.read_circuit(NEW + '// include "/etc/passwd";\n' + PAIR).num_qubits == 2


def test_the_child_is_used_again_and_ends_when_a_limit_is_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    qf.read_circuit(NEW + PAIR)
    first = reading._parser.pid
    with pytest.raises(BadCircuitText):
        qf.read_circuit(NEW + "hh q[0];")
    qf.read_circuit(OLD + PAIR)
    assert reading._parser.pid == first
    monkeypatch.setenv("QFLOW_PARSE_SECONDS", "0.2")
    with pytest.raises(CircuitTooLarge, match=r"takes more than 0\.2 s"):
        qf.read_circuit(NEW + "x q[0];\n" * 200_000)
    assert reading._parser.pid is None
    assert first is not None
    assert not alive(first)


def test_a_child_that_dies_meanwhile_is_replaced() -> None:
    qf.read_circuit(NEW + PAIR)
    child = reading._parser._child
    assert child is not None
    child.process.kill()
    child.process.wait()
    assert qf.read_circuit(NEW + PAIR).num_qubits == 2


def test_a_child_that_dies_on_a_source_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    qf.read_circuit(NEW + PAIR)
    child = reading._parser._child
    assert child is not None
    ask = child.ask

    def dying(*arguments: object) -> object:
        child.process.kill()
        child.process.wait()
        return ask(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(child, "ask", dying)
    with pytest.raises(ParserLost, match=r"died on the text \(signal 9\)"):
        qf.read_circuit(NEW + PAIR)
    assert reading._parser.pid is None


PROBES = {
    "open a file": "open('/etc/passwd')",
    "list a folder": "__import__('os').listdir('/')",
    "write a file": "__import__('os').open('/tmp/qflow-probe', 65)",
    "open a socket": "__import__('socket').socket()",
    "start a process": "__import__('subprocess').run(['true'])",
}


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_the_locked_up_process_can_open_nothing(probe: str) -> None:
    code = (
        "import os, socket, subprocess\n"
        "from quantumflow_lab.workers.parse import lock_up\n"
        "lock_up(64)\n"
        f"try: {probe}\n"
        "except OSError as error: os.write(1, error.strerror.encode())\n"
        "os._exit(0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    assert done.stdout == b"Too many open files"


def test_the_child_ends_with_its_kernel() -> None:
    code = (
        "import os, sys\n"
        "import quantumflow_lab as qf\n"
        "from quantumflow_lab import reading\n"
        "qf.read_circuit('OPENQASM 3.0; qubit q;')\n"
        "print(reading._parser.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE)
    pid = int(done.stdout)
    assert eventually(lambda: not alive(pid))


def test_a_cell_reads_a_circuit_in_a_step_and_takes_one_from_the_notebook(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bell.qasm").write_text(OLD + PAIR + "measure q -> c;\n")
    cell = """
    @qf.circuit
    def bell():
        return qf.read_circuit("bell.qasm")

    @qf.sample
    def counts(bell):
        return [bell, given]
    """
    given = qf.read_circuit(NEW + "x q[0];\nc = measure q;\n")
    run = lab.run(dedent(cell), name="read", inputs={"given": given}, seed=3)
    first, second = run["counts"]
    assert first.data.c.get_counts().keys() == {"00", "11"}
    assert second.data.c.get_counts() == {"01": 1024}


def test_an_error_in_a_step_says_what_is_wrong_with_the_file(
    lab: Lab, tmp_path: Path
) -> None:
    (tmp_path / "bell.qasm").write_text(OLD + "hh q[0];")
    cell = f"""
    @qf.circuit
    def bell():
        return qf.read_circuit({str(tmp_path / "bell.qasm")!r})
    """
    with pytest.raises(errors.StepFailed, match="'hh' is not defined"):
        lab.run(dedent(cell), name="misread")["bell"]


def test_every_error_of_a_source_keeps_its_place_over_a_pickle() -> None:
    with pytest.raises(BadCircuitText) as caught:
        qf.read_circuit(NEW + "hh q[0];")
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert (again.where.line, again.where.column) == (5, 1)


def test_gates_that_qiskit_defines_in_the_text_read_back() -> None:
    circuit = quantum_volume(4, 3, seed=5)
    found = qf.read_circuit(qasm3.dumps(circuit))
    # Qiskit writes gate definitions without their global phase.
    assert Operator(found).equiv(Operator(circuit))


def test_damaged_qpy_says_to_write_it_again() -> None:
    with pytest.raises(BadCircuitData, match=r"write it again with qiskit\.qpy\.dump"):
        qf.read_circuit(packed(pair())[:-9])


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return False

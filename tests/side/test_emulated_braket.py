"""Amazon's own SDK against the emulated service: what it finds, sends and reads."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit.quantum_info import Operator

from quantumflow_lab.emulate.braket_programs import (
    GATES,
    PLAIN,
    Refused,
    read_program,
)
from quantumflow_lab.emulate.faults import BRAKET_FAULTS

QPU = """
from braket.aws import AwsDevice
from braket.circuits import Circuit
device = AwsDevice("arn:aws:braket:eu-north-1::device/qpu/iqm/Emulated")
"""
SV1 = QPU.replace("eu-north-1::", "::").replace(
    "qpu/iqm/Emulated", "quantum-simulator/amazon/sv1"
)
# A Bell pair on qubits 0 and 1, a one on qubit 2, and the bits crossed.
CROSSED = """
circuit = Circuit().h(0).cnot(0, 1).x(2).measure([1, 2, 0])
"""
COUNTS = "said = dict(device.run(circuit, shots=1000).result().measurement_counts)"
PAIRED = {"010", "111"}
"""Outcomes of the bits of qubits 1, 2 and 0."""


def test_both_devices_are_found_with_what_they_can_do(sdk: Any) -> None:
    said = sdk(QPU + """
said = [
    sorted([each.name, each.type.value] for each in AwsDevice.get_devices()),
    sorted(device.topology_graph.edges),
    device.properties.paradigm.nativeGateSet,
    device.properties.service.shotsRange,
    device.properties.service.deviceCost.dict(),
    list(device.queue_depth().quantum_tasks.values()),
]
""")
    both = [(1, 3), (2, 3), (3, 4), (3, 5)]
    edges = sorted([*both, *(pair[::-1] for pair in both)])
    assert said == [
        [["Emulated", "QPU"], ["SV1", "SIMULATOR"]],
        [list(edge) for edge in edges],
        ["prx", "cz"],
        [1, 20_000],
        {"price": 0.00145, "unit": "shot"},
        ["0"],
    ]


def test_bits_come_in_the_order_in_which_they_were_measured(
    amazon: Any, sdk: Any
) -> None:
    ideal = sdk(SV1 + CROSSED + COUNTS)
    assert set(ideal) == PAIRED
    # 1000 coins: seven standard deviations.
    assert 390 < ideal["010"] < 610
    noisy = sdk(QPU + CROSSED + COUNTS)
    assert sum(noisy.values()) == 1000
    assert 800 < noisy["010"] + noisy["111"] < 1000
    assert len(amazon.tasks) == 2


def test_a_verbatim_box_runs_on_the_qubits_it_names(sdk: Any) -> None:
    said = sdk(QPU + """
box = Circuit().prx(4, 3.14159265, 0).prx(3, 1.57079633, 1.57079633)
box = box.prx(1, 1.57079633, 1.57079633).cz(1, 3).prx(3, 1.57079633, -1.57079633)
circuit = Circuit().add_verbatim_box(box).measure([4, 1, 3])
result = device.run(circuit, shots=1000, disable_qubit_rewiring=True).result()
said = [result.measured_qubits, dict(result.measurement_counts)]
""")
    qubits, counts = said
    assert qubits == [4, 1, 3]
    assert 800 < counts["100"] + counts["111"] < 1000


@pytest.mark.parametrize(
    ("circuit", "why"),
    [
        (
            "Circuit().add_verbatim_box(Circuit().cz(1, 2)).measure([1])",
            "qubits 1 and 2 are not connected",
        ),
        ("Circuit().add_verbatim_box(Circuit().h(1)).measure([1])", "no native gate"),
        ("Circuit().x(7)", "the device has no qubit 7"),
        ("Circuit().unitary([0], __import__('numpy').eye(2))", "unsupported pragma"),
        ("Circuit().h(range(6))", "6 qubits exceed the 5 of the device"),
    ],
)
def test_what_the_device_cannot_run_is_refused_with_the_reason(
    amazon: Any, sdk: Any, circuit: str, why: str
) -> None:
    fixed = "disable_qubit_rewiring=True" if "7" in circuit else ""
    name, text = sdk(f"{QPU}device.run({circuit}, shots=1, {fixed})")
    assert name == "ValidationException"
    assert why in text
    assert amazon.tasks == {}


def test_text_that_is_no_program_is_refused_as_the_service_does(
    amazon: Any, sdk: Any
) -> None:
    name, text = sdk(QPU + """
from braket.ir.openqasm import Program
device.run(Program(source="OPENQASM 3.0; qubit[2] q; cnot q[0];"), shots=1)
""")
    assert name == "ValidationException"
    assert "cnot" in text
    assert amazon.tasks == {}


def test_inputs_of_a_program_are_put_in(sdk: Any) -> None:
    said = sdk(SV1 + """
from braket.circuits import FreeParameter
circuit = Circuit().rx(0, FreeParameter("theta"))
task = device.run(circuit, shots=100, inputs={"theta": 3.141592653589793})
said = dict(task.result().measurement_counts)
""")
    assert said == {"1": 100}


def test_a_program_set_is_one_task_of_several_circuits(amazon: Any, sdk: Any) -> None:
    said = sdk(QPU + """
from braket.program_sets import ProgramSet
pair = [Circuit().x(0).i(1).measure([0, 1]), Circuit().i(0).x(1).measure([0, 1])]
result = device.run(ProgramSet(pair, shots_per_executable=500)).result()
said = [dict(program[0].counts) for program in result]
""")
    assert [max(counts, key=counts.get) for counts in said] == ["10", "01"]
    assert [sum(counts.values()) for counts in said] == [500, 500]
    (task,) = amazon.tasks.values()
    assert (task.executables, task.shots) == (2, 1000)


def test_the_same_client_token_gives_the_same_task(amazon: Any, sdk: Any) -> None:
    said = sdk(QPU + """
from braket.ir.openqasm import Program
asked = dict(
    clientToken="one", deviceArn=device.arn, shots=10, outputS3Bucket="bucket",
    outputS3KeyPrefix="k", action=Program(source="OPENQASM 3.0; qubit q; x q;").json(),
)
client = device.aws_session.braket_client
said = [client.create_quantum_task(**asked)["quantumTaskArn"] for _ in range(2)]
""")
    assert said[0] == said[1]
    assert list(amazon.tasks) == said[:1]
    assert amazon.submits == ["one", "one"]


def test_a_task_tells_of_itself_can_be_found_and_cancelled(
    amazon: Any, sdk: Any
) -> None:
    amazon.add(BRAKET_FAULTS["never-final"])
    said = sdk(QPU + CROSSED + """
task = device.run(circuit, shots=10, tags={"of": "tests"})
client = device.aws_session.braket_client
status = dict(name="status", operator="EQUAL", values=["QUEUED"])
found = client.search_quantum_tasks(filters=[status])["quantumTasks"]
arns = [each["quantumTaskArn"] for each in found]
said = [task.state(), task.metadata()["tags"], arns == [task.id]]
task.cancel()
said += [task.state(), task.result()]
""")
    assert said == ["QUEUED", {"of": "tests"}, True, "CANCELLED", None]
    assert amazon.price == 0


def test_completed_tasks_have_a_price(amazon: Any, sdk: Any) -> None:
    sdk(QPU + CROSSED + COUNTS)
    # 30 cents for the task, and 0.145 cents for each of 1000 shots.
    assert amazon.price == pytest.approx(1.75)
    sdk(SV1 + CROSSED + COUNTS)
    # At least three seconds of a simulator, at 7.5 cents a minute.
    assert amazon.price == pytest.approx(1.75 + 0.00375)


def test_each_gate_is_what_the_sdk_means_by_it(sdk: Any) -> None:
    angles = [0.3, 0.5, 0.7]
    said = sdk(f"""
import inspect
from braket.circuits import Circuit, gates
said = {{}}
for gate in vars(gates).values():
    name = getattr(gate, "__name__", "").lower()
    if name not in {sorted({*GATES, *PLAIN} - {"zx"})}:
        continue
    angles = [each for each in inspect.signature(gate).parameters if "angle" in each]
    made = gate(*{angles}[: len(angles)])
    parts = made.to_matrix().real.tolist(), made.to_matrix().imag.tolist()
    said[name] = [len(angles), made.qubit_count, *parts]
""")
    assert set(said) == {*GATES, *PLAIN} - {"zx"}
    for name, (count, width, real, imag) in said.items():
        values = f"({', '.join(map(str, angles[:count]))})" if count else ""
        qubits = ", ".join(f"q[{i}]" for i in range(width))
        text = f"OPENQASM 3.0; qubit[{width}] q; {name}{values} {qubits};"
        ours = Operator(read_program(text, {}, None).circuit.reverse_bits())
        assert ours.equiv(Operator(np.array(real) + 1j * np.array(imag))), name


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "OPENQASM 3.0; qubit q; input float a; rx(a) q;",
            "missing input variable 'a'",
        ),
        ("OPENQASM 3.0; qubit q; x $1;", "physical and virtual qubits cannot be mixed"),
        ("qubit q;", "a program begins with OPENQASM 3.0;"),
        ("OPENQASM 3.0;\n#pragma braket result probability", "unsupported pragma"),
        ('OPENQASM 3.0; include "/etc/passwd"; qubit q;', "include"),
        ("OPENQASM 3.0; qubit q; bit b; if (b) { x q; }", "if_else is not emulated"),
    ],
)
def test_a_program_that_is_not_taken_says_why(text: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        read_program(text, {}, (1, 2))


def test_the_printed_lines_lead_to_the_device_in_both_places(
    amazon_environment: Path,
) -> None:
    command = [sys.executable, "-m", "quantumflow_lab.cli", "emulate", "braket"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed: list[str] = []
        while not (printed and printed[-1].startswith("device =")):
            line = process.stdout.readline()
            assert line, printed
            printed.append(line)
        shown = "print(device.name, device.num_qubits)"
        alone = "".join([*printed, shown])
        assert _typed(amazon_environment / "bin" / "python", alone) == "Emulated 5\n"
        # What is for the lab stands in comments.
        here = [line.removeprefix("#   ") for line in printed[:-2]]
        folder = str(amazon_environment)
        text = "".join(["import quantumflow_lab as qf\n", *here, shown])
        text = text.replace("envs/braket", folder)
        assert _typed(sys.executable, text) == "Emulated 5\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0


def _typed(python: str | Path, text: str) -> str:
    done = subprocess.run(
        [python, "-c", text], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


TRACKED = """
from braket.tracking import Tracker
with Tracker() as tracker:
    device.run(Circuit().x(0), shots=100).result()
    said = [float(tracker.qpu_tasks_cost()), float(tracker.simulator_tasks_cost())]
"""


@pytest.mark.parametrize(
    ("device", "cost"), [(QPU, [0.30 + 100 * 0.00145, 0]), (SV1, [0, 0.075 * 3 / 60])]
)
def test_the_tracker_of_the_sdk_comes_to_the_price_of_the_service(
    amazon: Any, sdk: Any, device: str, cost: list[float]
) -> None:
    assert sdk(device + TRACKED) == pytest.approx(cost)
    assert amazon.price == pytest.approx(sum(cost))

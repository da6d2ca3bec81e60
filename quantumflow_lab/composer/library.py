"""Circuits of ``qiskit.circuit.library`` to choose from, as the library tells it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from quantumflow_lab.composer.expressions import expressions
from quantumflow_lab.edit import Body
from quantumflow_lab.errors import EditRefused, did_you_mean


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the list."""

    id: str
    """Its name in the library."""
    step: str
    """What a step that makes it is called."""
    starts: Mapping[str, str]
    """Values to begin with, for what has none of its own."""


_TWO = {"num_qubits": "2"}
_OPERATOR = 'SparsePauliOp(["ZZ", "XI", "IX"])'
ENTRIES = (
    Entry("efficient_su2", "ansatz", _TWO),
    Entry("real_amplitudes", "ansatz", _TWO),
    Entry("pauli_two_design", "ansatz", _TWO),
    Entry("excitation_preserving", "ansatz", _TWO),
    Entry(
        "n_local",
        "ansatz",
        {**_TWO, "rotation_blocks": '"ry"', "entanglement_blocks": '"cx"'},
    ),
    Entry("qaoa_ansatz", "ansatz", {"cost_operator": 'SparsePauliOp(["ZZ"])'}),
    Entry("evolved_operator_ansatz", "ansatz", {"operators": _OPERATOR}),
    Entry("hamiltonian_variational_ansatz", "ansatz", {"hamiltonian": _OPERATOR}),
    Entry("z_feature_map", "feature_map", {"feature_dimension": "2"}),
    Entry("zz_feature_map", "feature_map", {"feature_dimension": "2"}),
    Entry("pauli_feature_map", "feature_map", {"feature_dimension": "2"}),
    Entry("QFTGate", "fourier", {"num_qubits": "3"}),
    Entry("quantum_volume", "volume", {"num_qubits": "4", "seed": "1"}),
    Entry("iqp", "iqp_circuit", {"interactions": "[[6, 5], [5, 4]]"}),
    Entry("random_iqp", "iqp_circuit", {"num_qubits": "3", "seed": "1"}),
    Entry(
        "hidden_linear_function",
        "hidden",
        {"adjacency_matrix": "[[0, 1, 0], [1, 0, 1], [0, 1, 1]]"},
    ),
    Entry(
        "fourier_checking", "fourier", {"f": "[1, -1, -1, -1]", "g": "[1, 1, -1, -1]"}
    ),
    Entry(
        "GraphStateGate",
        "graph_state",
        {"adjacency_matrix": "[[0, 1, 0], [1, 0, 1], [0, 1, 0]]"},
    ),
    Entry("StatePreparation", "state", {"params": '"01+-"'}),
    Entry("PermutationGate", "permuted", {"pattern": "[2, 0, 1]"}),
    Entry("HalfAdderGate", "adder", {"num_state_qubits": "2"}),
    Entry("FullAdderGate", "adder", {"num_state_qubits": "2"}),
    Entry("ModularAdderGate", "adder", {"num_state_qubits": "2"}),
    Entry("MultiplierGate", "multiplier", {"num_state_qubits": "2"}),
    Entry("InnerProductGate", "inner_product", {"num_qubits": "2"}),
    Entry("AndGate", "conjunction", {"num_variable_qubits": "2"}),
    Entry("OrGate", "disjunction", {"num_variable_qubits": "2"}),
)
_BY_ID = {each.id: each for each in ENTRIES}
_HIDDEN = frozenset({"self", "name", "label"})
"""What names a thing within a circuit, and changes nothing of it."""


@cache
def library_circuits() -> tuple[dict[str, Any], ...]:
    """What the palette shows of each: title, summary, parameters with their defaults.

    Of the list, what this version of Qiskit has.
    """
    from qiskit.circuit import library

    return tuple(
        {
            "id": each.id,
            "group": "library",
            "title": each.id,
            "summary": _summary(getattr(library, each.id)),
            "parameters": _parameters(getattr(library, each.id), each),
        }
        for each in ENTRIES
        if hasattr(library, each.id)
    )


def library_body(name: str, arguments: Mapping[str, str]) -> tuple[str, Body]:
    """Name and body of a step that makes a circuit of the library.

    Only arguments that are not the library's own defaults are written.

    Raises
    ------
    EditRefused
        If there is no such circuit, or an argument that it does not take or needs.
    """
    known = {each["id"]: each for each in library_circuits()}
    if name not in known:
        raise EditRefused(f"there is no circuit '{name}'{did_you_mean(name, known)}")
    parameters = {each["name"]: each for each in known[name]["parameters"]}
    for each in arguments:
        if each not in parameters:
            hint = did_you_mean(each, parameters)
            raise EditRefused(f"{name} has no argument '{each}'{hint}")
    given = {}
    for each, parameter in parameters.items():
        text = str(arguments.get(each, parameter["text"])).strip()
        if not text and parameter["required"]:
            raise EditRefused(f"{name} needs a value for '{each}'")
        if text and text != parameter["default"]:
            given[each] = text
    texts = expressions(given, name)
    call = f"{name}({', '.join(f'{key}={text}' for key, text in texts.items())})"
    imports = {name: f"from qiskit.circuit.library import {name}"}
    if not _is_gate(name):
        return _BY_ID[name].step, Body((f"return {call}",), imports=imports)
    lines = (
        f"gate = {call}",
        "qc = QuantumCircuit(gate.num_qubits)",
        "qc.append(gate, qc.qubits)",
        "return qc",
    )
    imports["QuantumCircuit"] = "from qiskit import QuantumCircuit"
    return _BY_ID[name].step, Body(lines, imports=imports)


def _is_gate(name: str) -> bool:
    from qiskit.circuit import library

    return inspect.isclass(getattr(library, name))


def _summary(thing: Any) -> str:
    """The first paragraph of a docstring, without its markup."""
    text = (inspect.getdoc(thing) or "").split("\n\n")[0]
    text = re.sub(r":\w+:`([^`]*)`", r"\1", text).replace("``", "")
    text = re.sub(r"\\(?:text|mathrm)\{([^}]*)\}", r"\1", text)
    return re.sub(r"\s+", " ", text).strip()


def _parameters(thing: Any, entry: Entry) -> list[dict[str, Any]]:
    function = thing.__init__ if inspect.isclass(thing) else thing
    hints = _described(thing)
    found = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in _HIDDEN:
            continue
        required = parameter.default is inspect.Parameter.empty
        default = "" if required else repr(parameter.default)
        found.append(
            {
                "name": parameter.name,
                "text": entry.starts.get(parameter.name, default),
                "hint": hints.get(parameter.name, ""),
                "default": default,
                "required": required,
            }
        )
    return found


def _described(thing: Any) -> dict[str, str]:
    """First sentence about each argument, from the Google-style docstring."""
    doc = inspect.getdoc(thing) or ""
    if inspect.isclass(thing):
        doc += "\n\n" + (inspect.getdoc(thing.__init__) or "")
    found: dict[str, str] = {}
    for head, text in re.findall(
        r"^ {4}(\w+)(?: \([^)\n]*\))?: ((?:.+\n?)(?: {5,}.+\n?)*)", doc, re.MULTILINE
    ):
        plain = re.sub(r":\w+:`~?\.?([^`]*)`", r"\1", text).replace("``", "")
        plain = re.sub(r"\s+", " ", plain).strip()
        found[head] = re.split(r"(?<=\.) ", plain)[0]
    return found

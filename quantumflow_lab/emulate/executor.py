"""Quantum programs, which IBM's client-side sampler and estimator send, on a simulator.

They are read and run by the code that the client has for this; only the answer is
written here, as the client reads it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ibm_quantum_schemas.common import CompressedTensorModel
from ibm_quantum_schemas.executor.version_2_0 import (
    ItemMetadataModel,
    MetadataModel,
    ParamsModel,
    QuantumProgramResultItemModel,
    QuantumProgramResultModel,
)
from qiskit.providers import BackendV2
from qiskit_ibm_runtime.fake_provider.executor.run_quantum_program import (
    run_quantum_program,
)
from qiskit_ibm_runtime.options_models.simulator import SimulatorOptions
from qiskit_ibm_runtime.quantum_program.converters.converters_2_0 import (
    passthrough_data_to_2_0,
    quantum_program_from_2_0,
)
from samplomatic.quantum_program import SamplexItem

SCHEMA = "v2.0"
"""The form of programs that is read."""


def executions(params: Mapping[str, Any]) -> int:
    """Shots over all circuits of a program as it was sent."""
    program: dict[str, Any] = params["quantum_program"]
    runs: int = sum(math.prod(item["shape"]) for item in program["items"])
    shots: int = program["shots"]
    return shots * runs


def run_program(params: Mapping[str, Any], device: BackendV2) -> dict[str, Any]:
    """What a program gives on a device, simulated with its noise."""
    program, _ = quantum_program_from_2_0(ParamsModel(**params))
    for item in program.items:
        if isinstance(item, SamplexItem):
            item.samplex.finalize()
    result = run_quantum_program(device, program, SimulatorOptions())
    answer = QuantumProgramResultModel(
        data=[
            QuantumProgramResultItemModel(
                results={
                    name: CompressedTensorModel.from_numpy(array)
                    for name, array in item.items()
                },
                metadata=ItemMetadataModel(),
            )
            for item in result
        ],
        metadata=MetadataModel(chunk_timing=[]),
        passthrough_data=passthrough_data_to_2_0(result.passthrough_data),
        semantic_role=program._semantic_role,
    )
    found: dict[str, Any] = answer.model_dump(mode="json")
    return found

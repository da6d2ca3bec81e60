"""Sampler PUBs as pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qiskit.primitives.containers import DataBin, SamplerPubResult

from quantumflow_lab.backends import counts
from quantumflow_lab.backends.pieces import Outcome, Prepared, Ready

if TYPE_CHECKING:
    from qiskit.primitives.containers.sampler_pub import SamplerPub

About = Callable[[Sequence[Outcome]], dict[str, Any]]
"""Makes ``metadata["qflow"]``."""


def sample(pub: SamplerPub, ready: Sequence[Ready], about: About) -> Prepared:
    """One piece for each parameter set; the result has a ``BitArray`` per register.

    Parameters
    ----------
    pub
        The PUB.
    ready
        Its circuit for each parameter set, in flat order.
    about
        Makes the metadata.
    """
    pieces = [each.piece(each.isa.circuit, pub.shots) for each in ready]
    circuit = pub.circuit

    def finish(outcomes: Sequence[Outcome]) -> SamplerPubResult:
        rows = [
            counts.registers(
                circuit, counts.shots_matrix(got.counts, circuit.num_clbits, got.rng())
            )
            for got in outcomes
        ]
        arrays = {
            register.name: counts.bit_array(
                [row[register.name] for row in rows],
                (*pub.shape, pub.shots),
                register.size,
            )
            for register in circuit.cregs
        }
        return SamplerPubResult(
            DataBin(**arrays, shape=pub.shape),
            metadata={
                "shots": pub.shots,
                "circuit_metadata": pub.circuit.metadata,
                "qflow": about(outcomes),
            },
        )

    return Prepared(pieces, finish)

"""Every check, in the order in which they are made."""

from __future__ import annotations

from quantumflow_lab.backends.conformance import (
    access,
    dynamic,
    endings,
    outcomes,
    refusals,
    repetition,
    values,
)
from quantumflow_lab.backends.conformance.finding import Check
from quantumflow_lab.errors import BadOption, did_you_mean

CHECKS: tuple[Check, ...] = (
    access.target,
    access.portable,
    access.answers,
    access.shots,
    outcomes.bit_order,
    outcomes.registers,
    outcomes.ones,
    outcomes.angles,
    outcomes.bell,
    repetition.unseeded,
    repetition.seeds,
    repetition.batch_order,
    repetition.batch_seeds,
    dynamic.mid_circuit,
    dynamic.conditional,
    dynamic.reset,
    values.broadcast,
    values.paulis,
    values.exact,
    refusals.unknown_option,
    refusals.too_wide,
    refusals.unbound_parameter,
    refusals.missing_measurement,
    access.overhead,
    endings.cancel,
    endings.ends_in_time,
    endings.survives,
)


def check_called(name: str) -> Check:
    """The check of a name.

    Raises
    ------
    BadOption
        There is none; the message has the nearest.
    """
    for check in CHECKS:
        if check.name == name:
            return check
    known = [check.name for check in CHECKS]
    raise BadOption(f"there is no check '{name}'{did_you_mean(name, known)}")

"""Which functions of a run go to a cluster, and what each of their points takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cloudpickle

from quantumflow_lab.grid import text_of
from quantumflow_lab.planning.plan import StepPlan
from quantumflow_lab.ports import Away, Cluster
from quantumflow_lab.runner.bodies import prepared
from quantumflow_lab.runner.context import StepContext
from quantumflow_lab.runner.live import LiveRun, StepState

_HANDLES = {"sampler", "estimator"}


def pack_steps(live: LiveRun, cluster: Cluster) -> None:
    """Give a cluster the functions of a run, before that starts.

    What cannot go stays: loops, whose calls the lab schedules; pyplot, of which there
    is one for the notebook; and what holds something that no other process can have.
    """
    codes, stay = {}, {}
    for state in live.steps.values():
        try:
            if why := staying(state.plan):
                raise TypeError(why)
            payload = _packed(live, state)
        except Exception as error:  # noqa: BLE001 - pickling runs foreign code
            stay[state.name] = text_of(error)
        else:
            code = codes[state.name] = f"{live.id}.{state.name}"
            cluster.learn(code, payload)
    live.cluster, live.codes, live.stay = cluster, codes, stay


def staying(plan: StepPlan) -> str | None:
    """Why the function of a step has to run beside the lab; None if it has not."""
    if _HANDLES & set(plan.injected):
        return "its calls go through the lab"
    return "it draws with pyplot" if plan.pyplot else None


def away(
    live: LiveRun, state: StepState, context: StepContext, told: dict[str, Any]
) -> Away:
    """One attempt of a point; `told` gets its options once they are known."""
    shared = _shared(live, state)

    def arguments() -> Mapping[str, Any]:
        given, options = prepared(live, state, context)
        told.update(options)
        return {name: value for name, value in given.items() if name not in shared}

    return Away(
        unit=context.unit,
        attempt=context.attempt,
        code=live.codes[state.name],
        run=live.id,
        step=state.name,
        point=context.point,
        backend=context.backend,
        arguments=arguments,
    )


def on_its_way(live: LiveRun) -> str:
    """What the story of a run says of its cluster at its start."""
    assert live.cluster is not None, "asked of runs that have one"
    room = live.cluster.room
    workers = f"{room.workers:,} worker{'s' * (room.workers != 1)}"
    words = f"steps run on {live.cluster.name}: {room.threads:,} threads, {workers}"
    for name, why in live.stay.items():
        words += f"; '{name}' stays here ({why})"
    return words


def _shared(live: LiveRun, state: StepState) -> set[str]:
    """Parameters that have one value for all points: inputs and assignments."""
    own = {*state.plan.needs, *state.plan.dims, *state.plan.injected, *live.axes}
    return {n for n in state.plan.parameters if n not in own}


def _packed(live: LiveRun, state: StepState) -> bytes:
    shared = {name: live.bound.values[name] for name in _shared(live, state)}
    packed: bytes = cloudpickle.dumps((live.bound.bodies[state.name], shared))
    return packed

"""``define.rs``: events that bring runs, lanes, classes, units and known results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from quantumflow_lab._fallback import deadline, jobs, moves
from quantumflow_lab._fallback.backoff import MASK, mix
from quantumflow_lab._fallback.lane import Lane
from quantumflow_lab._fallback.states import (
    BLOCKED,
    CANCELLED,
    DONE,
    EARLY,
    HELD,
    PARKED,
    RUNNING,
    SENT,
    SKIPPED,
    STOPPING,
    WAITING,
)
from quantumflow_lab._fallback.tables import Class, Run, Unit, Way
from quantumflow_lab._fallback.terms import ONE, Terms, plus
from quantumflow_lab._words import Cause

if TYPE_CHECKING:
    from quantumflow_lab._fallback.scheduler import Scheduler


def add_run(machine: Scheduler, name: int, seed: int, cap: int) -> None:
    """RUN."""
    run = Run(len(machine.runs), name, mix(machine.seed) ^ (seed & MASK), cap)
    machine.runs.append(run)
    machine.run_names[name] = run


def seal(machine: Scheduler, name: int) -> None:
    """SEAL."""
    run = machine.run_names[name]
    run.sealed = True
    machine.quiet.add(run.number)
    machine.ending.add(run.number)


def set_lane(machine: Scheduler, name: int, slots: int, up: int) -> None:
    """LANE: down blocks what has not started, up releases it."""
    if name not in machine.lane_names:
        new = machine.lane_names[name] = Lane(len(machine.lanes), name)
        machine.lanes.append(new)
        for run in machine.runs:
            if run.paused:
                new.queue.pause(run.number, paused=True)
    machine.ways_changed = True
    lane = machine.lane_names[name]
    lane.slots, lane.up = slots, bool(up)
    if up:
        for number in sorted(lane.blocked):
            moves.release(machine, machine.units[number])
        return
    units = lane.queue.units()
    for cls in lane.forming:
        units.extend(machine.classes[cls].forming)
    block(machine, lane, units)


def block(machine: Scheduler, lane: Lane, units: Iterable[int]) -> None:
    """Keep units from starting until their lane is up, or they go elsewhere."""
    for number in sorted(units):
        moves.go(machine, machine.units[number], BLOCKED)
        lane.blocked.add(number)


def weigh(machine: Scheduler, number: int, *weight: int) -> None:
    """WEIGHT."""
    unit = machine.units[number]
    if unit.state >= DONE:
        return
    machine.ways_changed = True
    before = machine.weights.get(number, ONE)
    machine.weights[number] = after = (weight[0], weight[1], weight[2], weight[3])
    if unit.state == HELD:
        unit.cls.load = plus(plus(unit.cls.load, before, -1), after)
        machine.changed.add(unit.cls.number)


def add_class(machine: Scheduler, name: int, run: int, step: int, *rest: int) -> None:
    """CLASS."""
    owner = machine.run_names[run]
    terms = Terms(*rest[6:])
    ways = [Way(machine.lane_names[terms.lane], terms)]
    number = len(machine.classes)
    attempts, backoff, cap, priority, rank, expected = rest[:6]
    cls = Class(
        number,
        name,
        owner,
        step,
        attempts,
        backoff,
        cap,
        priority,
        rank,
        expected,
        ways,
    )
    machine.classes.append(cls)
    machine.class_names[name] = cls
    owner.classes.append(cls)


def define(
    machine: Scheduler,
    run: int,
    cls: int,
    first: int,
    parent: int,
    collect: bool,
    offsets: list[int],
    needs: list[int],
) -> None:
    """DEFINE: units of a parent or run that is gone are born cancelled."""
    owner, kind = machine.run_names[run], machine.class_names[cls]
    units = [Unit(first + i, kind, collect) for i in range(len(offsets) - 1)]
    kind.counts[WAITING] += len(units)
    kind.units.extend(units)
    owner.open_units += len(units)
    stillborn = owner.cancelled or owner.late or owner.ended
    if parent >= 0:
        stillborn = stillborn or not may_have_children(machine.units[parent])
        if not stillborn and units:
            machine.children.setdefault(parent, []).extend(units)
    machine.units.extend(units)
    for i, unit in enumerate(units):
        place_new(machine, unit, needs[offsets[i] : offsets[i + 1]], stillborn)


def place_new(
    machine: Scheduler, unit: Unit, needs: list[int], stillborn: bool
) -> None:
    """Link a unit to its needs, and put it where it belongs."""
    need_failed = False
    for need in (machine.units[number] for number in needs):
        if need.state < DONE:
            need.dependents.append(unit)
            unit.open += 1
        elif need.state != DONE:
            need_failed = True
    if stillborn:
        moves.finish(machine, unit, CANCELLED, deadline.why(unit))
    elif need_failed and not unit.collect:
        moves.finish(machine, unit, SKIPPED, Cause.NEED_FAILED)
    elif unit.open == 0:
        moves.release(machine, unit)
    elif unit.cls.terms.job_limit > 0:
        machine.changed.add(unit.cls.number)


def may_have_children(parent: Unit) -> bool:
    """False once the attempt that could have asked for children is over."""
    if parent.state in {RUNNING, PARKED, SENT, DONE}:
        return True
    return parent.state < STOPPING and parent.attempt == 0


def known(machine: Scheduler, number: int) -> None:
    """KNOWN: ignored once the unit has started or is in doubt."""
    unit = machine.units[number]
    if unit.state in EARLY and jobs.asking_job(unit) is None:
        moves.finish(machine, unit, DONE, Cause.ANSWER)

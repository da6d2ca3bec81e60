"""``ways.rs``: where a class goes, and what its lanes say about it."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

from quantumflow_lab._fallback import define, jobs, money, moves
from quantumflow_lab._fallback.lane import Lane
from quantumflow_lab._fallback.states import EARLY
from quantumflow_lab._fallback.tables import Class, Job, Way
from quantumflow_lab._fallback.terms import ONE, Guard, Terms
from quantumflow_lab._fallback.timers import LANE
from quantumflow_lab._words import CommandCode

if TYPE_CHECKING:
    from quantumflow_lab._fallback.scheduler import Scheduler


def set_guard(machine: Scheduler, name: int, *guard: int) -> None:
    """GUARD."""
    lane = machine.lane_names[name]
    lane.set_guard(Guard(*guard))
    time_lane(machine, lane)
    machine.ways_changed = True


def set_limits(machine: Scheduler, name: int, *limits: int) -> None:
    """LIMITS."""
    lane = machine.lane_names[name]
    machine.ways_changed = True
    lane.limits = (limits[0], limits[1], limits[2], limits[3])
    machine.changed |= lane.forming


def time_lane(machine: Scheduler, lane: Lane) -> None:
    """Set the timer of a lane that rests, or starts nothing before some time."""
    # Its rest may be over before its timer has fired.
    machine.ways_changed |= lane.rest is not None
    times = [time for time in (lane.rest, lane.opens()) if time is not None]
    due = [time for time in times if time > machine.now]
    if due:
        machine.timers.set((LANE, lane.number), min(due))
    else:
        machine.timers.clear((LANE, lane.number))


def add_way(machine: Scheduler, name: int, *terms: int) -> None:
    """OTHER."""
    cls = machine.class_names[name]
    cls.ways.append(Way(machine.lane_names[terms[0]], Terms(*terms)))
    machine.choosy.add(cls.number)
    machine.ways_changed = True


def give_up(machine: Scheduler, cls: Class, way: int) -> bool:
    """Nothing of a class goes this way any more; False if it has no other."""
    if all(one.spent or number == way for number, one in enumerate(cls.ways)):
        return False
    cls.ways[way].spent = True
    machine.ways_changed = True
    if cls.way == way:
        define.block(machine, cls.lane, set(cls.forming))
    return True


def review_ways(machine: Scheduler) -> None:
    """Let classes go elsewhere whose way is of no use to them."""
    if not machine.ways_changed:
        return
    machine.ways_changed = False
    stranded, machine.stranded = machine.stranded, set()
    for number in sorted(machine.choosy):
        cls = machine.classes[number]
        if cls.run.ended:
            machine.choosy.remove(number)
        elif (way := better_way(machine, cls)) is not None:
            take_way(machine, cls, way)
        elif number in stranded:
            review_stranded(machine, cls)


def better_way(machine: Scheduler, cls: Class) -> int | None:
    """Find the first way that a class could go, if it cannot go its own."""
    usable = [not w.spent and w.lane.is_usable(machine.now) for w in cls.ways]
    stays = usable[cls.way] and not cls.broke
    other = any(usable[: cls.way] + usable[cls.way + 1 :])
    if stays or not other or not any(cls.counts[state] for state in EARLY):
        return None
    stuck = stuck_units(machine, cls)
    for position, way in enumerate(cls.ways):
        if position != cls.way and usable[position]:
            _, load = jobs.fill(machine, stuck, way.terms.job_limit, way.lane.limits)
            if money.fits_cap(cls.run, way.terms.price(load if stuck else ONE)):
                return position
    return None


def stuck_units(machine: Scheduler, cls: Class) -> Set[int]:
    """Units that are held, or blocked by the lane or the price."""
    return cls.forming | cls.broke | set(blocked_units(machine, cls))


def review_stranded(machine: Scheduler, cls: Class) -> None:
    """Say so if a class whose way was given up can never pay for another one."""
    if not cls.ways[cls.way].spent or cls.run.cap < 0:
        return
    stuck = stuck_units(machine, cls)
    if stuck and not could_pay(machine, cls, stuck):
        prices = prices_of(machine, cls, stuck)
        if prices:
            money.say_short(machine, cls, min(prices))


def prices_of(machine: Scheduler, cls: Class, units: Set[int]) -> list[int]:
    """What the next job of these units would cost, on each way that is left."""
    found = []
    for way in cls.ways:
        _, load = jobs.fill(machine, units, way.terms.job_limit, way.lane.limits)
        if not way.spent:
            found.append(way.terms.price(load))
    return found


def could_pay(machine: Scheduler, cls: Class, units: Set[int]) -> bool:
    """Bills to come may leave enough for the next job, on some way."""
    prices = prices_of(machine, cls, units)
    if not cls.ways[cls.way].spent and cls.job_limit < cls.terms.job_limit:
        _, load = jobs.fill(machine, units, cls.job_limit, cls.lane.limits)
        prices.append(cls.terms.price(load))
    return any(cls.run.spent + price <= cls.run.cap for price in prices)


def blocked_units(machine: Scheduler, cls: Class) -> list[int]:
    """Units of a class that its lane blocks."""
    mine = (number for number in cls.lane.blocked if machine.units[number].cls is cls)
    return sorted(mine)


def take_way(machine: Scheduler, cls: Class, way: int) -> None:
    """Send what a class has not started another way."""
    waiting = blocked_units(machine, cls)
    jobs.queue_job(cls, due=False)
    cls.lane.forming.discard(cls.number)
    cls.lane.blocked.difference_update(waiting)
    cls.way = way
    cls.job_limit = cls.terms.job_limit
    broke = sorted(cls.broke)
    if cls.forming:
        cls.lane.forming.add(cls.number)
        jobs.begin_hold(machine, cls)
    machine.changed.add(cls.number)
    machine.say(CommandCode.MOVED, cls.name, way)
    for number in (*waiting, *broke):
        moves.release(machine, machine.units[number])


def judge_lane(machine: Scheduler, job: Job) -> None:
    """What a closed job tells about its lane."""
    lane = job.lane
    if job.good:
        grow(machine, job)
        if lane.rest is not None:
            machine.ways_changed = True
            machine.say(CommandCode.REST, lane.name, -1)
        lane.succeeded()
    elif job.bad and lane.failed(machine.now):
        machine.ways_changed = True
        machine.say(CommandCode.REST, lane.name, lane.rest or 0)
    time_lane(machine, lane)


def grow(machine: Scheduler, job: Job) -> None:
    """After a good job the next may be larger by one, up to the terms."""
    cls = job.cls
    if cls.way == job.way and cls.job_limit < cls.terms.job_limit:
        cls.job_limit += 1
        machine.changed.add(cls.number)


def wait_for_lane(machine: Scheduler, lane: Lane, wait: int) -> None:
    """A backend asked for patience."""
    lane.patience = max(lane.patience, machine.later(wait))
    time_lane(machine, lane)

"""Bugs to put into the Rust machine, each of which its simulator has to see."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SeededBug:
    """A place in `rust/core/src`, and what is wrong there once it is replaced."""

    name: str
    """What the machine then does."""
    file: str
    """File in `rust/core/src`."""
    text: str
    """Stands exactly once in it."""
    replacement: str
    """What stands there instead."""


BUGS = (
    SeededBug(
        "the reserve of a billed job is never given back",
        "money.rs",
        "self.runs[run].reserved -= reserve;",
        "let _ = reserve;",
    ),
    SeededBug(
        "a second bill is added to the first",
        "money.rs",
        "if self.jobs[job as usize].bill.is_some() {",
        "if false {",
    ),
    SeededBug(
        "the cap is compared with what is spent, not with what is reserved",
        "money.rs",
        "run.spent + run.reserved + price <= run.cap.into()",
        "run.spent + price <= run.cap.into()",
    ),
    SeededBug(
        "the timer of a back-off is lost",
        "answer.rs",
        "self.timers.set(Key::Unit(unit), wake);",
        "",
    ),
    SeededBug(
        "the timer of a timeout goes on after the answer",
        "moves.rs",
        "self.timers.clear(Key::Unit(unit));",
        "",
    ),
    SeededBug(
        "a started unit stays queued and starts again",
        "moves.rs",
        "self.go(unit, State::Running);",
        "self.set(unit, State::Running);",
    ),
    SeededBug(
        "an answer of an earlier attempt is credited to this one",
        "answer.rs",
        "i64::from(self.units.attempt[unit as usize]) == attempt\n",
        "i64::from(self.units.attempt[unit as usize]) >= attempt\n",
    ),
    SeededBug(
        "a run that was served does not pass its turn on",
        "queue.rs",
        "share.served = share.served.saturating_add(expected.max(1));",
        "share.served = share.served.saturating_add(expected.min(0));",
    ),
    SeededBug(
        "a parked unit keeps its slot",
        "answer.rs",
        "            self.lane_of(unit).used -= 1;\n"
        "            self.set(unit, State::Parked);",
        "            self.set(unit, State::Parked);",
    ),
    SeededBug(
        "a stopped unit keeps its slot",
        "moves.rs",
        "            self.units.lower(unit, SLOT);\n"
        "            self.lane_of(unit).used -= 1;",
        "            self.units.lower(unit, SLOT);",
    ),
    SeededBug(
        "a lane has one slot too many",
        "lane.rs",
        "self.up && self.used < slots",
        "self.up && self.used <= slots",
    ),
    SeededBug(
        "a need is counted twice",
        "unit.rs",
        "self.open[unit as usize] += 1;",
        "self.open[unit as usize] += 2;",
    ),
    SeededBug(
        "only the first dependent is told",
        "moves.rs",
        "                edge = next;",
        "                edge = NONE.max(next);",
    ),
    SeededBug(
        "a unit whose need has failed starts all the same",
        "moves.rs",
        "if !done && !self.units.has(unit, COLLECT) {",
        "if !done && self.units.open[unit as usize] > 9 {",
    ),
    SeededBug(
        "a unit is tried once more than allowed",
        "answer.rs",
        "let used = attempt >= self.class_of(unit).attempts();",
        "let used = attempt > self.class_of(unit).attempts();",
    ),
    SeededBug(
        "a job is stopped and nobody is told",
        "job.rs",
        "        self.out.push(Command::StopJob { job });\n"
        "        self.jobs[job as usize].stopped = true;",
        "        self.jobs[job as usize].stopped = true;",
    ),
    SeededBug(
        "a job that was not found is submitted again without asking",
        "job.rs",
        "        self.jobs[job as usize].state = JobState::Asked;\n"
        "        self.jobs[job as usize].live = 0;\n"
        "        self.each_member(job, State::Sent, |machine, unit| "
        "machine.set(unit, State::Blocked));\n"
        "        self.open_question(job);",
        "        self.each_member(job, State::Sent, |machine, unit| "
        "machine.release(unit));\n"
        "        self.never_was(job);",
    ),
    SeededBug(
        "a job waits for members that wait for it",
        "job.rs",
        "class.flush |= !class.forming.is_empty() && run.stands_still();",
        "",
    ),
    SeededBug(
        "a run ends while units are open",
        "scheduler.rs",
        "            && self.open_units == 0\n",
        "",
    ),
    SeededBug(
        "a run ends twice",
        "scheduler.rs",
        "if run.ended || !run.is_over() {",
        "if !run.is_over() {",
    ),
    SeededBug(
        "calls of a failed body go on",
        "moves.rs",
        "            if !done {\n                self.cancel_children(unit);",
        "            if done {\n                self.cancel_children(unit);",
    ),
    SeededBug(
        "calls of an earlier attempt go on",
        "answer.rs",
        "        self.cancel_children(unit);\n",
        "",
    ),
    SeededBug(
        "a paused run goes on",
        "deadline.rs",
        "self.lanes.iter_mut().for_each(|lane| lane.queue.pause(index, paused));",
        "",
    ),
    SeededBug(
        "a deadline passes unnoticed",
        "deadline.rs",
        "self.timers.set(Key::Run(index), at);",
        "",
    ),
    SeededBug(
        "a start takes no token",
        "lane.rs",
        "self.full = self.full.max(now).saturating_add(self.guard.period);",
        "",
    ),
    SeededBug(
        "a lane starts while it rests",
        "lane.rs",
        "token.max(self.patience).max(self.rest.unwrap_or(0))",
        "token.max(self.patience)",
    ),
    SeededBug(
        "a job takes more than its lane does",
        "job.rs",
        "if !members.is_empty() && more.exceeds(limits) {",
        "if !members.is_empty() && load.exceeds(limits) {",
    ),
)

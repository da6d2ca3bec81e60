//! How a unit goes from one state to another, and tells those that depend on it.

use crate::command::{Cause, Command};
use crate::lane::Lane;
use crate::queue::Start;
use crate::scheduler::Scheduler;
use crate::state::{State, allowed};
use crate::tables::{Class, Run};
use crate::timer::Key;
use crate::unit::{COLLECT, NONE, SLOT, WANTS};

impl Scheduler {
    pub(crate) fn state(&self, unit: u32) -> State {
        self.units.state[unit as usize]
    }

    pub(crate) fn class_of(&self, unit: u32) -> &Class {
        &self.classes[self.units.class[unit as usize] as usize]
    }

    pub(crate) fn run_of(&self, unit: u32) -> &Run {
        &self.runs[self.class_of(unit).run as usize]
    }

    pub(crate) fn lane_of(&mut self, unit: u32) -> &mut Lane {
        let lane = self.class_of(unit).lane;
        &mut self.lanes[lane as usize]
    }

    pub(crate) fn later(&self, delay: i64) -> i64 {
        self.now.saturating_add(delay)
    }

    /// Changes the state and the counts, and nothing else.
    pub(crate) fn set(&mut self, unit: u32, to: State) {
        let from = self.state(unit);
        debug_assert!(allowed(from, to), "unit {unit}: {} to {}", from.name(), to.name());
        self.units.state[unit as usize] = to;
        let index = self.units.class[unit as usize];
        let class = &mut self.classes[index as usize];
        class.counts[from as usize] -= 1;
        class.counts[to as usize] += 1;
        if class.in_jobs() {
            self.changed.insert(index);
        }
        self.ways_changed |= class.ways.len() > 1;
        let run = &mut self.runs[class.run as usize];
        run.active += u32::from(to.is_active());
        run.active -= u32::from(from.is_active());
        if run.active == 0 {
            self.quiet.insert(class.run);
        }
    }

    /// Takes a unit from the place where its state keeps it, and changes the state.
    pub(crate) fn go(&mut self, unit: u32, to: State) {
        match self.state(unit) {
            State::Ready => {
                let class = self.class_of(unit);
                let (priority, run) = (class.spec.priority, class.run);
                self.lane_of(unit).queue.remove(priority, run, Start::Unit(unit));
            }
            State::Held => self.leave_forming(unit),
            State::Running => self.lane_of(unit).used -= 1,
            State::Parked => self.leave_parked(unit),
            State::Sent => self.leave_job(unit),
            State::Blocked => self.leave_blocked(unit),
            State::Stopping => self.leave_stopping(unit),
            _ => (),
        }
        self.timers.clear(Key::Unit(unit));
        self.set(unit, to);
    }

    fn leave_parked(&mut self, unit: u32) {
        if self.units.has(unit, WANTS) {
            self.units.lower(unit, WANTS);
            self.lane_of(unit).resume.retain(|&other| other != unit);
        }
    }

    fn leave_blocked(&mut self, unit: u32) {
        self.units.job[unit as usize] = NONE;
        self.lane_of(unit).blocked.remove(&unit);
        let index = self.units.class[unit as usize];
        let class = &mut self.classes[index as usize];
        if class.broke.remove(&unit) && class.broke.is_empty() {
            self.runs[class.run as usize].broke.remove(&index);
        }
    }

    fn leave_stopping(&mut self, unit: u32) {
        self.units.job[unit as usize] = NONE;
        if self.units.has(unit, SLOT) {
            self.units.lower(unit, SLOT);
            self.lane_of(unit).used -= 1;
        }
    }

    /// Makes a unit final. Its dependents and children are told by [`Scheduler::spread`].
    pub(crate) fn finish(&mut self, unit: u32, state: State, cause: Cause) {
        self.go(unit, state);
        self.weights.remove(&unit);
        let index = self.class_of(unit).run;
        let run = &mut self.runs[index as usize];
        run.open_units -= 1;
        run.failed |= state == State::Failed;
        self.ending.insert(index);
        let attempt = self.units.attempt[unit as usize];
        self.out.push(Command::Final { unit, state, attempt, cause });
        self.spreading.push_back(unit);
    }

    /// Tells the dependents and children of final units, until nothing new becomes final.
    pub(crate) fn spread(&mut self) {
        while let Some(unit) = self.spreading.pop_front() {
            let done = self.state(unit) == State::Done;
            let mut edge = self.units.first_edge(unit);
            while edge != NONE {
                let (dependent, next) = self.units.edge(edge);
                self.need_final(dependent, done);
                edge = next;
            }
            if !done {
                self.cancel_children(unit);
            }
        }
    }

    fn need_final(&mut self, unit: u32, done: bool) {
        self.units.open[unit as usize] -= 1;
        if self.state(unit) != State::Waiting {
            return;
        }
        if !done && !self.units.has(unit, COLLECT) {
            self.finish(unit, State::Skipped, Cause::NeedFailed);
        } else if self.units.open[unit as usize] == 0 {
            self.release(unit);
        }
    }

    /// Lets a unit go on whose needs are final: to the lane's queue, into the forming job of
    /// its class, or into the blocked set of a lane that is down or given up.
    pub(crate) fn release(&mut self, unit: u32) {
        let index = self.units.class[unit as usize];
        let class = &self.classes[index as usize];
        let (in_jobs, priority, run) = (class.in_jobs(), class.spec.priority, class.run);
        let closed = class.ways[class.way].spent;
        if closed {
            self.stranded.insert(index);
        }
        if closed || !self.lane_of(unit).up {
            self.go(unit, State::Blocked);
            self.lane_of(unit).blocked.insert(unit);
        } else if in_jobs {
            self.go(unit, State::Held);
            self.join_forming(index, unit);
        } else {
            self.go(unit, State::Ready);
            self.lane_of(unit).queue.push(priority, run, Start::Unit(unit));
        }
    }

    /// Gives a ready unit its slot.
    pub(crate) fn start(&mut self, unit: u32) {
        self.go(unit, State::Running);
        self.units.attempt[unit as usize] += 1;
        let class = self.class_of(unit);
        let (lane, run, expected) = (class.lane, class.run, class.spec.expected);
        self.lanes[lane as usize].used += 1;
        self.take_start(lane, run, expected);
        let timeout = self.class_of(unit).terms.timeout;
        if timeout >= 0 {
            self.timers.set(Key::Unit(unit), self.later(timeout));
        }
        let attempt = self.units.attempt[unit as usize];
        self.out.push(Command::Run { unit, attempt });
    }

    /// A start on a lane counts for its run, and takes a token.
    pub(crate) fn take_start(&mut self, index: u32, run: u32, expected: i64) {
        let lane = &mut self.lanes[index as usize];
        lane.queue.charge(run, expected);
        lane.take_token(self.now);
        self.time_lane(index);
    }

    /// Gives an unparked unit its slot back.
    pub(crate) fn resume(&mut self, unit: u32) {
        self.leave_parked(unit);
        self.set(unit, State::Running);
        self.lane_of(unit).used += 1;
        let attempt = self.units.attempt[unit as usize];
        self.out.push(Command::Resume { unit, attempt });
    }
}

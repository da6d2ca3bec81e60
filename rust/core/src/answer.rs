//! Events that answer a Run command: done, failed, parked, stopped; and timeouts.
//!
//! An answer counts only if it carries the current attempt and the unit awaits one.

use crate::backoff::delay;
use crate::command::{Cause, Command};
use crate::event::Reason;
use crate::scheduler::Scheduler;
use crate::state::State;
use crate::timer::Key;
use crate::unit::WANTS;

impl Scheduler {
    fn awaits(&self, unit: u32, attempt: i64) -> bool {
        i64::from(self.units.attempt[unit as usize]) == attempt
            && matches!(
                self.state(unit),
                State::Running | State::Parked | State::Sent | State::Stopping
            )
    }

    pub(crate) fn done(&mut self, unit: u32, attempt: i64) {
        if self.awaits(unit, attempt) {
            self.finish(unit, State::Done, Cause::Answer);
        }
    }

    pub(crate) fn stopped(&mut self, unit: u32, attempt: i64) {
        if self.awaits(unit, attempt) {
            self.finish(unit, State::Cancelled, Cause::Cancelled);
        }
    }

    pub(crate) fn failed(&mut self, unit: u32, attempt: i64, reason: Reason, retry_after: i64) {
        if !self.awaits(unit, attempt) {
            return;
        }
        if self.state(unit) == State::Stopping {
            self.finish(unit, State::Cancelled, Cause::Cancelled);
        } else if !reason.retryable() {
            self.finish(unit, State::Failed, Cause::Answer);
        } else if attempt >= self.class_of(unit).spec.attempts {
            self.finish(unit, State::Failed, Cause::AttemptsUsed);
        } else {
            self.retry(unit, retry_after);
        }
    }

    /// Sends a unit to back-off; what its attempt had asked for is cancelled.
    fn retry(&mut self, unit: u32, retry_after: i64) {
        let attempt = self.units.attempt[unit as usize];
        let spec = self.class_of(unit).spec;
        let seed = self.run_of(unit).seed;
        let wait = delay(seed, unit, attempt, spec.backoff, spec.backoff_cap).max(retry_after);
        let wake = self.later(wait);
        self.go(unit, State::Backoff);
        self.timers.set(Key::Unit(unit), wake);
        self.out.push(Command::Retry { unit, attempt, wake });
        self.cancel_children(unit);
    }

    pub(crate) fn parked(&mut self, unit: u32, attempt: i64) {
        if self.awaits(unit, attempt) && self.state(unit) == State::Running {
            self.lane_of(unit).used -= 1;
            self.set(unit, State::Parked);
        }
    }

    pub(crate) fn unparked(&mut self, unit: u32, attempt: i64) {
        let parked = self.awaits(unit, attempt) && self.state(unit) == State::Parked;
        if parked && !self.units.has(unit, WANTS) {
            self.units.raise(unit, WANTS);
            self.lane_of(unit).resume.push_back(unit);
        }
    }

    /// Stops a running or parked unit that took too long; it has failed.
    pub(crate) fn timed_out(&mut self, unit: u32) {
        let attempt = self.units.attempt[unit as usize];
        self.out.push(Command::Stop { unit, attempt });
        self.finish(unit, State::Failed, Cause::Timeout);
    }
}

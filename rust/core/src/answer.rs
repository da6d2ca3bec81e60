//! Events that answer a Run command: done, failed, parked, stopped; and timeouts.
//!
//! An answer counts only if it carries the current attempt and the unit awaits one.

use crate::backoff::delay;
use crate::command::{Cause, Command};
use crate::event::Reason;
use crate::scheduler::Scheduler;
use crate::state::State;
use crate::tables::Job;
use crate::timer::Key;
use crate::unit::{NONE, WANTS};

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
            if let Some(job) = self.jobs.get_mut(self.units.job[unit as usize] as usize) {
                job.good = true;
            }
            self.finish(unit, State::Done, Cause::Answer);
        }
    }

    pub(crate) fn stopped(&mut self, unit: u32, attempt: i64) {
        if self.awaits(unit, attempt) {
            self.finish(unit, State::Cancelled, self.why(unit));
        }
    }

    pub(crate) fn failed(&mut self, unit: u32, attempt: i64, reason: Reason, retry_after: i64) {
        if !self.awaits(unit, attempt) {
            return;
        }
        if self.state(unit) == State::Stopping {
            self.finish(unit, State::Cancelled, self.why(unit));
            return;
        }
        let job = self.units.job[unit as usize];
        if job != NONE && reason.retryable() {
            self.jobs[job as usize].bad = true;
            if retry_after > 0 {
                self.wait_for_lane(self.jobs[job as usize].lane, retry_after);
            }
        }
        let used = attempt >= self.class_of(unit).attempts();
        match reason {
            Reason::TooBig if self.halve(job) => self.retry(unit, 0),
            Reason::TooBig | Reason::Refused if self.go_elsewhere(unit) => {
                self.retry(unit, 0);
            }
            Reason::Transient | Reason::Lost if !used || self.go_elsewhere(unit) => {
                self.retry(unit, self.back_off(unit, retry_after));
            }
            Reason::Transient | Reason::Lost => {
                self.finish(unit, State::Failed, Cause::AttemptsUsed);
            }
            _ => self.finish(unit, State::Failed, Cause::Answer),
        }
    }

    /// Makes the next jobs smaller than this one. False if it cannot be cut.
    fn halve(&mut self, job: u32) -> bool {
        let Some(&Job { class, way, count, .. }) = self.jobs.get(job as usize) else {
            return false;
        };
        let class = &mut self.classes[class as usize];
        if count > 1 && class.way == way as usize {
            class.job_limit = class.job_limit.min(i64::from(count / 2));
        }
        count > 1
    }

    /// Gives up the way where a member has failed. False if there is no other one.
    fn go_elsewhere(&mut self, unit: u32) -> bool {
        let job = self.units.job[unit as usize];
        job != NONE && self.give_up(self.units.class[unit as usize], self.jobs[job as usize].way)
    }

    /// How long to wait after an attempt that failed for reasons of the backend.
    fn back_off(&self, unit: u32, retry_after: i64) -> i64 {
        let attempt = self.units.attempt[unit as usize];
        let spec = self.class_of(unit).spec;
        let seed = self.run_of(unit).seed;
        delay(seed, unit, attempt, spec.backoff, spec.backoff_cap).max(retry_after)
    }

    /// Sends a unit to back-off; what its attempt had asked for is cancelled.
    fn retry(&mut self, unit: u32, wait: i64) {
        let attempt = self.units.attempt[unit as usize];
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

//! Where units run: a number of slots, and what keeps them from being used.

use std::collections::{BTreeSet, VecDeque};

use crate::event::{Guard, Weight};
use crate::queue::Queue;

/// Rests double up to this many times the first one, as a power of two.
const LONGEST_REST: u32 = 4;

/// The python lane, or one backend.
pub struct Lane {
    pub id: i64,
    pub slots: i64,
    /// Running units, stopping units still in their slot, and open jobs.
    pub used: i64,
    pub up: bool,
    pub guard: Guard,
    /// Most that one job may hold.
    pub limits: Weight,
    pub queue: Queue,
    /// Unparked units that wait for a slot, in the order of unparking.
    pub resume: VecDeque<u32>,
    /// Classes with a forming job.
    pub forming: BTreeSet<u32>,
    /// Units that wait for the lane to come up, or for another one.
    pub blocked: BTreeSet<u32>,
    /// When the token bucket is full again.
    full: i64,
    /// Before this nothing starts: a backend has asked for patience.
    patience: i64,
    /// Failed jobs in a row.
    failures: i64,
    /// Rests in a row.
    rests: u32,
    /// End of the rest. When it is over, one job at a time shows whether the lane works.
    pub rest: Option<i64>,
}

impl Lane {
    pub fn new(id: i64) -> Self {
        Self {
            id,
            slots: 0,
            used: 0,
            up: false,
            guard: Guard::NONE,
            limits: Weight::NO_LIMIT,
            queue: Queue::default(),
            resume: VecDeque::new(),
            forming: BTreeSet::new(),
            blocked: BTreeSet::new(),
            full: 0,
            patience: 0,
            failures: 0,
            rests: 0,
            rest: None,
        }
    }

    /// True if a slot is free.
    pub fn has_room(&self) -> bool {
        let slots = if self.rest.is_some() { self.slots.min(1) } else { self.slots };
        self.up && self.used < slots
    }

    /// When the next start may come, as far as slots are not the matter.
    pub fn opens(&self) -> i64 {
        let spare = self.guard.period.saturating_mul(self.guard.burst - 1);
        let token = self.full.saturating_sub(spare);
        token.max(self.patience).max(self.rest.unwrap_or(0))
    }

    /// True if work for this lane may wait here rather than go elsewhere.
    pub fn is_usable(&self, now: i64) -> bool {
        self.up && self.rest.is_none_or(|until| until <= now)
    }

    /// Something starts: the bucket has one token less (the generic cell rate algorithm,
    /// ITU-T I.371).
    pub fn take_token(&mut self, now: i64) {
        if self.guard.period > 0 {
            self.full = self.full.max(now).saturating_add(self.guard.period);
        }
    }

    pub fn set_guard(&mut self, guard: Guard) {
        self.guard = guard;
        if guard.period == 0 {
            self.full = 0;
        }
        if guard.trip == 0 {
            self.succeeded();
        }
    }

    pub fn wait_until(&mut self, time: i64) {
        self.patience = self.patience.max(time);
    }

    /// A job gave a result.
    pub fn succeeded(&mut self) {
        self.failures = 0;
        self.rests = 0;
        self.rest = None;
    }

    /// A job gave nothing, for reasons of the backend. True if the lane begins to rest.
    pub fn failed(&mut self, now: i64) -> bool {
        let probing = self.rest.is_some_and(|until| until <= now);
        self.failures = self.failures.saturating_add(1);
        let tired = self.rest.is_none() && self.guard.trip > 0 && self.failures >= self.guard.trip;
        if !probing && !tired {
            return false;
        }
        let rest = self.guard.rest.saturating_mul(1 << self.rests.min(LONGEST_REST));
        self.rests = self.rests.saturating_add(1);
        self.rest = Some(now.saturating_add(rest));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Lane;
    use crate::event::Guard;

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_then_one_each_period() {
        let mut lane = Lane::new(0);
        lane.set_guard(Guard { burst: 2, period: 100, ..Guard::NONE });
        let mut opens = Vec::new();
        for _ in 0..4 {
            let now = lane.opens().max(1_000);
            lane.take_token(now);
            opens.push(lane.opens());
        }
        assert_eq!(opens, [1_000, 1_100, 1_200, 1_300]);
    }

    #[test]
    fn rests_double_until_a_job_succeeds() {
        let mut lane = Lane::new(0);
        lane.set_guard(Guard { trip: 2, rest: 10, ..Guard::NONE });
        assert!(!lane.failed(0));
        assert!(lane.failed(0));
        assert_eq!(lane.rest, Some(10));
        assert!(!lane.failed(5), "a job that was out already does not prolong the rest");
        assert!(lane.failed(10), "the probe failed");
        assert_eq!(lane.rest, Some(30));
        lane.succeeded();
        assert!(!lane.failed(40));
        assert!(lane.failed(40));
        assert_eq!(lane.rest, Some(50));
    }
}

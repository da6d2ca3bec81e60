//! Who wants to start on a lane.
//!
//! Runs share a lane by the time they are served: whoever had least is next (stride
//! scheduling: Waldspurger and Weihl 1995, MIT/LCS/TM-528). A run that comes back counts from
//! where the others are, so that nobody saves up turns. Within a run the highest priority goes
//! first, then due jobs before plain units, then the lowest number.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Something that can take a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Unit(u32),
    /// The forming job of this class. It stays queued until it is no longer due.
    Job(u32),
}

#[derive(Default)]
pub struct Queue {
    shares: BTreeMap<u32, Share>,
    /// Runs with something to start that are not paused, by what they had.
    turns: BTreeSet<(i64, u32)>,
    /// What the run had that started last, before that start.
    clock: i64,
}

/// One run's part of a lane.
#[derive(Default)]
struct Share {
    /// Expected microseconds of what it has started here.
    served: i64,
    paused: bool,
    levels: BTreeMap<Reverse<i64>, Level>,
}

#[derive(Default)]
struct Level {
    jobs: BTreeSet<u32>,
    units: BTreeSet<u32>,
}

impl Level {
    fn set(&mut self, start: Start) -> (&mut BTreeSet<u32>, u32) {
        match start {
            Start::Unit(unit) => (&mut self.units, unit),
            Start::Job(class) => (&mut self.jobs, class),
        }
    }

    fn first(&self) -> Option<Start> {
        let job = self.jobs.first().map(|&class| Start::Job(class));
        job.or_else(|| self.units.first().map(|&unit| Start::Unit(unit)))
    }
}

impl Queue {
    pub fn push(&mut self, priority: i64, run: u32, start: Start) {
        let share = self.shares.entry(run).or_default();
        if share.levels.is_empty() {
            share.served = share.served.max(self.clock);
            if !share.paused {
                self.turns.insert((share.served, run));
            }
        }
        let (set, id) = share.levels.entry(Reverse(priority)).or_default().set(start);
        set.insert(id);
    }

    pub fn remove(&mut self, priority: i64, run: u32, start: Start) {
        let Some(share) = self.shares.get_mut(&run) else { return };
        let Some(level) = share.levels.get_mut(&Reverse(priority)) else { return };
        let (set, id) = level.set(start);
        set.remove(&id);
        if level.first().is_none() {
            share.levels.remove(&Reverse(priority));
        }
        if share.levels.is_empty() {
            self.turns.remove(&(share.served, run));
        }
    }

    /// What starts next, and its run. It stays queued.
    pub fn next(&self) -> Option<(u32, Start)> {
        let &(_, run) = self.turns.first()?;
        let level = self.shares[&run].levels.first_key_value().expect("a turn has a start").1;
        Some((run, level.first().expect("an empty level is removed")))
    }

    /// A run has started something that is expected to take this long.
    pub fn charge(&mut self, run: u32, expected: i64) {
        let share = self.shares.entry(run).or_default();
        self.clock = self.clock.max(share.served);
        let waits = self.turns.remove(&(share.served, run));
        share.served = share.served.saturating_add(expected.max(1));
        if waits {
            self.turns.insert((share.served, run));
        }
    }

    /// Nothing of a paused run starts; it keeps its place.
    pub fn pause(&mut self, run: u32, paused: bool) {
        let share = self.shares.entry(run).or_default();
        if share.paused == paused {
            return;
        }
        share.paused = paused;
        if paused {
            self.turns.remove(&(share.served, run));
        } else if !share.levels.is_empty() {
            share.served = share.served.max(self.clock);
            self.turns.insert((share.served, run));
        }
    }

    /// Lets go of a run that has ended.
    pub fn forget(&mut self, run: u32) {
        self.shares.remove(&run);
    }

    /// True if nothing of an unpaused run is queued.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// All queued units and classes, ascending.
    pub fn all(&self) -> (BTreeSet<u32>, BTreeSet<u32>) {
        let queued = || self.shares.values().flat_map(|share| share.levels.values());
        let units = queued().flat_map(|one| &one.units).copied().collect();
        let jobs = queued().flat_map(|one| &one.jobs).copied().collect();
        (units, jobs)
    }
}

#[cfg(test)]
mod tests {
    use super::{Queue, Start};

    /// Starts `count` things; run 0 has long ones, the other short ones.
    fn starts(queue: &mut Queue, count: usize) -> Vec<u32> {
        let start = |queue: &mut Queue| {
            let (run, what) = queue.next().expect("there is always more");
            queue.remove(0, run, what);
            queue.charge(run, if run == 0 { 30 } else { 10 });
            run
        };
        (0..count).map(|_| start(queue)).collect()
    }

    fn queue() -> Queue {
        let mut queue = Queue::default();
        for unit in 0..20 {
            queue.push(0, unit % 2, Start::Unit(unit));
        }
        queue
    }

    #[test]
    fn runs_share_a_lane_by_time_and_not_by_starts() {
        assert_eq!(starts(&mut queue(), 9), [0, 1, 1, 1, 0, 1, 1, 1, 0]);
    }

    #[test]
    fn a_run_that_comes_late_saves_up_nothing() {
        let mut queue = queue();
        starts(&mut queue, 8);
        for unit in 100..110 {
            queue.push(0, 2, Start::Unit(unit));
        }
        assert_eq!(starts(&mut queue, 6), [2, 0, 1, 2, 1, 2]);
    }
}

//! Where units run: a number of slots, and who wants one.
//!
//! The highest priority goes first; runs of equal priority take turns; within a run due jobs
//! go before plain units, and lower numbers before higher ones.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The python lane, or one backend.
pub struct Lane {
    pub id: i64,
    pub slots: i64,
    /// Running units, stopping units still in their slot, and open jobs.
    pub used: i64,
    pub up: bool,
    pub queue: Queue,
    /// Unparked units that wait for a slot, in the order of unparking.
    pub resume: VecDeque<u32>,
    /// Classes with a forming job.
    pub forming: BTreeSet<u32>,
    /// Units that wait for the lane to come up.
    pub blocked: BTreeSet<u32>,
}

impl Lane {
    pub fn new(id: i64) -> Self {
        Self {
            id,
            slots: 0,
            used: 0,
            up: false,
            queue: Queue::default(),
            resume: VecDeque::new(),
            forming: BTreeSet::new(),
            blocked: BTreeSet::new(),
        }
    }

    pub fn has_room(&self) -> bool {
        self.up && self.used < self.slots
    }
}

/// Something that can take a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Unit(u32),
    /// The forming job of this class. It stays queued until it is no longer due.
    Job(u32),
}

/// Who may start, by priority and then by run.
#[derive(Default)]
pub struct Queue {
    levels: BTreeMap<Reverse<i64>, Level>,
}

#[derive(Default)]
struct Level {
    /// Runs with something to start; the front is next.
    turns: VecDeque<u32>,
    runs: BTreeMap<u32, Startable>,
}

#[derive(Default)]
struct Startable {
    jobs: BTreeSet<u32>,
    units: BTreeSet<u32>,
}

impl Startable {
    fn set(&mut self, start: Start) -> (&mut BTreeSet<u32>, u32) {
        match start {
            Start::Unit(unit) => (&mut self.units, unit),
            Start::Job(class) => (&mut self.jobs, class),
        }
    }

    fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.units.is_empty()
    }
}

impl Queue {
    pub fn push(&mut self, priority: i64, run: u32, start: Start) {
        let level = self.levels.entry(Reverse(priority)).or_default();
        let startable = level.runs.entry(run).or_default();
        if startable.is_empty() {
            level.turns.push_back(run);
        }
        let (set, id) = startable.set(start);
        set.insert(id);
    }

    pub fn remove(&mut self, priority: i64, run: u32, start: Start) {
        let Some(level) = self.levels.get_mut(&Reverse(priority)) else { return };
        let Some(startable) = level.runs.get_mut(&run) else { return };
        let (set, id) = startable.set(start);
        set.remove(&id);
        if startable.is_empty() {
            level.turns.retain(|&turn| turn != run);
            level.runs.remove(&run);
        }
        if level.runs.is_empty() {
            self.levels.remove(&Reverse(priority));
        }
    }

    /// Takes what starts next; the turn passes to the next run.
    pub fn pop(&mut self) -> Option<Start> {
        let mut entry = self.levels.first_entry()?;
        let level = entry.get_mut();
        let run = level.turns.pop_front().expect("a level has a run, else it is removed");
        let startable = level.runs.get_mut(&run).expect("a turn belongs to a queued run");
        let start = match startable.jobs.first() {
            Some(&class) => Start::Job(class),
            None => Start::Unit(startable.units.pop_first().expect("a queued run is not empty")),
        };
        if startable.is_empty() {
            level.runs.remove(&run);
        } else {
            level.turns.push_back(run);
        }
        if level.runs.is_empty() {
            entry.remove();
        }
        Some(start)
    }

    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// All queued units and classes, ascending.
    pub fn all(&self) -> (BTreeSet<u32>, BTreeSet<u32>) {
        let queued = || self.levels.values().flat_map(|level| level.runs.values());
        let units = queued().flat_map(|one| &one.units).copied().collect();
        let jobs = queued().flat_map(|one| &one.jobs).copied().collect();
        (units, jobs)
    }
}

//! Timers: at most one per unit, job, class, lane and run, each cleared the moment it has lost
//! its reason.

use std::collections::{BTreeMap, BTreeSet};

/// Whose timer. A unit's ends its timeout, back-off or grace; a job's its timeout or grace; a
/// class's the hold of its forming job; a lane's its pause between starts; a run's its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Unit(u32),
    Job(u32),
    Class(u32),
    Lane(u32),
    Run(u32),
}

#[derive(Default)]
pub struct Timers {
    queue: BTreeSet<(i64, Key)>,
    at: BTreeMap<Key, i64>,
}

impl Timers {
    pub fn set(&mut self, key: Key, at: i64) {
        self.clear(key);
        self.at.insert(key, at);
        self.queue.insert((at, key));
    }

    pub fn clear(&mut self, key: Key) {
        if self.at.is_empty() {
            return;
        }
        if let Some(at) = self.at.remove(&key) {
            self.queue.remove(&(at, key));
        }
    }

    pub fn next(&self) -> Option<i64> {
        self.queue.first().map(|&(at, _)| at)
    }

    /// Takes the earliest timer that is due.
    pub fn pop(&mut self, now: i64) -> Option<Key> {
        let &(at, key) = self.queue.first()?;
        if at > now {
            return None;
        }
        self.clear(key);
        Some(key)
    }

    pub fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        self.at.keys().copied()
    }
}

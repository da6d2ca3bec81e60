//! Cold data: what runs, classes and jobs have in common, once each.

use std::collections::BTreeSet;

use crate::event::{ClassSpec, Terms, Weight};
use crate::state::{STATES, State};

/// A run, and what it still waits for.
pub struct Run {
    pub id: i64,
    pub seed: u64,
    /// Most that may be spent and reserved together; negative for no cap.
    pub cap: i64,
    pub sealed: bool,
    pub cancelled: bool,
    pub failed: bool,
    pub ended: bool,
    /// When it has to have ended; negative for no deadline.
    pub deadline: i64,
    /// The deadline has passed.
    pub late: bool,
    /// Nothing of it starts.
    pub paused: bool,
    /// Units that are not final.
    pub open_units: u32,
    /// Units that are ready, running, sent, in back-off or stopping.
    pub active: u32,
    /// Jobs that hold a slot.
    pub open_jobs: u32,
    /// Questions without answer.
    pub questions: u32,
    /// Sum of the reserves of jobs without final bill.
    pub reserved: i128,
    /// Sum of the bills, and of what was spent before this scheduler began.
    pub spent: i128,
    pub spent_before: i128,
    pub classes: Vec<u32>,
    /// Classes with units that the cap keeps from starting.
    pub broke: BTreeSet<u32>,
}

/// A backend where a class may run: terms, and a lane that it may share with others.
pub struct Way {
    pub lane: u32,
    pub terms: Terms,
    /// It refused such work or failed too often: nothing of the class goes there any more.
    pub spent: bool,
}

/// What units of one step share.
pub struct Class {
    pub spec: ClassSpec,
    pub run: u32,
    /// Where its units go now, and on what terms.
    pub lane: u32,
    pub terms: Terms,
    /// All ways it may go, in the order of preference.
    pub ways: Vec<Way>,
    /// Position of the present one.
    pub way: usize,
    /// Units in each state.
    pub counts: [u32; STATES],
    /// Ranges of its units: first and count.
    pub blocks: Vec<(u32, u32)>,
    /// Held units: they form the next job.
    pub forming: BTreeSet<u32>,
    /// What the held units add up to.
    pub load: Weight,
    /// Most members of a job: less than the terms say after a job was too big.
    pub job_limit: i64,
    /// When the forming job began: its first member joined, or the job before it left.
    pub since: i64,
    /// The run came to a standstill, so nothing else can join the forming job.
    pub flush: bool,
    /// The forming job may leave as soon as there is a slot.
    pub due: bool,
    /// Units that the cap keeps from starting.
    pub broke: BTreeSet<u32>,
}

impl Class {
    /// True if its units run as members of jobs.
    pub fn in_jobs(&self) -> bool {
        self.terms.job_limit > 0
    }

    /// Units that may still join the forming job by themselves.
    pub fn joinable(&self) -> u32 {
        self.counts[State::Waiting as usize] + self.counts[State::Backoff as usize]
    }

    /// True if some unit has not started, or may start again.
    pub fn has_early(&self) -> bool {
        State::ALL.iter().any(|&state| state.is_early() && self.counts[state as usize] > 0)
    }

    /// When the forming job leaves even if it is not full: its hold is over, or its run has no
    /// more time.
    pub fn hold_over(&self, deadline: i64) -> Option<i64> {
        let held = (self.terms.hold >= 0).then(|| self.since.saturating_add(self.terms.hold));
        let latest = (deadline >= 0).then(|| deadline.saturating_sub(self.spec.rank));
        held.into_iter().chain(latest).min()
    }

    /// Whether the forming job should leave now.
    pub fn is_due(&self, now: i64, limits: Weight, deadline: i64) -> bool {
        !self.forming.is_empty()
            && (self.forming.len() as i64 >= self.job_limit
                || self.load.fills(limits)
                || self.joinable() == 0
                || self.flush
                || self.hold_over(deadline).is_some_and(|over| now >= over))
    }

    /// Tries of a unit in all: each way that was given up grants as many again.
    pub fn attempts(&self) -> i64 {
        let given_up = self.ways.iter().filter(|way| way.spent).count() as i64;
        self.spec.attempts.saturating_mul(given_up + 1)
    }

    /// Adds a range of units, joined to the last one where they touch.
    pub fn add_block(&mut self, first: u32, count: u32) {
        match self.blocks.last_mut() {
            Some((start, length)) if *start + *length == first => *length += count,
            _ => self.blocks.push((first, count)),
        }
    }
}

/// Where a job stands. Before it is intended it is only the forming set of its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Submit was commanded.
    Intended,
    /// The provider has it.
    Sent,
    /// Nobody knows whether it arrived; Find was commanded.
    Doubtful,
    /// It was not found; the user is asked.
    Asked,
    /// Nothing more will come, except a bill.
    Settled,
}

/// A batch of units submitted together.
pub struct Job {
    pub class: u32,
    /// The way of the class it went, and the lane there.
    pub way: u32,
    pub lane: u32,
    pub state: JobState,
    /// Members in state sent.
    pub live: u32,
    /// StopJob was commanded; the timer is its grace.
    pub stopped: bool,
    /// A member was cancelled alone, while others went on.
    pub left: bool,
    /// A member had its result.
    pub good: bool,
    /// A member failed for reasons of the backend.
    pub bad: bool,
    /// Kept back from the cap until the bill.
    pub reserve: i128,
    /// The final bill.
    pub bill: Option<i64>,
    /// Range in the list of members.
    pub first: u32,
    pub count: u32,
    /// The open question while asked.
    pub question: u32,
}

impl Job {
    /// True if it goes on only for members that were cancelled alone, and was not stopped.
    pub fn is_unwanted(&self) -> bool {
        self.has_slot() && self.live == 0 && self.left && !self.stopped
    }

    /// True while it takes a slot of its lane.
    pub fn has_slot(&self) -> bool {
        !matches!(self.state, JobState::Asked | JobState::Settled)
    }
}

/// A question to the user.
pub struct Question {
    pub job: u32,
    pub open: bool,
}

//! Cold data: what runs, classes and jobs have in common, once each.

use std::collections::BTreeSet;

use crate::event::ClassSpec;
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
    /// Sum of the bills.
    pub spent: i128,
    pub classes: Vec<u32>,
    /// Classes with units that the cap keeps from starting.
    pub broke: BTreeSet<u32>,
}

/// What units of one step and backend share.
pub struct Class {
    pub spec: ClassSpec,
    pub run: u32,
    pub lane: u32,
    /// Units in each state.
    pub counts: [u32; STATES],
    /// Ranges of its units: first and count.
    pub blocks: Vec<(u32, u32)>,
    /// Held units: they form the next job.
    pub forming: BTreeSet<u32>,
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
        self.spec.job_limit > 0
    }

    /// Units that may still join the forming job by themselves.
    pub fn joinable(&self) -> u32 {
        self.counts[State::Waiting as usize] + self.counts[State::Backoff as usize]
    }

    /// When the forming job leaves even if it is not full.
    pub fn hold_over(&self) -> Option<i64> {
        (self.spec.hold >= 0).then(|| self.since.saturating_add(self.spec.hold))
    }

    /// Whether the forming job should leave now.
    pub fn is_due(&self, now: i64) -> bool {
        !self.forming.is_empty()
            && (self.forming.len() as i64 >= self.spec.job_limit
                || self.joinable() == 0
                || self.flush
                || self.hold_over().is_some_and(|over| now >= over))
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
    pub state: JobState,
    /// Members in state sent.
    pub live: u32,
    /// StopJob was commanded; the timer is its grace.
    pub stopped: bool,
    /// Kept back from the cap until the bill.
    pub reserve: i64,
    /// The final bill.
    pub bill: Option<i64>,
    /// Range in the list of members.
    pub first: u32,
    pub count: u32,
    /// The open question while asked.
    pub question: u32,
}

impl Job {
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

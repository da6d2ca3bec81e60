//! What the scheduler asks of the runner.

use crate::state::State;

/// Why a unit is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its own result or failure, or a result known beforehand.
    Answer,
    Timeout,
    NeedFailed,
    Cancelled,
    /// The last allowed attempt failed in a way that would have been tried again.
    AttemptsUsed,
    /// It was stopped and gave no answer within the grace.
    GraceOver,
    /// It was cancelled while the cap kept it from starting.
    Budget,
    /// The user gave up a job in doubt.
    GivenUp,
    /// The deadline of its run has passed.
    Deadline,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Failed,
    Cancelled,
}

/// A member of a job and the attempt it is on.
pub type Member = (u32, u32);

/// One thing to do. Every one that concerns a unit carries its attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Run {
        unit: u32,
        attempt: u32,
    },
    Resume {
        unit: u32,
        attempt: u32,
    },
    Submit {
        job: u32,
        lane: i64,
        members: Vec<Member>,
    },
    Find {
        job: u32,
    },
    Stop {
        unit: u32,
        attempt: u32,
    },
    StopJob {
        job: u32,
    },
    Final {
        unit: u32,
        state: State,
        attempt: u32,
        cause: Cause,
    },
    Retry {
        unit: u32,
        attempt: u32,
        wake: i64,
    },
    Ask {
        question: u32,
        run: i64,
        job: u32,
    },
    Ended {
        run: i64,
        outcome: Outcome,
    },
    /// What a class has not started goes another way; they are numbered from 0.
    Moved {
        class: i64,
        way: i64,
    },
    /// After failures in a row a lane starts nothing before `until`.
    Rest {
        lane: i64,
        until: i64,
    },
    /// A job may cost `price`, more than bills to come can leave of the cap.
    Short {
        run: i64,
        class: i64,
        price: i64,
    },
}

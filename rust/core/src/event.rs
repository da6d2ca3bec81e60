//! What the runner tells the scheduler. Times are microseconds, money is micro-units.

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The same request may succeed when tried again.
    Transient,
    /// It never will.
    Permanent,
    /// Whoever ran it is gone.
    Lost,
    /// The job was larger than the backend takes.
    TooBig,
    /// The backend does not take such work.
    Refused,
}

impl Reason {
    pub(crate) fn retryable(self) -> bool {
        matches!(self, Reason::Transient | Reason::Lost)
    }
}

/// What to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Run,
    Step,
    Unit,
}

/// The user's word on a job that was perhaps submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It never arrived: submit its members again.
    Resubmit,
    /// Leave it: its members fail.
    GiveUp,
}

/// How the units of one class run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassSpec {
    pub class: i64,
    pub run: i64,
    /// Number of the step in the run, for counts and cancellation.
    pub step: i64,
    pub lane: i64,
    /// Tries in all, at least 1.
    pub attempts: i64,
    /// From the Run or Submit command to the answer; -1 for no limit.
    pub timeout: i64,
    pub backoff: i64,
    pub backoff_cap: i64,
    /// Larger starts sooner.
    pub priority: i64,
    /// 0 for plain units, else the most members of one job.
    pub job_limit: i64,
    /// How long a job waits for more members; -1 until nothing else can join.
    pub hold: i64,
    /// Upper bound of what one job may cost.
    pub reserve: i64,
}

/// New units of one class: `first`, `first + 1`, …, one less than `offsets` is long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition<'a> {
    pub run: i64,
    pub class: i64,
    pub first: i64,
    /// The unit that asked for these, or -1.
    pub parent: i64,
    /// Run once all needs are final, even if some failed.
    pub collect: bool,
    /// Unit `first + i` needs `needs[offsets[i]..offsets[i + 1]]`.
    pub offsets: &'a [i64],
    pub needs: &'a [i64],
}

/// One thing that happened. Ids of runs, lanes and classes are the runner's own numbers;
/// units are numbered from 0 in the order of definition, jobs and questions by the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    Run { run: i64, seed: i64, cap: i64 },
    Lane { lane: i64, slots: i64, up: bool },
    Class(ClassSpec),
    Define(Definition<'a>),
    Seal { run: i64 },
    Known { unit: i64 },
    Began { unit: i64, attempt: i64 },
    Done { unit: i64, attempt: i64 },
    Failed { unit: i64, attempt: i64, reason: Reason, retry_after: i64 },
    Parked { unit: i64, attempt: i64 },
    Unparked { unit: i64, attempt: i64 },
    Sent { job: i64 },
    Doubt { job: i64 },
    Found { job: i64 },
    NotFound { job: i64 },
    Settled { job: i64 },
    Bill { job: i64, micro: i64 },
    Cap { run: i64, micro: i64 },
    Answer { question: i64, choice: Choice },
    Cancel { scope: Scope, run: i64, id: i64 },
    Stopped { unit: i64, attempt: i64 },
    Tick,
}

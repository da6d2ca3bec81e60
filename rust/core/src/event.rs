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
    /// The job was larger than the backend takes: its members come again in smaller ones.
    TooBig,
    /// The backend does not take such work; another one may.
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
    /// Tries in all on one lane, at least 1.
    pub attempts: i64,
    pub backoff: i64,
    pub backoff_cap: i64,
    /// Larger starts sooner, among the units of its run.
    pub priority: i64,
    /// Expected time from the start of such a unit to the end of its run: a job that a deadline
    /// leaves no more time than that waits for nobody.
    pub rank: i64,
    /// Expected time in a slot; runs share a lane by it.
    pub expected: i64,
    pub terms: Terms,
}

/// Where a class may run, and on what terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub lane: i64,
    /// 0 for plain units, else the most members of one job.
    pub job_limit: i64,
    /// How long a job waits for more members; -1 until nothing else can join.
    pub hold: i64,
    /// From the Run or Submit command to the answer; -1 for no limit.
    pub timeout: i64,
    /// Upper bound of what a job costs: for itself, for each circuit and for each shot.
    pub reserve: i64,
    pub per_circuit: i64,
    pub per_shot: i64,
    /// And for each micro-unit that its members say they cost beside.
    pub per_extra: i64,
}

impl Terms {
    /// Upper bound of what a job of this weight costs.
    pub(crate) fn price(&self, load: Weight) -> i128 {
        let each = |price: i64, count: i64| i128::from(price) * i128::from(count);
        each(self.reserve, 1)
            + each(self.per_circuit, load.circuits)
            + each(self.per_shot, load.shots)
            + each(self.per_extra, load.extra)
    }
}

/// What a member adds to its job, and what a lane takes in one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    pub circuits: i64,
    /// Shots over all its circuits.
    pub shots: i64,
    /// Bytes.
    pub payload: i64,
    /// Upper bound of what it costs on way 0 beside the terms, in micro-units.
    pub extra: i64,
}

impl Weight {
    pub(crate) const NOTHING: Self = Self { circuits: 0, shots: 0, payload: 0, extra: 0 };
    /// Of a unit about which nothing was said.
    pub(crate) const ONE: Self = Self { circuits: 1, shots: 0, payload: 0, extra: 0 };
    /// Limits that nothing reaches.
    pub(crate) const NO_LIMIT: Self = Self { circuits: -1, shots: -1, payload: -1, extra: -1 };

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            circuits: self.circuits + other.circuits,
            shots: self.shots + other.shots,
            payload: self.payload + other.payload,
            extra: self.extra + other.extra,
        }
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            circuits: self.circuits - other.circuits,
            shots: self.shots - other.shots,
            payload: self.payload - other.payload,
            extra: self.extra - other.extra,
        }
    }

    /// Compares each part with a limit; a negative limit is none.
    fn any(self, limit: Self, beyond: impl Fn(i64, i64) -> bool) -> bool {
        let parts = [
            (self.circuits, limit.circuits),
            (self.shots, limit.shots),
            (self.payload, limit.payload),
            (self.extra, limit.extra),
        ];
        parts.into_iter().any(|(part, limit)| limit >= 0 && beyond(part, limit))
    }

    pub(crate) fn exceeds(self, limit: Self) -> bool {
        self.any(limit, |part, limit| part > limit)
    }

    pub(crate) fn fills(self, limit: Self) -> bool {
        self.any(limit, |part, limit| part >= limit)
    }
}

/// How a lane is spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Starts that may come at once, at least 1; beyond them one each `period`.
    pub burst: i64,
    /// 0 for no limit.
    pub period: i64,
    /// Failed jobs in a row after which the lane rests; 0 for never.
    pub trip: i64,
    /// The first rest, doubled with each further one up to 16 times.
    pub rest: i64,
}

impl Guard {
    pub(crate) const NONE: Self = Self { burst: 1, period: 0, trip: 0, rest: 0 };
}

/// A job that was submitted before this scheduler began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adoption<'a> {
    pub class: i64,
    /// Which of the ways of the class it went, from 0.
    pub way: i64,
    /// Nobody knows whether it arrived.
    pub doubtful: bool,
    /// Upper bound of its bill.
    pub reserve: i64,
    /// Unit and attempt of each member.
    pub members: &'a [i64],
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
    Guard { lane: i64, guard: Guard },
    Limits { lane: i64, limits: Weight },
    Other { class: i64, terms: Terms },
    Weight { unit: i64, weight: Weight },
    Pause { run: i64, paused: bool },
    Deadline { run: i64, at: i64 },
    Adopt(Adoption<'a>),
    Spent { run: i64, micro: i64 },
}

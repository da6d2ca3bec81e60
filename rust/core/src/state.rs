//! The states of a unit, and the only moves between them.
//!
//! `docs/scheduler.md` prints [`TABLE`] and [`MOVES`]; debug builds refuse any other move.

/// Where one unit stands. The order is the order of the words that cross to Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum State {
    Waiting,
    Ready,
    Held,
    Running,
    Parked,
    Sent,
    Backoff,
    Blocked,
    Stopping,
    Done,
    Failed,
    Skipped,
    Cancelled,
    Abandoned,
}

use State::*;

/// Number of states.
pub const STATES: usize = 14;

impl State {
    /// All states, in word order.
    pub const ALL: [State; STATES] = [
        Waiting, Ready, Held, Running, Parked, Sent, Backoff, Blocked, Stopping, Done, Failed,
        Skipped, Cancelled, Abandoned,
    ];

    /// True if nothing can change this unit any more.
    pub fn is_final(self) -> bool {
        self >= Done
    }

    /// True if something will come of this unit without help from outside or from held ones.
    pub(crate) fn is_active(self) -> bool {
        matches!(self, Ready | Running | Sent | Backoff | Stopping)
    }

    /// True if no attempt of this unit is out.
    pub(crate) fn is_early(self) -> bool {
        matches!(self, Waiting | Ready | Held | Backoff | Blocked)
    }

    /// Name in the docs and in Python.
    pub fn name(self) -> &'static str {
        match self {
            Waiting => "waiting",
            Ready => "ready",
            Held => "held",
            Running => "running",
            Parked => "parked",
            Sent => "sent",
            Backoff => "backoff",
            Blocked => "blocked",
            Stopping => "stopping",
            Done => "done",
            Failed => "failed",
            Skipped => "skipped",
            Cancelled => "cancelled",
            Abandoned => "abandoned",
        }
    }
}

/// One row of the state table: what a state means, where its units are kept, what ends it.
pub struct Row {
    pub state: State,
    pub means: &'static str,
    pub kept: &'static str,
    pub leaves: &'static str,
}

const fn row(state: State, means: &'static str, kept: &'static str, leaves: &'static str) -> Row {
    Row { state, means, kept, leaves }
}

/// The state table of the documentation.
#[rustfmt::skip]
pub const TABLE: [Row; STATES] = [
    row(Waiting, "needs are open", "count of open needs", "the last need is final: ready or held; a need failed: skipped"),
    row(Ready, "may start", "lane queue", "a slot is free"),
    row(Held, "in a job being formed", "forming set of its class", "the job is full, its hold is over, or nothing else can join"),
    row(Running, "has a slot", "slot count of the lane", "done, failed, timeout, parked"),
    row(Parked, "its body waits for its own calls; the slot is given back", "resume queue of the lane, once unparked", "unparked and a slot is free"),
    row(Sent, "member of a job that was intended, sent or is in doubt", "members of the job", "its own result or failure, or the job's end"),
    row(Backoff, "waits to be tried again", "timers", "the timer"),
    row(Blocked, "no lane to run on, no budget, or a question is open", "blocked set of the lane, the class or the job", "lane up, another lane, cap raised, bill, answer"),
    row(Stopping, "stop was sent, the last word is open", "timers", "result (kept), failure, grace over"),
    row(Done, "has a result", "final", "never"),
    row(Failed, "has none, and will not be tried again", "final", "never"),
    row(Skipped, "a need has no result", "final", "never"),
    row(Cancelled, "was cancelled, or its parent was", "final", "never"),
    row(Abandoned, "was stopped and gave no answer in time", "final", "never"),
];

/// Every move there is, and why it happens.
#[rustfmt::skip]
pub const MOVES: &[(State, State, &str)] = &[
    (Waiting, Ready, "needs final"),
    (Waiting, Held, "needs final"),
    (Waiting, Blocked, "lane down or given up"),
    (Waiting, Done, "known"),
    (Waiting, Skipped, "need failed"),
    (Waiting, Cancelled, "cancel"),
    (Ready, Running, "slot"),
    (Ready, Blocked, "lane down"),
    (Ready, Done, "known"),
    (Ready, Cancelled, "cancel"),
    (Held, Sent, "job leaves, adopted"),
    (Held, Blocked, "lane down or given up, cap"),
    (Held, Done, "known"),
    (Held, Cancelled, "cancel"),
    (Running, Parked, "parked"),
    (Running, Backoff, "transient, lost"),
    (Running, Stopping, "cancel"),
    (Running, Done, "done"),
    (Running, Failed, "failed, timeout"),
    (Running, Cancelled, "stopped"),
    (Parked, Running, "slot"),
    (Parked, Backoff, "transient, lost"),
    (Parked, Stopping, "cancel"),
    (Parked, Done, "done"),
    (Parked, Failed, "failed, timeout"),
    (Parked, Cancelled, "stopped"),
    (Sent, Backoff, "transient, lost, too big, refused"),
    (Sent, Blocked, "not found"),
    (Sent, Stopping, "cancel"),
    (Sent, Done, "done"),
    (Sent, Failed, "failed, timeout"),
    (Sent, Cancelled, "cancel, siblings go on"),
    (Backoff, Ready, "timer"),
    (Backoff, Held, "timer"),
    (Backoff, Blocked, "lane down or given up"),
    (Backoff, Done, "known"),
    (Backoff, Cancelled, "cancel"),
    (Blocked, Ready, "lane up"),
    (Blocked, Held, "lane up, another lane, cap, resubmit"),
    (Blocked, Sent, "found, adopted"),
    (Blocked, Done, "known"),
    (Blocked, Failed, "given up"),
    (Blocked, Cancelled, "cancel"),
    (Stopping, Done, "done"),
    (Stopping, Cancelled, "stopped, failed"),
    (Stopping, Abandoned, "grace over"),
];

/// Bit `to` of `ALLOWED[from]` is set for every row of [`MOVES`].
const ALLOWED: [u16; STATES] = {
    let mut allowed = [0u16; STATES];
    let mut i = 0;
    while i < MOVES.len() {
        allowed[MOVES[i].0 as usize] |= 1 << MOVES[i].1 as u16;
        i += 1;
    }
    allowed
};

/// True if [`MOVES`] has this move. A unit may also stay where it is.
pub fn allowed(from: State, to: State) -> bool {
    from == to && !from.is_final() || ALLOWED[from as usize] & (1 << to as u16) != 0
}

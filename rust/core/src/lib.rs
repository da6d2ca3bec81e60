//! The scheduler of QuantumFlow Lab: events in, commands out.
//!
//! Rules:
//!
//! 1. [`Scheduler::handle`] is the only way to change the schedule, [`Scheduler::poll`] the only
//!    way to start something. Replaying the same calls gives the same commands.
//! 2. Nothing in here knows the time, a file, a thread or a random number: time is an argument,
//!    jitter a function of seeds.
//! 3. Every command that concerns a unit carries its attempt, and so does every answer. An
//!    answer that is late, second or of another attempt is ignored.
//! 4. What no correct runner sends is a [`SchedulerError`]; the batch is refused whole.
//! 5. Whatever is kept twice is compared by [`Scheduler::check`], as an equality.
//!
//! | state | means | where it is kept | leaves when |
//! |---|---|---|---|
//! | waiting | needs are open | count of open needs | the last need is final: ready or held; a need failed: skipped |
//! | ready | may start | lane queue | a slot is free |
//! | held | in a job being formed | forming set of its class | the job is full, its hold is over, or nothing else can join |
//! | running | has a slot | slot count of the lane | done, failed, timeout, parked |
//! | parked | its body waits for its own calls; the slot is given back | resume queue of the lane, once unparked | unparked and a slot is free |
//! | sent | member of a job that was intended, sent or is in doubt | members of the job | its own result or failure, or the job's end |
//! | backoff | waits to be tried again | timers | the timer |
//! | blocked | no lane to run on, no budget, or a question is open | blocked set of the lane, the class or the job | lane up, another lane, cap raised, bill, answer |
//! | stopping | stop was sent, the last word is open | timers | result (kept), failure, grace over |
//! | done | has a result | final | never |
//! | failed | has none, and will not be tried again | final | never |
//! | skipped | a need has no result | final | never |
//! | cancelled | was cancelled, or its parent was | final | never |
//! | abandoned | was stopped and gave no answer in time | final | never |
//!
//! Start reading at `scheduler.rs` and `moves.rs`. `define.rs` adds units, `answer.rs` takes what
//! workers say, `job.rs` batches, `queue.rs` and `lane.rs` decide who is next, `ways.rs` where a
//! class goes, `cancel.rs` undoes, `money.rs` keeps the cap and `deadline.rs` the time;
//! `admit.rs` is the door, and `words.rs` the form in which events and commands cross to Python.
//! `docs/scheduler.md` tells the paths and the races; [`log`] keeps what the machine was told.
//! [`place`] stands beside the scheduler: it says, before anything runs, where and in which jobs a
//! graph had better run. So does [`forecast`]: how long a circuit takes, and how likely it is to
//! come through.

mod admit;
mod answer;
mod backoff;
mod cancel;
mod check;
mod command;
mod deadline;
mod define;
mod error;
mod event;
pub mod forecast;
mod job;
mod lane;
pub mod log;
mod money;
mod moves;
pub mod place;
mod queue;
mod scheduler;
mod state;
mod tables;
mod timer;
mod unit;
mod ways;
pub mod words;

pub use check::Broken;
pub use command::{Cause, Command, Member, Outcome};
pub use error::SchedulerError;
pub use event::{
    Adoption, Choice, ClassSpec, Definition, Event, Guard, Reason, Scope, Terms, Weight,
};
pub use scheduler::Scheduler;
pub use state::{MOVES, Row, STATES, State, TABLE};

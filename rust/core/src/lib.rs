//! The scheduler of QuantumFlow Lab.
mod admit;
mod answer;
mod backoff;
mod cancel;
mod check;
mod command;
mod define;
mod error;
mod event;
mod job;
mod lane;
mod money;
mod scheduler;
mod state;
mod tables;
mod timer;
mod unit;
pub mod words;

pub use check::Broken;
pub use command::{Cause, Command, Member, Outcome};
pub use error::SchedulerError;
pub use event::{Choice, ClassSpec, Definition, Event, Reason, Scope};
pub use scheduler::Scheduler;
pub use state::{MOVES, Row, STATES, State, TABLE};

//! Events the scheduler cannot take. The whole batch is refused; nothing has changed.

use std::error::Error;
use std::fmt;

/// What is wrong with a batch of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchedulerError {
    /// Nothing of this kind has this number.
    Unknown { what: &'static str, id: i64 },
    /// A run or class number used twice.
    Duplicate { what: &'static str, id: i64 },
    /// Units are numbered in the order of definition.
    FirstUnit { first: i64, expected: i64 },
    /// The class, need or parent belongs to another run.
    OtherRun { what: &'static str, id: i64, run: i64 },
    /// The members of a job belong to one class.
    OtherClass { unit: i64, class: i64 },
    /// A unit may only need units defined before it.
    LaterNeed { unit: i64, need: i64 },
    /// A definition without parent after Seal.
    Sealed { run: i64 },
    /// A job cannot be adopted by a run that has ended.
    Ended { run: i64 },
    /// A number outside its range.
    Range { what: &'static str, value: i64 },
    /// The words end in the middle of an event.
    Truncated { at: usize },
    /// No event has this code.
    Code { code: i64, at: usize },
}

impl fmt::Display for SchedulerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unknown { what, id } => write!(f, "no {what} {id}"),
            Self::Duplicate { what, id } => write!(f, "{what} {id} is defined already"),
            Self::FirstUnit { first, expected } => {
                write!(f, "the next unit is {expected}, not {first}")
            }
            Self::OtherRun { what, id, run } => {
                write!(f, "{what} {id} does not belong to run {run}")
            }
            Self::OtherClass { unit, class } => {
                write!(f, "unit {unit} does not belong to class {class}")
            }
            Self::LaterNeed { unit, need } => {
                write!(f, "unit {unit} needs {need}, which is not defined before it")
            }
            Self::Sealed { run } => {
                write!(f, "run {run} is sealed; only definitions with a parent may follow")
            }
            Self::Ended { run } => write!(f, "run {run} has ended"),
            Self::Range { what, value } => write!(f, "{what} cannot be {value}"),
            Self::Truncated { at } => write!(f, "the event at word {at} is cut short"),
            Self::Code { code, at } => write!(f, "no event has code {code} (word {at})"),
        }
    }
}

impl Error for SchedulerError {}

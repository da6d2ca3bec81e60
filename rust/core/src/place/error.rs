//! Problems that cannot be placed because they are not well said.

use std::error::Error;
use std::fmt;

/// What is wrong with a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceError {
    /// The head counts other words than there are.
    Length { words: usize },
    /// A number outside its range.
    Range { what: &'static str, value: i64 },
    /// Times, prices or transfers whose sum would not fit into 61 bits.
    TooLarge { what: &'static str },
    /// No machine runs every task of the family.
    NoMachine { family: usize },
    /// The task needs itself, through others or directly.
    Cycle { task: usize },
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Length { words } => {
                write!(f, "{words} words are not what the head of the problem counts")
            }
            Self::Range { what, value } => write!(f, "{what} cannot be {value}"),
            Self::TooLarge { what } => write!(f, "the sum of {what} is too large"),
            Self::NoMachine { family } => {
                write!(f, "no machine runs all tasks of family {family}")
            }
            Self::Cycle { task } => write!(f, "task {task} waits for itself"),
        }
    }
}

impl Error for PlaceError {}

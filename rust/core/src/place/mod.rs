//! Good plans: which machine runs what, in which order, and in which jobs.
//!
//! [`place`] is a pure function. It takes an [`Instance`], a bound on the work and a seed, and
//! gives a [`Schedule`]; the same arguments give the same schedule.
//!
//! The model: **tasks** need what other tasks made, and it takes a **link** some time to carry
//! it to another machine. A **machine** has slots. A plain task takes a slot for its time. A
//! task with **circuits** is a member of a **job**: the job starts when all its members are
//! ready and a slot is free, takes the machine's setup once and then the time of each circuit,
//! and all its results come at its end. Members of a job belong to one **family** (the points
//! of a sweep), and a family runs on one machine, since mixing devices within a sweep would be
//! bad physics. A task with more circuits than a job may hold runs alone, as several jobs.
//! Jobs and circuits have prices. Sought is the fastest, the cheapest or a balanced schedule
//! within a deadline and a budget; if there is none, the one that breaks them least.
//!
//! HEFT's problem is the special case without circuits, with a slot for each machine.
//!
//! Start reading at `evaluate.rs`, which makes a schedule of a plan; `heft.rs` makes the first
//! plan, `search.rs` and `moves.rs` look for better ones. `docs/placement.md` has the words
//! that cross to Python, the figures, and what was rejected.

mod energy;
mod error;
mod evaluate;
mod heft;
mod instance;
mod moves;
mod random;
mod search;
mod slots;
mod starts;
#[cfg(test)]
mod tests;
pub mod words;

pub use error::PlaceError;
pub use evaluate::{Placed, Run, Schedule, Score};
pub use instance::{Edge, Goal, Instance, Machine, Problem, SLOTS, Task};

/// The best schedule found within about `evaluations`: how often a task may be tried on a
/// machine, over all plans. The first plan is always completed, so 0 gives HEFT.
pub fn place(instance: &Instance, evaluations: i64, seed: i64) -> Schedule {
    search::search(instance, evaluations, seed)
}

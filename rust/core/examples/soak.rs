//! Random schedules for as long as one likes: `cargo run --release -p qflow-core --example
//! soak -- SECONDS [FIRST_SEED [MOST]]`. Prints schedules a minute; a failure prints its seed and
//! the events that show it.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a program around the core: it reads its arguments and the clock"
)]

#[path = "../tests/world/mod.rs"]
mod world;

use std::error::Error;
use std::time::Instant;

use world::simulate;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|word| word.parse::<u64>());
    let mut number = |default: u64| match arguments.next() {
        Some(number) => number.map_err(|_| "usage: soak SECONDS [FIRST_SEED [MOST]]"),
        None => Ok(default),
    };
    let (seconds, first, most) = (number(10)?, number(1_000_000)?, number(u64::MAX)?);
    let start = Instant::now();
    let (mut schedules, mut events) = (0, 0);
    while schedules < most && start.elapsed().as_secs() < seconds {
        events += simulate(first + schedules)?.events;
        schedules += 1;
    }
    let minutes = start.elapsed().as_secs_f64() / 60.0;
    println!(
        "{schedules} schedules from seed {first}, {events} events: {:.0} schedules a minute",
        schedules as f64 / minutes
    );
    Ok(())
}

//! Attacks the scheduler for as long as one likes: `cargo run --release -p qflow-core --example
//! fuzz -- SECONDS [FIRST_SEED]`. A failure prints its seed and the events that show it.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a program around the core: it reads its arguments and the clock"
)]

#[path = "../tests/world/mod.rs"]
mod world;

use std::error::Error;
use std::time::Instant;

use qflow_core::log::{Reader, replay};
use world::hostile::{attack, damage_bytes, log};
use world::rng::Rng;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|word| word.parse::<u64>());
    let mut number = |default: u64| match arguments.next() {
        Some(number) => number.map_err(|_| "usage: fuzz SECONDS [FIRST_SEED]"),
        None => Ok(default),
    };
    let (seconds, first) = (number(10)?, number(1_000_000)?);
    let start = Instant::now();
    let (mut attacks, mut accepted, mut refused) = (0, 0, 0);
    while start.elapsed().as_secs() < seconds {
        let seed = first + attacks;
        let tally = attack(seed)?;
        damage_log(seed)?;
        attacks += 1;
        accepted += tally.accepted;
        refused += tally.refused;
    }
    println!("{attacks} attacks from seed {first}: {accepted} batches accepted, {refused} refused");
    Ok(())
}

/// A damaged log gives what was written before the damage, and nothing else.
fn damage_log(seed: u64) -> Result<(), String> {
    let (batches, bytes) = log(seed);
    let damaged = damage_bytes(&mut Rng::new(seed), &bytes);
    let Ok(reader) = Reader::new(&damaged) else { return Ok(()) };
    if !batches.starts_with(&reader.collect::<Vec<_>>()) || replay(&damaged).is_err() {
        return Err(format!("log {seed}: a batch that was never written"));
    }
    Ok(())
}

//! Thousands of random schedules under a virtual clock; a failure prints its seed and the few
//! events that show it.

mod world;

use std::collections::BTreeSet;

use qflow_core::MOVES;
use world::{moves, simulate};

#[test]
fn every_equality_holds_after_every_event_and_every_run_ends() {
    for seed in 0..3_000 {
        simulate(seed).unwrap_or_else(|failure| panic!("{failure}"));
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in [3, 141, 59_265] {
        let hashes = [0; 2].map(|_| simulate(seed).expect("this seed runs through").hash);
        assert_eq!(hashes[0], hashes[1], "seed {seed}");
    }
}

#[test]
fn the_simulation_makes_every_move_of_the_table() {
    let mut seen = BTreeSet::new();
    for seed in 0..1_500 {
        let history = simulate(seed).unwrap_or_else(|failure| panic!("{failure}"));
        seen.extend(moves(seed, &history.batches));
    }
    let missing = MOVES.iter().filter(|&&(from, to, _)| !seen.contains(&(from, to)));
    assert_eq!(missing.map(|row| (row.0, row.1)).collect::<Vec<_>>(), []);
}

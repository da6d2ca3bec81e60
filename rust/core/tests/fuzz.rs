//! Whatever the scheduler is told, it does not panic; what it refuses changes nothing, and what
//! it takes keeps every equality.

mod world;

use std::collections::BTreeSet;

use qflow_core::SchedulerError;
use qflow_core::words::parse;
use world::hostile::{attack, damage};
use world::rng::Rng;
use world::simulate;

#[test]
fn attacked_schedules_keep_every_rule_and_still_end() {
    let (mut accepted, mut refused, mut codes) = (0, 0, BTreeSet::new());
    for seed in 0..1_500 {
        let tally = attack(seed).unwrap_or_else(|failure| panic!("{failure}"));
        accepted += tally.accepted;
        refused += tally.refused;
        codes.extend(tally.codes);
    }
    assert!(accepted > 10_000 && refused > 10_000, "{accepted} accepted, {refused} refused");
    let unknown = |code: &i64| matches!(parse(&[*code]), Err(SchedulerError::Code { .. }));
    let known: BTreeSet<i64> = (0..1_000).filter(|code| !unknown(code)).collect();
    assert_eq!(codes, known, "events of every kind were accepted");
}

#[test]
fn damaged_words_are_read_or_refused() {
    let real = simulate(4).expect("this seed runs through").batches;
    let mut rng = Rng::new(4);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..200 {
        for batch in &real {
            match parse(&damage(&mut rng, &batch.words, &real)) {
                Ok(_) => taken += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(taken > 1_000 && refused > 1_000, "{taken} taken, {refused} refused");
}

//! A failure comes with the few events that show it.

mod world;

use qflow_core::log::{Batch, Reader};
use qflow_core::words::parse;
use qflow_core::{Command, Event, Scheduler, State};
use world::judge::{Fault, Judge, caught};
use world::shrink::{Failure, shrink};
use world::{GRACE, simulate};

/// Judges a log by a rule that is not true: no unit is tried a second time.
fn nothing_is_tried_twice(batches: &[Batch]) -> Result<(), Fault> {
    let mut judge = Judge::new(0, GRACE);
    for (index, batch) in batches.iter().enumerate() {
        let commands = judge.tell(batch.now, &batch.words).map_err(|rule| (index, rule))?;
        for command in commands.into_iter().flatten() {
            if let Command::Run { unit, attempt: 2 } = command {
                return Err((index, format!("nothing is tried twice: unit {unit}")));
            }
        }
    }
    Ok(())
}

/// The log of the first schedule that breaks the rule.
fn failing() -> Vec<Batch> {
    let logs = (0..).map(|seed| simulate(seed).expect("this seed runs through").batches);
    logs.into_iter().find(|log| log.len() > 40 && nothing_is_tried_twice(log).is_err()).unwrap()
}

#[test]
fn a_broken_rule_is_shown_by_the_few_events_that_it_needs() {
    let log = failing();
    let (small, rule) = shrink(&log, &nothing_is_tried_twice).expect("the log fails");
    assert!(rule.starts_with("nothing is tried twice"), "{rule}");
    assert_eq!(nothing_is_tried_twice(&small).map_err(|fault| fault.1), Err(rule));
    let events: Vec<Event<'_>> = small.iter().flat_map(|b| parse(&b.words).unwrap()).collect();
    // A run, its lane, its class, its units, a failure; and units that are numbered before.
    assert!(events.len() <= 10, "{events:#?}");
    assert!(small.len() <= 3, "{} of {} batches", small.len(), log.len());
    assert!(events.iter().any(|event| matches!(event, Event::Failed { .. })), "{events:#?}");
}

#[test]
fn every_part_of_a_small_log_is_needed() {
    let (small, _) = shrink(&failing(), &nothing_is_tried_twice).expect("the log fails");
    for left_out in 0..small.len() {
        let mut fewer = small.clone();
        fewer.remove(left_out);
        assert_eq!(nothing_is_tried_twice(&fewer), Ok(()), "without batch {left_out}");
    }
}

#[test]
fn a_panic_is_a_failure_like_another() {
    let verdict = |batches: &[Batch]| {
        let mut scheduler = Scheduler::new(0, GRACE).expect("the grace is not negative");
        let mut tell = |batch: &Batch| {
            let (events, mut out) = (parse(&batch.words).unwrap(), Vec::new());
            if scheduler.handle(&events, batch.now, &mut out).is_ok() {
                scheduler.poll_all(&mut out);
            }
            let parked = (0..).map_while(|unit| scheduler.unit_state(unit));
            assert!(parked.into_iter().all(|state| state != State::Parked), "unit is parked");
        };
        let panic = caught(|| {
            batches.iter().for_each(&mut tell);
            Ok(())
        });
        panic.map_err(|rule| (batches.len(), rule))
    };
    let logs = (0..).map(|seed| simulate(seed).expect("this seed runs through").batches);
    let log = logs.into_iter().find(|log| verdict(log).is_err()).unwrap();
    let (small, rule) = shrink(&log, &verdict).expect("the log fails");
    assert_eq!(rule, "panic: unit is parked");
    assert!(small.len() < 4 && log.len() > 10, "{} of {}", small.len(), log.len());
}

#[test]
fn a_failure_prints_its_rule_its_events_and_a_line_to_see_it_again() {
    let batches = vec![
        Batch { now: 0, words: vec![1, 7, 3, -1] },
        Batch { now: 40, words: vec![20, 0, 7, 0, 22] },
    ];
    let failure = Failure {
        name: "seed 12".to_string(),
        rule: "every run ends".to_string(),
        seed: 12,
        grace: GRACE,
        batches: batches.clone(),
        before: 71,
    };
    let text = failure.to_string();
    let (shown, line) = text.rsplit_once('\n').unwrap();
    assert_eq!(
        shown,
        "seed 12: every run ends\n\
         2 of 71 batches are enough:\n  \
         at 0: Run { run: 7, seed: 3, cap: -1 }\n  \
         at 40: Cancel { scope: Run, run: 7, id: 0 } Tick"
    );
    let digits = line.strip_prefix("again: cargo run -p qflow-core --example replay -- ").unwrap();
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
    assert_eq!(Reader::new(&bytes).unwrap().collect::<Vec<_>>(), batches);
}

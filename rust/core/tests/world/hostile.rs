//! What no correct runner sends: damaged bytes, damaged batches, and events out of nowhere. It
//! knows no event by its fields: it asks the parser, so a new one is attacked from the start.

use std::collections::BTreeSet;

use qflow_core::log::{Batch, Log};
use qflow_core::words::{parse, write};
use qflow_core::{Scheduler, SchedulerError};

use super::judge::{Fault, Judge, caught};
use super::rng::Rng;
use super::shrink::{Failure, shrink, split};
use super::{GRACE, simulate};

/// Borders of what is kept, added and multiplied.
const BORDERS: [i64; 8] = [
    1 << 16,
    1 << 31,
    u32::MAX as i64 - 1,
    u32::MAX as i64,
    1 << 53,
    i64::MAX - 1,
    i64::MAX,
    i64::MIN,
];
/// Words to try for one event.
const LONG: usize = 40;
/// Codes are below this.
const CODES: i64 = 64;

/// What an attack reached.
#[derive(Default)]
pub struct Tally {
    pub accepted: usize,
    pub refused: usize,
    /// Codes of the events that were accepted.
    pub codes: BTreeSet<i64>,
}

/// Attacks one schedule of the simulator.
pub fn attack(seed: u64) -> Result<Tally, Box<Failure>> {
    let real = simulate(seed)?.batches;
    let mut rng = Rng::new(seed ^ 0xBAD);
    let mut batches = Vec::new();
    for batch in &real {
        if rng.percent(30) {
            batches.push(invent(&mut rng, &real, batch.now));
        }
        if rng.percent(15) {
            let words = damage(&mut rng, &batch.words, &real);
            batches.push(Batch { now: batch.now, words });
        }
        batches.push(batch.clone());
    }
    let mut tally = Tally::default();
    let verdict = |batches: &[Batch]| withstand(batches, &mut Tally::default());
    let Err((_, rule)) = withstand(&batches, &mut tally) else { return Ok(tally) };
    let before = batches.len();
    let (batches, rule) = shrink(&batches, &verdict).unwrap_or((batches, rule));
    let name = format!("attack {seed}");
    Err(Box::new(Failure { name, rule, seed: 0, grace: GRACE, batches, before }))
}

/// Whoever was told the accepted batches only says the same: what is refused changes nothing.
fn withstand(batches: &[Batch], tally: &mut Tally) -> Result<(), Fault> {
    let mut judge = Judge::new(0, GRACE);
    let mut twin = Scheduler::new(0, GRACE).expect("the grace is not negative");
    for (index, Batch { now, words }) in batches.iter().enumerate() {
        let told = caught(|| judge.tell(*now, words)).map_err(|rule| (index, rule))?;
        let Some(commands) = told else {
            tally.refused += 1;
            continue;
        };
        tally.accepted += 1;
        tally.codes.extend(split(words).iter().map(|event| event[0]));
        let mut same = Vec::new();
        let events = parse(words).expect("the judge could read them");
        let taken = twin.handle(&events, *now, &mut same);
        twin.poll_all(&mut same);
        if taken.is_err() || same != commands {
            return Err((index, "a refused batch changes nothing".to_string()));
        }
    }
    caught(|| judge.settle()).map_err(|rule| (batches.len(), rule))
}

/// Numbers that are likely to mean something, or to break something.
fn number(rng: &mut Rng, real: &[Batch]) -> i64 {
    match rng.below(20) {
        0 => -1,
        1 => rng.pick(&BORDERS),
        2 => rng.next() as i64,
        3..12 => rng.below(12),
        _ => {
            let words = &real[rng.below(real.len() as i64) as usize].words;
            if words.is_empty() { 0 } else { rng.pick(words) }
        }
    }
}

/// A batch of events out of nowhere.
fn invent(rng: &mut Rng, real: &[Batch], now: i64) -> Batch {
    let mut words = Vec::new();
    for _ in 0..rng.between(1, 3) {
        words.extend(event(rng, real));
    }
    let now = if rng.percent(3) { number(rng, real) } else { now };
    Batch { now, words }
}

/// An event: a code, and words until the parser has enough.
fn event(rng: &mut Rng, real: &[Batch]) -> Vec<i64> {
    let mut words = vec![rng.below(CODES)];
    for _ in 0..LONG {
        match parse(&words) {
            Err(SchedulerError::Truncated { .. }) => words.push(number(rng, real)),
            Err(SchedulerError::Range { .. }) if words.len() > 1 => {
                words.pop();
                words.push(rng.below(5));
            }
            Err(SchedulerError::Code { .. }) if rng.percent(90) => words[0] = rng.below(CODES),
            _ => break,
        }
    }
    words
}

/// Flips, cuts, repeats, leaves out, or puts in words.
pub fn damage(rng: &mut Rng, words: &[i64], real: &[Batch]) -> Vec<i64> {
    let mut words = words.to_vec();
    for _ in 0..rng.between(1, 3) {
        let at = rng.below(words.len() as i64) as usize;
        match rng.below(6) {
            _ if words.is_empty() => words.extend(event(rng, real)),
            0 => words[at] ^= 1 << rng.below(64),
            1 => words[at] = number(rng, real),
            2 => words.truncate(at),
            3 => words.extend_from_within(at..),
            4 => {
                words.remove(at);
            }
            _ => words.insert(at, number(rng, real)),
        }
    }
    words
}

/// The log of a schedule of the simulator.
pub fn log(seed: u64) -> (Vec<Batch>, Vec<u8>) {
    let batches = simulate(seed).unwrap_or_else(|failure| panic!("{failure}")).batches;
    let mut log = Log::new(seed as i64, GRACE);
    batches.iter().for_each(|batch| log.append(batch.now, &batch.words));
    (batches, log.take())
}

/// Flips, cuts, repeats, leaves out, or puts in bytes.
pub fn damage_bytes(rng: &mut Rng, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = rng.below(bytes.len() as i64) as usize;
    let end = at + rng.below((bytes.len() - at) as i64 + 1) as usize;
    match rng.below(6) {
        0 => bytes[at] ^= 1 << rng.below(8),
        1 => bytes[at] = rng.next() as u8,
        2 => bytes.truncate(at),
        3 => {
            bytes.drain(at..end);
        }
        4 => {
            let part = bytes[at..end].to_vec();
            let place = rng.below(bytes.len() as i64 + 1) as usize;
            bytes.splice(place..place, part);
        }
        _ => bytes[at..end].fill(rng.pick(&[0, 0xFF])),
    }
    bytes
}

/// Commands of a scheduler that was told these batches, as words.
pub fn commands(seed: i64, batches: &[Batch]) -> Vec<Vec<i64>> {
    let mut judge = Judge::new(seed, GRACE);
    let mut tell = |batch: &Batch| {
        let mut words = Vec::new();
        let commands = judge.tell(batch.now, &batch.words).unwrap_or_else(|rule| panic!("{rule}"));
        write(&commands.unwrap_or_default(), &mut words);
        words
    };
    batches.iter().map(&mut tell).collect()
}

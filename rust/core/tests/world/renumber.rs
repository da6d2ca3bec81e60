//! Takes a unit or a job out of a log, and gives those behind it the numbers they then have.
//!
//! An event that is not listed here is left as it is; the log is then judged as it stands.

use qflow_core::Event;
use qflow_core::log::Batch;
use qflow_core::words::parse;

use super::shrink::split;

/// Number of units that a log defines.
pub fn units(batches: &[Batch]) -> i64 {
    let defined = |event: &Event<'_>| match event {
        Event::Define(new) => new.offsets.len() as i64 - 1,
        _ => 0,
    };
    let events = batches.iter().flat_map(|batch| parse(&batch.words).unwrap_or_default());
    events.map(|event| defined(&event)).sum()
}

/// Number of jobs that a log speaks of.
pub fn jobs(batches: &[Batch]) -> i64 {
    let events = batches.iter().flat_map(|batch| split(&batch.words));
    let about = events.filter(|words| JOB.contains(&words[0]));
    about.map(|words| words[1] + 1).max().unwrap_or(0)
}

/// The log as if a unit had never been defined.
pub fn without_unit(batches: &[Batch], unit: i64) -> Vec<Batch> {
    each(batches, &|words| match words[0] {
        4 => without_definition(words, unit),
        6..=11 | 21 | 26 => moved(words, 1, unit),
        20 if words[1] == 2 => moved(words, 3, unit),
        _ => Some(words.to_vec()),
    })
}

/// The log as if a job had never been submitted.
pub fn without_job(batches: &[Batch], job: i64) -> Vec<Batch> {
    each(batches, &|words| match words[0] {
        code if JOB.contains(&code) => moved(words, 1, job),
        _ => Some(words.to_vec()),
    })
}

/// Codes of events about a job.
const JOB: std::ops::RangeInclusive<i64> = 12..=17;

type Change<'a> = &'a dyn Fn(&[i64]) -> Option<Vec<i64>>;

fn each(batches: &[Batch], change: Change<'_>) -> Vec<Batch> {
    let batch = |batch: &Batch| {
        let events =
            split(&batch.words).iter().filter_map(|words| change(words)).collect::<Vec<_>>();
        Batch { now: batch.now, words: events.concat() }
    };
    batches.iter().map(batch).collect()
}

/// The event with one number changed; none if it is about the one that is gone.
fn moved(words: &[i64], at: usize, gone: i64) -> Option<Vec<i64>> {
    let mut words = words.to_vec();
    words[at] = behind(words[at], gone)?;
    Some(words)
}

fn behind(number: i64, gone: i64) -> Option<i64> {
    (number != gone).then_some(number - i64::from(number > gone))
}

fn without_definition(words: &[i64], unit: i64) -> Option<Vec<i64>> {
    let events = parse(words).ok()?;
    let [Event::Define(ref new)] = events[..] else { return None };
    let (mut offsets, mut needs) = (vec![0], Vec::new());
    for (own, range) in (new.first..).zip(new.offsets.windows(2)) {
        if own != unit {
            let kept = &new.needs[range[0] as usize..range[1] as usize];
            needs.extend(kept.iter().filter_map(|&need| behind(need, unit)));
            offsets.push(needs.len() as i64);
        }
    }
    let count = offsets.len() as i64 - 1;
    let (parent, first) = (behind(new.parent, unit)?, new.first - i64::from(new.first > unit));
    let head = [4, new.run, new.class, first, count, parent, new.collect.into()];
    (count > 0).then(|| [&head[..], &offsets, &needs].concat())
}

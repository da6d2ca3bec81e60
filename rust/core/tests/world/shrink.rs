//! Makes a failing log small, so that a person can read it: leaves out batches and events, moves
//! them together, takes needs and numbers away, as long as the same rule is broken.

use std::error::Error;
use std::fmt;

use qflow_core::Event;
use qflow_core::log::{Batch, Log};
use qflow_core::words::parse;

use super::judge::Fault;
use super::renumber::{jobs, units, without_job, without_unit};

/// A log that breaks a rule, as small as it could be made.
pub struct Failure {
    /// What was simulated: a seed of the world, or of the fuzzer.
    pub name: String,
    pub rule: String,
    pub seed: i64,
    pub grace: i64,
    pub batches: Vec<Batch>,
    /// Batches before it was made small.
    pub before: usize,
}

/// Says whether a log fails, and how. Batches that are refused count as left out.
pub type Verdict<'a> = &'a dyn Fn(&[Batch]) -> Result<(), Fault>;

/// The smallest log found that breaks the rule that `batches` breaks; and that rule.
/// None if these batches break no rule.
pub fn shrink(batches: &[Batch], verdict: Verdict<'_>) -> Option<(Vec<Batch>, String)> {
    let (last, rule) = verdict(batches).err()?;
    Some(smaller(cut(batches, last), rule, verdict))
}

fn smaller(mut best: Vec<Batch>, rule: String, verdict: Verdict<'_>) -> (Vec<Batch>, String) {
    let mut search = Search { verdict, kind: kind(&rule), rule };
    loop {
        let size = weight(&best);
        best = search.drop(best, &std::convert::identity);
        best = search.drop_events(&best);
        best = search.join(best);
        best = search.free(best);
        best = search.renumber(best);
        best = search.simplify(best);
        if weight(&best) == size {
            return (best, search.rule);
        }
    }
}

struct Search<'a> {
    verdict: Verdict<'a>,
    kind: String,
    rule: String,
}

impl Search<'_> {
    /// The part of a log up to where it breaks the same rule, if it does.
    fn failing(&mut self, batches: &[Batch]) -> Option<Vec<Batch>> {
        let (last, rule) = (self.verdict)(batches).err()?;
        if kind(&rule) != self.kind {
            return None;
        }
        self.rule = rule;
        Some(cut(batches, last))
    }

    /// Leaves out parts: halves first, single ones last (delta debugging: Zeller and
    /// Hildebrandt 2002, IEEE TSE 28). `whole` makes a log of the parts.
    fn drop<T: Clone>(
        &mut self,
        mut parts: Vec<T>,
        whole: &dyn Fn(Vec<T>) -> Vec<Batch>,
    ) -> Vec<Batch> {
        let mut size = parts.len().div_ceil(2);
        let mut best = whole(parts.clone());
        while size > 0 {
            let mut start = 0;
            while start < parts.len() {
                let mut fewer = parts.clone();
                fewer.drain(start..(start + size).min(parts.len()));
                match self.failing(&whole(fewer.clone())) {
                    Some(smaller) => {
                        parts = fewer;
                        best = smaller;
                    }
                    None => start += size,
                }
            }
            size /= 2;
        }
        best
    }

    fn drop_events(&mut self, batches: &[Batch]) -> Vec<Batch> {
        let events = batches.iter().enumerate().flat_map(|(index, batch)| {
            // A batch without events lets the time pass.
            let events = if batch.words.is_empty() { vec![vec![]] } else { split(&batch.words) };
            events.into_iter().map(move |words| (index, Batch { now: batch.now, words }))
        });
        let glue = |parts: Vec<(usize, Batch)>| {
            let mut batches: Vec<(usize, Batch)> = Vec::new();
            for (index, event) in parts {
                match batches.last_mut() {
                    Some((last, batch)) if *last == index => batch.words.extend(event.words),
                    _ => batches.push((index, event)),
                }
            }
            batches.into_iter().map(|(_, batch)| batch).collect()
        };
        self.drop(events.collect(), &glue)
    }

    /// Puts neighbours into one batch.
    fn join(&mut self, mut batches: Vec<Batch>) -> Vec<Batch> {
        let mut index = 1;
        while index < batches.len() {
            let mut fewer = batches.clone();
            let next = fewer.remove(index);
            fewer[index - 1].words.extend(next.words);
            fewer[index - 1].now = next.now;
            match self.failing(&fewer) {
                Some(smaller) => batches = smaller,
                None => index += 1,
            }
        }
        batches
    }
}

impl Search<'_> {
    /// Defines units without needs.
    fn free(&mut self, mut batches: Vec<Batch>) -> Vec<Batch> {
        for index in (0..batches.len()).rev() {
            let mut at = 0;
            while let Some(mut events) = batches.get(index).map(|batch| split(&batch.words)) {
                let Some(event) = events.get_mut(at) else { break };
                if let Some(freed) = without_needs(event) {
                    *event = freed;
                    let mut freer = batches.clone();
                    freer[index].words = events.concat();
                    batches = self.failing(&freer).unwrap_or(batches);
                }
                at += 1;
            }
        }
        batches
    }

    /// Takes units out, each perhaps with the job that it had alone.
    fn renumber(&mut self, mut batches: Vec<Batch>) -> Vec<Batch> {
        for unit in (0..units(&batches)).rev() {
            let fewer = without_unit(&batches, unit);
            let jobs = (0..jobs(&fewer)).map(|job| without_job(&fewer, job));
            let smaller = std::iter::once(fewer.clone()).chain(jobs).find_map(|b| self.failing(&b));
            batches = smaller.unwrap_or(batches);
        }
        batches
    }

    /// Tries smaller words and earlier times.
    fn simplify(&mut self, mut batches: Vec<Batch>) -> Vec<Batch> {
        for index in (0..batches.len()).rev() {
            for at in 0..=batches.get(index).map_or(0, |batch| batch.words.len()) {
                for divisor in [i64::MAX, 2] {
                    let mut simpler = batches.clone();
                    let Some(batch) = simpler.get_mut(index) else { break };
                    let word = batch.words.get_mut(at).unwrap_or(&mut batch.now);
                    if !(-1..=1).contains(word) {
                        *word /= divisor;
                        batches = self.failing(&simpler).unwrap_or(batches);
                    }
                }
            }
        }
        batches
    }
}

/// A definition of the same units without needs.
fn without_needs(words: &[i64]) -> Option<Vec<i64>> {
    let events = parse(words).ok()?;
    let [Event::Define(new)] = events[..] else { return None };
    let head = words.len() - new.offsets.len() - new.needs.len();
    let offsets = std::iter::repeat_n(0, new.offsets.len());
    (!new.needs.is_empty()).then(|| words[..head].iter().copied().chain(offsets).collect())
}

fn cut(batches: &[Batch], last: usize) -> Vec<Batch> {
    batches[..batches.len().min(last + 1)].to_vec()
}

/// What gets smaller with every step that is taken.
fn weight(batches: &[Batch]) -> (usize, usize, u128) {
    let size = |word: i64| u128::from(word.unsigned_abs());
    let sizes = |batch: &Batch| batch.words.iter().map(|&word| size(word)).sum::<u128>();
    let words = batches.iter().map(|batch| batch.words.len()).sum();
    let sum = batches.iter().map(|batch| size(batch.now) + sizes(batch)).sum();
    (words, batches.len(), sum)
}

/// A broken rule without the numbers in it.
fn kind(rule: &str) -> String {
    let end =
        if rule.starts_with("panic") { rule.len() } else { rule.find(": ").unwrap_or(rule.len()) };
    rule[..end].chars().filter(|char| !char.is_ascii_digit()).collect()
}

/// The words of each event.
pub fn split(words: &[i64]) -> Vec<Vec<i64>> {
    let mut events = Vec::new();
    let mut start = 0;
    while start < words.len() {
        let ends = start + 1..=words.len();
        let whole = |&end: &usize| parse(&words[start..end]).is_ok();
        let end = ends.into_iter().find(whole).unwrap_or(words.len());
        events.push(words[start..end].to_vec());
        start = end;
    }
    events
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, rule, before, batches, .. } = self;
        writeln!(f, "{name}: {rule}")?;
        writeln!(f, "{} of {before} batches are enough:", batches.len())?;
        for batch in batches {
            write!(f, "  at {}:", batch.now)?;
            for words in split(&batch.words) {
                match parse(&words) {
                    Ok(events) => events.iter().try_for_each(|event| write!(f, " {event:?}"))?,
                    Err(error) => write!(f, " {words:?} ({error})")?,
                }
            }
            writeln!(f)?;
        }
        let mut log = Log::new(self.seed, self.grace);
        batches.iter().for_each(|batch| log.append(batch.now, &batch.words));
        write!(f, "again: cargo run -p qflow-core --example replay -- ")?;
        log.take().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Failure {}

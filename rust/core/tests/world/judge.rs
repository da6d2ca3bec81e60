//! A scheduler under watch: every equality and every rule after every batch.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use qflow_core::log::Batch;
use qflow_core::words::{parse, write};
use qflow_core::{Command, Scheduler};

use super::observer::{Observer, ensure};

pub struct Judge {
    pub scheduler: Scheduler,
    pub observer: Observer,
    now: i64,
    /// Events of the last batch.
    pub heard: usize,
    /// Depends on every word that crossed the boundary.
    pub hash: u64,
    crossed: Vec<i64>,
}

impl Judge {
    pub fn new(seed: i64, grace: i64) -> Self {
        Self {
            scheduler: Scheduler::new(seed, grace).expect("the grace is not negative"),
            observer: Observer::default(),
            now: 0,
            heard: 0,
            hash: 0,
            crossed: Vec::new(),
        }
    }

    /// Gives a batch to the scheduler. The commands; or None if it was refused.
    pub fn tell(&mut self, now: i64, words: &[i64]) -> Result<Option<Vec<Command>>, String> {
        let mut commands = Vec::new();
        let Ok(events) = parse(words) else { return Ok(None) };
        if self.scheduler.handle(&events, now, &mut commands).is_err() {
            return Ok(None);
        }
        self.now = self.now.max(now);
        self.heard = events.len();
        self.scheduler.poll_all(&mut commands);
        self.scheduler.check().map_err(|broken| broken.to_string())?;
        self.observer.watch(&events, self.now, &commands, &self.scheduler)?;
        self.crossed.clear();
        write(&commands, &mut self.crossed);
        for &word in words.iter().chain(&self.crossed) {
            self.hash = (self.hash ^ word as u64).wrapping_mul(0x100_0000_01B3);
        }
        Ok(Some(commands))
    }

    /// From here on all goes well: whatever was begun has a result. Every run has to end.
    pub fn settle(&mut self) -> Result<(), String> {
        let mut calm = Vec::new();
        for &lane in self.observer.facts.lanes.keys() {
            calm.extend([2, lane, 9, 1, 23, lane, 1, 0, 0, 0]);
        }
        for run in &self.observer.facts.runs {
            calm.extend([18, run.id, -1, 27, run.id, 0, 28, run.id, -1, 5, run.id]);
        }
        ensure(self.tell(self.now, &calm)?.is_some(), "calm words are not refused")?;
        // Each round ends an attempt of a unit or brings it forward.
        for _ in 0..100 + 10 * self.observer.facts.units.len() {
            if self.observer.facts.runs.iter().all(|run| run.outcome.is_some()) {
                break;
            }
            let words = self.results();
            let next = self.scheduler.next_wake().unwrap_or(self.now);
            ensure(self.tell(next, &words)?.is_some(), "results are not refused")?;
        }
        let ended = self.observer.facts.runs.iter().all(|run| run.outcome.is_some());
        ensure(ended, "every run ends")
    }

    /// Words that give a result to all that may be on its way; most of it is ignored.
    fn results(&self) -> Vec<i64> {
        let facts = &self.observer.facts;
        let mut words = Vec::new();
        for (unit, one) in (0..).zip(&facts.units).filter(|(_, one)| one.end.is_none()) {
            let adopted = one.adopted.iter().copied();
            for attempt in adopted.chain([one.attempt]).map(i64::from) {
                words.extend([11, unit, attempt, 8, unit, attempt]);
            }
        }
        for job in 0..facts.jobs.len() as i64 {
            words.extend([14, job, 16, job, 17, job, 0]);
        }
        for question in 0..facts.questions.len() as i64 {
            words.extend([19, question, 1]);
        }
        words
    }
}

/// What is wrong with a log, and the number of the batch after which it shows.
pub type Fault = (usize, String);

/// Judges a log as far as it is admitted, and whether its runs can end.
pub fn judge(seed: i64, grace: i64, batches: &[Batch]) -> Result<(), Fault> {
    let mut judge = Judge::new(seed, grace);
    for (index, batch) in batches.iter().enumerate() {
        caught(|| judge.tell(batch.now, &batch.words)).map_err(|rule| (index, rule))?;
    }
    caught(|| judge.settle()).map_err(|rule| (batches.len(), rule))
}

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Makes an error of a panic, and does not print it.
pub fn caught<T>(act: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !CATCHING.get() {
                print(info);
            }
        }));
    });
    CATCHING.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(act));
    CATCHING.set(false);
    result.unwrap_or_else(|cause| {
        let text = cause.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
        Err(format!("panic: {}", text.unwrap_or("without words")))
    })
}

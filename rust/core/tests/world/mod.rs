//! A world around the scheduler: a virtual clock, and workers that answer late, twice, wrongly
//! or never. Everything follows from one seed.
#![allow(dead_code, reason = "each program that has a world uses a part of it")]

mod facts;
mod fate;
pub mod hostile;
pub mod judge;
mod observer;
mod plan;
mod renumber;
pub mod rng;
pub mod shrink;
mod turns;

use std::collections::{BTreeMap, BTreeSet};

use qflow_core::State;
use qflow_core::log::Batch;

use fate::Body;
use judge::{Judge, caught, judge};
use plan::Plan;
use rng::Rng;
use shrink::{Failure, shrink};

/// After this time nothing goes wrong any more, so every run has to end.
const CALM: i64 = 3_000;
pub const GRACE: i64 = 30;
/// More steps than any schedule of this size takes.
const PATIENCE: usize = 20_000;

/// How a schedule went.
#[derive(Default)]
pub struct History {
    pub events: usize,
    /// Depends on every word that crossed the boundary.
    pub hash: u64,
    /// What the scheduler was told.
    pub batches: Vec<Batch>,
}

pub struct World {
    rng: Rng,
    judge: Judge,
    plan: Plan,
    now: i64,
    /// What will happen: words of one event, or `CALL` and a loop step that goes on.
    future: BTreeMap<(i64, u64), Vec<i64>>,
    posted: u64,
    /// Loop steps by unit and attempt.
    bodies: BTreeMap<(u32, u32), Body>,
    history: History,
}

/// Runs the schedule of one seed to its end, all equalities checked after every batch.
pub fn simulate(seed: u64) -> Result<History, Box<Failure>> {
    let mut world = World::new(seed);
    match caught(|| world.live()) {
        Ok(()) => {
            world.history.hash = world.judge.hash;
            Ok(world.history)
        }
        Err(rule) => Err(world.failure(seed, rule)),
    }
}

/// Every change of state in a log from one batch to the next.
pub fn moves(seed: u64, batches: &[Batch]) -> BTreeSet<(State, State)> {
    let mut judge = Judge::new(seed as i64, GRACE);
    let mut before = Vec::new();
    let mut moves = BTreeSet::new();
    for batch in batches {
        judge.tell(batch.now, &batch.words).expect("this log was judged before");
        let states: Vec<_> = (0..).map_while(|unit| judge.scheduler.unit_state(unit)).collect();
        before.resize(states.len(), State::Waiting);
        moves
            .extend(before.into_iter().zip(states.iter().copied()).filter(|pair| pair.0 != pair.1));
        before = states;
    }
    moves
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let plan = Plan::random(&mut rng);
        Self {
            judge: Judge::new(seed as i64, GRACE),
            rng,
            plan,
            now: 0,
            future: BTreeMap::new(),
            posted: 0,
            bodies: BTreeMap::new(),
            history: History::default(),
        }
    }

    /// The failure of this world, with as few events as show the same.
    fn failure(self, seed: u64, rule: String) -> Box<Failure> {
        let batches = self.history.batches;
        let verdict = |batches: &[Batch]| judge(seed as i64, GRACE, batches);
        let before = batches.len();
        // Where the world alone saw it, the whole log is shown.
        let (batches, rule) = shrink(&batches, &verdict).unwrap_or((batches, rule));
        let name = format!("seed {seed}");
        Box::new(Failure { name, rule, seed: seed as i64, grace: GRACE, batches, before })
    }

    fn live(&mut self) -> Result<(), String> {
        for words in std::mem::take(&mut self.plan.words) {
            let known = self.judge.observer.facts.jobs.len();
            self.step(words)?;
            let jobs = self.judge.observer.facts.jobs.iter().enumerate().skip(known);
            let adopted = jobs.filter(|job| job.1.adopted).map(|job| (job.0, job.1.doubtful));
            for (job, doubtful) in adopted.collect::<Vec<_>>() {
                self.go_on(job as u32, doubtful);
            }
        }
        self.plan_trouble();
        for _ in 0..PATIENCE {
            // Lanes may still wait for their tokens; then nothing is left.
            let wake = self.judge.scheduler.next_wake();
            if self.future.is_empty() && self.open_runs() == 0 && wake.is_none() {
                return Ok(());
            }
            let words = self.next_batch()?;
            self.step(words)?;
        }
        Err(format!("every run ends: {} did not", self.open_runs()))
    }

    fn open_runs(&self) -> usize {
        self.judge.observer.facts.runs.iter().filter(|run| run.outcome.is_none()).count()
    }

    /// Moves the clock to whatever comes next, and collects the events of that moment.
    fn next_batch(&mut self) -> Result<Vec<i64>, String> {
        let posted = self.future.first_key_value().map(|(key, _)| key.0);
        let wake = self.judge.scheduler.next_wake();
        let next = posted.into_iter().chain(wake).min();
        self.now = self.now.max(next.ok_or("every run ends: nothing will happen any more")?);
        let mut words = Vec::new();
        while let Some(entry) = self.future.first_entry() {
            if entry.key().0 > self.now || (!words.is_empty() && self.rng.percent(30)) {
                break;
            }
            let event = entry.remove();
            self.deliver(event, &mut words);
        }
        Ok(words)
    }

    fn post(&mut self, delay: i64, words: &[i64]) {
        self.posted += 1;
        self.future.insert((self.now + delay, self.posted), words.to_vec());
    }

    /// One batch, and what becomes of its commands.
    fn step(&mut self, words: Vec<i64>) -> Result<(), String> {
        self.history.batches.push(Batch { now: self.now, words });
        let words = &self.history.batches[self.history.batches.len() - 1].words;
        let commands = self.judge.tell(self.now, words)?;
        let commands = commands.ok_or("the scheduler takes what this world sends")?;
        self.history.events += self.judge.heard;
        commands.into_iter().for_each(|command| self.obey(command));
        Ok(())
    }
}

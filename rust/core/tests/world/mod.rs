//! A world around the scheduler: a virtual clock, and workers that answer late, twice, wrongly
//! or never. Everything follows from one seed.

mod fate;
mod observer;
mod plan;
mod rng;

use std::collections::{BTreeMap, BTreeSet};

use qflow_core::words::{parse, write};
use qflow_core::{Command, Event, Scheduler, State};

use fate::Body;
use observer::{Observer, ensure};
use plan::{Plan, UnitFacts};
use rng::Rng;

/// After this time nothing goes wrong any more, so every run has to end.
const CALM: i64 = 3_000;
const GRACE: i64 = 30;
/// More steps than any schedule of this size takes.
const PATIENCE: usize = 20_000;

/// How a schedule went.
#[derive(Default)]
pub struct History {
    pub events: usize,
    /// Depends on every word that crossed the boundary.
    pub hash: u64,
    /// Changes of state from one batch to the next.
    pub moves: BTreeSet<(State, State)>,
}

pub struct World {
    rng: Rng,
    scheduler: Scheduler,
    plan: Plan,
    observer: Observer,
    now: i64,
    /// What will happen: words of one event, or `RECALL` and a unit whose loop goes on.
    future: BTreeMap<(i64, u64), Vec<i64>>,
    posted: u64,
    /// Loop steps by unit and attempt.
    bodies: BTreeMap<(u32, u32), Body>,
    /// Members of each job.
    jobs: Vec<Vec<(u32, u32)>>,
    caps: BTreeMap<i64, i64>,
    history: History,
    /// States after the last batch.
    states: Vec<State>,
}

/// Runs the schedule of one seed to its end, all equalities checked after every batch.
pub fn simulate(seed: u64) -> Result<History, String> {
    let mut world = World::new(seed);
    world.live().map_err(|error| format!("seed {seed}, time {}: {error}", world.now))?;
    Ok(world.history)
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let plan = Plan::random(&mut rng);
        Self {
            scheduler: Scheduler::new(seed as i64, GRACE).expect("the grace is positive"),
            rng,
            plan,
            observer: Observer::default(),
            now: 0,
            future: BTreeMap::new(),
            posted: 0,
            bodies: BTreeMap::new(),
            jobs: Vec::new(),
            caps: BTreeMap::new(),
            history: History::default(),
            states: Vec::new(),
        }
    }

    fn live(&mut self) -> Result<(), String> {
        for words in std::mem::take(&mut self.plan.words) {
            self.step(words)?;
        }
        self.plan_trouble();
        for _ in 0..PATIENCE {
            if self.observer.ended.len() == self.plan.runs.len() && self.future.is_empty() {
                return ensure(self.scheduler.next_wake().is_none(), "no timer after the end");
            }
            let words = self.next_batch()?;
            self.step(words)?;
        }
        let ended = self.observer.ended.len();
        Err(format!("{ended} of {} runs ended", self.plan.runs.len()))
    }

    /// Moves the clock to whatever comes next, and collects the events of that moment.
    fn next_batch(&mut self) -> Result<Vec<i64>, String> {
        let posted = self.future.first_key_value().map(|(key, _)| key.0);
        let wake = self.scheduler.next_wake();
        let next = posted.into_iter().chain(wake).min();
        self.now = self.now.max(next.ok_or_else(|| self.standstill())?);
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

    fn standstill(&self) -> String {
        let runs = self.plan.runs.iter().filter(|&run| !self.observer.ended.contains_key(run));
        let stuck = runs.map(|&run| {
            format!("{:?}", (run, self.scheduler.money(run), self.scheduler.counts(run)))
        });
        format!("nothing will happen any more: {}", stuck.collect::<Vec<_>>().join(", "))
    }

    fn post(&mut self, delay: i64, words: &[i64]) {
        self.posted += 1;
        self.future.insert((self.now + delay, self.posted), words.to_vec());
    }

    fn step(&mut self, words: Vec<i64>) -> Result<(), String> {
        let events = parse(&words).map_err(|error| error.to_string())?;
        self.history.events += events.len().max(1);
        let mut commands = Vec::new();
        let taken = self.scheduler.handle(&events, self.now, &mut commands);
        taken.map_err(|error| format!("refused: {error}"))?;
        self.scheduler.poll_all(&mut commands);
        self.scheduler.check().map_err(|broken| broken.to_string())?;
        self.remember(&words, &commands);
        events.iter().for_each(|event| self.observer.hear(event));
        for command in &commands {
            self.observer.see(&self.plan, command)?;
        }
        self.check_money(&events, &commands)?;
        commands.into_iter().for_each(|command| self.obey(command));
        Ok(())
    }

    fn remember(&mut self, words: &[i64], commands: &[Command]) {
        let mut all = words.to_vec();
        write(commands, &mut all);
        for word in all {
            self.history.hash = (self.history.hash ^ word as u64).wrapping_mul(0x100_0000_01B3);
        }
        let states = (0..).map_while(|unit| self.scheduler.unit_state(unit)).collect::<Vec<_>>();
        let before = self.states.iter().chain(std::iter::repeat(&State::Waiting));
        let moves = before.zip(&states).filter(|(from, to)| from != to);
        self.history.moves.extend(moves.map(|(&from, &to)| (from, to)));
        self.states = states;
    }

    /// Whoever submits a paid job leaves spent and reserved together within the cap.
    fn check_money(&mut self, events: &[Event<'_>], commands: &[Command]) -> Result<(), String> {
        for event in events {
            if let &(Event::Run { run, cap, .. } | Event::Cap { run, micro: cap }) = event {
                self.caps.insert(run, cap);
            }
        }
        for command in commands {
            let Command::Submit { members, .. } = command else { continue };
            let class = self.plan.classes[self.plan.units[members[0].0 as usize].class];
            let run = self.plan.runs[class.run];
            let (spent, reserved) = self.scheduler.money(run).ok_or("the run exists")?;
            let cap = i128::from(self.caps[&run]);
            let within = class.reserve == 0 || cap < 0 || spent + reserved <= cap;
            ensure(within, "no paid job passes the cap")?;
        }
        Ok(())
    }
}

//! Slots and turns, seen from outside: who starts while another one could.

use std::collections::{BTreeMap, BTreeSet};

use qflow_core::{Event, Guard, Scheduler, State};

use super::facts::Facts;
use super::observer::ensure;

/// While a run has a ready unit on a lane, another one gets there at most this many times the
/// longest start. A start is as long as it is expected to take, and never nothing.
const TURNS: i64 = 3;
/// Beyond this what runs were served cannot be told apart any more.
const LONGEST: i64 = 1 << 40;

#[derive(Default)]
pub struct Turns {
    /// Starts of this batch: lane, run, expected time.
    starts: Vec<(i64, usize, i64)>,
    /// Lanes and runs with a ready unit after the batch before.
    waiting: BTreeSet<(i64, usize)>,
    /// What another run got since a run waits: lane, waiting run, other run.
    passed: BTreeMap<(i64, usize, usize), i64>,
    longest: BTreeMap<i64, i64>,
    guards: BTreeMap<i64, Guard>,
    /// Times of the last starts on a lane.
    recent: BTreeMap<i64, Vec<i64>>,
    /// When the rest of a lane ends.
    rests: BTreeMap<i64, i64>,
}

impl Turns {
    /// Forgets who waited for a lane that may have been down, or in a run that may have paused.
    pub fn hear(&mut self, event: &Event<'_>) {
        match *event {
            Event::Lane { lane, .. } => self.waiting.retain(|&(other, _)| other != lane),
            Event::Pause { .. } => self.waiting.clear(),
            Event::Guard { lane, guard } => {
                self.guards.insert(lane, guard);
                self.recent.remove(&lane);
                self.rests.remove(&lane);
            }
            _ => (),
        }
    }

    pub fn start(&mut self, facts: &Facts, lane: i64, unit: u32, members: i64) {
        let class = facts.class_of(unit);
        let time = class.spec.expected.max(1).saturating_mul(members);
        self.starts.push((lane, class.run, time));
        let longest = self.longest.entry(lane).or_default();
        *longest = time.max(*longest);
    }

    pub fn rest(&mut self, lane: i64, until: i64) {
        self.rests.insert(lane, until);
    }

    /// A lane has to be spared: not used while it rests, and not more often than its guard says.
    fn spare(&mut self, lane: i64, now: i64) -> Result<(), String> {
        let rests = self.rests.get(&lane).is_some_and(|&until| now < until);
        ensure(!rests, "a lane that rests starts nothing")?;
        // The machine adds bursts up, and stops at the largest time there is.
        let full = |guard: &Guard| guard.period.checked_mul(guard.burst)?.checked_add(now);
        let guard = self.guards.get(&lane).filter(|guard| guard.period > 0);
        let Some(guard) = guard.filter(|guard| full(guard).is_some()) else { return Ok(()) };
        let recent = self.recent.entry(lane).or_default();
        recent.push(now);
        let burst = usize::try_from(guard.burst).unwrap_or(usize::MAX);
        let Some(first) = recent.len().checked_sub(burst.saturating_add(1)) else { return Ok(()) };
        let spared = now >= recent[first].saturating_add(guard.period);
        ensure(spared, "no more starts than a burst within a period")
    }

    pub fn judge(&mut self, facts: &Facts, now: i64, scheduler: &Scheduler) -> Result<(), String> {
        let mut waiting = BTreeSet::new();
        for (unit, one) in (0..).zip(&facts.units).filter(|(_, one)| one.end.is_none()) {
            if scheduler.unit_state(unit) == Some(State::Ready) {
                let class = &facts.classes[one.class];
                if !facts.runs[class.run].paused {
                    waiting.insert((class.terms().lane, class.run));
                }
            }
        }
        let starts = std::mem::take(&mut self.starts);
        let served = |place: &(i64, usize)| starts.iter().any(|s| (s.0, s.1) == *place);
        self.passed
            .retain(|&(lane, run, _), _| waiting.contains(&(lane, run)) && !served(&(lane, run)));
        let patient = |place: &&(i64, usize)| self.waiting.contains(place) && !served(place);
        for &(lane, run) in waiting.iter().filter(patient) {
            for &(_, other, time) in starts.iter().filter(|start| start.0 == lane) {
                let passed = self.passed.entry((lane, run, other)).or_default();
                *passed = passed.saturating_add(time);
                let longest = self.longest[&lane];
                let fair = longest > LONGEST || *passed <= TURNS * longest;
                ensure(fair, "runs take turns on a lane")?;
            }
        }
        self.waiting = waiting;
        starts.iter().try_for_each(|start| {
            self.spare(start.0, now)?;
            has_slots(facts, scheduler, start.0)
        })
    }
}

/// Units that run and jobs that have members are not more than the slots of their lane.
fn has_slots(facts: &Facts, scheduler: &Scheduler, lane: i64) -> Result<(), String> {
    let (mut running, mut jobs) = (0, BTreeSet::new());
    for (unit, one) in (0..).zip(&facts.units).filter(|(_, one)| one.out) {
        let class = &facts.classes[one.class];
        match (scheduler.unit_state(unit), one.job) {
            (Some(State::Running), _) if class.terms().lane == lane => running += 1,
            (Some(State::Sent), Some(job)) if facts.jobs[job].lane == lane => {
                jobs.insert(job);
            }
            _ => (),
        }
    }
    let used = running + jobs.len() as i64;
    ensure(used <= facts.lanes[&lane], "no more starts than slots")
}

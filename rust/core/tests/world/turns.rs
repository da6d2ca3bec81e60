//! Slots and turns, seen from outside: who starts while another one could.

use std::collections::{BTreeMap, BTreeSet};

use qflow_core::{Event, Scheduler, State};

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
}

impl Turns {
    /// Forgets who waited for a lane that may have been down, or in a run that may have paused.
    pub fn hear(&mut self, event: &Event<'_>) {
        match *event {
            Event::Lane { lane, .. } => self.waiting.retain(|&(other, _)| other != lane),
            Event::Pause { .. } => self.waiting.clear(),
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

    pub fn judge(&mut self, facts: &Facts, scheduler: &Scheduler) -> Result<(), String> {
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
        starts.iter().try_for_each(|start| has_slots(facts, scheduler, start.0))
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

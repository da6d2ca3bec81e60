//! Watches events and commands from outside and says what no correct scheduler does.

use std::collections::{BTreeMap, BTreeSet};

use qflow_core::{Cause, Choice, Command, Event, Member, Outcome, State};

use super::plan::Plan;

type Seen = Result<(), String>;

#[derive(Default)]
pub struct Observer {
    attempts: BTreeMap<u32, u32>,
    pub finals: BTreeMap<u32, State>,
    pub ended: BTreeMap<i64, Outcome>,
    pub cancelled: BTreeSet<i64>,
    jobs: Vec<Vec<Member>>,
    /// Attempts for which a result, and for which a failure was delivered.
    results: BTreeSet<(i64, i64)>,
    failures: BTreeSet<(i64, i64)>,
    known: BTreeSet<i64>,
    /// Jobs in doubt, without proof or the user's word; and who asked about them.
    doubtful: BTreeSet<i64>,
    questions: BTreeMap<i64, i64>,
    /// The attempt that asked for a unit.
    parents: BTreeMap<u32, Member>,
}

impl Observer {
    /// Takes note of what the scheduler is told.
    pub fn hear(&mut self, event: &Event<'_>) {
        match *event {
            Event::Done { unit, attempt } => {
                self.results.insert((unit, attempt));
                self.arrived(unit as u32, attempt as u32);
            }
            Event::Failed { unit, attempt, .. } => {
                self.failures.insert((unit, attempt));
                self.arrived(unit as u32, attempt as u32);
            }
            Event::Known { unit } => {
                self.known.insert(unit);
            }
            Event::Settled { job } => {
                let members = self.jobs[job as usize].iter();
                self.failures.extend(members.map(|&(unit, attempt)| (unit.into(), attempt.into())));
                self.doubtful.remove(&job);
            }
            Event::Sent { job } | Event::Found { job } => {
                self.doubtful.remove(&job);
            }
            Event::Answer { question, choice: Choice::Resubmit } => {
                self.doubtful.remove(&self.questions[&question]);
            }
            Event::Define(ref new) if new.parent >= 0 => {
                let parent = new.parent as u32;
                let attempt = self.attempts[&parent];
                let units = new.first as u32..new.first as u32 + new.offsets.len() as u32 - 1;
                self.parents.extend(units.map(|unit| (unit, (parent, attempt))));
            }
            _ => (),
        }
    }

    /// An answer of a member proves that its job arrived.
    fn arrived(&mut self, unit: u32, attempt: u32) {
        let with_it = |&job: &i64| !self.jobs[job as usize].contains(&(unit, attempt));
        self.doubtful.retain(with_it);
    }

    /// Judges a command.
    pub fn see(&mut self, plan: &Plan, command: &Command) -> Seen {
        match command {
            &Command::Run { unit, attempt } => self.started(plan, unit, attempt),
            Command::Submit { job, members, .. } => self.submitted(plan, *job, members),
            &Command::Resume { unit, attempt } | &Command::Retry { unit, attempt, .. } => {
                ensure(!self.finals.contains_key(&unit), "nothing after the end")?;
                ensure(self.attempts.get(&unit) == Some(&attempt), "the current attempt")
            }
            &Command::Final { unit, state, attempt, cause } => {
                let last = self.attempts.get(&unit).copied().unwrap_or(0);
                ensure(last == attempt, "the last attempt is final")?;
                self.ended_rightly(plan, unit, state, cause)?;
                ensure(self.finals.insert(unit, state).is_none(), "final once")
            }
            &Command::Find { job } => {
                self.doubtful.insert(job.into());
                Ok(())
            }
            &Command::Ask { question, job, .. } => {
                self.questions.insert(question.into(), job.into());
                Ok(())
            }
            &Command::Ended { run, outcome } => self.run_ended(plan, run, outcome),
            Command::Stop { .. } | Command::StopJob { .. } => Ok(()),
            Command::Moved { .. } | Command::Rest { .. } | Command::Short { .. } => Ok(()),
        }
    }

    fn submitted(&mut self, plan: &Plan, job: u32, members: &[Member]) -> Seen {
        let limit = plan.classes[plan.units[members[0].0 as usize].class].limit;
        ensure(job as usize == self.jobs.len(), "jobs are numbered in order")?;
        ensure((1..=limit).contains(&(members.len() as i64)), "members within the limit")?;
        ensure(members.is_sorted(), "members ascend")?;
        for &(unit, attempt) in members {
            let before = (unit, attempt - 1);
            let doubted = |&job: &i64| self.jobs[job as usize].contains(&before);
            ensure(!self.doubtful.iter().any(doubted), "no second submit while in doubt")?;
            self.started(plan, unit, attempt)?;
        }
        self.jobs.push(members.to_vec());
        Ok(())
    }

    fn started(&mut self, plan: &Plan, unit: u32, attempt: u32) -> Seen {
        let last = self.attempts.insert(unit, attempt).unwrap_or(0);
        ensure(attempt == last + 1, "attempts count up by one")?;
        ensure(!self.finals.contains_key(&unit), "no start after the end")?;
        if let Some((parent, asking)) = self.parents.get(&unit) {
            let gone = self.finals.get(parent).is_some_and(|&state| state != State::Done);
            let current = self.attempts[parent] == *asking && !gone;
            ensure(current, "a child starts only while its parent's attempt lives")?;
        }
        let facts = &plan.units[unit as usize];
        facts.needs.iter().try_for_each(|&need| match self.finals.get(&(need as u32)) {
            None => Err(format!("unit {unit} started before its need {need} was final")),
            Some(State::Done) => Ok(()),
            Some(_) => ensure(facts.collect, "a unit starts only with all its needs done"),
        })
    }

    /// Every end has its reason in what was told before.
    fn ended_rightly(&self, plan: &Plan, unit: u32, state: State, cause: Cause) -> Seen {
        let attempt = self.attempts.get(&unit).copied().unwrap_or(0);
        let answer = (i64::from(unit), i64::from(attempt));
        let lacks = |&need: &usize| {
            self.finals.get(&(need as u32)).is_some_and(|&state| state != State::Done)
        };
        let facts = &plan.units[unit as usize];
        let right = match (state, cause) {
            (State::Done, _) => self.results.contains(&answer) || self.known.contains(&answer.0),
            (State::Failed, Cause::Answer | Cause::AttemptsUsed) => self.failures.contains(&answer),
            (State::Skipped, _) => !facts.collect && facts.needs.iter().any(lacks),
            _ => true,
        };
        ensure(right, &format!("unit {unit} is {} for a reason", state.name()))
    }

    fn run_ended(&mut self, plan: &Plan, run: i64, outcome: Outcome) -> Seen {
        let of_run = |unit: usize| plan.runs[plan.classes[plan.units[unit].class].run] == run;
        let units = || (0..plan.units.len()).filter(|&unit| of_run(unit));
        let state = |unit: usize| self.finals.get(&(unit as u32));
        ensure(units().all(|unit| state(unit).is_some()), "an ended run has only final units")?;
        let expected = if self.cancelled.contains(&run) {
            Outcome::Cancelled
        } else if units().any(|unit| state(unit) == Some(&State::Failed)) {
            Outcome::Failed
        } else {
            Outcome::Done
        };
        ensure(outcome == expected, "the outcome follows from the units")?;
        ensure(self.ended.insert(run, outcome).is_none(), "a run ends once")
    }
}

pub fn ensure(holds: bool, rule: &str) -> Seen {
    if holds { Ok(()) } else { Err(format!("broken: {rule}")) }
}

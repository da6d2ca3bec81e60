//! Watches events and commands from outside and says what no correct scheduler does. It knows
//! nothing but the log, so it can judge one that was shortened.

use qflow_core::{Cause, Command, Event, Member, Outcome, Scheduler, State};

use super::facts::{Facts, JobFacts};
use super::turns::Turns;

type Seen = Result<(), String>;

#[derive(Default)]
pub struct Observer {
    pub facts: Facts,
    turns: Turns,
}

impl Observer {
    /// Judges a batch that was not refused, after all lanes were polled.
    pub fn watch(
        &mut self,
        events: &[Event<'_>],
        now: i64,
        commands: &[Command],
        scheduler: &Scheduler,
    ) -> Seen {
        self.facts.begin();
        for event in events {
            self.facts.hear(event);
            self.turns.hear(event);
        }
        self.facts.time(now);
        commands.iter().try_for_each(|command| self.see(command))?;
        self.turns.judge(&self.facts, now, scheduler)?;
        commands.iter().try_for_each(|command| self.paid(command, scheduler))
    }

    fn see(&mut self, command: &Command) -> Seen {
        match *command {
            Command::Run { unit, attempt } => {
                let lane = self.facts.class_of(unit).terms().lane;
                self.facts.units[unit as usize].job = None;
                self.turns.start(&self.facts, lane, unit, 1);
                self.started(unit, attempt, lane)
            }
            Command::Submit { job, lane, ref members } => self.submitted(job, lane, members),
            Command::Resume { unit, attempt } => {
                let facts = &self.facts.units[unit as usize];
                ensure(facts.end.is_none(), "nothing after the end")?;
                ensure(facts.attempt == attempt, "the current attempt")?;
                self.may_start(unit, self.facts.class_of(unit).terms().lane)
            }
            Command::Retry { unit, attempt, .. } => self.retried(unit, attempt),
            Command::Final { unit, state, attempt, cause } => {
                self.on_attempt(unit, attempt)?;
                self.ended_rightly(unit, state, cause)?;
                self.finished(unit, state)
            }
            Command::Find { job } => {
                let job = &mut self.facts.jobs[job as usize];
                job.doubtful = !job.arrived;
                Ok(())
            }
            Command::Stop { unit, attempt } => {
                ensure(self.facts.units[unit as usize].out, "only what is out is stopped")?;
                self.facts.units[unit as usize].stopped = attempt;
                self.on_attempt(unit, attempt)
            }
            Command::StopJob { job } => {
                self.facts.jobs[job as usize].stopped = true;
                Ok(())
            }
            Command::Ask { question, job, .. } => {
                let expected = self.facts.questions.len();
                self.facts.questions.push(job as usize);
                ensure(question as usize == expected, "questions are numbered in order")
            }
            Command::Ended { run, outcome } => self.run_ended(run, outcome),
            Command::Moved { class, way } => {
                let class = self.facts.class(class);
                class.way = way as usize;
                ensure(class.way < class.ways.len(), "a class goes only where it may")
            }
            Command::Rest { lane, until } => {
                self.turns.rest(lane, until);
                Ok(())
            }
            Command::Short { .. } => Ok(()),
        }
    }

    fn submitted(&mut self, job: u32, lane: i64, members: &[Member]) -> Seen {
        let terms = *self.facts.class_of(members[0].0).terms();
        let paid = self.facts.price(&terms, members) > 0;
        ensure(lane == terms.lane, "a job goes where its class goes")?;
        ensure(job as usize == self.facts.jobs.len(), "jobs are numbered in order")?;
        ensure(
            (1..=terms.job_limit).contains(&(members.len() as i64)),
            "members within the limit",
        )?;
        ensure(members.len() == 1 || self.facts.fits(lane, members), "a job fits its lane")?;
        ensure(members.is_sorted_by(|a, b| a.0 < b.0), "members ascend")?;
        for &(unit, attempt) in members {
            let doubted =
                |job: &JobFacts| job.doubtful && job.members.contains(&(unit, attempt - 1));
            let facts = &mut self.facts;
            ensure(!facts.jobs.iter().any(doubted), "no second submit while in doubt")?;
            facts.units[unit as usize].job = Some(job as usize);
            self.started(unit, attempt, lane)?;
        }
        self.turns.start(&self.facts, lane, members[0].0, members.len() as i64);
        let (members, timeout) = (members.to_vec(), terms.timeout);
        let job = JobFacts { lane, members, paid, timeout, ..JobFacts::default() };
        self.facts.jobs.push(job);
        Ok(())
    }

    fn may_start(&self, unit: u32, lane: i64) -> Seen {
        let class = self.facts.class_of(unit);
        ensure(self.facts.lanes[&lane] > 0, "a start needs a lane that is up and has slots")?;
        ensure(!self.facts.runs[class.run].paused, "nothing of a paused run starts")
    }

    fn started(&mut self, unit: u32, attempt: u32, lane: i64) -> Seen {
        self.may_start(unit, lane)?;
        let facts = &self.facts.units[unit as usize];
        let next = facts.attempt + 1 == attempt || facts.adopted.contains(&(attempt - 1));
        ensure(next, "attempts count up by one")?;
        ensure(!facts.out, "one attempt at a time")?;
        ensure(facts.end.is_none(), "no start after the end")?;
        ensure(!facts.orphan, "a child starts only while its parent's attempt lives")?;
        let class = self.facts.class_of(unit);
        let most = class.spec.attempts.saturating_mul(class.ways.len() as i64);
        let within = i64::from(attempt) <= most.saturating_add(facts.spare);
        ensure(within, "no more attempts than allowed")?;
        for need in self.facts.needs(unit) {
            let end = need.end.ok_or("a unit starts only when its needs are final")?;
            ensure(end == State::Done || facts.collect, "a unit starts only with its needs done")?;
        }
        let facts = &mut self.facts.units[unit as usize];
        facts.attempt = attempt;
        facts.out = true;
        facts.away = false;
        Ok(())
    }

    /// The unit is on this attempt, which may be one of an adopted job.
    fn on_attempt(&mut self, unit: u32, attempt: u32) -> Seen {
        let facts = &mut self.facts.units[unit as usize];
        if facts.adopted.contains(&attempt) {
            facts.attempt = attempt;
        }
        ensure(facts.attempt == attempt, "the last attempt counts")
    }

    fn retried(&mut self, unit: u32, attempt: u32) -> Seen {
        self.on_attempt(unit, attempt)?;
        let facts = &mut self.facts.units[unit as usize];
        ensure(facts.end.is_none(), "nothing after the end")?;
        ensure(facts.failures.contains(&attempt), "only what has failed is tried again")?;
        facts.out = false;
        facts.away = true;
        self.facts.forsake(unit);
        Ok(())
    }

    fn finished(&mut self, unit: u32, state: State) -> Seen {
        let run = self.facts.class_of(unit).run;
        self.facts.runs[run].open -= 1;
        self.facts.runs[run].failed |= state == State::Failed;
        let facts = &mut self.facts.units[unit as usize];
        facts.out = false;
        let first = facts.end.replace(state).is_none();
        match state {
            State::Done => self.facts.done(unit),
            _ => self.facts.forsake(unit),
        }
        ensure(first, "final once")
    }

    /// Every end has its reason in what was told before.
    fn ended_rightly(&self, unit: u32, state: State, cause: Cause) -> Seen {
        let facts = &self.facts.units[unit as usize];
        let stopped = match facts.job {
            Some(job) => self.facts.jobs[job].stopped,
            None => facts.stopped == facts.attempt,
        };
        let adopted = facts.adopted.contains(&facts.attempt);
        let lacks =
            || self.facts.needs(unit).any(|need| need.end.is_some_and(|s| s != State::Done));
        let right = match (state, cause) {
            (State::Done, _) => facts.known || facts.results.contains(&facts.attempt),
            (State::Failed, Cause::Answer | Cause::AttemptsUsed) => {
                facts.failures.contains(&facts.attempt)
            }
            (State::Failed, Cause::Timeout) | (State::Abandoned, _) => stopped || adopted,
            (State::Failed, Cause::GivenUp) => facts.given_up,
            (State::Skipped, _) => !facts.collect && lacks(),
            (State::Cancelled, _) => true,
            _ => false,
        };
        ensure(right, &format!("a unit is {} for a reason", state.name()))
    }

    fn run_ended(&mut self, run: i64, outcome: Outcome) -> Seen {
        let run = self.facts.run(run);
        ensure(run.open == 0, "an ended run has only final units")?;
        let expected = match (run.cancelled, run.failed || run.late) {
            (true, _) => Outcome::Cancelled,
            (false, true) => Outcome::Failed,
            (false, false) => Outcome::Done,
        };
        ensure(outcome == expected, "the outcome follows from the units")?;
        ensure(run.outcome.replace(outcome).is_none(), "a run ends once")
    }

    /// Whoever submits a paid job leaves spent and reserved together within the cap.
    fn paid(&self, command: &Command, scheduler: &Scheduler) -> Seen {
        let Command::Submit { job, ref members, .. } = *command else { return Ok(()) };
        let run = &self.facts.runs[self.facts.class_of(members[0].0).run];
        let free = !self.facts.jobs[job as usize].paid;
        let (spent, reserved) = scheduler.money(run.id).ok_or("the run has money")?;
        let within = free || run.cap < 0 || spent + reserved <= i128::from(run.cap);
        ensure(within, "no paid job passes the cap")
    }
}

pub fn ensure(holds: bool, rule: &str) -> Seen {
    if holds { Ok(()) } else { Err(rule.to_string()) }
}

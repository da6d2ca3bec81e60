//! Events and commands as flat `i64` words, the form in which they cross to Python.
//!
//! An event is its code followed by its fields in the order of [`Event`]; a command likewise.
//! `docs/scheduler.md` lists both.

use crate::command::Command;
use crate::error::SchedulerError;
use crate::event::{
    Adoption, Choice, ClassSpec, Definition, Event, Guard, Reason, Scope, Terms, Weight,
};

type Parsed<T> = Result<T, SchedulerError>;

struct Reader<'a> {
    words: &'a [i64],
    /// First word of the event being read.
    start: usize,
    next: usize,
}

/// Reads a batch of events.
pub fn parse(words: &[i64]) -> Parsed<Vec<Event<'_>>> {
    let mut reader = Reader { words, start: 0, next: 0 };
    let mut events = Vec::new();
    while reader.next < words.len() {
        reader.start = reader.next;
        events.push(reader.event()?);
    }
    Ok(events)
}

impl<'a> Reader<'a> {
    fn word(&mut self) -> Parsed<i64> {
        Ok(self.slice(1)?[0])
    }

    fn slice(&mut self, count: i64) -> Parsed<&'a [i64]> {
        let end = usize::try_from(count).ok().and_then(|n| self.next.checked_add(n));
        let words = end.and_then(|end| self.words.get(self.next..end));
        let words = words.ok_or(SchedulerError::Truncated { at: self.start })?;
        self.next += words.len();
        Ok(words)
    }

    fn choose<T: Copy>(&mut self, what: &'static str, among: &[T]) -> Parsed<T> {
        let value = self.word()?;
        let chosen = usize::try_from(value).ok().and_then(|i| among.get(i));
        chosen.copied().ok_or(SchedulerError::Range { what, value })
    }

    fn flag(&mut self, what: &'static str) -> Parsed<bool> {
        self.choose(what, &[false, true])
    }

    fn event(&mut self) -> Parsed<Event<'a>> {
        let code = self.word()?;
        Ok(match code {
            1 => Event::Run { run: self.word()?, seed: self.word()?, cap: self.word()? },
            2 => Event::Lane { lane: self.word()?, slots: self.word()?, up: self.flag("up")? },
            3 => Event::Class(self.class()?),
            4 => Event::Define(self.definition()?),
            5 => Event::Seal { run: self.word()? },
            6 => Event::Known { unit: self.word()? },
            7 => Event::Began { unit: self.word()?, attempt: self.word()? },
            8 => Event::Done { unit: self.word()?, attempt: self.word()? },
            9 => self.failed()?,
            10 => Event::Parked { unit: self.word()?, attempt: self.word()? },
            11 => Event::Unparked { unit: self.word()?, attempt: self.word()? },
            12 => Event::Sent { job: self.word()? },
            13 => Event::Doubt { job: self.word()? },
            14 => Event::Found { job: self.word()? },
            15 => Event::NotFound { job: self.word()? },
            16 => Event::Settled { job: self.word()? },
            17 => Event::Bill { job: self.word()?, micro: self.word()? },
            18 => Event::Cap { run: self.word()?, micro: self.word()? },
            19 => self.answer()?,
            20 => self.cancel()?,
            21 => Event::Stopped { unit: self.word()?, attempt: self.word()? },
            22 => Event::Tick,
            23 => Event::Guard { lane: self.word()?, guard: self.guard()? },
            24 => Event::Limits { lane: self.word()?, limits: self.weight()? },
            25 => Event::Other { class: self.word()?, terms: self.terms()? },
            26 => Event::Weight { unit: self.word()?, weight: self.weight()? },
            27 => Event::Pause { run: self.word()?, paused: self.flag("paused")? },
            28 => Event::Deadline { run: self.word()?, at: self.word()? },
            29 => Event::Adopt(self.adoption()?),
            30 => Event::Spent { run: self.word()?, micro: self.word()? },
            code => return Err(SchedulerError::Code { code, at: self.start }),
        })
    }

    fn class(&mut self) -> Parsed<ClassSpec> {
        Ok(ClassSpec {
            class: self.word()?,
            run: self.word()?,
            step: self.word()?,
            attempts: self.word()?,
            backoff: self.word()?,
            backoff_cap: self.word()?,
            priority: self.word()?,
            rank: self.word()?,
            expected: self.word()?,
            terms: self.terms()?,
        })
    }

    fn terms(&mut self) -> Parsed<Terms> {
        Ok(Terms {
            lane: self.word()?,
            job_limit: self.word()?,
            hold: self.word()?,
            timeout: self.word()?,
            reserve: self.word()?,
            per_circuit: self.word()?,
            per_shot: self.word()?,
            per_extra: self.word()?,
        })
    }

    fn weight(&mut self) -> Parsed<Weight> {
        Ok(Weight {
            circuits: self.word()?,
            shots: self.word()?,
            payload: self.word()?,
            extra: self.word()?,
        })
    }

    fn guard(&mut self) -> Parsed<Guard> {
        Ok(Guard {
            burst: self.word()?,
            period: self.word()?,
            trip: self.word()?,
            rest: self.word()?,
        })
    }

    fn adoption(&mut self) -> Parsed<Adoption<'a>> {
        let (class, way) = (self.word()?, self.word()?);
        let doubtful = self.flag("doubtful")?;
        let (reserve, count) = (self.word()?, self.word()?);
        let members = self.slice(count.saturating_mul(2))?;
        Ok(Adoption { class, way, doubtful, reserve, members })
    }

    fn definition(&mut self) -> Parsed<Definition<'a>> {
        let (run, class, first) = (self.word()?, self.word()?, self.word()?);
        let (count, parent) = (self.word()?, self.word()?);
        let collect = self.flag("collect")?;
        if count < 0 {
            return Err(SchedulerError::Range { what: "count", value: count });
        }
        let offsets = self.slice(count.saturating_add(1))?;
        if let Some(pair) = offsets.windows(2).find(|pair| pair[0] > pair[1]) {
            return Err(SchedulerError::Range { what: "offsets", value: pair[1] });
        }
        if offsets[0] != 0 {
            return Err(SchedulerError::Range { what: "offsets", value: offsets[0] });
        }
        let needs = self.slice(offsets[offsets.len() - 1])?;
        Ok(Definition { run, class, first, parent, collect, offsets, needs })
    }

    fn failed(&mut self) -> Parsed<Event<'a>> {
        use Reason::*;
        Ok(Event::Failed {
            unit: self.word()?,
            attempt: self.word()?,
            reason: self.choose("reason", &[Transient, Permanent, Lost, TooBig, Refused])?,
            retry_after: self.word()?,
        })
    }

    fn answer(&mut self) -> Parsed<Event<'a>> {
        let question = self.word()?;
        let choice = self.choose("choice", &[Choice::Resubmit, Choice::GiveUp])?;
        Ok(Event::Answer { question, choice })
    }

    fn cancel(&mut self) -> Parsed<Event<'a>> {
        let scope = self.choose("scope", &[Scope::Run, Scope::Step, Scope::Unit])?;
        Ok(Event::Cancel { scope, run: self.word()?, id: self.word()? })
    }
}

/// Appends commands as words.
pub fn write(commands: &[Command], words: &mut Vec<i64>) {
    for command in commands {
        match *command {
            Command::Run { unit, attempt } => words.extend([1, unit.into(), attempt.into()]),
            Command::Resume { unit, attempt } => words.extend([2, unit.into(), attempt.into()]),
            Command::Submit { job, lane, ref members } => {
                words.extend([3, job.into(), lane, members.len() as i64]);
                words.extend(members.iter().flat_map(|m| [i64::from(m.0), m.1.into()]));
            }
            Command::Find { job } => words.extend([4, job.into()]),
            Command::Stop { unit, attempt } => words.extend([5, unit.into(), attempt.into()]),
            Command::StopJob { job } => words.extend([6, job.into()]),
            Command::Final { unit, state, attempt, cause } => {
                words.extend([7, unit.into(), state as i64, attempt.into(), cause as i64]);
            }
            Command::Retry { unit, attempt, wake } => {
                words.extend([8, unit.into(), attempt.into(), wake]);
            }
            Command::Ask { question, run, job } => {
                words.extend([9, question.into(), run, job.into()]);
            }
            Command::Ended { run, outcome } => words.extend([10, run, outcome as i64]),
            Command::Moved { class, way } => words.extend([11, class, way]),
            Command::Rest { lane, until } => words.extend([12, lane, until]),
            Command::Short { run, class, price } => words.extend([13, run, class, price]),
        }
    }
}

//! Checks a whole batch before any of it is applied, so that a refused batch changes nothing.
//!
//! What arrives late, twice or out of order is no error: answers of another attempt and of
//! closed jobs and questions pass here and are ignored later.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::SchedulerError;
use crate::event::{Adoption, ClassSpec, Definition, Event, Guard, Scope, Terms, Weight};
use crate::scheduler::Scheduler;

type Admitted = Result<(), SchedulerError>;

/// The scheduler as it will be after the events seen so far.
struct Draft<'a> {
    base: &'a Scheduler,
    runs: BTreeSet<i64>,
    lanes: BTreeSet<i64>,
    sealed: BTreeSet<i64>,
    /// New classes.
    classes: BTreeMap<i64, ClassSpec>,
    /// Ways that classes have got, beside those they had.
    ways: BTreeMap<i64, i64>,
    /// New units: first number of a block, and its class.
    blocks: BTreeMap<i64, i64>,
    units: i64,
}

/// Refuses events that no correct runner sends.
pub fn admit(base: &Scheduler, events: &[Event<'_>]) -> Admitted {
    let mut draft = Draft {
        base,
        runs: BTreeSet::new(),
        lanes: BTreeSet::new(),
        sealed: BTreeSet::new(),
        classes: BTreeMap::new(),
        ways: BTreeMap::new(),
        blocks: BTreeMap::new(),
        units: base.units.len() as i64,
    };
    events.iter().try_for_each(|event| draft.event(event))
}

fn at_least(what: &'static str, value: i64, least: i64) -> Admitted {
    if value < least { Err(SchedulerError::Range { what, value }) } else { Ok(()) }
}

fn number(what: &'static str, value: i64) -> Admitted {
    at_least(what, value, 0)
}

/// Ids and numbers of members that are kept in 32 bits.
fn small(what: &'static str, value: i64) -> Admitted {
    if value < i64::from(u32::MAX) { Ok(()) } else { Err(SchedulerError::Range { what, value }) }
}

fn known(what: &'static str, id: i64, count: i64) -> Admitted {
    if (0..count).contains(&id) { Ok(()) } else { Err(SchedulerError::Unknown { what, id }) }
}

/// What is added up or multiplied stays below this.
const MODEST: i64 = 1 << 31;

fn modest(what: &'static str, value: i64) -> Admitted {
    number(what, value)?;
    if value < MODEST { Ok(()) } else { Err(SchedulerError::Range { what, value }) }
}

fn admit_weight(weight: Weight, least: i64) -> Admitted {
    let parts = [
        ("circuits", weight.circuits),
        ("shots", weight.shots),
        ("payload", weight.payload),
        ("extra", weight.extra),
    ];
    parts.into_iter().try_for_each(
        |(what, value)| {
            if value == least { Ok(()) } else { modest(what, value) }
        },
    )
}

fn admit_guard(guard: Guard) -> Admitted {
    at_least("burst", guard.burst, 1)?;
    number("period", guard.period)?;
    if guard.period.checked_mul(guard.burst).is_none() {
        return Err(SchedulerError::Range { what: "period", value: guard.period });
    }
    number("trip", guard.trip)?;
    number("rest", guard.rest)
}

impl Draft<'_> {
    fn event(&mut self, event: &Event<'_>) -> Admitted {
        match *event {
            Event::Run { run, cap, .. } => self.new_run(run, cap),
            Event::Lane { lane, slots, .. } => self.lane(lane, slots),
            Event::Class(ref spec) => self.class(spec),
            Event::Define(ref definition) => self.define(definition),
            Event::Seal { run } => self.seal(run),
            Event::Cap { run, micro } => {
                self.known_run(run)?;
                at_least("cap", micro, -1)
            }
            Event::Known { unit }
            | Event::Began { unit, .. }
            | Event::Done { unit, .. }
            | Event::Parked { unit, .. }
            | Event::Unparked { unit, .. }
            | Event::Stopped { unit, .. } => known("unit", unit, self.units),
            Event::Failed { unit, retry_after, .. } => {
                known("unit", unit, self.units)?;
                at_least("retry_after", retry_after, -1)
            }
            Event::Sent { job }
            | Event::Doubt { job }
            | Event::Found { job }
            | Event::NotFound { job }
            | Event::Settled { job } => self.known_job(job),
            Event::Bill { job, micro } => {
                self.known_job(job)?;
                number("bill", micro)
            }
            Event::Answer { question, .. } => {
                known("question", question, self.base.questions.len() as i64)
            }
            Event::Cancel { scope, run, id } => self.cancel(scope, run, id),
            Event::Tick => Ok(()),
            Event::Guard { lane, guard } => {
                self.known_lane(lane)?;
                admit_guard(guard)
            }
            Event::Limits { lane, limits } => {
                self.known_lane(lane)?;
                admit_weight(limits, -1)
            }
            Event::Other { class, ref terms } => self.other(class, terms),
            Event::Weight { unit, weight } => {
                known("unit", unit, self.units)?;
                admit_weight(weight, 0)
            }
            Event::Pause { run, .. } => self.known_run(run),
            Event::Deadline { run, at } => {
                self.known_run(run)?;
                at_least("deadline", at, -1)
            }
            Event::Adopt(ref old) => self.adopt(old),
            Event::Spent { run, micro } => {
                self.known_run(run)?;
                number("spent", micro)
            }
        }
    }

    fn known_job(&self, job: i64) -> Admitted {
        known("job", job, self.base.jobs.len() as i64)
    }

    fn known_run(&self, run: i64) -> Admitted {
        if self.base.run_ids.contains_key(&run) || self.runs.contains(&run) {
            return Ok(());
        }
        Err(SchedulerError::Unknown { what: "run", id: run })
    }

    fn new_run(&mut self, run: i64, cap: i64) -> Admitted {
        number("run", run)?;
        at_least("cap", cap, -1)?;
        if self.known_run(run).is_ok() {
            return Err(SchedulerError::Duplicate { what: "run", id: run });
        }
        self.runs.insert(run);
        Ok(())
    }

    fn lane(&mut self, lane: i64, slots: i64) -> Admitted {
        number("lane", lane)?;
        number("slots", slots)?;
        self.lanes.insert(lane);
        Ok(())
    }

    fn seal(&mut self, run: i64) -> Admitted {
        self.known_run(run)?;
        self.sealed.insert(run);
        Ok(())
    }

    fn class_of(&self, class: i64) -> Option<&ClassSpec> {
        match self.base.class_ids.get(&class) {
            Some(&index) => Some(&self.base.classes[index as usize].spec),
            None => self.classes.get(&class),
        }
    }

    fn known_class(&self, class: i64) -> Result<&ClassSpec, SchedulerError> {
        self.class_of(class).ok_or(SchedulerError::Unknown { what: "class", id: class })
    }

    fn known_lane(&self, lane: i64) -> Admitted {
        if self.base.lane_ids.contains_key(&lane) || self.lanes.contains(&lane) {
            return Ok(());
        }
        Err(SchedulerError::Unknown { what: "lane", id: lane })
    }

    /// Ways that a class may go.
    fn ways(&self, class: i64) -> i64 {
        let old =
            self.base.class_ids.get(&class).map(|&i| self.base.classes[i as usize].ways.len());
        old.unwrap_or(0) as i64 + self.ways.get(&class).copied().unwrap_or(0)
    }

    fn class(&mut self, spec: &ClassSpec) -> Admitted {
        number("class", spec.class)?;
        number("step", spec.step)?;
        self.known_run(spec.run)?;
        self.known_lane(spec.terms.lane)?;
        if self.class_of(spec.class).is_some() {
            return Err(SchedulerError::Duplicate { what: "class", id: spec.class });
        }
        at_least("attempts", spec.attempts, 1)?;
        small("attempts", spec.attempts)?;
        number("backoff", spec.backoff)?;
        number("backoff_cap", spec.backoff_cap)?;
        number("rank", spec.rank)?;
        modest("expected", spec.expected)?;
        self.terms(&spec.terms)?;
        self.ways.insert(spec.class, 1);
        self.classes.insert(spec.class, *spec);
        Ok(())
    }

    fn terms(&self, terms: &Terms) -> Admitted {
        number("job_limit", terms.job_limit)?;
        at_least("hold", terms.hold, -1)?;
        at_least("timeout", terms.timeout, -1)?;
        number("reserve", terms.reserve)?;
        modest("per_circuit", terms.per_circuit)?;
        modest("per_shot", terms.per_shot)?;
        modest("per_extra", terms.per_extra)?;
        let prices = [terms.reserve, terms.per_circuit, terms.per_shot, terms.per_extra];
        let price = prices.into_iter().fold(0, i64::max);
        if terms.job_limit == 0 && price > 0 {
            return Err(SchedulerError::Range { what: "price of a plain unit", value: price });
        }
        Ok(())
    }

    fn other(&mut self, class: i64, terms: &Terms) -> Admitted {
        let plain = self.known_class(class)?.terms.job_limit == 0;
        self.known_lane(terms.lane)?;
        if plain || terms.job_limit == 0 {
            let (what, value) = ("job_limit of a class with several ways", 0);
            return Err(SchedulerError::Range { what, value });
        }
        self.terms(terms)?;
        *self.ways.entry(class).or_insert(0) += 1;
        Ok(())
    }

    fn adopt(&self, old: &Adoption<'_>) -> Admitted {
        if self.known_class(old.class)?.terms.job_limit == 0 {
            return Err(SchedulerError::Range { what: "job_limit of an adopted job", value: 0 });
        }
        known("way", old.way, self.ways(old.class))?;
        number("reserve", old.reserve)?;
        let run = self.known_class(old.class)?.run;
        if self.base.run_ids.get(&run).is_some_and(|&run| self.base.runs[run as usize].ended) {
            return Err(SchedulerError::Ended { run });
        }
        for member in old.members.chunks_exact(2) {
            known("unit", member[0], self.units)?;
            if self.class_of_unit(member[0]).class != old.class {
                return Err(SchedulerError::OtherClass { unit: member[0], class: old.class });
            }
            at_least("attempt", member[1], 1)?;
            small("attempt", member[1])?;
        }
        Ok(())
    }

    /// Class of a unit; the caller knows that the unit is defined.
    fn class_of_unit(&self, unit: i64) -> &ClassSpec {
        match self.blocks.range(..=unit).next_back() {
            Some((_, &class)) => self.class_of(class).expect("a block has a class"),
            None => &self.base.class_of(unit as u32).spec,
        }
    }

    fn run_of(&self, unit: i64) -> i64 {
        self.class_of_unit(unit).run
    }

    fn is_sealed(&self, run: i64) -> bool {
        let index = self.base.run_ids.get(&run);
        self.sealed.contains(&run) || index.is_some_and(|&i| self.base.runs[i as usize].sealed)
    }

    fn define(&mut self, new: &Definition<'_>) -> Admitted {
        self.known_run(new.run)?;
        if self.known_class(new.class)?.run != new.run {
            return Err(SchedulerError::OtherRun { what: "class", id: new.class, run: new.run });
        }
        if new.first != self.units {
            return Err(SchedulerError::FirstUnit { first: new.first, expected: self.units });
        }
        self.parent(new)?;
        let count = new.offsets.len() as i64 - 1;
        small("unit", new.first.saturating_add(count))?;
        self.needs(new)?;
        if count > 0 {
            self.blocks.insert(new.first, new.class);
        }
        self.units += count;
        Ok(())
    }

    fn parent(&self, new: &Definition<'_>) -> Admitted {
        at_least("parent", new.parent, -1)?;
        if new.parent < 0 {
            return if self.is_sealed(new.run) {
                Err(SchedulerError::Sealed { run: new.run })
            } else {
                Ok(())
            };
        }
        known("unit", new.parent, self.units)?;
        self.same_run("parent", new.parent, new.run)
    }

    fn same_run(&self, what: &'static str, unit: i64, run: i64) -> Admitted {
        if self.run_of(unit) == run {
            return Ok(());
        }
        Err(SchedulerError::OtherRun { what, id: unit, run })
    }

    fn needs(&self, new: &Definition<'_>) -> Admitted {
        for (unit, range) in (new.first..).zip(new.offsets.windows(2)) {
            for &need in &new.needs[range[0] as usize..range[1] as usize] {
                if !(0..unit).contains(&need) {
                    return Err(SchedulerError::LaterNeed { unit, need });
                }
                if need < new.first {
                    self.same_run("need", need, new.run)?;
                }
            }
        }
        Ok(())
    }

    fn cancel(&self, scope: Scope, run: i64, id: i64) -> Admitted {
        self.known_run(run)?;
        match scope {
            Scope::Run => Ok(()),
            Scope::Unit => {
                known("unit", id, self.units)?;
                self.same_run("unit", id, run)
            }
            Scope::Step => {
                let old = self.base.classes.iter().map(|class| &class.spec);
                let mut all = old.chain(self.classes.values());
                if all.any(|class| (class.run, class.step) == (run, id)) {
                    return Ok(());
                }
                Err(SchedulerError::Unknown { what: "step", id })
            }
        }
    }
}

//! Checks a whole batch before any of it is applied, so that a refused batch changes nothing.
//!
//! What arrives late, twice or out of order is no error: answers of another attempt and of
//! closed jobs and questions pass here and are ignored later.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::SchedulerError;
use crate::event::{ClassSpec, Definition, Event, Scope};
use crate::scheduler::Scheduler;

type Admitted = Result<(), SchedulerError>;

/// The scheduler as it will be after the events seen so far.
struct Draft<'a> {
    base: &'a Scheduler,
    runs: BTreeSet<i64>,
    lanes: BTreeSet<i64>,
    sealed: BTreeSet<i64>,
    /// New classes: run and step.
    classes: BTreeMap<i64, (i64, i64)>,
    /// New units: first number of a block, and its run.
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

    /// Run and step of a class.
    fn class_of(&self, class: i64) -> Option<(i64, i64)> {
        if let Some(&index) = self.base.class_ids.get(&class) {
            let spec = &self.base.classes[index as usize].spec;
            return Some((spec.run, spec.step));
        }
        self.classes.get(&class).copied()
    }

    fn class(&mut self, spec: &ClassSpec) -> Admitted {
        number("class", spec.class)?;
        number("step", spec.step)?;
        self.known_run(spec.run)?;
        if !self.base.lane_ids.contains_key(&spec.lane) && !self.lanes.contains(&spec.lane) {
            return Err(SchedulerError::Unknown { what: "lane", id: spec.lane });
        }
        if self.class_of(spec.class).is_some() {
            return Err(SchedulerError::Duplicate { what: "class", id: spec.class });
        }
        at_least("attempts", spec.attempts, 1)?;
        small("attempts", spec.attempts)?;
        at_least("timeout", spec.timeout, -1)?;
        number("backoff", spec.backoff)?;
        number("backoff_cap", spec.backoff_cap)?;
        number("job_limit", spec.job_limit)?;
        at_least("hold", spec.hold, -1)?;
        number("reserve", spec.reserve)?;
        if spec.job_limit == 0 && spec.reserve > 0 {
            return Err(SchedulerError::Range {
                what: "reserve of a plain unit",
                value: spec.reserve,
            });
        }
        self.classes.insert(spec.class, (spec.run, spec.step));
        Ok(())
    }

    /// Run of a unit; the caller knows that the unit is defined.
    fn run_of(&self, unit: i64) -> i64 {
        match self.blocks.range(..=unit).next_back() {
            Some((_, &run)) => run,
            None => self.base.run_of(unit as u32).id,
        }
    }

    fn is_sealed(&self, run: i64) -> bool {
        let index = self.base.run_ids.get(&run);
        self.sealed.contains(&run) || index.is_some_and(|&i| self.base.runs[i as usize].sealed)
    }

    fn define(&mut self, new: &Definition<'_>) -> Admitted {
        self.known_run(new.run)?;
        let class = self.class_of(new.class);
        let (run, _) = class.ok_or(SchedulerError::Unknown { what: "class", id: new.class })?;
        if run != new.run {
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
            self.blocks.insert(new.first, new.run);
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
                let old = self.base.classes.iter().map(|class| (class.spec.run, class.spec.step));
                let mut all = old.chain(self.classes.values().copied());
                if all.any(|step| step == (run, id)) {
                    return Ok(());
                }
                Err(SchedulerError::Unknown { what: "step", id })
            }
        }
    }
}

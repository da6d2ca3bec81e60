//! What follows from the events alone: what there is, and what the scheduler was told.

use std::collections::BTreeMap;
use std::ops::Range;

use qflow_core::{
    Choice, ClassSpec, Definition, Event, Member, Outcome, Scope, State, Terms, Weight,
};

#[derive(Default)]
pub struct UnitFacts {
    pub class: usize,
    needs: Range<usize>,
    pub collect: bool,
    /// The attempt that began last.
    pub attempt: u32,
    /// That attempt is neither over nor known to have failed.
    pub out: bool,
    /// It failed and no other one has begun.
    pub away: bool,
    /// The attempt that asked for this unit is over, without result.
    pub orphan: bool,
    /// Attempts beyond those of its class: after jobs that were too big or never arrived.
    pub spare: i64,
    pub job: Option<usize>,
    /// Attempts of an earlier scheduler that it may be on.
    pub adopted: Vec<u32>,
    pub weight: Option<Weight>,
    pub end: Option<State>,
    pub known: bool,
    pub given_up: bool,
    /// Attempts for which a result, and for which a failure was delivered.
    pub results: Vec<u32>,
    pub failures: Vec<u32>,
    /// The attempt that was told to stop.
    pub stopped: u32,
    parent: Option<u32>,
    pub children: Vec<u32>,
}

pub struct ClassFacts {
    pub spec: ClassSpec,
    pub run: usize,
    pub ways: Vec<Terms>,
    /// Position of the present way.
    pub way: usize,
}

impl ClassFacts {
    /// Where it runs now, and how.
    pub fn terms(&self) -> &Terms {
        &self.ways[self.way]
    }
}

pub struct RunFacts {
    pub id: i64,
    pub cap: i64,
    pub deadline: i64,
    pub late: bool,
    pub paused: bool,
    pub cancelled: bool,
    /// Units that are not final.
    pub open: usize,
    pub failed: bool,
    pub outcome: Option<Outcome>,
}

#[derive(Default)]
pub struct JobFacts {
    pub lane: i64,
    pub members: Vec<Member>,
    /// It has a price.
    pub paid: bool,
    /// Most time of a member, or -1.
    pub timeout: i64,
    /// An earlier scheduler has sent it.
    pub adopted: bool,
    pub stopped: bool,
    /// The provider has said something about it.
    pub arrived: bool,
    /// It may or may not have arrived, and nobody has decided.
    pub doubtful: bool,
}

impl JobFacts {
    fn arrive(&mut self) {
        self.arrived = true;
        self.doubtful = false;
    }
}

#[derive(Default)]
pub struct Facts {
    pub units: Vec<UnitFacts>,
    pub classes: Vec<ClassFacts>,
    pub runs: Vec<RunFacts>,
    pub jobs: Vec<JobFacts>,
    /// The job each question is about.
    pub questions: Vec<usize>,
    /// Slots of each lane; none while it is down.
    pub lanes: BTreeMap<i64, i64>,
    limits: BTreeMap<i64, Weight>,
    /// Units that were defined before this batch.
    before: usize,
    needs: Vec<u32>,
    class_ids: BTreeMap<i64, usize>,
    run_ids: BTreeMap<i64, usize>,
}

impl Facts {
    pub fn needs(&self, unit: u32) -> impl Iterator<Item = &UnitFacts> {
        let needs = &self.needs[self.units[unit as usize].needs.clone()];
        needs.iter().map(|&need| &self.units[need as usize])
    }

    pub fn run(&mut self, id: i64) -> &mut RunFacts {
        &mut self.runs[self.run_ids[&id]]
    }

    pub fn class(&mut self, id: i64) -> &mut ClassFacts {
        &mut self.classes[self.class_ids[&id]]
    }

    /// Circuits, shots, bytes and further cost of these units.
    fn load(&self, members: &[Member]) -> [i128; 4] {
        members.iter().fold([0; 4], |load, &(unit, _)| {
            let weight = self.units[unit as usize].weight;
            let weight = weight.map_or([1, 0, 0, 0], |w| [w.circuits, w.shots, w.payload, w.extra]);
            std::array::from_fn(|part| load[part] + i128::from(weight[part]))
        })
    }

    /// Most that a job of these may cost.
    pub fn price(&self, terms: &Terms, members: &[Member]) -> i128 {
        let [circuits, shots, _, extra] = self.load(members);
        let (circuit, shot) = (i128::from(terms.per_circuit), i128::from(terms.per_shot));
        let beside = i128::from(terms.per_extra) * extra;
        i128::from(terms.reserve) + circuit * circuits + shot * shots + beside
    }

    /// True if a lane takes these in one job.
    pub fn fits(&self, lane: i64, members: &[Member]) -> bool {
        let Some(limits) = self.limits.get(&lane) else { return true };
        let limits = [limits.circuits, limits.shots, limits.payload, limits.extra];
        let limits = limits.map(i128::from);
        self.load(members).into_iter().zip(limits).all(|(part, limit)| limit < 0 || part <= limit)
    }

    pub fn class_of(&self, unit: u32) -> &ClassFacts {
        &self.classes[self.units[unit as usize].class]
    }

    /// Another batch begins.
    pub fn begin(&mut self) {
        self.before = self.units.len();
    }

    /// Takes note of an event that was not refused.
    pub fn hear(&mut self, event: &Event<'_>) {
        match *event {
            Event::Run { run, cap, .. } => self.new_run(run, cap),
            Event::Lane { lane, slots, up } => {
                self.lanes.insert(lane, if up { slots } else { 0 });
            }
            Event::Limits { lane, limits } => {
                self.limits.insert(lane, limits);
            }
            Event::Class(spec) => {
                self.class_ids.insert(spec.class, self.classes.len());
                let run = self.run_ids[&spec.run];
                self.classes.push(ClassFacts { spec, run, ways: vec![spec.terms], way: 0 });
            }
            Event::Other { class, terms } => self.class(class).ways.push(terms),
            Event::Define(ref new) => self.define(new),
            Event::Weight { unit, weight } => self.units[unit as usize].weight = Some(weight),
            Event::Known { unit } => self.units[unit as usize].known = true,
            Event::Done { unit, attempt } => {
                self.units[unit as usize].results.push(attempt as u32);
                self.arrived(unit as u32, attempt as u32);
            }
            Event::Failed { unit, attempt, reason, .. } => {
                let facts = &mut self.units[unit as usize];
                facts.failures.push(attempt as u32);
                facts.spare += i64::from(matches!(reason, qflow_core::Reason::TooBig));
                self.arrived(unit as u32, attempt as u32);
            }
            Event::Sent { job } | Event::Found { job } => self.jobs[job as usize].arrive(),
            Event::Settled { job } => self.settled(job as usize),
            Event::Answer { question, choice } => self.answered(question as usize, choice),
            Event::Cap { run, micro } => self.run(run).cap = micro,
            Event::Pause { run, paused } => self.run(run).paused = paused,
            Event::Deadline { run, at } => {
                let run = self.run(run);
                if run.outcome.is_none() && !run.late {
                    run.deadline = at;
                }
            }
            Event::Cancel { scope: Scope::Run, run, .. } => {
                let run = self.run(run);
                run.cancelled |= run.outcome.is_none();
            }
            Event::Adopt(ref old) => {
                let members = old.members.chunks_exact(2);
                let members: Vec<_> = members.map(|m| (m[0] as u32, m[1] as u32)).collect();
                for &(unit, attempt) in &members {
                    let facts = &mut self.units[unit as usize];
                    facts.adopted.push(attempt);
                    facts.spare = facts.spare.saturating_add(attempt.into());
                }
                let Terms { lane, timeout, .. } = self.class(old.class).ways[old.way as usize];
                let paid = old.reserve > 0;
                let job = JobFacts { lane, members, paid, timeout, ..JobFacts::default() };
                self.jobs.push(JobFacts { adopted: true, ..job });
            }
            _ => (),
        }
    }

    fn new_run(&mut self, id: i64, cap: i64) {
        self.run_ids.insert(id, self.runs.len());
        self.runs.push(RunFacts {
            id,
            cap,
            deadline: -1,
            late: false,
            paused: false,
            cancelled: false,
            open: 0,
            failed: false,
            outcome: None,
        });
    }

    fn define(&mut self, new: &Definition<'_>) {
        let class = self.class_ids[&new.class];
        let run = self.classes[class].run;
        let start = self.needs.len();
        self.needs.extend(new.needs.iter().map(|&need| need as u32));
        let parent = u32::try_from(new.parent).ok();
        let orphan = parent.is_some_and(|parent| {
            let facts = &self.units[parent as usize];
            facts.away || facts.end.is_some_and(|end| end != State::Done)
        });
        for range in new.offsets.windows(2) {
            let needs = start + range[0] as usize..start + range[1] as usize;
            let unit = self.units.len() as u32;
            let collect = new.collect;
            let facts = UnitFacts { class, needs, collect, parent, orphan, ..UnitFacts::default() };
            self.units.push(facts);
            if let Some(parent) = parent {
                self.units[parent as usize].children.push(unit);
            }
            self.runs[run].open += 1;
        }
    }

    /// An answer of a member proves that its job arrived.
    fn arrived(&mut self, unit: u32, attempt: u32) {
        let jobs = self.jobs.iter_mut();
        jobs.filter(|job| job.members.contains(&(unit, attempt))).for_each(JobFacts::arrive);
    }

    fn settled(&mut self, job: usize) {
        self.jobs[job].arrive();
        for &(unit, attempt) in &self.jobs[job].members {
            self.units[unit as usize].failures.push(attempt);
        }
    }

    fn answered(&mut self, question: usize, choice: Choice) {
        let job = self.questions[question];
        self.jobs[job].doubtful &= choice != Choice::Resubmit;
        for &(unit, _) in &self.jobs[job].members {
            let facts = &mut self.units[unit as usize];
            match choice {
                Choice::Resubmit => {
                    facts.spare += 1;
                    facts.out = false;
                }
                Choice::GiveUp => facts.given_up = true,
            }
        }
    }

    /// The attempt that asked for these is over, without result.
    pub fn forsake(&mut self, parent: u32) {
        for child in std::mem::take(&mut self.units[parent as usize].children) {
            self.units[child as usize].orphan = true;
        }
    }

    /// A unit is done. What was asked for in the same batch may have come after that.
    pub fn done(&mut self, parent: u32) {
        self.units[parent as usize].away = false;
        let fresh = self.units[self.before..].iter_mut();
        fresh.filter(|unit| unit.parent == Some(parent)).for_each(|unit| unit.orphan = false);
    }

    /// All events of a batch were heard.
    pub fn time(&mut self, now: i64) {
        for run in self.runs.iter_mut().filter(|run| run.outcome.is_none()) {
            run.late |= (0..=now).contains(&run.deadline);
        }
    }
}

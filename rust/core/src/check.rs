//! The equalities that hold after every batch, each computed anew from the parts.

use std::error::Error;
use std::fmt::{self, Debug, Display};

use crate::event::Weight;
use crate::scheduler::Scheduler;
use crate::state::{STATES, State};
use crate::tables::JobState;
use crate::timer::Key;
use crate::unit::{NONE, SLOT, WANTS};

/// An equality that does not hold, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken(pub String);

impl Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Broken {}

type Checked = Result<(), Broken>;

fn equal<T: PartialEq + Debug>(what: &dyn Display, kept: T, counted: T) -> Checked {
    if kept == counted {
        return Ok(());
    }
    Err(Broken(format!("{what}: {kept:?}, but counted {counted:?}")))
}

impl Scheduler {
    /// Compares everything the machine keeps with what it is the sum of.
    ///
    /// To be called after all lanes were polled. Takes time in proportion to the whole graph.
    pub fn check(&self) -> Checked {
        equal(&"units to be told", self.spreading.len(), 0)?;
        self.check_counts()?;
        self.check_needs()?;
        self.check_lanes()?;
        self.check_jobs()?;
        self.check_forming()?;
        self.check_ways()?;
        self.check_runs()?;
        self.check_timers()
    }

    fn all(&self) -> std::ops::Range<u32> {
        0..self.units.len() as u32
    }

    /// Looks only if there are any; the counts were compared before.
    fn units_in(&self, state: State) -> impl Iterator<Item = u32> + '_ {
        let any = self.classes.iter().any(|class| class.counts[state as usize] > 0);
        let units = if any { self.all() } else { 0..0 };
        units.filter(move |&unit| self.state(unit) == state)
    }

    /// Units of a run by state, from the counts, which were compared before.
    fn counts_of(&self, run: usize) -> [u32; STATES] {
        let classes = self.classes.iter().filter(|class| class.run as usize == run);
        classes.fold([0; STATES], |mut sums, class| {
            sums.iter_mut().zip(class.counts).for_each(|(sum, count)| *sum += count);
            sums
        })
    }

    fn check_counts(&self) -> Checked {
        for (index, class) in self.classes.iter().enumerate() {
            let units = || class.blocks.iter().flat_map(|&(first, count)| first..first + count);
            let stray = units().find(|&unit| self.class_index(unit) != index);
            equal(&format_args!("unit of another class in class {index}"), None, stray)?;
            let mut counts = [0; STATES];
            units().for_each(|unit| counts[self.state(unit) as usize] += 1);
            equal(&format_args!("counts of class {index}"), class.counts, counts)?;
        }
        let blocks = self.classes.iter().flat_map(|class| &class.blocks);
        equal(&"units", self.units.len() as u32, blocks.map(|block| block.1).sum())
    }

    fn class_index(&self, unit: u32) -> usize {
        self.units.class[unit as usize] as usize
    }

    /// Open needs = edges from units that are not final; a waiting unit has some.
    fn check_needs(&self) -> Checked {
        let mut open = vec![0; self.units.len()];
        for unit in self.all().filter(|&unit| !self.state(unit).is_final()) {
            let mut edge = self.units.first_edge(unit);
            while edge != NONE {
                let (dependent, next) = self.units.edge(edge);
                open[dependent as usize] += 1;
                edge = next;
            }
        }
        equal(&"open needs", &self.units.open, &open)?;
        let idle = self.units_in(State::Waiting).find(|&unit| open[unit as usize] == 0);
        equal(&"waiting unit without open needs", None, idle)
    }

    /// Slots = running + stopping in their slot + open jobs; queue = ready units and due jobs.
    fn check_lanes(&self) -> Checked {
        for (index, lane) in self.lanes.iter().enumerate() {
            let here = |unit: &u32| self.class_of(*unit).lane as usize == index;
            let running = self.units_in(State::Running).filter(here).count();
            let stopping = self.units_in(State::Stopping).filter(here);
            let stopping = stopping.filter(|&unit| self.units.has(unit, SLOT)).count();
            let jobs = self.jobs.iter().filter(|job| job.has_slot());
            let jobs = jobs.filter(|job| job.lane as usize == index);
            let used = (running + stopping + jobs.count()) as i64;
            equal(&format_args!("slots of lane {}", lane.id), lane.used, used)?;

            let (units, due) = lane.queue.all();
            let ready = self.units_in(State::Ready).filter(here).collect();
            equal(&format_args!("queue of lane {}", lane.id), units, ready)?;
            let classes =
                self.classes.iter().enumerate().filter(|one| one.1.lane as usize == index);
            let wanted = classes.filter(|one| one.1.due).map(|one| one.0 as u32).collect();
            equal(&format_args!("due jobs of lane {}", lane.id), due, wanted)?;
            let parked = self.units_in(State::Parked).filter(here);
            let wanting = parked.filter(|&unit| self.units.has(unit, WANTS)).collect();
            let mut resume = Vec::from(lane.resume.clone());
            resume.sort_unstable();
            equal(&format_args!("resuming on lane {}", lane.id), resume, wanting)?;
            let wanted = lane.opens() <= self.now && !lane.queue.is_empty();
            let starved = lane.has_room() && (wanted || self.next_resumed(lane).is_some());
            equal(&format_args!("free slot beside a queue on lane {}", lane.id), starved, false)?;
        }
        self.check_blocked()
    }

    /// Blocked = waiting for the lane, or for money, or for an answer; never for two.
    fn check_blocked(&self) -> Checked {
        let reasons = |unit: u32| {
            let class = self.class_of(unit);
            let lane = &self.lanes[class.lane as usize];
            let broke = class.broke.contains(&unit);
            [lane.blocked.contains(&unit), broke, self.asking_job(unit).is_some()]
        };
        let odd = self.all().find(|&unit| {
            let count = reasons(unit).into_iter().filter(|&reason| reason).count();
            count != usize::from(self.state(unit) == State::Blocked)
        });
        equal(&"unit that is blocked without reason, or for two", None, odd)?;
        let open = self.units_in(State::Blocked).find(|&unit| {
            let class = self.class_of(unit);
            let lane = &self.lanes[class.lane as usize];
            lane.blocked.contains(&unit) && lane.up && !class.ways[class.way].spent
        });
        equal(&"unit blocked by an open lane", None, open)
    }

    /// Members: every sent unit is in exactly one open job, and is counted as live there.
    fn check_jobs(&self) -> Checked {
        let mut sent = 0;
        for (index, job) in self.jobs.iter().enumerate() {
            let members = &self.members[self.member_range(index as u32)];
            let mine = |&&unit: &&u32| self.units.job[unit as usize] == index as u32;
            let live = members.iter().filter(mine).filter(|&&u| self.state(u) == State::Sent);
            let live = live.count() as u32;
            equal(&format_args!("live members of job {index}"), job.live, live)?;
            if !job.has_slot() {
                equal(&format_args!("live members of closed job {index}"), live, 0)?;
            }
            equal(&format_args!("job {index} goes on for nobody"), job.is_unwanted(), false)?;
            if job.stopped && job.has_slot() {
                equal(&format_args!("wanted members of stopped job {index}"), live, 0)?;
            }
            sent += live as usize;
        }
        equal(&"sent units", self.units_in(State::Sent).count(), sent)?;
        let mut jobs = self.units_in(State::Stopping).map(|unit| self.units.job[unit as usize]);
        let forgotten = jobs.find(|&job| job != NONE && !self.jobs[job as usize].stopped);
        equal(&"job with stopping members that was not stopped", None, forgotten)
    }

    /// Forming = held units of the class; due exactly if it should leave.
    fn check_forming(&self) -> Checked {
        let mut held = 0;
        for (index, class) in self.classes.iter().enumerate() {
            let all_held = class.forming.iter().all(|&unit| self.state(unit) == State::Held);
            equal(&format_args!("forming units of class {index} are held"), all_held, true)?;
            let listed = self.lanes[class.lane as usize].forming.contains(&(index as u32));
            let forming = !class.forming.is_empty();
            equal(&format_args!("class {index} on its lane's forming list"), listed, forming)?;
            let weights = class.forming.iter().map(|&unit| self.weight(unit));
            let load = weights.fold(Weight::NOTHING, Weight::plus);
            equal(&format_args!("load of class {index}"), class.load, load)?;
            let run = &self.runs[class.run as usize];
            let limits = self.lanes[class.lane as usize].limits;
            let due = class.is_due(self.now, limits, run.deadline);
            equal(&format_args!("due job of class {index}"), class.due, due)?;
            let left = run.stands_still() && forming && !class.due;
            equal(&format_args!("standstill with a forming job of class {index}"), left, false)?;
            held += class.forming.len();
        }
        let closed = self.weights.keys().find(|&&unit| self.state(unit).is_final());
        equal(&"weight of a final unit", None, closed)?;
        equal(&"held units", self.units_in(State::Held).count(), held)
    }

    /// A class is where its present way leads, and stays only where it may.
    fn check_ways(&self) -> Checked {
        for (index, class) in self.classes.iter().enumerate() {
            let way = &class.ways[class.way];
            let (lane, terms) = (way.lane, way.terms);
            equal(&format_args!("way of class {index}"), (class.lane, class.terms), (lane, terms))?;
            let all_spent = class.ways.iter().all(|way| way.spent);
            equal(&format_args!("class {index} has given up all lanes"), all_spent, false)?;
            let better = self.better_way(index as u32);
            let better = better.filter(|_| !self.runs[class.run as usize].ended);
            equal(&format_args!("class {index} stays where it cannot run"), None, better)?;
        }
        Ok(())
    }

    /// Open = units not final; reserved = Σ reserves without bill; spent = Σ bills; ended or
    /// something can still happen.
    fn check_runs(&self) -> Checked {
        for (index, run) in self.runs.iter().enumerate() {
            let counts = self.counts_of(index);
            let sum = |which: fn(State) -> bool| {
                let counts = State::ALL.into_iter().zip(counts);
                counts.filter(|one| which(one.0)).map(|one| one.1).sum()
            };
            let open = sum(|state| !state.is_final());
            equal(&format_args!("open units of run {}", run.id), run.open_units, open)?;
            let active = sum(State::is_active);
            equal(&format_args!("active units of run {}", run.id), run.active, active)?;
            let jobs = || {
                self.jobs
                    .iter()
                    .filter(|job| self.classes[job.class as usize].run as usize == index)
            };
            let open_jobs = jobs().filter(|job| job.has_slot()).count() as u32;
            equal(&format_args!("open jobs of run {}", run.id), run.open_jobs, open_jobs)?;
            let asked = jobs().filter(|job| job.state == JobState::Asked).count() as u32;
            equal(&format_args!("questions of run {}", run.id), run.questions, asked)?;
            let unbilled = jobs().filter(|job| job.bill.is_none());
            let reserved = unbilled.map(|job| job.reserve).sum();
            equal(&format_args!("reserved by run {}", run.id), run.reserved, reserved)?;
            let bills: i128 = jobs().filter_map(|job| job.bill).map(i128::from).sum();
            let spent = run.spent_before + bills;
            equal(&format_args!("spent by run {}", run.id), run.spent, spent)?;
            equal(&format_args!("run {} ended", run.id), run.ended, run.is_over())?;
            let stuck = open > 0 && open == counts[State::Waiting as usize];
            equal(&format_args!("run {} waits for nothing", run.id), stuck, false)?;
        }
        let open = self.questions.iter().filter(|question| question.open).count() as u32;
        equal(&"open questions", self.runs.iter().map(|run| run.questions).sum(), open)
    }

    /// A timer for every back-off, grace, timeout, hold, pause of a lane and deadline that is
    /// running, and no other.
    fn check_timers(&self) -> Checked {
        let units = self.all().filter(|&unit| match self.state(unit) {
            State::Backoff => true,
            State::Stopping => self.units.job[unit as usize] == NONE,
            State::Running | State::Parked => self.class_of(unit).terms.timeout >= 0,
            _ => false,
        });
        let open = self.jobs.iter().enumerate().filter(|(_, job)| {
            let ways = &self.classes[job.class as usize].ways;
            let timeout = ways[job.way as usize].terms.timeout;
            job.has_slot() && (job.stopped || timeout >= 0)
        });
        let forming = self.classes.iter().enumerate().filter(|(_, class)| {
            let over = class.hold_over(self.runs[class.run as usize].deadline);
            !class.forming.is_empty() && over.is_some_and(|over| over > self.now)
        });
        let lanes = self.lanes.iter().enumerate().filter(|(_, lane)| lane.opens() > self.now);
        let runs = self.runs.iter().enumerate();
        let runs = runs.filter(|(_, run)| run.deadline >= 0 && !run.late && !run.ended);
        let mut expected: Vec<Key> = (units.map(Key::Unit))
            .chain(open.map(|(index, _)| Key::Job(index as u32)))
            .chain(forming.map(|(index, _)| Key::Class(index as u32)))
            .chain(lanes.map(|(index, _)| Key::Lane(index as u32)))
            .chain(runs.map(|(index, _)| Key::Run(index as u32)))
            .collect();
        expected.sort_unstable();
        equal(&"timers", self.timers.keys().collect(), expected)
    }
}

//! The machine itself: its data, and the loop of one batch.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::admit::admit;
use crate::command::{Cause, Command, Outcome};
use crate::error::SchedulerError;
use crate::event::{Event, Weight};
use crate::lane::Lane;
use crate::queue::Start;
use crate::state::{STATES, State};
use crate::tables::{Class, Job, JobState, Question, Run};
use crate::timer::{Key, Timers};
use crate::unit::{NONE, Units};

/// Events in, commands out. See the crate's documentation for the rules.
pub struct Scheduler {
    pub(crate) seed: u64,
    pub(crate) grace: i64,
    pub(crate) now: i64,
    pub(crate) units: Units,
    pub(crate) runs: Vec<Run>,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) classes: Vec<Class>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) members: Vec<u32>,
    pub(crate) questions: Vec<Question>,
    pub(crate) run_ids: BTreeMap<i64, u32>,
    pub(crate) lane_ids: BTreeMap<i64, u32>,
    pub(crate) class_ids: BTreeMap<i64, u32>,
    /// Blocks of units by the unit that asked for them.
    pub(crate) children: BTreeMap<u32, Vec<(u32, u32)>>,
    /// Units that are not one circuit of unknown size.
    pub(crate) weights: BTreeMap<u32, Weight>,
    pub(crate) timers: Timers,
    /// Final units whose dependents and children have not been told.
    pub(crate) spreading: VecDeque<u32>,
    /// Classes whose forming job may have become due.
    pub(crate) changed: BTreeSet<u32>,
    /// Runs that may have come to a standstill.
    pub(crate) quiet: BTreeSet<u32>,
    /// Runs that may have ended.
    pub(crate) ending: BTreeSet<u32>,
    /// Jobs of which perhaps only members are left that nobody wants.
    pub(crate) unwanted: BTreeSet<u32>,
    /// Classes that may run on several lanes.
    pub(crate) choosy: BTreeSet<u32>,
    /// Those of them that perhaps cannot pay for any way that is left.
    pub(crate) stranded: BTreeSet<u32>,
    /// Something has changed that may let one of them go elsewhere.
    pub(crate) ways_changed: bool,
    pub(crate) out: Vec<Command>,
}

impl Scheduler {
    /// A scheduler without runs or lanes.
    ///
    /// `seed` goes into the jitter of back-offs; a stopped unit may take `grace` microseconds
    /// for its last word.
    pub fn new(seed: i64, grace: i64) -> Result<Self, SchedulerError> {
        if grace < 0 {
            return Err(SchedulerError::Range { what: "grace", value: grace });
        }
        Ok(Self {
            seed: seed as u64,
            grace,
            now: 0,
            units: Units::default(),
            runs: Vec::new(),
            lanes: Vec::new(),
            classes: Vec::new(),
            jobs: Vec::new(),
            members: Vec::new(),
            questions: Vec::new(),
            run_ids: BTreeMap::new(),
            lane_ids: BTreeMap::new(),
            class_ids: BTreeMap::new(),
            children: BTreeMap::new(),
            weights: BTreeMap::new(),
            timers: Timers::default(),
            spreading: VecDeque::new(),
            changed: BTreeSet::new(),
            quiet: BTreeSet::new(),
            ending: BTreeSet::new(),
            unwanted: BTreeSet::new(),
            choosy: BTreeSet::new(),
            stranded: BTreeSet::new(),
            ways_changed: false,
            out: Vec::new(),
        })
    }

    /// The only way to change the schedule. Replaying the same events gives the same commands.
    ///
    /// Events come first, then the timers due at `now`, so an answer that came in time wins
    /// over its timeout. Time never runs backwards: an earlier `now` counts as the latest.
    /// Nothing starts before [`Scheduler::poll`].
    pub fn handle(
        &mut self,
        events: &[Event<'_>],
        now: i64,
        out: &mut Vec<Command>,
    ) -> Result<(), SchedulerError> {
        admit(self, events)?;
        self.now = self.now.max(now);
        for event in events {
            self.apply(event);
            self.spread();
        }
        while let Some(key) = self.timers.pop(self.now) {
            self.fire(key);
            self.spread();
        }
        self.stop_unwanted();
        self.review_ways();
        self.review_forming();
        self.end_runs();
        out.append(&mut self.out);
        Ok(())
    }

    /// Starts up to `room` units and jobs on one lane.
    pub fn poll(
        &mut self,
        lane: i64,
        room: usize,
        out: &mut Vec<Command>,
    ) -> Result<(), SchedulerError> {
        let index = self.lane_ids.get(&lane).copied();
        let lane = index.ok_or(SchedulerError::Unknown { what: "lane", id: lane })?;
        for _ in 0..room {
            if !self.start_next(lane) {
                break;
            }
        }
        out.append(&mut self.out);
        Ok(())
    }

    /// Starts whatever can start, lane by lane in the order of their first mention.
    pub fn poll_all(&mut self, out: &mut Vec<Command>) {
        loop {
            for lane in 0..self.lanes.len() as u32 {
                while self.start_next(lane) {}
            }
            // What is too expensive on one lane may have gone to one that was polled before.
            if !self.ways_changed {
                break;
            }
            self.review_ways();
            self.review_forming();
        }
        out.append(&mut self.out);
    }

    /// Starts one unit or job on a lane; false if nothing can start there.
    fn start_next(&mut self, index: u32) -> bool {
        let lane = &self.lanes[index as usize];
        if !lane.has_room() {
            return false;
        }
        if let Some(unit) = self.next_resumed(lane) {
            self.resume(unit);
            return true;
        }
        if lane.opens() > self.now {
            return false;
        }
        match lane.queue.next() {
            Some((_, Start::Unit(unit))) => self.start(unit),
            Some((_, Start::Job(class))) => self.submit(class),
            None => return false,
        }
        true
    }

    /// The first unparked unit whose run is not paused.
    pub(crate) fn next_resumed(&self, lane: &Lane) -> Option<u32> {
        let paused = |unit: u32| self.run_of(unit).paused;
        lane.resume.iter().copied().find(|&unit| !paused(unit))
    }

    /// When `handle` has to be called even if nothing happens.
    pub fn next_wake(&self) -> Option<i64> {
        self.timers.next()
    }

    /// State of a unit, or None if there is no such unit.
    pub fn unit_state(&self, unit: i64) -> Option<State> {
        usize::try_from(unit).ok().and_then(|unit| self.units.state.get(unit)).copied()
    }

    /// Units per state for each step of a run, by step number.
    pub fn counts(&self, run: i64) -> Option<BTreeMap<i64, [u32; STATES]>> {
        let run = &self.runs[*self.run_ids.get(&run)? as usize];
        let mut steps = BTreeMap::new();
        for &class in &run.classes {
            let class = &self.classes[class as usize];
            let step = steps.entry(class.spec.step).or_insert([0; STATES]);
            step.iter_mut().zip(class.counts).for_each(|(sum, count)| *sum += count);
        }
        Some(steps)
    }

    fn apply(&mut self, event: &Event<'_>) {
        match *event {
            Event::Run { run, seed, cap } => self.add_run(run, seed, cap),
            Event::Lane { lane, slots, up } => self.set_lane(lane, slots, up),
            Event::Class(spec) => self.add_class(spec),
            Event::Define(ref definition) => self.define(definition),
            Event::Seal { run } => self.seal(run),
            Event::Known { unit } => self.known(unit as u32),
            Event::Began { .. } | Event::Tick => (),
            Event::Done { unit, attempt } => self.done(unit as u32, attempt),
            Event::Failed { unit, attempt, reason, retry_after } => {
                self.failed(unit as u32, attempt, reason, retry_after);
            }
            Event::Parked { unit, attempt } => self.parked(unit as u32, attempt),
            Event::Unparked { unit, attempt } => self.unparked(unit as u32, attempt),
            Event::Stopped { unit, attempt } => self.stopped(unit as u32, attempt),
            Event::Sent { job } | Event::Found { job } => self.arrived(job as u32),
            Event::Doubt { job } => self.doubt(job as u32),
            Event::NotFound { job } => self.not_found(job as u32),
            Event::Settled { job } => self.settled(job as u32),
            Event::Bill { job, micro } => self.bill(job as u32, micro),
            Event::Cap { run, micro } => self.set_cap(run, micro),
            Event::Answer { question, choice } => self.answer(question as u32, choice),
            Event::Cancel { scope, run, id } => self.cancel_scope(scope, run, id),
            Event::Guard { lane, guard } => self.set_guard(lane, guard),
            Event::Limits { lane, limits } => self.set_limits(lane, limits),
            Event::Other { class, terms } => self.add_way(class, terms),
            Event::Weight { unit, weight } => self.weigh(unit as u32, weight),
            Event::Pause { run, paused } => self.pause(run, paused),
            Event::Deadline { run, at } => self.set_deadline(run, at),
            Event::Adopt(ref adoption) => self.adopt(adoption),
            Event::Spent { run, micro } => self.spent_before(run, micro),
        }
    }

    fn fire(&mut self, key: Key) {
        match key {
            Key::Class(class) => {
                self.changed.insert(class);
            }
            Key::Job(job) => self.job_timer(job),
            Key::Lane(lane) => {
                self.ways_changed = true;
                self.time_lane(lane);
            }
            Key::Run(run) => self.deadline_passed(run),
            Key::Unit(unit) => match self.state(unit) {
                State::Backoff => self.release(unit),
                State::Stopping => self.finish(unit, State::Abandoned, Cause::GraceOver),
                _ => self.timed_out(unit),
            },
        }
    }

    fn end_runs(&mut self) {
        while let Some(index) = self.ending.pop_first() {
            let run = &mut self.runs[index as usize];
            if run.ended || !run.is_over() {
                continue;
            }
            run.ended = true;
            self.timers.clear(Key::Run(index));
            self.lanes.iter_mut().for_each(|lane| lane.queue.forget(index));
            let outcome = match (run.cancelled, run.failed) {
                (true, _) => Outcome::Cancelled,
                (false, true) => Outcome::Failed,
                (false, false) => Outcome::Done,
            };
            self.out.push(Command::Ended { run: run.id, outcome });
        }
    }

    /// Members of a job, as positions in `members`.
    pub(crate) fn member_range(&self, job: u32) -> std::ops::Range<usize> {
        let job = &self.jobs[job as usize];
        job.first as usize..(job.first + job.count) as usize
    }

    /// The job that asks about a blocked unit, if that is why it is blocked.
    pub(crate) fn asking_job(&self, unit: u32) -> Option<u32> {
        let job = self.units.job[unit as usize];
        let asked = job != NONE && self.jobs[job as usize].state == JobState::Asked;
        (self.state(unit) == State::Blocked && asked).then_some(job)
    }
}

impl Run {
    /// True if only held units can bring this run forward.
    pub(crate) fn stands_still(&self) -> bool {
        self.sealed && self.active == 0
    }

    /// True if nothing of this run can happen any more, except a late bill.
    pub(crate) fn is_over(&self) -> bool {
        (self.sealed || self.cancelled || self.late)
            && self.open_units == 0
            && self.open_jobs == 0
            && self.questions == 0
            && self.reserved == 0
    }
}

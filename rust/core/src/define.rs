//! Events that bring something new: runs, lanes, classes, units, known results.

use std::collections::BTreeSet;

use crate::backoff::mix;
use crate::command::Cause;
use crate::event::{ClassSpec, Definition, Weight};
use crate::lane::Lane;
use crate::queue::Start;
use crate::scheduler::Scheduler;
use crate::state::{STATES, State};
use crate::tables::{Class, Run, Way};
use crate::unit::COLLECT;

impl Scheduler {
    pub(crate) fn add_run(&mut self, id: i64, seed: i64, cap: i64) {
        self.run_ids.insert(id, self.runs.len() as u32);
        self.runs.push(Run {
            id,
            seed: mix(self.seed) ^ seed as u64,
            cap,
            sealed: false,
            cancelled: false,
            failed: false,
            ended: false,
            deadline: -1,
            late: false,
            paused: false,
            open_units: 0,
            active: 0,
            open_jobs: 0,
            questions: 0,
            reserved: 0,
            spent: 0,
            spent_before: 0,
            classes: Vec::new(),
            broke: BTreeSet::new(),
        });
    }

    /// Takes note of the weight of a unit that has not started.
    pub(crate) fn weigh(&mut self, unit: u32, weight: Weight) {
        if self.state(unit).is_final() {
            return;
        }
        self.ways_changed = true;
        let before = self.weights.insert(unit, weight).unwrap_or(Weight::ONE);
        if self.state(unit) == State::Held {
            let index = self.units.class[unit as usize];
            let class = &mut self.classes[index as usize];
            class.load = class.load.minus(before).plus(weight);
            self.changed.insert(index);
        }
    }

    pub(crate) fn seal(&mut self, run: i64) {
        let index = self.run_ids[&run];
        self.runs[index as usize].sealed = true;
        self.quiet.insert(index);
        self.ending.insert(index);
    }

    /// New or changed lane. Down: what has not started is blocked. Up: it is released.
    pub(crate) fn set_lane(&mut self, id: i64, slots: i64, up: bool) {
        let next = self.lanes.len() as u32;
        let index = *self.lane_ids.entry(id).or_insert(next) as usize;
        if index == self.lanes.len() {
            let mut lane = Lane::new(id);
            let runs = self.runs.iter().zip(0..).filter(|(run, _)| run.paused);
            runs.for_each(|(_, run)| lane.queue.pause(run, true));
            self.lanes.push(lane);
        }
        self.ways_changed = true;
        let lane = &mut self.lanes[index];
        lane.slots = slots;
        lane.up = up;
        if up {
            for unit in lane.blocked.clone() {
                self.release(unit);
            }
        } else {
            self.block_lane(index);
        }
    }

    fn block_lane(&mut self, lane: usize) {
        let (mut units, _) = self.lanes[lane].queue.all();
        for class in &self.lanes[lane].forming {
            units.extend(&self.classes[*class as usize].forming);
        }
        self.block(lane, units);
    }

    /// Keeps units from starting until their lane is up, or they go to another one.
    pub(crate) fn block(&mut self, lane: usize, units: BTreeSet<u32>) {
        for &unit in &units {
            self.go(unit, State::Blocked);
        }
        self.lanes[lane].blocked.extend(units);
    }

    pub(crate) fn add_class(&mut self, spec: ClassSpec) {
        let index = self.classes.len() as u32;
        let run = self.run_ids[&spec.run];
        let lane = self.lane_ids[&spec.terms.lane];
        self.class_ids.insert(spec.class, index);
        self.runs[run as usize].classes.push(index);
        self.classes.push(Class {
            spec,
            run,
            lane,
            terms: spec.terms,
            ways: vec![Way { lane, terms: spec.terms, spent: false }],
            way: 0,
            counts: [0; STATES],
            blocks: Vec::new(),
            forming: BTreeSet::new(),
            load: Weight::NOTHING,
            job_limit: spec.terms.job_limit,
            since: 0,
            flush: false,
            due: false,
            broke: BTreeSet::new(),
        });
    }

    /// Adds units. Those whose parent is gone, or whose run was cancelled, are born cancelled.
    pub(crate) fn define(&mut self, new: &Definition<'_>) {
        let count = new.offsets.len() - 1;
        if count == 0 {
            return;
        }
        let index = self.class_ids[&new.class];
        let class = &mut self.classes[index as usize];
        class.counts[State::Waiting as usize] += count as u32;
        class.add_block(new.first as u32, count as u32);
        let run = class.run as usize;
        self.runs[run].open_units += count as u32;
        self.units.reserve(count, new.needs.len());
        let cancelled = self.runs[run].cancelled || self.runs[run].late || self.runs[run].ended;
        let stillborn =
            cancelled || (new.parent >= 0 && !self.may_have_children(new.parent as u32));
        if new.parent >= 0 && !stillborn {
            let blocks = self.children.entry(new.parent as u32).or_default();
            blocks.push((new.first as u32, count as u32));
        }
        for range in new.offsets.windows(2) {
            let flags = if new.collect { COLLECT } else { 0 };
            let unit = self.units.push(index, flags);
            self.place_new(unit, &new.needs[range[0] as usize..range[1] as usize], stillborn);
        }
    }

    fn place_new(&mut self, unit: u32, needs: &[i64], stillborn: bool) {
        let mut need_failed = false;
        for &need in needs {
            match self.state(need as u32) {
                State::Done => (),
                state if state.is_final() => need_failed = true,
                _ => self.units.link(need as u32, unit),
            }
        }
        if stillborn {
            self.finish(unit, State::Cancelled, self.why(unit));
        } else if need_failed && !self.units.has(unit, COLLECT) {
            self.finish(unit, State::Skipped, Cause::NeedFailed);
        } else if self.units.open[unit as usize] == 0 {
            self.release(unit);
        } else if self.class_of(unit).in_jobs() {
            self.changed.insert(self.units.class[unit as usize]);
        }
    }

    /// False once the attempt that could have asked for children is over.
    fn may_have_children(&self, parent: u32) -> bool {
        match self.state(parent) {
            State::Running | State::Parked | State::Sent | State::Done => true,
            State::Stopping => false,
            state => !state.is_final() && self.units.attempt[parent as usize] == 0,
        }
    }

    /// Takes a result that was known beforehand, unless the unit has started or is in doubt.
    pub(crate) fn known(&mut self, unit: u32) {
        if self.state(unit).is_early() && self.asking_job(unit).is_none() {
            self.finish(unit, State::Done, Cause::Answer);
        }
    }

    /// Adds or removes a class in its lane's queue as its forming job becomes due or not.
    pub(crate) fn queue_job(&mut self, index: u32, due: bool) {
        let class = &mut self.classes[index as usize];
        if class.due == due {
            return;
        }
        class.due = due;
        let queue = &mut self.lanes[class.lane as usize].queue;
        if due {
            queue.push(class.spec.priority, class.run, Start::Job(index));
        } else {
            queue.remove(class.spec.priority, class.run, Start::Job(index));
        }
    }
}

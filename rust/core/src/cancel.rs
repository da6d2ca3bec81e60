//! Cancellation: of a run, a step, a unit, and of the children of whatever is gone.

use std::collections::{BTreeMap, BTreeSet};

use crate::command::{Cause, Command};
use crate::event::Scope;
use crate::scheduler::Scheduler;
use crate::state::State;
use crate::timer::Key;
use crate::unit::{SLOT, WANTS};

impl Scheduler {
    pub(crate) fn cancel_scope(&mut self, scope: Scope, run: i64, id: i64) {
        let index = self.run_ids[&run] as usize;
        let units = match scope {
            Scope::Unit => vec![id as u32],
            Scope::Step => self.units_where(index, Some(id)),
            Scope::Run if self.runs[index].ended => return,
            Scope::Run => {
                self.runs[index].cancelled = true;
                self.ending.insert(index as u32);
                return self.cancel_run(index);
            }
        };
        self.cancel(units);
    }

    pub(crate) fn cancel_run(&mut self, run: usize) {
        self.cancel(self.units_where(run, None));
    }

    /// All units of a run, or of one of its steps.
    fn units_where(&self, run: usize, step: Option<i64>) -> Vec<u32> {
        let classes = self.runs[run].classes.iter().map(|&class| &self.classes[class as usize]);
        let chosen = classes.filter(|class| step.is_none_or(|step| class.spec.step == step));
        let blocks = chosen.flat_map(|class| &class.blocks);
        blocks.flat_map(|&(first, count)| first..first + count).collect()
    }

    /// Cancels what a unit asked for, if that has not finished.
    pub(crate) fn cancel_children(&mut self, parent: u32) {
        if let Some(blocks) = self.children.remove(&parent) {
            let units = blocks.into_iter().flat_map(|(first, count)| first..first + count);
            self.cancel(units.collect());
        }
    }

    /// Cancels units and all their descendants, in the order of their numbers.
    ///
    /// A job is stopped when none of its members is wanted any more; a member whose siblings
    /// go on is cancelled alone, and its answer will be ignored.
    fn cancel(&mut self, mut units: Vec<u32>) {
        self.add_descendants(&mut units);
        let mut leaving = BTreeMap::new();
        for &unit in units.iter().filter(|&&unit| self.state(unit) == State::Sent) {
            *leaving.entry(self.units.job[unit as usize]).or_insert(0) += 1;
        }
        leaving.retain(|&job, count| self.jobs[job as usize].live == *count);
        let asked: BTreeSet<u32> = units.iter().filter_map(|&unit| self.asking_job(unit)).collect();
        for unit in units {
            let stopping = leaving.contains_key(&self.units.job[unit as usize]);
            self.cancel_one(unit, stopping);
        }
        for &job in leaving.keys() {
            self.stop_job(job);
        }
        for job in asked {
            self.drop_if_unwanted(job);
        }
    }

    /// Extends a list by children and their children; keeps each open unit once, ascending.
    fn add_descendants(&mut self, units: &mut Vec<u32>) {
        let open = |state: State| !state.is_final() && state != State::Stopping;
        let mut next = 0;
        while next < units.len() {
            let unit = units[next];
            if open(self.state(unit)) {
                let blocks = self.children.remove(&unit).unwrap_or_default();
                units.extend(blocks.into_iter().flat_map(|(first, count)| first..first + count));
            }
            next += 1;
        }
        units.retain(|&unit| open(self.state(unit)));
        units.sort_unstable();
        units.dedup();
    }

    fn cancel_one(&mut self, unit: u32, job_stops: bool) {
        match self.state(unit) {
            State::Running => {
                self.units.raise(unit, SLOT);
                self.ask_to_stop(unit);
            }
            State::Parked => {
                if self.units.has(unit, WANTS) {
                    self.units.lower(unit, WANTS);
                    self.lane_of(unit).resume.retain(|&other| other != unit);
                }
                self.ask_to_stop(unit);
            }
            State::Sent if job_stops => {
                let job = self.units.job[unit as usize];
                self.jobs[job as usize].live -= 1;
                self.set(unit, State::Stopping);
            }
            State::Sent => {
                let job = self.units.job[unit as usize];
                self.jobs[job as usize].left = true;
                self.finish(unit, State::Cancelled, self.why(unit));
            }
            State::Blocked if self.class_of(unit).broke.contains(&unit) => {
                self.finish(unit, State::Cancelled, Cause::Budget);
            }
            _ => self.finish(unit, State::Cancelled, self.why(unit)),
        }
    }

    fn ask_to_stop(&mut self, unit: u32) {
        let attempt = self.units.attempt[unit as usize];
        self.out.push(Command::Stop { unit, attempt });
        self.set(unit, State::Stopping);
        self.timers.set(Key::Unit(unit), self.later(self.grace));
    }

    fn drop_if_unwanted(&mut self, job: u32) {
        let members = &self.members[self.member_range(job)];
        let wanted = |&unit: &u32| self.asking_job(unit) == Some(job);
        if !members.iter().any(wanted) {
            self.drop_asked(job);
        }
    }
}

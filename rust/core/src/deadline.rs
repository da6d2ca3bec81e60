//! Runs that have to have ended by some time, and runs that pause.

use crate::command::Cause;
use crate::scheduler::Scheduler;
use crate::timer::Key;

impl Scheduler {
    /// Sets, moves or removes the deadline of a run; it cannot undo one that has passed.
    pub(crate) fn set_deadline(&mut self, id: i64, at: i64) {
        let index = self.run_ids[&id];
        let run = &mut self.runs[index as usize];
        if run.ended || run.late {
            return;
        }
        run.deadline = at;
        if at >= 0 {
            self.timers.set(Key::Run(index), at);
        } else {
            self.timers.clear(Key::Run(index));
        }
        for class in self.runs[index as usize].classes.clone() {
            self.time_hold(class);
            self.changed.insert(class);
        }
    }

    /// Whatever is not final comes too late: it is cancelled, and the run has failed.
    pub(crate) fn deadline_passed(&mut self, index: u32) {
        let run = &mut self.runs[index as usize];
        run.late = true;
        run.failed = true;
        self.ending.insert(index);
        self.cancel_run(index as usize);
    }

    /// Why units of the run of this one are cancelled.
    pub(crate) fn why(&self, unit: u32) -> Cause {
        if self.run_of(unit).late { Cause::Deadline } else { Cause::Cancelled }
    }

    /// Nothing of a paused run starts; what runs goes on, and its deadline stays.
    pub(crate) fn pause(&mut self, id: i64, paused: bool) {
        let index = self.run_ids[&id];
        if self.runs[index as usize].ended {
            return;
        }
        self.runs[index as usize].paused = paused;
        self.lanes.iter_mut().for_each(|lane| lane.queue.pause(index, paused));
    }
}

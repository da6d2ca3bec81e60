//! Jobs: forming, intended, sent, settled, billed; and in doubt between intended and sent.

use crate::command::{Cause, Command};
use crate::event::{Choice, Reason};
use crate::scheduler::Scheduler;
use crate::state::State;
use crate::tables::{Job, JobState, Question};
use crate::timer::Key;
use crate::unit::NONE;

impl Scheduler {
    pub(crate) fn join_forming(&mut self, index: u32, unit: u32) {
        let first = self.classes[index as usize].forming.is_empty();
        self.classes[index as usize].forming.insert(unit);
        if first {
            let lane = self.classes[index as usize].lane;
            self.lanes[lane as usize].forming.insert(index);
            self.begin_hold(index);
        }
    }

    pub(crate) fn leave_forming(&mut self, unit: u32) {
        let index = self.units.class[unit as usize];
        self.classes[index as usize].forming.remove(&unit);
        if self.classes[index as usize].forming.is_empty() {
            self.lane_of(unit).forming.remove(&index);
            self.timers.clear(Key::Class(index));
        }
    }

    fn begin_hold(&mut self, index: u32) {
        let class = &mut self.classes[index as usize];
        class.since = self.now;
        class.flush = false;
        self.timers.clear(Key::Class(index));
        if let Some(over) = class.hold_over().filter(|&over| over > self.now) {
            self.timers.set(Key::Class(index), over);
        }
    }

    /// Finds out which forming jobs should leave now.
    ///
    /// If a run is at a standstill, whoever could still join waits, directly or not, for a
    /// held unit: then its forming jobs leave as they are.
    pub(crate) fn review_forming(&mut self) {
        while let Some(run) = self.quiet.pop_first() {
            if self.runs[run as usize].stands_still() {
                self.changed.extend(&self.runs[run as usize].classes);
            }
        }
        while let Some(index) = self.changed.pop_first() {
            let class = &mut self.classes[index as usize];
            class.flush |=
                !class.forming.is_empty() && self.runs[class.run as usize].stands_still();
            let due = class.is_due(self.now);
            self.queue_job(index, due);
        }
    }

    /// Submits the lowest members of the forming job, as many as a job takes.
    pub(crate) fn submit(&mut self, index: u32) {
        let class = &self.classes[index as usize];
        let (run, lane, spec) = (class.run as usize, class.lane as usize, class.spec);
        let limit = usize::try_from(spec.job_limit).unwrap_or(usize::MAX);
        let units: Vec<u32> = class.forming.iter().take(limit).copied().collect();
        let (job, first) = (self.jobs.len() as u32, self.members.len() as u32);
        let mut members = Vec::with_capacity(units.len());
        for &unit in &units {
            self.go(unit, State::Sent);
            self.units.job[unit as usize] = job;
            self.units.attempt[unit as usize] += 1;
            members.push((unit, self.units.attempt[unit as usize]));
        }
        self.members.extend(&units);
        self.jobs.push(Job {
            class: index,
            state: JobState::Intended,
            live: units.len() as u32,
            stopped: false,
            reserve: spec.reserve,
            bill: None,
            first,
            count: units.len() as u32,
            question: NONE,
        });
        self.runs[run].reserved += i128::from(spec.reserve);
        self.take_slot(job);
        if !self.classes[index as usize].forming.is_empty() {
            self.begin_hold(index);
        }
        self.review_forming();
        self.out.push(Command::Submit { job, lane: self.lanes[lane].id, members });
    }

    fn take_slot(&mut self, job: u32) {
        let class = &self.classes[self.jobs[job as usize].class as usize];
        // A job may take as long as its members together.
        let members = i64::from(self.jobs[job as usize].count);
        let timeout = class.spec.timeout.saturating_mul(members);
        self.lanes[class.lane as usize].used += 1;
        self.runs[class.run as usize].open_jobs += 1;
        if timeout >= 0 {
            self.timers.set(Key::Job(job), self.later(timeout));
        }
    }

    fn give_slot(&mut self, job: u32) {
        let class = &self.classes[self.jobs[job as usize].class as usize];
        self.lanes[class.lane as usize].used -= 1;
        self.runs[class.run as usize].open_jobs -= 1;
        self.ending.insert(class.run);
        self.timers.clear(Key::Job(job));
    }

    pub(crate) fn leave_job(&mut self, unit: u32) {
        let job = std::mem::replace(&mut self.units.job[unit as usize], NONE);
        self.jobs[job as usize].live -= 1;
    }

    /// The provider has it: by its own word, or found after a doubt.
    pub(crate) fn arrived(&mut self, job: u32) {
        match self.jobs[job as usize].state {
            JobState::Intended | JobState::Doubtful => (),
            JobState::Asked => {
                self.close_question(job);
                self.take_slot(job);
                self.each_member(job, State::Blocked, |machine, unit| {
                    machine.set(unit, State::Sent);
                    machine.jobs[job as usize].live += 1;
                });
            }
            JobState::Sent | JobState::Settled => return,
        }
        self.jobs[job as usize].state = JobState::Sent;
    }

    pub(crate) fn doubt(&mut self, job: u32) {
        if self.jobs[job as usize].state == JobState::Intended {
            self.jobs[job as usize].state = JobState::Doubtful;
            self.out.push(Command::Find { job });
        }
    }

    /// A job in doubt was not found: ask, unless nobody waits for it any more.
    pub(crate) fn not_found(&mut self, job: u32) {
        if self.jobs[job as usize].state != JobState::Doubtful {
            return;
        }
        self.give_slot(job);
        self.each_member(job, State::Stopping, |machine, unit| {
            machine.finish(unit, State::Cancelled, Cause::Cancelled);
        });
        if self.jobs[job as usize].live == 0 {
            self.never_was(job);
            return;
        }
        self.jobs[job as usize].state = JobState::Asked;
        self.jobs[job as usize].live = 0;
        self.each_member(job, State::Sent, |machine, unit| machine.set(unit, State::Blocked));
        self.open_question(job);
    }

    fn open_question(&mut self, job: u32) {
        let question = self.questions.len() as u32;
        self.questions.push(Question { job, open: true });
        self.jobs[job as usize].question = question;
        let run = self.run_of_job(job);
        self.runs[run].questions += 1;
        self.out.push(Command::Ask { question, run: self.runs[run].id, job });
    }

    fn close_question(&mut self, job: u32) {
        let question = std::mem::replace(&mut self.jobs[job as usize].question, NONE);
        self.questions[question as usize].open = false;
        let run = self.run_of_job(job);
        self.runs[run].questions -= 1;
        self.ending.insert(run as u32);
    }

    pub(crate) fn answer(&mut self, question: u32, choice: Choice) {
        let Question { job, open } = self.questions[question as usize];
        if !open {
            return;
        }
        self.close_question(job);
        self.each_member(job, State::Blocked, |machine, unit| match choice {
            Choice::Resubmit => machine.release(unit),
            Choice::GiveUp => machine.finish(unit, State::Failed, Cause::GivenUp),
        });
        self.never_was(job);
    }

    /// Closes a job that nobody has or wants; nothing is kept back for it any more.
    fn never_was(&mut self, job: u32) {
        self.jobs[job as usize].state = JobState::Settled;
        self.free_reserve(job);
    }

    /// Closes a question that became pointless because its members were cancelled.
    pub(crate) fn drop_asked(&mut self, job: u32) {
        self.out.push(Command::StopJob { job });
        self.close_question(job);
        self.never_was(job);
    }

    /// The last word of a provider; members without an answer are lost.
    pub(crate) fn settled(&mut self, job: u32) {
        if self.jobs[job as usize].state == JobState::Settled {
            return;
        }
        self.arrived(job);
        self.each_member(job, State::Stopping, |machine, unit| {
            machine.finish(unit, State::Cancelled, Cause::Cancelled);
        });
        self.each_member(job, State::Sent, |machine, unit| {
            let attempt = machine.units.attempt[unit as usize];
            machine.failed(unit, attempt.into(), Reason::Lost, -1);
        });
        self.close(job);
    }

    fn close(&mut self, job: u32) {
        self.give_slot(job);
        self.jobs[job as usize].state = JobState::Settled;
    }

    /// Commands the stop of a job; what is silent when the grace is over is abandoned.
    pub(crate) fn stop_job(&mut self, job: u32) {
        self.out.push(Command::StopJob { job });
        self.jobs[job as usize].stopped = true;
        self.timers.set(Key::Job(job), self.later(self.grace));
    }

    pub(crate) fn job_timer(&mut self, job: u32) {
        if self.jobs[job as usize].stopped {
            self.each_member(job, State::Stopping, |machine, unit| {
                machine.finish(unit, State::Abandoned, Cause::GraceOver);
            });
            self.close(job);
        } else {
            self.stop_job(job);
            self.each_member(job, State::Sent, |machine, unit| {
                machine.finish(unit, State::Failed, Cause::Timeout);
            });
        }
    }

    /// Calls `act` for each member that is still this job's and in this state.
    fn each_member(&mut self, job: u32, state: State, mut act: impl FnMut(&mut Self, u32)) {
        for position in self.member_range(job) {
            let unit = self.members[position];
            if self.units.job[unit as usize] == job && self.state(unit) == state {
                act(self, unit);
            }
        }
    }

    pub(crate) fn run_of_job(&self, job: u32) -> usize {
        self.classes[self.jobs[job as usize].class as usize].run as usize
    }
}

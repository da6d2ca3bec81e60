//! Jobs: forming, intended, sent, settled, billed; and in doubt between intended and sent.

use crate::command::{Cause, Command, Member};
use crate::event::{Adoption, Choice, Reason, Weight};
use crate::scheduler::Scheduler;
use crate::state::State;
use crate::tables::{Job, JobState, Question};
use crate::timer::Key;
use crate::unit::NONE;

impl Scheduler {
    /// What a unit adds to its job.
    pub(crate) fn weight(&self, unit: u32) -> Weight {
        self.weights.get(&unit).copied().unwrap_or(Weight::ONE)
    }

    pub(crate) fn join_forming(&mut self, index: u32, unit: u32) {
        let weight = self.weight(unit);
        let class = &mut self.classes[index as usize];
        let first = class.forming.is_empty();
        class.forming.insert(unit);
        class.load = class.load.plus(weight);
        if first {
            let lane = class.lane;
            self.lanes[lane as usize].forming.insert(index);
            self.begin_hold(index);
        }
    }

    pub(crate) fn leave_forming(&mut self, unit: u32) {
        let weight = self.weight(unit);
        let index = self.units.class[unit as usize];
        let class = &mut self.classes[index as usize];
        class.forming.remove(&unit);
        class.load = class.load.minus(weight);
        if class.forming.is_empty() {
            self.lane_of(unit).forming.remove(&index);
            self.timers.clear(Key::Class(index));
        }
    }

    pub(crate) fn begin_hold(&mut self, index: u32) {
        let class = &mut self.classes[index as usize];
        class.since = self.now;
        class.flush = false;
        self.time_hold(index);
    }

    /// Sets the timer of the forming job of a class.
    pub(crate) fn time_hold(&mut self, index: u32) {
        let class = &self.classes[index as usize];
        let over = class.hold_over(self.runs[class.run as usize].deadline);
        match over.filter(|&over| over > self.now && !class.forming.is_empty()) {
            Some(over) => self.timers.set(Key::Class(index), over),
            None => self.timers.clear(Key::Class(index)),
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
            let run = &self.runs[class.run as usize];
            class.flush |= !class.forming.is_empty() && run.stands_still();
            let limits = self.lanes[class.lane as usize].limits;
            let due = class.is_due(self.now, limits, run.deadline);
            self.queue_job(index, due);
        }
    }

    /// The first units that fit into one job, and their weight. One always does: whether it is
    /// too big is for the backend to say.
    pub(crate) fn fill(
        &self,
        units: impl Iterator<Item = u32>,
        most: i64,
        limits: Weight,
    ) -> (Vec<u32>, Weight) {
        let (mut members, mut load) = (Vec::new(), Weight::NOTHING);
        for unit in units.take(usize::try_from(most).unwrap_or(usize::MAX)) {
            let more = load.plus(self.weight(unit));
            if !members.is_empty() && more.exceeds(limits) {
                break;
            }
            members.push(unit);
            load = more;
        }
        (members, load)
    }

    /// Submits the lowest members of the forming job, as many as a job takes; or blocks them if
    /// that would pass the cap.
    pub(crate) fn submit(&mut self, index: u32) {
        let class = &self.classes[index as usize];
        let (run, lane, spec, terms) = (class.run, class.lane, class.spec, class.terms);
        let way = class.way as u32;
        let limits = self.lanes[lane as usize].limits;
        let (units, load) = self.fill(class.forming.iter().copied(), class.job_limit, limits);
        let price = terms.price(load);
        if !self.fits_cap(run, price) {
            return self.block_for_budget(index, price);
        }
        let attempts = units.iter().map(|&unit| self.units.attempt[unit as usize] + 1);
        let members: Vec<Member> = units.iter().copied().zip(attempts).collect();
        let job = self.open_job(index, way, JobState::Intended, price, &members);
        let expected = spec.expected.max(1).saturating_mul(members.len() as i64);
        self.take_start(lane, run, expected);
        if !self.classes[index as usize].forming.is_empty() {
            self.begin_hold(index);
        }
        self.review_forming();
        self.out.push(Command::Submit { job, lane: terms.lane, members });
    }

    /// Makes a job of units, which are sent now.
    fn open_job(
        &mut self,
        class: u32,
        way: u32,
        state: JobState,
        reserve: i128,
        members: &[Member],
    ) -> u32 {
        let (job, first) = (self.jobs.len() as u32, self.members.len() as u32);
        for &(unit, attempt) in members {
            self.go(unit, State::Sent);
            self.units.job[unit as usize] = job;
            self.units.attempt[unit as usize] = attempt;
            self.members.push(unit);
        }
        let count = members.len() as u32;
        self.jobs.push(Job {
            class,
            way,
            lane: self.classes[class as usize].ways[way as usize].lane,
            state,
            live: count,
            stopped: false,
            left: false,
            good: false,
            bad: false,
            reserve,
            bill: None,
            first,
            count,
            question: NONE,
        });
        let run = self.run_of_job(job);
        self.runs[run].reserved += reserve;
        self.take_slot(job);
        job
    }

    /// Takes over a job of an earlier scheduler. Members that are final by now, or whose needs
    /// are not, do not belong to it any more; if nobody is left, it is stopped.
    pub(crate) fn adopt(&mut self, old: &Adoption<'_>) {
        let (class, way) = (self.class_ids[&old.class], old.way as u32);
        let mut members: Vec<Member> = old
            .members
            .chunks_exact(2)
            .map(|pair| (pair[0] as u32, pair[1] as u32))
            .filter(|&(unit, attempt)| {
                let free = match self.state(unit) {
                    State::Held => true,
                    State::Blocked => self.asking_job(unit).is_none(),
                    _ => false,
                };
                free && self.units.attempt[unit as usize] < attempt
            })
            .collect();
        members.sort_unstable();
        members.dedup_by_key(|member| member.0);
        let state = if old.doubtful { JobState::Intended } else { JobState::Sent };
        let job = self.open_job(class, way, state, old.reserve.into(), &members);
        self.count_tries(old);
        self.jobs[job as usize].left = members.is_empty() || 2 * members.len() < old.members.len();
        self.unwanted.insert(job);
        if old.doubtful {
            self.doubt(job);
        }
    }

    /// Whoever does not belong to an adopted job any more has had the attempt it was there with,
    /// so that a late answer to that one is not taken for the next.
    fn count_tries(&mut self, old: &Adoption<'_>) {
        for pair in old.members.chunks_exact(2) {
            let (unit, attempt) = (pair[0] as u32, pair[1] as u32);
            if self.state(unit).is_early() {
                let before = &mut self.units.attempt[unit as usize];
                *before = (*before).max(attempt);
            }
        }
    }

    /// Stops jobs that go on for nobody: what is left of them was cancelled.
    pub(crate) fn stop_unwanted(&mut self) {
        while let Some(job) = self.unwanted.pop_first() {
            if self.jobs[job as usize].is_unwanted() {
                self.stop_job(job);
            }
        }
    }

    fn take_slot(&mut self, job: u32) {
        let Job { class, way, lane, count, .. } = self.jobs[job as usize];
        let class = &self.classes[class as usize];
        // A job may take as long as its members together.
        let timeout = class.ways[way as usize].terms.timeout;
        let timeout = timeout.saturating_mul(i64::from(count.max(1)));
        self.lanes[lane as usize].used += 1;
        self.runs[class.run as usize].open_jobs += 1;
        if timeout >= 0 {
            self.timers.set(Key::Job(job), self.later(timeout));
        }
    }

    fn give_slot(&mut self, job: u32) {
        let run = self.run_of_job(job);
        self.lanes[self.jobs[job as usize].lane as usize].used -= 1;
        self.runs[run].open_jobs -= 1;
        self.ending.insert(run as u32);
        self.timers.clear(Key::Job(job));
    }

    pub(crate) fn leave_job(&mut self, unit: u32) {
        let job = std::mem::replace(&mut self.units.job[unit as usize], NONE);
        self.jobs[job as usize].live -= 1;
        self.unwanted.insert(job);
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
        if self.jobs[job as usize].state == JobState::Settled {
            // It was given up in doubt, and nobody will ever bill it.
            self.free_reserve(job);
        }
        if self.jobs[job as usize].state != JobState::Doubtful {
            return;
        }
        self.give_slot(job);
        self.each_member(job, State::Stopping, |machine, unit| {
            machine.finish(unit, State::Cancelled, machine.why(unit));
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
            machine.finish(unit, State::Cancelled, machine.why(unit));
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
        self.judge_lane(job);
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
            self.jobs[job as usize].bad = true;
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

//! What becomes of each command, and the trouble that comes from outside.

use qflow_core::Command;

use super::{CALM, World};

/// First word of a happening that is no event: a loop step makes its next call.
const CALL: i64 = -1;

/// A loop step in progress.
pub struct Body {
    calls_left: i64,
    /// Calls of the current round that are not final.
    open: Vec<u32>,
}

impl World {
    /// Cancels, lanes that go and come back, caps that change; all is well after `CALM`.
    pub(super) fn plan_trouble(&mut self) {
        let soon = CALM / 3;
        for run in self.plan.runs.clone() {
            if self.rng.percent(20) {
                let when = self.rng.below(soon);
                self.post(when, &[20, 0, run, 0]);
            }
            if self.rng.percent(30) {
                let (when, cap) = (self.rng.below(soon), self.rng.below(60));
                self.post(when, &[18, run, cap]);
            }
            if self.rng.percent(15) {
                let (when, pause) = (self.rng.below(soon), self.rng.between(1, 400));
                self.post(when, &[27, run, 1]);
                self.post(when + pause, &[27, run, 0]);
            }
            if self.rng.percent(5) {
                let (when, at) = (self.rng.below(soon), self.rng.between(-1, 2_000));
                self.post(when, &[28, run, at]);
            }
            self.post(CALM, &[18, run, -1, 27, run, 0]);
        }
        for _ in 0..self.rng.below(4) {
            self.plan_cancel(soon);
        }
        if !self.plan.units.is_empty() && self.rng.percent(40) {
            let (when, units) = (self.rng.below(soon / 4), self.plan.units.len() as i64);
            let unit = self.rng.below(units);
            self.post(when, &[6, unit]);
        }
        for (lane, slots) in self.plan.lanes.clone() {
            for _ in 0..self.rng.pick(&[0, 0, 1, 3]) {
                let (when, up) = (self.rng.below(soon), self.rng.below(2));
                let slots = self.rng.below(4);
                self.post(when, &[2, lane, slots, up]);
            }
            self.post(CALM, &[2, lane, slots, 1]);
        }
    }

    fn plan_cancel(&mut self, soon: i64) {
        if self.plan.units.is_empty() {
            return;
        }
        let unit = self.rng.below(self.plan.units.len() as i64);
        let class = self.plan.classes[self.plan.units[unit as usize]];
        let run = self.plan.runs[class.run];
        let when = self.rng.below(soon);
        if self.rng.percent(50) {
            self.post(when, &[20, 2, run, unit]);
        } else {
            self.post(when, &[20, 1, run, class.step]);
        }
    }

    /// Turns a happening into the words of an event.
    pub(super) fn deliver(&mut self, event: Vec<i64>, words: &mut Vec<i64>) {
        match event[0] {
            CALL => self.make_calls(event[1] as u32, event[2] as u32, words),
            _ => words.extend(event),
        }
    }

    fn wait(&mut self) -> i64 {
        let long = if self.rng.percent(10) { 500 } else { 60 };
        self.rng.between(1, long)
    }

    fn calm(&self) -> bool {
        self.now >= CALM
    }

    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Run { unit, attempt } => self.run(unit, attempt),
            Command::Resume { unit, attempt } => {
                let wait = self.wait();
                self.post(wait, &[CALL, unit.into(), attempt.into()]);
            }
            Command::Submit { job, .. } => self.submit(job),
            Command::Find { job } => self.find(job),
            Command::Stop { unit, attempt } => self.stop(unit, attempt),
            Command::StopJob { job } if self.rng.percent(70) => {
                let wait = self.wait();
                self.post(wait, &[16, job.into()]);
            }
            Command::Ask { question, job, .. } => {
                let (wait, choice) = (self.wait(), self.rng.below(2));
                self.post(wait, &[19, question.into(), choice]);
                if self.rng.percent(20) {
                    self.find_at_last(job);
                }
            }
            Command::Final { unit, .. } => self.call_ended(unit),
            _ => (),
        }
    }

    /// A plain unit: works, fails, dies, or makes calls; sometimes it answers twice.
    fn run(&mut self, unit: u32, attempt: u32) {
        let class = self.plan.classes[self.plan.units[unit as usize]];
        let (wait, (u, a)) = (self.wait(), (i64::from(unit), i64::from(attempt)));
        self.post(0, &[7, u, a]);
        if class.calls.is_some() && self.rng.percent(80) {
            let body = Body { calls_left: self.rng.between(1, 3), open: Vec::new() };
            self.bodies.insert((unit, attempt), body);
            self.post(wait, &[CALL, u, a]);
            if self.rng.percent(20) {
                let later = self.wait();
                self.answer(wait + later, u, a);
            }
            return;
        }
        self.answer(wait, u, a);
        if self.judge.observer.facts.class_of(unit).terms().timeout < 0 {
            // A worker that fell silent is missed at last.
            self.post(1_000, &[9, u, a, 2, -1]);
        }
    }

    /// An answer for one attempt, or none, or two.
    fn answer(&mut self, wait: i64, unit: i64, attempt: i64) {
        if self.calm() || self.rng.percent(65) {
            self.post(wait, &[8, unit, attempt]);
        } else if self.rng.percent(80) {
            let reason = self.rng.pick(&[0, 0, 0, 1, 2, 3, 4]);
            let retry_after = if self.rng.percent(20) { self.rng.below(300) } else { -1 };
            self.post(wait, &[9, unit, attempt, reason, retry_after]);
        }
        if self.rng.percent(10) {
            let again = self.wait();
            let late = attempt - self.rng.below(2);
            self.post(wait + again, &[8, unit, late]);
        }
        if self.rng.percent(8) {
            self.post(wait, &[21, unit, attempt]);
        }
    }

    fn stop(&mut self, unit: u32, attempt: u32) {
        let (wait, (u, a)) = (self.wait(), (i64::from(unit), i64::from(attempt)));
        match self.rng.below(10) {
            0 => (),
            1 => self.post(wait, &[8, u, a]),
            2 => self.post(wait, &[9, u, a, 0, -1]),
            _ => self.post(wait, &[21, u, a]),
        }
    }

    /// A loop step parks on new calls, or returns.
    fn make_calls(&mut self, unit: u32, attempt: u32, words: &mut Vec<i64>) {
        let (u, a) = (i64::from(unit), i64::from(attempt));
        let Some(body) = self.bodies.get_mut(&(unit, attempt)) else { return };
        if body.calls_left == 0 {
            self.bodies.remove(&(unit, attempt));
            return words.extend([8, u, a]);
        }
        body.calls_left -= 1;
        let class = self.plan.units[unit as usize];
        let index = self.plan.classes[class].calls.expect("only loop steps make calls");
        let calls = self.plan.classes[index];
        let (count, first) = (self.rng.between(1, 3) as usize, self.plan.units.len());
        self.plan.units.resize(first + count, index);
        body.open = (first as u32..(first + count) as u32).collect();
        words.extend([4, self.plan.runs[calls.run], calls.id, first as i64, count as i64, u, 0]);
        words.extend(std::iter::repeat_n(0, count + 1));
        words.extend([10, u, a]);
    }

    fn call_ended(&mut self, call: u32) {
        let mut answered = None;
        for (&key, body) in &mut self.bodies {
            let before = body.open.len();
            body.open.retain(|&open| open != call);
            if before == 1 && body.open.is_empty() {
                answered = Some(key);
            }
        }
        if let Some((unit, attempt)) = answered {
            let wait = self.wait();
            self.post(wait, &[11, unit.into(), attempt.into()]);
            if self.rng.percent(20) {
                let (code, later) = (self.rng.between(10, 11), self.wait());
                self.post(wait + later, &[code, unit.into(), attempt.into()]);
            }
        }
    }

    /// A job that was out before this scheduler began.
    pub(super) fn go_on(&mut self, job: u32, doubtful: bool) {
        self.bill(job);
        if !doubtful {
            self.work(job, 0);
        }
    }

    /// The bill of a paid job always comes.
    fn bill(&mut self, job: u32) {
        if self.judge.observer.facts.jobs[job as usize].paid {
            let (when, micro) = (self.rng.between(1, 800), self.rng.between(0, 12));
            self.post(when, &[17, job.into(), micro]);
            if self.rng.percent(10) {
                self.post(when + 1, &[17, job.into(), micro + 1]);
            }
        }
    }

    /// A job: taken, in doubt, or silent.
    fn submit(&mut self, job: u32) {
        self.bill(job);
        let (wait, id) = (self.wait(), i64::from(job));
        let timeout = self.judge.observer.facts.jobs[job as usize].timeout;
        match self.rng.below(10) {
            0 if !self.calm() => self.post(wait, &[13, id]),
            1 if timeout >= 0 && !self.calm() => self.post(wait, &[12, id]),
            _ => {
                self.post(wait, &[12, id]);
                self.work(job, 0);
            }
        }
    }

    /// The members' answers, in any order, and the end of the job, before or after them.
    fn work(&mut self, job: u32, delay: i64) {
        let mut last = delay;
        for (unit, attempt) in self.judge.observer.facts.jobs[job as usize].members.clone() {
            let wait = delay + self.wait();
            if !self.rng.percent(10) {
                self.answer(wait, unit.into(), attempt.into());
            }
            last = last.max(wait);
        }
        let end = if self.rng.percent(80) { last + 1 } else { delay + self.wait() };
        self.post(end, &[16, job.into()]);
        if self.rng.percent(10) {
            self.post(end + 1, &[16, job.into()]);
        }
    }

    fn find(&mut self, job: u32) {
        let wait = self.wait();
        if self.rng.percent(50) {
            self.post(wait, &[14, job.into()]);
            self.work(job, wait);
        } else {
            self.post(wait, &[15, job.into()]);
        }
    }

    /// It turns up while the user is still thinking.
    fn find_at_last(&mut self, job: u32) {
        let wait = self.wait();
        self.post(wait, &[14, job.into()]);
        self.work(job, wait);
    }
}

//! Money: a job's reserve is kept back from the cap until its final bill replaces it.

use crate::command::Command;
use crate::scheduler::Scheduler;
use crate::state::State;

impl Scheduler {
    /// True if a job of this price stays within the cap.
    pub(crate) fn fits_cap(&self, run: u32, price: i128) -> bool {
        let run = &self.runs[run as usize];
        price == 0 || run.cap < 0 || run.spent + run.reserved + price <= run.cap.into()
    }

    /// Keeps all held units of a class from starting, since a job of them costs too much.
    pub(crate) fn block_for_budget(&mut self, index: u32, price: i128) {
        if !self.could_pay(index, &self.classes[index as usize].forming) {
            self.say_short(index, price);
        }
        let units = self.classes[index as usize].forming.clone();
        for &unit in &units {
            self.go(unit, State::Blocked);
        }
        let class = &mut self.classes[index as usize];
        class.broke.extend(units);
        self.runs[class.run as usize].broke.insert(index);
        self.review_forming();
    }

    pub(crate) fn say_short(&mut self, index: u32, price: i128) {
        let class = &self.classes[index as usize];
        let price = i64::try_from(price).unwrap_or(i64::MAX);
        let run = self.runs[class.run as usize].id;
        self.out.push(Command::Short { run, class: class.spec.class, price });
    }

    /// Takes the first bill of a job; it is final.
    pub(crate) fn bill(&mut self, job: u32, micro: i64) {
        if self.jobs[job as usize].bill.is_some() {
            return;
        }
        let run = self.run_of_job(job);
        self.jobs[job as usize].bill = Some(micro);
        self.runs[run].spent += i128::from(micro);
        self.free_reserve(job);
    }

    pub(crate) fn free_reserve(&mut self, job: u32) {
        let run = self.run_of_job(job);
        let reserve = std::mem::take(&mut self.jobs[job as usize].reserve);
        self.runs[run].reserved -= reserve;
        self.ending.insert(run as u32);
        self.release_affordable(run);
    }

    pub(crate) fn set_cap(&mut self, run: i64, micro: i64) {
        let run = self.run_ids[&run] as usize;
        self.runs[run].cap = micro;
        self.release_affordable(run);
    }

    pub(crate) fn spent_before(&mut self, run: i64, micro: i64) {
        let run = &mut self.runs[self.run_ids[&run] as usize];
        run.spent += i128::from(micro);
        run.spent_before += i128::from(micro);
        self.ways_changed = true;
        self.stranded.extend(&self.choosy);
    }

    /// Lets units form jobs again; those that still cost too much are blocked again.
    fn release_affordable(&mut self, run: usize) {
        self.ways_changed = true;
        self.stranded.extend(&self.choosy);
        for index in self.runs[run].broke.clone() {
            for unit in self.classes[index as usize].broke.clone() {
                self.release(unit);
            }
        }
    }

    /// Money of a run in micro-units: spent by bills, and reserved for jobs without one.
    pub fn money(&self, run: i64) -> Option<(i128, i128)> {
        let run = &self.runs[*self.run_ids.get(&run)? as usize];
        Some((run.spent, run.reserved))
    }
}

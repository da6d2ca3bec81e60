//! Which way a class goes: to another one when its lane is down or rests, its backend has
//! refused its work, or it is too expensive. It stays until the next such reason, so that the
//! points of a step are on as few backends as possible.

use std::collections::BTreeSet;

use crate::command::Command;
use crate::event::{Guard, Terms, Weight};
use crate::scheduler::Scheduler;
use crate::tables::{Job, Way};
use crate::timer::Key;

impl Scheduler {
    pub(crate) fn set_guard(&mut self, lane: i64, guard: Guard) {
        let index = self.lane_ids[&lane];
        self.lanes[index as usize].set_guard(guard);
        self.time_lane(index);
        self.ways_changed = true;
    }

    pub(crate) fn set_limits(&mut self, lane: i64, limits: Weight) {
        let index = self.lane_ids[&lane] as usize;
        self.ways_changed = true;
        self.lanes[index].limits = limits;
        self.changed.extend(&self.lanes[index].forming);
    }

    /// Sets the timer of a lane that rests, or starts nothing before some time.
    pub(crate) fn time_lane(&mut self, index: u32) {
        let lane = &self.lanes[index as usize];
        // Its rest may be over before its timer has fired.
        self.ways_changed |= lane.rest.is_some();
        let times = lane.rest.into_iter().chain([lane.opens()]);
        match times.filter(|&time| time > self.now).min() {
            Some(time) => self.timers.set(Key::Lane(index), time),
            None => self.timers.clear(Key::Lane(index)),
        }
    }

    /// Another way that a class may go.
    pub(crate) fn add_way(&mut self, class: i64, terms: Terms) {
        let index = self.class_ids[&class];
        let way = Way { lane: self.lane_ids[&terms.lane], terms, spent: false };
        self.classes[index as usize].ways.push(way);
        self.choosy.insert(index);
        self.ways_changed = true;
    }

    /// Nothing of a class goes this way any more. False if it has no other one.
    pub(crate) fn give_up(&mut self, index: u32, way: u32) -> bool {
        let class = &mut self.classes[index as usize];
        let way = way as usize;
        if !class.ways.iter().enumerate().any(|(other, one)| other != way && !one.spent) {
            return false;
        }
        class.ways[way].spent = true;
        self.ways_changed = true;
        if class.way == way {
            let (lane, units) = (class.lane as usize, class.forming.clone());
            self.block(lane, units);
        }
        true
    }

    /// Lets classes go elsewhere whose way is of no use to them.
    pub(crate) fn review_ways(&mut self) {
        if !std::mem::take(&mut self.ways_changed) {
            return;
        }
        let stranded = std::mem::take(&mut self.stranded);
        for index in self.choosy.clone() {
            let run = &self.runs[self.classes[index as usize].run as usize];
            if run.ended {
                self.choosy.remove(&index);
            } else if let Some(way) = self.better_way(index) {
                self.take_way(index, way);
            } else if stranded.contains(&index) {
                self.review_stranded(index);
            }
        }
    }

    /// The first way that a class could go, if it cannot go its own.
    pub(crate) fn better_way(&self, index: u32) -> Option<usize> {
        let class = &self.classes[index as usize];
        let open = |way: &Way| !way.spent && self.lanes[way.lane as usize].is_usable(self.now);
        let mut others = class.ways.iter().enumerate();
        let stays = open(&class.ways[class.way]) && class.broke.is_empty();
        if stays || !class.has_early() || !others.any(|(at, way)| at != class.way && open(way)) {
            return None;
        }
        let stuck = self.stuck(index);
        class.ways.iter().enumerate().position(|(position, way)| {
            position != class.way && open(way) && {
                let limits = self.lanes[way.lane as usize].limits;
                let (_, load) = self.fill(stuck.iter().copied(), way.terms.job_limit, limits);
                let one = if stuck.is_empty() { Weight::ONE } else { load };
                self.fits_cap(class.run, way.terms.price(one))
            }
        })
    }

    /// Says so if a class whose way was given up can never pay for another one.
    fn review_stranded(&mut self, index: u32) {
        let class = &self.classes[index as usize];
        if !class.ways[class.way].spent || self.runs[class.run as usize].cap < 0 {
            return;
        }
        let stuck = self.stuck(index);
        if stuck.is_empty() || self.could_pay(index, &stuck) {
            return;
        }
        if let Some(price) = self.prices(index, &stuck).min() {
            self.say_short(index, price);
        }
    }

    /// What the next job of these units would cost, on each way that is left.
    fn prices<'a>(
        &'a self,
        index: u32,
        units: &'a BTreeSet<u32>,
    ) -> impl Iterator<Item = i128> + 'a {
        let class = &self.classes[index as usize];
        class.ways.iter().filter(|way| !way.spent).map(|way| {
            let limits = self.lanes[way.lane as usize].limits;
            let (_, load) = self.fill(units.iter().copied(), way.terms.job_limit, limits);
            way.terms.price(load)
        })
    }

    /// True if bills to come may leave enough for the next job of these units, on some way.
    pub(crate) fn could_pay(&self, index: u32, units: &BTreeSet<u32>) -> bool {
        let class = &self.classes[index as usize];
        let run = &self.runs[class.run as usize];
        let small = class.job_limit < class.terms.job_limit;
        let own = (!class.ways[class.way].spent && small).then(|| {
            let limits = self.lanes[class.lane as usize].limits;
            let (_, load) = self.fill(units.iter().copied(), class.job_limit, limits);
            class.terms.price(load)
        });
        let mut prices = self.prices(index, units).chain(own);
        prices.any(|price| run.spent + price <= run.cap.into())
    }

    /// Units of a class that are held, or blocked by its lane or its price.
    fn stuck(&self, index: u32) -> BTreeSet<u32> {
        let class = &self.classes[index as usize];
        let mut units = &class.forming | &class.broke;
        units.extend(self.blocked_units(index));
        units
    }

    /// Units of a class that its lane blocks.
    fn blocked_units(&self, index: u32) -> impl Iterator<Item = u32> + '_ {
        let class = &self.classes[index as usize];
        let blocked = &self.lanes[class.lane as usize].blocked;
        let ranges = class.blocks.iter().map(|&(first, count)| first..first + count);
        ranges.flat_map(|range| blocked.range(range).copied())
    }

    fn take_way(&mut self, index: u32, way: usize) {
        let waiting: Vec<u32> = self.blocked_units(index).collect();
        self.queue_job(index, false);
        let class = &mut self.classes[index as usize];
        let before = &mut self.lanes[class.lane as usize];
        before.forming.remove(&index);
        waiting.iter().for_each(|unit| {
            before.blocked.remove(unit);
        });
        class.way = way;
        class.lane = class.ways[way].lane;
        class.terms = class.ways[way].terms;
        class.job_limit = class.terms.job_limit;
        let moved = Command::Moved { class: class.spec.class, way: way as i64 };
        let broke = class.broke.clone();
        if !class.forming.is_empty() {
            self.lanes[class.lane as usize].forming.insert(index);
            self.begin_hold(index);
        }
        self.changed.insert(index);
        self.out.push(moved);
        waiting.into_iter().chain(broke).for_each(|unit| self.release(unit));
    }

    /// What a closed job tells about its lane.
    pub(crate) fn judge_lane(&mut self, job: u32) {
        let Job { lane: index, good, bad, .. } = self.jobs[job as usize];
        if good {
            self.grow(job);
        }
        let lane = &mut self.lanes[index as usize];
        if good {
            if lane.rest.is_some() {
                self.ways_changed = true;
                self.out.push(Command::Rest { lane: lane.id, until: -1 });
            }
            lane.succeeded();
        } else if bad && lane.failed(self.now) {
            self.ways_changed = true;
            self.out.push(Command::Rest { lane: lane.id, until: lane.rest.unwrap_or(-1) });
        }
        self.time_lane(index);
    }

    /// After a good job the next may be larger by one, up to the terms: what was cut because of
    /// one bad circuit need not stay small (additive increase, multiplicative decrease).
    fn grow(&mut self, job: u32) {
        let Job { class: index, way, .. } = self.jobs[job as usize];
        let class = &mut self.classes[index as usize];
        if class.way == way as usize && class.job_limit < class.terms.job_limit {
            class.job_limit += 1;
            self.changed.insert(index);
        }
    }

    /// A backend asked for patience.
    pub(crate) fn wait_for_lane(&mut self, index: u32, wait: i64) {
        let until = self.later(wait);
        self.lanes[index as usize].wait_until(until);
        self.time_lane(index);
    }
}

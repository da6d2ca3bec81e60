//! A random graph: chains, layers, fans and jobs, in several runs; and what is known of it.

use super::rng::Rng;

/// What the world knows of a class of units.
#[derive(Clone, Copy)]
pub struct Class {
    pub id: i64,
    pub run: usize,
    pub step: i64,
    pub limit: i64,
    pub attempts: i64,
    /// Units of this class make calls of this other class.
    pub calls: Option<usize>,
}

#[derive(Default)]
pub struct Plan {
    pub classes: Vec<Class>,
    /// Class of each unit.
    pub units: Vec<usize>,
    /// Whether each unit needs nothing.
    free: Vec<bool>,
    pub runs: Vec<i64>,
    pub lanes: Vec<(i64, i64)>,
    /// Events that make the lanes and runs, one batch for each run.
    pub words: Vec<Vec<i64>>,
}

const STRANGE_IDS: i64 = 7;

impl Plan {
    pub fn random(rng: &mut Rng) -> Self {
        let mut plan = Self::default();
        let mut words = Vec::new();
        for index in 0..rng.between(1, 3) {
            let lane = (index * STRANGE_IDS, rng.between(1, 3));
            plan.lanes.push(lane);
            words.extend([2, lane.0, lane.1, 1]);
            if rng.percent(30) {
                let (burst, period) = (rng.between(1, 3), rng.pick(&[0, 5, 20]));
                words.extend([23, lane.0, burst, period, rng.below(3), rng.between(0, 60)]);
            }
            if rng.percent(30) {
                let (circuits, shots) = (rng.pick(&[-1, 2, 5]), rng.pick(&[-1, 40, 100]));
                words.extend([24, lane.0, circuits, shots, rng.pick(&[-1, 9]), -1]);
            }
        }
        for index in 0..rng.between(1, 3) {
            plan.add_run(rng, index + 10, &mut words);
            plan.words.push(std::mem::take(&mut words));
        }
        plan
    }

    fn add_run(&mut self, rng: &mut Rng, id: i64, words: &mut Vec<i64>) {
        let run = self.runs.len();
        let cap = if rng.percent(30) { rng.between(0, 40) } else { -1 };
        self.runs.push(id);
        words.extend([1, id, rng.next() as i64, cap]);
        let first = self.units.len();
        for step in 0..rng.between(1, 4) {
            let class = self.add_class(rng, run, step, words);
            if self.classes[class].limit == 0 && rng.percent(30) {
                let calls = self.add_class(rng, run, step + 100, words);
                self.classes[class].calls = Some(calls);
            }
            let width = if rng.percent(10) { 0 } else { rng.between(1, 6) };
            self.add_units(rng, class, first, width as usize, words);
            if self.classes[class].limit > 0 {
                self.add_facts(rng, class, width, words);
            }
        }
        if rng.percent(10) {
            words.extend([30, id, rng.between(0, 5)]);
        }
        if rng.percent(15) {
            words.extend([28, id, rng.between(50, 2_500)]);
        }
        words.extend([5, id]);
    }

    fn add_class(&mut self, rng: &mut Rng, run: usize, step: i64, words: &mut Vec<i64>) -> usize {
        let limit = if rng.percent(50) { rng.between(1, 4) } else { 0 };
        let facts = Class {
            id: self.classes.len() as i64 * STRANGE_IDS,
            run,
            step,
            limit,
            attempts: rng.between(1, 3),
            calls: None,
        };
        words.extend([3, facts.id, self.runs[run], step, facts.attempts, rng.between(0, 50)]);
        words.extend([rng.between(0, 120), rng.below(3), rng.between(0, 90), rng.below(20)]);
        words.extend(self.terms(rng, limit));
        if limit > 0 && rng.percent(40) {
            words.extend([25, facts.id]);
            words.extend(self.terms(rng, limit));
        }
        self.classes.push(facts);
        self.classes.len() - 1
    }

    /// A lane, and the terms there; only jobs have a price.
    fn terms(&self, rng: &mut Rng, limit: i64) -> [i64; 8] {
        let lane = rng.pick(&self.lanes).0;
        let hold = if rng.percent(40) { -1 } else { rng.between(0, 60) };
        let timeout = if rng.percent(30) { rng.between(20, 400) } else { -1 };
        let price = |rng: &mut Rng, most| if limit > 0 { rng.below(most) } else { 0 };
        let reserve = if rng.percent(60) { 0 } else { price(rng, 10) };
        let each = if rng.percent(80) { 0 } else { price(rng, 4) };
        let shot = if rng.percent(90) { 0 } else { price(rng, 2) };
        let extra = if rng.percent(70) { 0 } else { price(rng, 3) };
        [lane, limit, hold, timeout, reserve, each, shot, extra]
    }

    /// Weights of the last units, and a job that an earlier scheduler has sent.
    fn add_facts(&self, rng: &mut Rng, class: usize, width: i64, words: &mut Vec<i64>) {
        let end = self.units.len() as i64;
        for unit in end - width..end {
            if rng.percent(20) {
                let extra = if rng.percent(70) { 0 } else { rng.below(6) };
                words.extend([26, unit, rng.between(1, 3), rng.below(50), rng.below(8), extra]);
            }
        }
        let free: Vec<i64> = (end - width..end).filter(|&unit| self.free[unit as usize]).collect();
        if !free.is_empty() && rng.percent(10) {
            let (count, id) = (rng.between(1, free.len() as i64), self.classes[class].id);
            words.extend([29, id, 0, rng.below(2), rng.below(5), count]);
            words.extend(free.iter().take(count as usize).flat_map(|&unit| [unit, 1]));
        }
    }

    /// Defines units that need random earlier ones of the same run, siblings included.
    fn add_units(
        &mut self,
        rng: &mut Rng,
        class: usize,
        first: usize,
        width: usize,
        words: &mut Vec<i64>,
    ) {
        let collect = rng.percent(25);
        let start = self.units.len();
        let mut offsets = vec![0];
        let mut needs = Vec::new();
        for unit in start..start + width {
            let mut mine = Vec::new();
            for _ in 0..rng.pick(&[0, 1, 1, 2, 3]) {
                let low = if rng.percent(70) { first } else { first.max(unit.saturating_sub(1)) };
                if low < unit {
                    mine.push(low + rng.below((unit - low) as i64) as usize);
                }
            }
            self.free.push(mine.is_empty());
            needs.extend(mine.iter().map(|&need| need as i64));
            offsets.push(needs.len() as i64);
            self.units.push(class);
        }
        let facts = self.classes[class];
        words.extend([4, self.runs[facts.run], facts.id, start as i64, width as i64, -1]);
        words.push(collect.into());
        words.extend(offsets);
        words.extend(needs);
    }
}

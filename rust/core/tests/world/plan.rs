//! A random graph: chains, layers, fans and jobs, in several runs; and what is known of it.

use super::rng::Rng;

/// What the world knows of a class of units.
#[derive(Clone, Copy)]
pub struct Class {
    pub id: i64,
    pub run: usize,
    pub step: i64,
    pub limit: i64,
    pub reserve: i64,
    pub timeout: i64,
    pub attempts: i64,
    /// Units of this class make calls of this other class.
    pub calls: Option<usize>,
}

#[derive(Default)]
pub struct Plan {
    pub classes: Vec<Class>,
    /// Class of each unit.
    pub units: Vec<usize>,
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
            reserve: if limit > 0 && rng.percent(40) { rng.between(1, 10) } else { 0 },
            timeout: if rng.percent(30) { rng.between(20, 400) } else { -1 },
            attempts: rng.between(1, 3),
            calls: None,
        };
        let lane = rng.pick(&self.lanes).0;
        let hold = if rng.percent(40) { -1 } else { rng.between(0, 60) };
        words.extend([3, facts.id, self.runs[run], step, facts.attempts]);
        words.extend([rng.between(0, 50), rng.between(0, 120), rng.below(2), 0, 0]);
        words.extend([lane, limit, hold, facts.timeout, facts.reserve, 0, 0]);
        self.classes.push(facts);
        self.classes.len() - 1
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

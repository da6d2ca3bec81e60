//! Annealing over plans, a few rounds of it; the best plan seen is the answer.
//!
//! A round starts from the best plan so far. In every second one the families with circuits
//! first go to machines at random: a change of one such family alone is rarely better, so
//! single moves would not get from one assignment to another.

use super::energy::{Energy, Key, Order};
use super::evaluate::{Evaluator, Plan, Schedule, Score};
use super::heft::heft;
use super::instance::Instance;
use super::moves::Mover;
use super::random::Random;
use super::starts::starts;

const ROUNDS: i64 = 16;

/// Temperature at the start of a round, as a part of the best schedule's energy.
const HOT: f64 = 0.1;

/// Per cent of the steps that make one change more, and of those another one.
const MORE: usize = 30;

/// -ln((k + 1/2) / 64) for k = 0 … 63: draws from an exponential distribution. A table, since
/// logarithms differ between platforms in their last digit.
const LUCK: [f64; 64] = [
    4.8520, 3.7534, 3.2426, 2.9061, 2.6548, 2.4541, 2.2870, 2.1439, 2.0188, 1.9075, 1.8075, 1.7165,
    1.6332, 1.5563, 1.4848, 1.4182, 1.3557, 1.2969, 1.2413, 1.1887, 1.1387, 1.0910, 1.0456, 1.0021,
    0.9605, 0.9205, 0.8820, 0.8450, 0.8093, 0.7748, 0.7415, 0.7092, 0.6779, 0.6476, 0.6182, 0.5896,
    0.5618, 0.5348, 0.5084, 0.4828, 0.4578, 0.4334, 0.4095, 0.3862, 0.3635, 0.3413, 0.3195, 0.2982,
    0.2773, 0.2569, 0.2369, 0.2173, 0.1981, 0.1792, 0.1607, 0.1425, 0.1246, 0.1071, 0.0898, 0.0729,
    0.0562, 0.0398, 0.0237, 0.0078,
];

/// Looks for a good schedule until the evaluations are used up.
pub fn search(instance: &Instance, evaluations: i64, seed: i64) -> Schedule {
    let mut search = Search::new(instance, seed);
    search.begin(evaluations);
    let begun = search.evaluator.evaluations;
    let each = (evaluations.saturating_sub(begun)).max(0) / ROUNDS;
    // With one task on one machine there is nothing to change.
    if each > 0 && instance.tasks() > 0 {
        (1..=ROUNDS).for_each(|round| search.round(round, begun + (round - 1) * each, each));
    }
    let plan = search.best.1;
    search.evaluator.schedule(&plan)
}

struct Search<'a> {
    instance: &'a Instance,
    evaluator: Evaluator<'a>,
    mover: Mover<'a>,
    random: Random,
    order: Order,
    best: (Key, Plan, Score),
}

impl<'a> Search<'a> {
    fn new(instance: &'a Instance, seed: i64) -> Self {
        let mut evaluator = Evaluator::new(instance);
        let mut first = heft(instance);
        let score = evaluator.score(&first);
        first.machine.copy_from_slice(evaluator.machines());
        let order = Order::new(instance, score);
        Self {
            instance,
            evaluator,
            mover: Mover::new(instance),
            random: Random::new(seed),
            best: (order.key(score), first, score),
            order,
        }
    }

    /// Tries the other starts, as far as the evaluations reach.
    fn begin(&mut self, evaluations: i64) {
        if self.evaluator.evaluations >= evaluations {
            return;
        }
        for mut plan in starts(self.instance, &self.best.1) {
            if self.evaluator.evaluations < evaluations {
                let score = self.evaluator.score(&plan);
                plan.machine.copy_from_slice(self.evaluator.machines());
                self.keep(&plan, score);
            }
        }
    }

    fn keep(&mut self, plan: &Plan, score: Score) {
        let key = self.order.key(score);
        if key < self.best.0 {
            self.best = (key, plan.clone(), score);
        }
    }

    fn round(&mut self, round: i64, begin: i64, length: i64) {
        let energy = self.order.energy(self.best.2);
        let mut current = self.best.1.clone();
        if round % 2 == 1 {
            self.scatter(&mut current);
        }
        let score = self.evaluator.score(&current);
        self.keep(&current, score);
        let mut level = energy.of(score);
        let mut next = current.clone();
        while self.evaluator.evaluations < begin + length {
            let done = (self.evaluator.evaluations - begin) as f64 / length as f64;
            let heat = HOT * (1.0 - done) * (1.0 - done);
            next.clone_from(&current);
            self.change(&mut next);
            let most = level + heat * LUCK[self.random.below(LUCK.len())];
            if let Some(reached) = self.accept(&mut next, &energy, most) {
                level = reached;
                std::mem::swap(&mut current, &mut next);
            }
        }
    }

    /// Families with circuits go to any of their machines.
    fn scatter(&mut self, plan: &mut Plan) {
        for family in 0..self.instance.tasks() {
            let members = self.instance.members.of(family);
            if members.iter().any(|&task| self.instance.problem.tasks[task].circuits > 0) {
                let choices = self.instance.choices.of(family);
                plan.machine[family] = choices[self.random.below(choices.len())];
            }
        }
    }

    fn change(&mut self, plan: &mut Plan) {
        self.mover.change(plan, &mut self.random);
        while self.random.below(100) < MORE {
            self.mover.change(plan, &mut self.random);
        }
    }

    /// The energy of a plan if it is at most `most`.
    fn accept(&mut self, plan: &mut Plan, energy: &Energy, most: f64) -> Option<f64> {
        let score = self.evaluator.score_within(plan, energy.longest(most))?;
        let reached = energy.of(score);
        if reached > most {
            return None;
        }
        plan.machine.copy_from_slice(self.evaluator.machines());
        self.keep(plan, score);
        Some(reached)
    }
}

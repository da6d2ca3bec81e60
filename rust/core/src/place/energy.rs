//! How schedules compare: exactly, and for annealing.

use super::evaluate::Score;
use super::instance::{Goal, Instance};

/// Weight of what is not the goal, so that equal schedules still differ.
const ASIDE: f64 = 0.03;

/// What breaking a limit by its own size counts, where the whole best schedule counts 1.
const PENALTY: f64 = 3.0;

/// Less is better: by how much limits are broken, then the goal, then what is not the goal.
pub type Key = (i128, i128, i64);

/// Exact order of schedules.
pub struct Order {
    goal: Goal,
    deadline: Option<i64>,
    budget: Option<i64>,
    /// What the first plan takes: the measure of a balance.
    first: Score,
}

impl Order {
    pub fn new(instance: &Instance, first: Score) -> Self {
        let problem = &instance.problem;
        Self { goal: problem.goal, deadline: problem.deadline, budget: problem.budget, first }
    }

    pub fn key(&self, score: Score) -> Key {
        let Score { late, over, makespan, cost } = score;
        let part = |limit: Option<i64>| i128::from(limit.unwrap_or(1).max(1));
        let broken = i128::from(late) * part(self.budget) + i128::from(over) * part(self.deadline);
        match self.goal {
            Goal::Fastest => (broken, makespan.into(), cost),
            Goal::Cheapest => (broken, cost.into(), makespan),
            Goal::Balanced => {
                let time = i128::from(makespan) * i128::from(self.first.cost.max(1));
                let money = i128::from(cost) * i128::from(self.first.makespan.max(1));
                (broken, time + money, makespan)
            }
        }
    }

    /// The same wishes as a sum, in which the schedule `best` counts about 1.
    pub fn energy(&self, best: Score) -> Energy {
        let one_over = |value: i64| 1.0 / value.max(1) as f64;
        let (time, cost) = match self.goal {
            Goal::Fastest => (one_over(best.makespan), ASIDE * one_over(best.cost)),
            Goal::Cheapest => (ASIDE * one_over(best.makespan), one_over(best.cost)),
            Goal::Balanced => {
                let (time, cost) = (one_over(self.first.makespan), one_over(self.first.cost));
                let sum = time * best.makespan as f64 + cost * best.cost as f64;
                if sum > 0.0 { (time / sum, cost / sum) } else { (time, cost) }
            }
        };
        Energy {
            time,
            cost,
            late: self.deadline.map_or(0.0, |limit| PENALTY * one_over(limit)),
            over: self.budget.map_or(0.0, |limit| PENALTY * one_over(limit)),
            deadline: self.deadline.unwrap_or(0) as f64,
        }
    }
}

/// Weights of time, cost and broken limits.
///
/// These are floating-point numbers, and the twin in Python must come to the same bits: only
/// sums, products and quotients, in the same order.
pub struct Energy {
    time: f64,
    cost: f64,
    late: f64,
    over: f64,
    deadline: f64,
}

impl Energy {
    pub fn of(&self, score: Score) -> f64 {
        let goal = self.time * score.makespan as f64 + self.cost * score.cost as f64;
        goal + self.late * score.late as f64 + self.over * score.over as f64
    }

    /// The makespan above which the energy is more than `most`, whatever the cost.
    pub fn longest(&self, most: f64) -> i64 {
        let mut longest = most / self.time;
        if self.late > 0.0 && longest > self.deadline {
            longest = (most + self.late * self.deadline) / (self.time + self.late);
        }
        // Rounding may not refuse what is as good.
        (longest * (1.0 + 1e-9)).min(4e18) as i64 + 1
    }
}

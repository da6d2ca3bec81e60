//! Small changes of a plan that leave each task after what it needs.

use super::evaluate::{FREE, Plan};
use super::instance::Instance;
use super::random::Random;

/// Most tasks that go to another machine together.
const CLUSTER: usize = 9;

/// Changes plans of one instance.
pub struct Mover<'a> {
    instance: &'a Instance,
    /// Tasks that move along; all false between two moves.
    marked: Vec<bool>,
    moving: Vec<usize>,
    staying: Vec<usize>,
}

impl<'a> Mover<'a> {
    pub fn new(instance: &'a Instance) -> Self {
        let marked = vec![false; instance.tasks()];
        Self { instance, marked, moving: Vec::new(), staying: Vec::new() }
    }

    /// One change at random: of jobs, of the order, or of machines.
    pub fn change(&mut self, plan: &mut Plan, random: &mut Random) {
        let task = random.below(self.instance.tasks());
        if self.shares_jobs(task) && random.below(5) < 3 {
            return self.change_jobs(plan, task, random);
        }
        match random.below(8) {
            0 | 1 => self.slide(plan, task, random),
            2 => {
                let at = position(plan, task);
                self.lift(plan, at, random.below(at + 1));
            }
            3 => {
                let at = position(plan, task);
                self.sink(plan, at, at + random.below(plan.order.len() - at));
            }
            _ => self.change_machine(plan, task, random),
        }
    }

    fn shares_jobs(&self, task: usize) -> bool {
        let spec = self.instance.problem.tasks[task];
        spec.circuits > 0 && self.instance.members.of(spec.family).len() > 1
    }

    fn change_jobs(&mut self, plan: &mut Plan, task: usize, random: &mut Random) {
        let members = self.instance.members.of(self.instance.problem.tasks[task].family);
        match random.below(4) {
            0 => plan.send[task] = !plan.send[task],
            1 => {
                let other = members[random.below(members.len())];
                plan.send[other] = false;
                self.bring_together(plan, task, other);
            }
            2 => members.iter().for_each(|&member| plan.send[member] = false),
            _ => {
                let at = position(plan, task);
                self.lift(plan, at, random.below(at + 1));
                plan.send[task] = true;
            }
        }
    }

    /// Puts a task right after another one.
    fn bring_together(&mut self, plan: &mut Plan, task: usize, other: usize) {
        let (at, to) = (position(plan, task), position(plan, other));
        if at < to {
            self.sink(plan, at, to);
        } else if at > to {
            self.lift(plan, at, to + 1);
        }
    }

    fn change_machine(&mut self, plan: &mut Plan, task: usize, random: &mut Random) {
        let family = self.instance.problem.tasks[task].family;
        let choices = self.instance.choices.of(family);
        match random.below(4) {
            0 => plan.machine[family] = FREE,
            1 => plan.machine[family] = choices[random.below(choices.len())],
            2 => {
                if let Some(other) = self.neighbour(task, random) {
                    let machine = plan.machine[self.instance.problem.tasks[other].family];
                    self.assign(plan, task, machine);
                }
            }
            _ => {
                let machine = choices[random.below(choices.len())];
                self.move_cluster(plan, task, machine, random);
            }
        }
    }

    fn assign(&self, plan: &mut Plan, task: usize, machine: usize) {
        let family = self.instance.problem.tasks[task].family;
        if machine == FREE || self.instance.runs_on(family, machine) {
            plan.machine[family] = machine;
        }
    }

    /// A task that this one needs, or that needs this one.
    fn neighbour(&self, task: usize, random: &mut Random) -> Option<usize> {
        let (needs, feeds) = (self.instance.needs.of(task), self.instance.feeds.of(task));
        if needs.is_empty() && feeds.is_empty() {
            return None;
        }
        let pick = random.below(needs.len() + feeds.len());
        Some(needs.get(pick).map_or_else(|| feeds[pick - needs.len()], |need| need.0))
    }

    /// Tasks that exchange much had better move together.
    fn move_cluster(&mut self, plan: &mut Plan, task: usize, machine: usize, random: &mut Random) {
        let most = (self.instance.tasks() / 2 + 1).clamp(2, CLUSTER);
        let size = 2 + random.below(most - 1);
        let mut cluster = vec![task];
        for _ in 0..2 * size {
            let from = cluster[random.below(cluster.len())];
            let Some(next) = self.neighbour(from, random) else { break };
            if !cluster.contains(&next) {
                cluster.push(next);
            }
            if cluster.len() == size {
                break;
            }
        }
        cluster.iter().for_each(|&task| self.assign(plan, task, machine));
    }

    /// Another place between what a task needs and what needs it.
    fn slide(&mut self, plan: &mut Plan, task: usize, random: &mut Random) {
        let at = position(plan, task);
        let (mut low, mut high) = (at, at);
        self.mark_needs(task, true);
        while low > 0 && !self.marked[plan.order[low - 1]] {
            low -= 1;
        }
        self.mark_needs(task, false);
        let feeds = self.instance.feeds.of(task);
        feeds.iter().for_each(|&fed| self.marked[fed] = true);
        while high + 1 < plan.order.len() && !self.marked[plan.order[high + 1]] {
            high += 1;
        }
        feeds.iter().for_each(|&fed| self.marked[fed] = false);
        let to = low + random.below(high - low + 1);
        if to < at {
            plan.order[to..=at].rotate_right(1);
        } else {
            plan.order[at..=to].rotate_left(1);
        }
    }

    fn mark_needs(&mut self, task: usize, mark: bool) {
        for &(need, _) in self.instance.needs.of(task) {
            self.marked[need] = mark;
        }
    }

    /// Moves a task forward, before whatever is at `to`, along with what it needs.
    fn lift(&mut self, plan: &mut Plan, at: usize, to: usize) {
        self.marked[plan.order[at]] = true;
        for place in (to..=at).rev() {
            let task = plan.order[place];
            if self.marked[task] {
                self.mark_needs(task, true);
                self.moving.push(task);
            } else {
                self.staying.push(task);
            }
        }
        // What is marked further up in the order was not met, so it is unmarked here.
        for index in 0..self.moving.len() {
            self.marked[self.moving[index]] = false;
            self.mark_needs(self.moving[index], false);
        }
        let tasks = self.moving.drain(..).rev().chain(self.staying.drain(..).rev());
        plan.order[to..=at].iter_mut().zip(tasks).for_each(|(place, task)| *place = task);
    }

    /// Moves a task back, after whatever is at `to`, along with what needs it.
    fn sink(&mut self, plan: &mut Plan, at: usize, to: usize) {
        self.marked[plan.order[at]] = true;
        for place in at..=to {
            let task = plan.order[place];
            let along = self.instance.needs.of(task).iter().any(|need| self.marked[need.0]);
            if along || place == at {
                self.marked[task] = true;
                self.moving.push(task);
            } else {
                self.staying.push(task);
            }
        }
        self.moving.iter().for_each(|&task| self.marked[task] = false);
        let tasks = self.staying.drain(..).chain(self.moving.drain(..));
        plan.order[at..=to].iter_mut().zip(tasks).for_each(|(place, task)| *place = task);
    }
}

fn position(plan: &Plan, task: usize) -> usize {
    plan.order.iter().position(|&other| other == task).expect("every task is in the order")
}

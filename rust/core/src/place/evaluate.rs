//! From a plan to its schedule: tasks in order, each job as early as it fits.
//!
//! A plan says in which order tasks are looked at, on which machine each family runs, and
//! after which tasks a job is sent. A task with circuits joins the open batch of its family.
//! The batch leaves with the task that says so, or when another task would not fit into the
//! job, or when a task is looked at that needs one of its members. So every order that has
//! each task after what it needs gives a valid schedule, and "wait or send now" is one bit.

use super::instance::{Instance, Task};
use super::slots::{self, Bulk, Slot};

/// Machine of a family that takes the one on which its first task would end first.
pub const FREE: usize = usize::MAX;

const NONE: usize = usize::MAX;

/// What the search varies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// All tasks, each after those it needs.
    pub order: Vec<usize>,
    /// For each family its machine, or [`FREE`].
    pub machine: Vec<usize>,
    /// For each task, whether the batch leaves with it.
    pub send: Vec<bool>,
}

/// What a schedule takes, and by how much it breaks deadline and budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    pub late: i64,
    pub over: i64,
    pub makespan: i64,
    pub cost: i64,
}

/// Where and when one task runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    pub machine: usize,
    pub batch: usize,
    pub start: i64,
    pub end: i64,
}

/// Jobs of one batch in one slot, one after another. A batch is one job, unless a task has
/// more circuits than a job may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub batch: usize,
    pub machine: usize,
    pub slot: usize,
    pub start: i64,
    pub end: i64,
    pub jobs: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub score: Score,
    pub tasks: Vec<Placed>,
    pub runs: Vec<Run>,
}

/// Members that wait for their job to leave, as a list through [`Evaluator::next`].
#[derive(Clone, Copy)]
struct Open {
    first: usize,
    last: usize,
    circuits: i64,
}

const NOBODY: Open = Open { first: NONE, last: NONE, circuits: 0 };

/// Evaluates plans, one after another, in memory of its own.
pub struct Evaluator<'a> {
    instance: &'a Instance,
    /// Where the slots of each machine begin.
    bounds: Vec<usize>,
    slots: Vec<Slot>,
    open: Vec<Open>,
    next: Vec<usize>,
    /// End of each task; -1 before it is placed.
    end: Vec<i64>,
    /// Machine of each family in this schedule.
    machine: Vec<usize>,
    makespan: i64,
    cost: i64,
    /// Least time from the end of each task to the end of all.
    tails: Vec<i64>,
    /// The makespan is this at least.
    least: i64,
    shares: Vec<(i64, i64, i64)>,
    /// How often a task was tried on a machine, over all plans.
    pub evaluations: i64,
    /// Filled for the last plan only.
    schedule: Option<Schedule>,
}

impl<'a> Evaluator<'a> {
    pub fn new(instance: &'a Instance) -> Self {
        let (tasks, mut bounds) = (instance.tasks(), vec![0]);
        for machine in &instance.problem.machines {
            bounds.push(bounds[bounds.len() - 1] + machine.slots as usize);
        }
        Self {
            instance,
            slots: vec![Slot::default(); bounds[bounds.len() - 1]],
            bounds,
            open: vec![NOBODY; tasks],
            next: vec![NONE; tasks],
            end: vec![-1; tasks],
            machine: vec![FREE; tasks],
            makespan: 0,
            cost: 0,
            tails: instance.tails(),
            least: 0,
            shares: Vec::new(),
            evaluations: 0,
            schedule: None,
        }
    }

    /// What a plan takes.
    pub fn score(&mut self, plan: &Plan) -> Score {
        self.score_within(plan, i64::MAX).expect("nothing takes longer")
    }

    /// What a plan takes, if it does not take longer than `longest`.
    ///
    /// A plan that is given up early still counts for a quarter of its tasks, since it had to
    /// be made and cleared away.
    pub fn score_within(&mut self, plan: &Plan, longest: i64) -> Option<Score> {
        let begin = self.evaluations;
        let score = self.run(plan, longest);
        let least = (self.end.len() + self.slots.len()) / 4 + 1;
        self.evaluations = self.evaluations.max(begin + least as i64);
        score
    }

    fn run(&mut self, plan: &Plan, longest: i64) -> Option<Score> {
        self.slots.iter_mut().for_each(Slot::clear);
        self.end.fill(-1);
        self.open.fill(NOBODY);
        self.machine.copy_from_slice(&plan.machine);
        (self.makespan, self.cost, self.least) = (0, 0, 0);
        for &task in &plan.order {
            self.look_at(task, plan);
            if self.least > longest {
                return None;
            }
        }
        for &task in &plan.order {
            self.close_batch_of(task);
        }
        let problem = &self.instance.problem;
        let over = |limit: Option<i64>, value: i64| limit.map_or(0, |most| (value - most).max(0));
        Some(Score {
            late: over(problem.deadline, self.makespan),
            over: over(problem.budget, self.cost),
            makespan: self.makespan,
            cost: self.cost,
        })
    }

    /// The schedule of a plan.
    pub fn schedule(&mut self, plan: &Plan) -> Schedule {
        let nowhere = Placed { machine: 0, batch: 0, start: 0, end: 0 };
        let tasks = vec![nowhere; self.instance.tasks()];
        self.schedule = Some(Schedule { score: Score::default(), tasks, runs: Vec::new() });
        let score = self.score(plan);
        let schedule = self.schedule.take().expect("it was put there above");
        Schedule { score, ..schedule }
    }

    /// Machines of the families in the schedule of the last plan.
    pub fn machines(&self) -> &[usize] {
        &self.machine
    }

    fn look_at(&mut self, task: usize, plan: &Plan) {
        let instance = self.instance;
        for &(need, _) in instance.needs.of(task) {
            self.close_batch_of(need);
        }
        let circuits = instance.problem.tasks[task].circuits;
        let family = instance.problem.tasks[task].family;
        self.next[task] = NONE;
        self.settle(family, task);
        if circuits == 0 {
            return self.commit(self.machine[family], task);
        }
        let limit = instance.problem.machines[self.machine[family]].job_limit;
        let open = self.open[family];
        if open.circuits > 0 && open.circuits + circuits > limit {
            self.place_batch(family);
        }
        let open = &mut self.open[family];
        match open.circuits {
            0 => open.first = task,
            _ => self.next[open.last] = task,
        }
        open.last = task;
        open.circuits += circuits;
        if plan.send[task] || open.circuits >= limit {
            self.place_batch(family);
        }
    }

    /// A free family takes the machine on which its first task, alone, would end first.
    fn settle(&mut self, family: usize, task: usize) {
        if self.machine[family] == FREE {
            let choices = self.instance.choices.of(family);
            let ends = choices.iter().map(|&machine| (self.end_on(machine, task), machine));
            self.machine[family] = ends.min().expect("a family has a machine").1;
            self.evaluations += choices.len() as i64;
        }
    }

    fn close_batch_of(&mut self, task: usize) {
        if self.end[task] < 0 {
            self.place_batch(self.instance.problem.tasks[task].family);
        }
    }

    fn place_batch(&mut self, family: usize) {
        let first = std::mem::replace(&mut self.open[family], NOBODY).first;
        self.commit(self.machine[family], first);
    }

    /// When the job of these members would end on a machine.
    fn end_on(&self, machine: usize, first: usize) -> i64 {
        let (ready, bulk) = (self.ready(machine, first), self.bulk(machine, first));
        let slots = &self.slots[self.bounds[machine]..self.bounds[machine + 1]];
        if bulk.jobs > 1 {
            return slots::share(slots, ready, bulk, &mut Vec::new());
        }
        slots::earliest(slots, ready, bulk.last).start + bulk.last
    }

    /// Places the list of members that starts with `first`.
    fn commit(&mut self, machine: usize, first: usize) {
        let (ready, bulk) = (self.ready(machine, first), self.bulk(machine, first));
        let range = self.bounds[machine]..self.bounds[machine + 1];
        let mut shares = std::mem::take(&mut self.shares);
        let slots = &mut self.slots[range];
        let end = if bulk.jobs > 1 {
            let end = slots::share(slots, ready, bulk, &mut shares);
            for (slot, &(start, end, jobs)) in slots.iter_mut().zip(&shares) {
                if jobs > 0 {
                    slot.append(start, end);
                }
            }
            end
        } else {
            let fit = slots::earliest(slots, ready, bulk.last);
            slots::take(slots, fit, fit.start + bulk.last);
            if self.schedule.is_some() {
                shares.clear();
                shares.resize(slots.len(), (0, 0, 0));
                shares[fit.slot] = (fit.start, fit.start + bulk.last, 1);
            }
            fit.start + bulk.last
        };
        self.shares = shares;
        self.finish(machine, first, end, bulk.jobs);
    }

    fn finish(&mut self, machine: usize, first: usize, end: i64, jobs: i64) {
        let instance = self.instance;
        self.makespan = self.makespan.max(end);
        let plain = instance.problem.tasks[first].circuits == 0;
        if !plain {
            self.cost += jobs * instance.problem.machines[machine].price_job;
        }
        let mut task = first;
        while task != NONE {
            let circuits = instance.problem.tasks[task].circuits.max(1);
            self.cost += circuits * instance.price(task, machine);
            self.end[task] = end;
            self.least = self.least.max(end + self.tails[task]);
            self.evaluations += 1;
            task = self.next[task];
        }
        self.record(machine, first, end);
    }

    fn record(&mut self, machine: usize, first: usize, end: i64) {
        let Some(schedule) = &mut self.schedule else { return };
        let batch = schedule.runs.last().map_or(0, |run| run.batch + 1);
        let used = self.shares.iter().enumerate().filter(|(_, share)| share.2 > 0);
        let begin = used.clone().map(|(_, share)| share.0).min().expect("a batch has a job");
        schedule.runs.extend(used.map(|(slot, &(start, end, jobs))| Run {
            batch,
            machine,
            slot,
            start,
            end,
            jobs,
        }));
        let mut task = first;
        while task != NONE {
            schedule.tasks[task] = Placed { machine, batch, start: begin, end };
            task = self.next[task];
        }
    }

    /// When everything the members need is on a machine.
    fn ready(&self, machine: usize, first: usize) -> i64 {
        let (mut task, mut ready) = (first, 0);
        while task != NONE {
            for &(need, size) in self.instance.needs.of(task) {
                let from = self.machine[self.instance.problem.tasks[need].family];
                ready = ready.max(self.end[need] + self.instance.delay(size, from, machine));
            }
            task = self.next[task];
        }
        ready
    }

    /// The jobs of these members on a machine, and how long they take.
    fn bulk(&self, machine: usize, first: usize) -> Bulk {
        let instance = self.instance;
        let Task { circuits, .. } = instance.problem.tasks[first];
        let (setup, limit) = {
            let machine = &instance.problem.machines[machine];
            (machine.setup, machine.job_limit)
        };
        let time = instance.time(first, machine);
        if circuits == 0 {
            return Bulk { jobs: 1, full: time, last: time };
        }
        if circuits > limit {
            let jobs = instance.jobs(first, machine);
            let rest = circuits - (jobs - 1) * limit;
            return Bulk { jobs, full: setup + limit * time, last: setup + rest * time };
        }
        let (mut task, mut duration) = (first, setup);
        while task != NONE {
            duration += instance.problem.tasks[task].circuits * instance.time(task, machine);
            task = self.next[task];
        }
        Bulk { jobs: 1, full: duration, last: duration }
    }
}

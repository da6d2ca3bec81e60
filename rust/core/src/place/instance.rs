//! What is to be placed: machines, links, tasks and what each needs of others.

use super::error::PlaceError;

/// Most slots of one machine.
pub const SLOTS: i64 = 256;

/// Bytes to which the time of a link refers.
const MEGABYTE: i64 = 1_000_000;

/// What makes one schedule better than another, once both keep to deadline and budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    Fastest,
    Cheapest,
    /// Least sum of time and cost, each as a part of what the first plan (HEFT) takes.
    Balanced,
}

/// A backend, or the place where plain Python runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Jobs that run at once.
    pub slots: i64,
    /// Microseconds that a job takes beside its circuits: overhead and expected wait.
    pub setup: i64,
    /// Most circuits of one job.
    pub job_limit: i64,
    /// Micro-units that a job costs beside its circuits.
    pub price_job: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Tasks of a family run on one machine, and only they may share a job.
    pub family: usize,
    /// Circuits of the task; 0 for a plain one, which takes a slot without setup or job.
    pub circuits: i64,
}

/// `to` needs what `from` made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    pub from: usize,
    pub to: usize,
    /// Bytes that go from one to the other.
    pub size: i64,
}

/// A placement problem as it is stated. Times are microseconds, money is micro-units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub goal: Goal,
    pub deadline: Option<i64>,
    pub budget: Option<i64>,
    pub machines: Vec<Machine>,
    /// Microseconds for a megabyte, row by row: from machine, to machine.
    pub links: Vec<i64>,
    pub tasks: Vec<Task>,
    /// Time of one circuit, or of a plain task: a row per task, a column per machine. -1:
    /// cannot run there.
    pub times: Vec<i64>,
    /// Price of one circuit, or of a plain task, likewise.
    pub prices: Vec<i64>,
    pub edges: Vec<Edge>,
}

/// A problem that was checked, with what the search looks up.
pub struct Instance {
    pub problem: Problem,
    /// For each task, what it needs and how many bytes of it.
    pub needs: Groups<(usize, i64)>,
    /// For each task, the tasks that need it.
    pub feeds: Groups<usize>,
    /// For each family, the machines on which all its tasks can run.
    pub choices: Groups<usize>,
    /// For each family, its tasks.
    pub members: Groups<usize>,
    /// Every task after those it needs, lower numbers first.
    pub order: Vec<usize>,
}

/// Rows of different lengths in one piece.
pub struct Groups<T> {
    starts: Vec<usize>,
    items: Vec<T>,
}

impl<T: Copy> Groups<T> {
    /// Groups pairs by their first, which lies below `count`; the order stays.
    fn new(count: usize, pairs: &[(usize, T)]) -> Self {
        let mut starts = vec![0; count + 1];
        for &(group, _) in pairs {
            starts[group + 1] += 1;
        }
        for group in 0..count {
            starts[group + 1] += starts[group];
        }
        let mut sorted: Vec<usize> = (0..pairs.len()).collect();
        sorted.sort_by_key(|&i| pairs[i].0);
        Self { starts, items: sorted.iter().map(|&i| pairs[i].1).collect() }
    }

    pub fn of(&self, group: usize) -> &[T] {
        &self.items[self.starts[group]..self.starts[group + 1]]
    }
}

impl Instance {
    /// Checks a problem and sorts what belongs together.
    pub fn new(problem: Problem) -> Result<Self, PlaceError> {
        check_numbers(&problem)?;
        let tasks = problem.tasks.len();
        let needs: Vec<_> = problem.edges.iter().map(|e| (e.to, (e.from, e.size))).collect();
        let feeds: Vec<_> = problem.edges.iter().map(|e| (e.from, e.to)).collect();
        let families: Vec<_> = (0..tasks).map(|t| (problem.tasks[t].family, t)).collect();
        let (needs, feeds) = (Groups::new(tasks, &needs), Groups::new(tasks, &feeds));
        let members = Groups::new(tasks, &families);
        let order = topological(&needs, &feeds, tasks)?;
        let mut choices = Vec::new();
        for family in 0..tasks {
            let before = choices.len();
            for machine in 0..problem.machines.len() {
                let runs = |&t: &usize| problem.times[t * problem.machines.len() + machine] >= 0;
                if members.of(family).iter().all(runs) {
                    choices.push((family, machine));
                }
            }
            if choices.len() == before {
                return Err(PlaceError::NoMachine { family });
            }
        }
        let choices = Groups::new(tasks, &choices);
        Ok(Self { problem, needs, feeds, choices, members, order })
    }

    pub fn tasks(&self) -> usize {
        self.problem.tasks.len()
    }

    pub fn machines(&self) -> usize {
        self.problem.machines.len()
    }

    /// Microseconds of one circuit, or of a plain task.
    pub fn time(&self, task: usize, machine: usize) -> i64 {
        self.problem.times[task * self.machines() + machine]
    }

    /// Micro-units of one circuit, or of a plain task.
    pub fn price(&self, task: usize, machine: usize) -> i64 {
        self.problem.prices[task * self.machines() + machine]
    }

    /// Microseconds until `size` bytes are on another machine; none on the same.
    pub fn delay(&self, size: i64, from: usize, to: usize) -> i64 {
        if from == to {
            return 0;
        }
        let product = size * self.problem.links[from * self.machines() + to];
        (product + MEGABYTE - 1) / MEGABYTE
    }

    /// True if all tasks of the family can run there.
    pub fn runs_on(&self, family: usize, machine: usize) -> bool {
        self.choices.of(family).contains(&machine)
    }

    /// Jobs of a task that runs alone.
    pub fn jobs(&self, task: usize, machine: usize) -> i64 {
        let limit = self.problem.machines[machine].job_limit;
        (self.problem.tasks[task].circuits + limit - 1) / limit
    }

    /// Microseconds of a task that runs alone, its jobs one after another.
    pub fn alone(&self, task: usize, machine: usize) -> i64 {
        let setup = self.problem.machines[machine].setup;
        let circuits = self.problem.tasks[task].circuits;
        self.jobs(task, machine) * setup + circuits.max(1) * self.time(task, machine)
    }
}

impl Instance {
    /// Micro-units of a task that runs alone.
    pub fn cost_alone(&self, task: usize, machine: usize) -> i64 {
        let price = self.problem.machines[machine].price_job;
        let circuits = self.problem.tasks[task].circuits;
        self.jobs(task, machine) * price + circuits.max(1) * self.price(task, machine)
    }

    /// For each task the least time from its end to the end of all, wherever they run.
    pub fn tails(&self) -> Vec<i64> {
        let mut tails = vec![0; self.tasks()];
        for &task in self.order.iter().rev() {
            let choices = self.choices.of(self.problem.tasks[task].family).iter();
            let least = choices.map(|&machine| self.least(task, machine)).min();
            let from_start = tails[task] + least.expect("a family has a machine");
            for &(need, _) in self.needs.of(task) {
                tails[need] = from_start.max(tails[need]);
            }
        }
        tails
    }

    /// Microseconds that a task takes at least, its jobs side by side.
    fn least(&self, task: usize, machine: usize) -> i64 {
        let circuits = self.problem.tasks[task].circuits;
        let Machine { setup, job_limit, .. } = self.problem.machines[machine];
        let setup = if circuits == 0 { 0 } else { setup };
        setup + circuits.clamp(1, job_limit) * self.time(task, machine)
    }
}

fn check_numbers(problem: &Problem) -> Result<(), PlaceError> {
    let least = |what, value, least| {
        if value < least { Err(PlaceError::Range { what, value }) } else { Ok(()) }
    };
    least("deadline", problem.deadline.unwrap_or(0), 0)?;
    least("budget", problem.budget.unwrap_or(0), 0)?;
    for machine in &problem.machines {
        least("slots", machine.slots, 1)?;
        if machine.slots > SLOTS {
            return Err(PlaceError::Range { what: "slots", value: machine.slots });
        }
        least("setup", machine.setup, 0)?;
        least("job_limit", machine.job_limit, 1)?;
        least("price_job", machine.price_job, 0)?;
    }
    problem.links.iter().try_for_each(|&link| least("link", link, 0))?;
    for task in &problem.tasks {
        least("circuits", task.circuits, 0)?;
    }
    problem.times.iter().try_for_each(|&time| least("time", time, -1))?;
    problem.prices.iter().try_for_each(|&price| least("price", price, 0))?;
    problem.edges.iter().try_for_each(|edge| least("size", edge.size, 0))?;
    check_sums(problem)
}

/// The longest and the dearest schedule there can be are numbers that fit with room to spare.
fn check_sums(problem: &Problem) -> Result<(), PlaceError> {
    let most = i128::from(i64::MAX / 4);
    let fits = |what, value: i128| {
        if value > most { Err(PlaceError::TooLarge { what }) } else { Ok(()) }
    };
    let link = i128::from(problem.links.iter().copied().max().unwrap_or(0));
    let (mut time, mut cost) = (0, 0);
    for edge in &problem.edges {
        let transfer = i128::from(edge.size) * link;
        fits("transfer", transfer)?;
        time += transfer / i128::from(MEGABYTE) + 1;
    }
    let machines = problem.machines.len();
    for (index, task) in problem.tasks.iter().enumerate() {
        let (mut longest, mut dearest) = (0, 0);
        for (column, machine) in problem.machines.iter().enumerate() {
            let cell = index * machines + column;
            let circuits = i128::from(task.circuits);
            let limit = i128::from(machine.job_limit);
            fits("circuits", circuits + limit)?;
            let jobs = (circuits + limit - 1) / limit;
            let each = i128::from(problem.times[cell].max(0));
            longest = longest.max(jobs * i128::from(machine.setup) + circuits.max(1) * each);
            let each = i128::from(problem.prices[cell]);
            dearest = dearest.max(jobs * i128::from(machine.price_job) + circuits.max(1) * each);
        }
        (time, cost) = (time + longest, cost + dearest);
        fits("time", time)?;
        fits("cost", cost)?;
    }
    Ok(())
}

fn topological(
    needs: &Groups<(usize, i64)>,
    feeds: &Groups<usize>,
    tasks: usize,
) -> Result<Vec<usize>, PlaceError> {
    let mut open: Vec<usize> = (0..tasks).map(|task| needs.of(task).len()).collect();
    let mut order: Vec<usize> = (0..tasks).filter(|&task| open[task] == 0).collect();
    let mut next = 0;
    while next < order.len() {
        for &fed in feeds.of(order[next]) {
            open[fed] -= 1;
            if open[fed] == 0 {
                order.push(fed);
            }
        }
        next += 1;
    }
    match (0..tasks).find(|&task| open[task] > 0) {
        Some(task) => Err(PlaceError::Cycle { task }),
        None => Ok(order),
    }
}

//! Thousands of random problems: every schedule is valid, and none is worse than HEFT's.
//!
//! The validator knows the model from its description only; it shares no code with the search.

use std::collections::BTreeMap;

use qflow_core::place::{Edge, Goal, Instance, Machine, Problem, Run, Schedule, Task, place};

struct Draw(u64);

impl Draw {
    fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        low + (self.0 % (high - low + 1) as u64) as i64
    }

    fn chance(&mut self, percent: i64) -> bool {
        self.between(1, 100) <= percent
    }
}

fn draw(seed: u64) -> Problem {
    let mut draw = Draw(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    draw.between(0, 9);
    let tasks = draw.between(1, 14) as usize;
    let machines = draw.between(1, 4) as usize;
    let families = draw.between(1, tasks as i64);
    let machine = |draw: &mut Draw| Machine {
        slots: draw.between(1, 3),
        setup: draw.between(0, 30),
        job_limit: draw.between(1, 6),
        price_job: draw.between(0, 9),
    };
    let goals = [Goal::Fastest, Goal::Cheapest, Goal::Balanced];
    let mut problem = Problem {
        goal: goals[draw.between(0, 2) as usize],
        deadline: draw.chance(50).then(|| draw.between(0, 200)),
        budget: draw.chance(50).then(|| draw.between(0, 200)),
        machines: (0..machines).map(|_| machine(&mut draw)).collect(),
        links: (0..machines * machines).map(|_| draw.between(0, 9)).collect(),
        tasks: Vec::new(),
        times: Vec::new(),
        prices: Vec::new(),
        edges: Vec::new(),
    };
    for to in 0..tasks {
        let family = draw.between(0, families - 1) as usize;
        let circuits = if draw.chance(5) { draw.between(7, 90) } else { draw.between(0, 4) };
        problem.tasks.push(Task { family, circuits });
        for machine in 0..machines {
            let barred = machine > 0 && draw.chance(15);
            problem.times.push(if barred { -1 } else { draw.between(0, 20) });
            problem.prices.push(draw.between(0, 5));
        }
        for _ in 0..draw.between(0, 2) {
            if to > 0 {
                let (from, size) = (draw.between(0, to as i64 - 1) as usize, draw.between(0, 3));
                problem.edges.push(Edge { from, to, size: size * 1_000_000 });
            }
        }
    }
    // Numbers need not follow the order of the graph.
    if draw.chance(50) {
        let last = tasks - 1;
        problem.tasks.reverse();
        problem.times = rows(&problem.times, machines).rev().flatten().copied().collect();
        problem.prices = rows(&problem.prices, machines).rev().flatten().copied().collect();
        for edge in &mut problem.edges {
            (edge.from, edge.to) = (last - edge.from, last - edge.to);
        }
    }
    problem
}

fn rows(cells: &[i64], width: usize) -> impl DoubleEndedIterator<Item = &[i64]> {
    cells.chunks(width)
}

/// What a schedule takes, or panics if it is none.
fn validate(problem: &Problem, schedule: &Schedule) {
    let width = problem.machines.len();
    let mut batches: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut homes = BTreeMap::new();
    for (task, placed) in schedule.tasks.iter().enumerate() {
        batches.entry(placed.batch).or_default().push(task);
        let home = *homes.entry(problem.tasks[task].family).or_insert(placed.machine);
        assert_eq!(home, placed.machine, "a family on two machines");
        assert!(problem.times[task * width + placed.machine] >= 0, "it cannot run there");
    }
    let cost: i64 = batches
        .iter()
        .map(|(&batch, members)| {
            let mine = |run: &&Run| run.batch == batch;
            let runs: Vec<_> = schedule.runs.iter().filter(mine).collect();
            validate_batch(problem, schedule, members, &runs)
        })
        .sum();
    validate_slots(problem, schedule);
    let makespan = schedule.tasks.iter().map(|placed| placed.end).max().unwrap_or(0);
    assert_eq!((schedule.score.makespan, schedule.score.cost), (makespan, cost));
    let late = problem.deadline.map_or(0, |limit| (makespan - limit).max(0));
    let over = problem.budget.map_or(0, |limit| (cost - limit).max(0));
    assert_eq!((schedule.score.late, schedule.score.over), (late, over));
}

/// Checks the jobs of one batch and gives their cost.
fn validate_batch(problem: &Problem, schedule: &Schedule, members: &[usize], runs: &[&Run]) -> i64 {
    let first = schedule.tasks[members[0]];
    let machine = problem.machines[first.machine];
    let start = runs.iter().map(|run| run.start).min().expect("a batch runs");
    let end = runs.iter().map(|run| run.end).max().expect("a batch runs");
    let ready = members.iter().map(|&task| ready(problem, schedule, task)).max();
    assert!(start >= ready.expect("a batch has members"), "it starts before it is ready");
    let (mut circuits, mut work, mut cost) = (0, 0, 0);
    for &task in members {
        let placed = schedule.tasks[task];
        assert_eq!((placed.machine, placed.start, placed.end), (first.machine, start, end));
        assert_eq!(problem.tasks[task].family, problem.tasks[members[0]].family);
        let cell = task * problem.machines.len() + first.machine;
        circuits += problem.tasks[task].circuits;
        work += problem.tasks[task].circuits.max(1) * problem.times[cell];
        cost += problem.tasks[task].circuits.max(1) * problem.prices[cell];
    }
    let plain = members.iter().filter(|&&task| problem.tasks[task].circuits == 0).count();
    assert!(members.len() == 1 || plain == 0, "a plain task shares a job");
    let jobs: i64 = runs.iter().map(|run| run.jobs).sum();
    let busy: i64 = runs.iter().map(|run| run.end - run.start).sum();
    if plain == 1 {
        assert_eq!((jobs, busy), (1, work));
        return cost;
    }
    let wanted = (circuits + machine.job_limit - 1) / machine.job_limit;
    assert!(members.len() == 1 || wanted == 1, "too many circuits in a job");
    assert_eq!((jobs, busy), (wanted, wanted * machine.setup + work));
    cost + jobs * machine.price_job
}

fn ready(problem: &Problem, schedule: &Schedule, task: usize) -> i64 {
    let to = schedule.tasks[task].machine;
    let needs = problem.edges.iter().filter(|edge| edge.to == task);
    let there = needs.map(|edge| {
        let from = schedule.tasks[edge.from];
        let link = problem.links[from.machine * problem.machines.len() + to];
        let delay = if from.machine == to { 0 } else { (edge.size * link + 999_999) / 1_000_000 };
        from.end + delay
    });
    there.max().unwrap_or(0)
}

fn validate_slots(problem: &Problem, schedule: &Schedule) {
    let mut slots: BTreeMap<(usize, usize), Vec<(i64, i64)>> = BTreeMap::new();
    for run in &schedule.runs {
        assert!((run.slot as i64) < problem.machines[run.machine].slots);
        slots.entry((run.machine, run.slot)).or_default().push((run.start, run.end));
    }
    for busy in slots.values_mut() {
        // What takes no time is in nobody's way.
        busy.retain(|job| job.0 < job.1);
        busy.sort_unstable();
        let apart = busy.windows(2).all(|pair| pair[0].1 <= pair[1].0);
        assert!(apart, "two jobs in one slot");
    }
}

/// How good a schedule is, by the words of the documentation.
fn wish(problem: &Problem, schedule: &Schedule, first: &Schedule) -> (f64, f64) {
    let score = schedule.score;
    let part = |value: i64, limit: Option<i64>| value as f64 / limit.unwrap_or(1).max(1) as f64;
    let broken = part(score.late, problem.deadline) + part(score.over, problem.budget);
    let time = score.makespan as f64 / first.score.makespan.max(1) as f64;
    let cost = score.cost as f64 / first.score.cost.max(1) as f64;
    let goal = match problem.goal {
        Goal::Fastest => time,
        Goal::Cheapest => cost,
        Goal::Balanced => time + cost,
    };
    (broken, goal)
}

#[test]
fn every_schedule_is_valid_and_none_is_worse_than_the_first_plan() {
    for seed in 0..4_000 {
        let problem = draw(seed);
        let instance = Instance::new(problem.clone()).expect("the draw is sound");
        let first = place(&instance, 0, 0);
        let best = place(&instance, 1_500, seed as i64);
        validate(&problem, &first);
        validate(&problem, &best);
        let (broken, goal) = wish(&problem, &best, &first);
        let (broken_first, goal_first) = wish(&problem, &first, &first);
        let less = broken < broken_first - 1e-9;
        let same = broken < broken_first + 1e-9 && goal < goal_first + 1e-9;
        assert!(less || same, "seed {seed}: {best:?} after {first:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_schedule() {
    for seed in [2, 71, 828] {
        let instance = Instance::new(draw(seed)).expect("the draw is sound");
        assert_eq!(place(&instance, 5_000, 3), place(&instance, 5_000, 3));
    }
}

/// Ten thousand tasks in layers, on four machines.
fn large() -> Problem {
    let (mut draw, tasks) = (Draw(11), 10_000);
    let mut edges = Vec::new();
    for to in 100..tasks {
        let layer = (to / 100 - 1) * 100;
        for _ in 0..2 {
            let from = layer + draw.between(0, 99) as usize;
            edges.push(Edge { from, to, size: draw.between(0, 50) });
        }
    }
    Problem {
        goal: Goal::Fastest,
        deadline: None,
        budget: None,
        machines: vec![Machine { slots: 1, setup: 0, job_limit: 1, price_job: 0 }; 4],
        links: vec![1_000_000; 16],
        tasks: (0..tasks).map(|family| Task { family, circuits: 0 }).collect(),
        times: (0..4 * tasks).map(|_| draw.between(1, 100)).collect(),
        prices: vec![0; 4 * tasks],
        edges,
    }
}

#[test]
fn ten_thousand_tasks_are_placed_no_worse_than_by_heft() {
    let problem = large();
    let instance = Instance::new(problem.clone()).expect("the draw is sound");
    let (first, best) = (place(&instance, 0, 0), place(&instance, 200_000, 1));
    validate(&problem, &best);
    assert!(best.score.makespan <= first.score.makespan);
}

use super::evaluate::{Evaluator, Plan};
use super::heft::{heft, upward_ranks};
use super::*;

const FREE_LINK: i64 = 0;

fn machine(slots: i64, setup: i64, job_limit: i64, price_job: i64) -> Machine {
    Machine { slots, setup, job_limit, price_job }
}

fn task(family: usize, circuits: i64) -> Task {
    Task { family, circuits }
}

/// A problem without prices and data, whose rows of times are given.
fn problem(machines: Vec<Machine>, tasks: Vec<Task>, times: &[i64]) -> Problem {
    Problem {
        goal: Goal::Fastest,
        deadline: None,
        budget: None,
        links: vec![FREE_LINK; machines.len() * machines.len()],
        machines,
        prices: vec![0; times.len()],
        times: times.to_vec(),
        tasks,
        edges: Vec::new(),
    }
}

fn edges(pairs: &[(usize, usize, i64)]) -> Vec<Edge> {
    pairs.iter().map(|&(from, to, size)| Edge { from, to, size }).collect()
}

/// The example of the HEFT paper (figure 2 and table 2), with tasks counted from 0.
fn published() -> Instance {
    let times = [
        14, 16, 9, 13, 19, 18, 11, 13, 19, 13, 8, 17, 12, 13, 10, 13, 16, 9, 7, 15, 11, 5, 11, 14,
        18, 12, 20, 21, 7, 16,
    ];
    let tasks = (0..10).map(|family| task(family, 0)).collect();
    let mut example = problem(vec![machine(1, 0, 1, 0); 3], tasks, &times.map(|t| t * 1000));
    example.links = vec![1000; 9];
    let data = [
        (0, 1, 18),
        (0, 2, 12),
        (0, 3, 9),
        (0, 4, 11),
        (0, 5, 14),
        (1, 7, 19),
        (1, 8, 16),
        (2, 6, 23),
        (3, 7, 27),
        (3, 8, 23),
        (4, 8, 13),
        (5, 7, 15),
        (6, 9, 17),
        (7, 9, 11),
        (8, 9, 13),
    ];
    example.edges = edges(&data.map(|(from, to, size)| (from, to, size * 1_000_000)));
    Instance::new(example).expect("the example is sound")
}

#[test]
fn heft_ranks_and_places_the_published_example_as_its_authors_do() {
    let instance = published();
    assert_eq!(upward_ranks(&instance)[0], 107_998); // 108 in the paper; means round down
    assert_eq!(place(&instance, 0, 0).score.makespan, 80_000);
}

#[test]
fn the_search_finds_the_optimum_of_the_published_example() {
    let schedule = place(&published(), 100_000, 0);
    assert_eq!(schedule.score.makespan, 73_000); // proved by CP-SAT
}

#[test]
fn members_of_a_sweep_share_a_job_and_its_setup() {
    // Three points on one backend: setup 10, 2 a circuit, at most 4 circuits a job.
    let tasks = vec![task(0, 2), task(0, 2), task(0, 2)];
    let instance = Instance::new(problem(vec![machine(1, 10, 4, 0)], tasks, &[2, 2, 2]));
    let schedule = place(&instance.expect("sound"), 1000, 0);
    // Two jobs, (10 + 4 × 2) and (10 + 2 × 2), one after the other.
    assert_eq!(schedule.score.makespan, 32);
    assert_eq!(schedule.runs.len(), 2);
}

/// Two points of a sweep; the second is ready at 30. Setup 20, 1 a circuit, one slot.
fn late_point(goal: Goal) -> Instance {
    let machines = vec![machine(2, 0, 1, 0), machine(1, 20, 8, 5)];
    let tasks = vec![task(0, 0), task(1, 1), task(1, 1)];
    let mut late = problem(machines, tasks, &[30, -1, -1, 1, -1, 1]);
    late.edges = edges(&[(0, 2, 0)]);
    late.goal = goal;
    Instance::new(late).expect("sound")
}

#[test]
fn a_point_is_sent_alone_or_waits_whichever_serves_the_goal() {
    // Sent at once the first ends at 21, and the second at 30 + 21 either way; a second job
    // costs another 5, so both wait.
    let schedule = place(&late_point(Goal::Cheapest), 1000, 0);
    assert_eq!((schedule.score.makespan, schedule.score.cost), (52, 5));
    let schedule = place(&late_point(Goal::Fastest), 1000, 0);
    assert_eq!((schedule.score.makespan, schedule.score.cost), (51, 10));
}

#[test]
fn a_task_of_a_million_circuits_is_shared_among_slots() {
    let machines = vec![machine(3, 50, 300, 7)];
    let mut many = problem(machines, vec![task(0, 1_000_000)], &[2]);
    many.prices = vec![1];
    let schedule = place(&Instance::new(many).expect("sound"), 1000, 0);
    // 3334 jobs, the last of 100 circuits: 1112, 1111 and 1111 in the three slots.
    let jobs: Vec<_> = schedule.runs.iter().map(|run| (run.slot, run.start, run.jobs)).collect();
    assert_eq!(jobs, [(0, 0, 1112), (1, 0, 1111), (2, 0, 1111)]);
    assert_eq!(schedule.score.makespan, 1111 * 650 + 50 + 100 * 2);
    assert_eq!(schedule.score.cost, 3334 * 7 + 1_000_000);
}

/// One task on a slow cheap machine (100, price 1) or a fast dear one (10, price 50).
fn choice(goal: Goal, deadline: Option<i64>, budget: Option<i64>) -> Score {
    let machines = vec![machine(1, 0, 1, 0), machine(1, 0, 1, 0)];
    let mut two = problem(machines, vec![task(0, 0)], &[100, 10]);
    two.prices = vec![1, 50];
    (two.goal, two.deadline, two.budget) = (goal, deadline, budget);
    place(&Instance::new(two).expect("sound"), 500, 0).score
}

#[test]
fn goal_deadline_and_budget_choose_the_machine() {
    let cheap = Score { late: 0, over: 0, makespan: 100, cost: 1 };
    let fast = Score { late: 0, over: 0, makespan: 10, cost: 50 };
    assert_eq!(choice(Goal::Cheapest, None, None), cheap);
    assert_eq!(choice(Goal::Cheapest, Some(99), None), fast);
    assert_eq!(choice(Goal::Fastest, None, None), fast);
    assert_eq!(choice(Goal::Fastest, None, Some(49)), cheap);
    // 100/10 + 1/50 against 10/10 + 50/50.
    assert_eq!(choice(Goal::Balanced, None, None), fast);
}

#[test]
fn what_cannot_be_kept_is_broken_least() {
    let score = choice(Goal::Cheapest, Some(8), None);
    assert_eq!(score, Score { late: 2, over: 0, makespan: 10, cost: 50 });
    // 92 late of 8 is more than 40 over of 10.
    let score = choice(Goal::Cheapest, Some(8), Some(10));
    assert_eq!(score, Score { late: 2, over: 40, makespan: 10, cost: 50 });
}

#[test]
fn a_batch_leaves_when_a_later_task_needs_one_of_its_members() {
    let machines = vec![machine(1, 10, 9, 0)];
    let tasks = vec![task(0, 1), task(0, 1)];
    let mut chain = problem(machines, tasks, &[1, 1]);
    chain.edges = edges(&[(0, 1, 0)]);
    let instance = Instance::new(chain).expect("sound");
    let plan = Plan { send: vec![false; 2], ..heft(&instance) };
    assert_eq!(Evaluator::new(&instance).score(&plan).makespan, 22);
}

#[test]
fn unsound_problems_are_refused_by_name() {
    let refused = |change: &dyn Fn(&mut Problem)| {
        let mut sound = problem(vec![machine(1, 0, 1, 0)], vec![task(0, 0), task(1, 0)], &[1, 1]);
        change(&mut sound);
        Instance::new(sound).err().map(|error| error.to_string())
    };
    assert_eq!(refused(&|_| ()), None);
    let said = |text: &str| Some(text.to_owned());
    assert_eq!(refused(&|p| p.machines[0].slots = 0), said("slots cannot be 0"));
    assert_eq!(refused(&|p| p.machines[0].slots = 257), said("slots cannot be 257"));
    assert_eq!(refused(&|p| p.deadline = Some(-5)), said("deadline cannot be -5"));
    assert_eq!(refused(&|p| p.times[1] = -1), said("no machine runs all tasks of family 1"));
    assert_eq!(refused(&|p| p.times[1] = i64::MAX), said("the sum of time is too large"));
    let cycle = edges(&[(0, 1, 0), (1, 0, 0)]);
    assert_eq!(refused(&|p| p.edges = cycle.clone()), said("task 0 waits for itself"));
}

#[test]
fn words_that_do_not_add_up_are_refused() {
    let words = [0, -1, -1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 0, 7, 0];
    assert!(words::parse(&words).is_ok());
    for cut in 0..words.len() {
        let length = PlaceError::Length { words: cut };
        assert_eq!(words::parse(&words[..cut]), Err(length));
    }
    let mut huge = words;
    huge[3] = i64::MAX;
    assert_eq!(words::parse(&huge), Err(PlaceError::Length { words: 15 }));
    let mut unknown = words;
    unknown[0] = 3;
    assert_eq!(words::parse(&unknown), Err(PlaceError::Range { what: "goal", value: 3 }));
}

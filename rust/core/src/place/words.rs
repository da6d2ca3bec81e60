//! Problems and placements as flat `i64` words; `docs/placement.md` lists them.

use super::error::PlaceError;
use super::evaluate::Schedule;
use super::instance::{Edge, Goal, Machine, Problem, Task};

const HEAD: usize = 6;

/// Reads a problem; [`super::Instance::new`] checks what it says.
pub fn parse(words: &[i64]) -> Result<Problem, PlaceError> {
    let length = PlaceError::Length { words: words.len() };
    let (head, rest) = words.split_at_checked(HEAD).ok_or(length)?;
    let count = |value: i64| usize::try_from(value).ok().filter(|&n| n <= words.len());
    let counts = (count(head[3]), count(head[4]), count(head[5]));
    let (Some(tasks), Some(machines), Some(edges)) = counts else { return Err(length) };
    let (wide, m) = (tasks as u128, machines as u128);
    if 4 * m + m * m + wide * (2 + 2 * m) + 3 * edges as u128 != rest.len() as u128 {
        return Err(length);
    }
    let (fields, rest) = rest.split_at(4 * machines);
    let (links, rest) = rest.split_at(machines * machines);
    let (rows, pairs) = rest.split_at(tasks * (2 + 2 * machines));
    let mut problem = Problem {
        goal: goal(head[0])?,
        deadline: limit("deadline", head[1])?,
        budget: limit("budget", head[2])?,
        machines: fields.chunks_exact(4).map(machine).collect(),
        links: links.to_vec(),
        tasks: Vec::with_capacity(tasks),
        times: Vec::with_capacity(tasks * machines),
        prices: Vec::with_capacity(tasks * machines),
        edges: Vec::with_capacity(edges),
    };
    for row in rows.chunks_exact(2 + 2 * machines) {
        let family = index("family", row[0], tasks)?;
        problem.tasks.push(Task { family, circuits: row[1] });
        problem.times.extend(&row[2..2 + machines]);
        problem.prices.extend(&row[2 + machines..]);
    }
    for pair in pairs.chunks_exact(3) {
        let (from, to) = (index("task", pair[0], tasks)?, index("task", pair[1], tasks)?);
        problem.edges.push(Edge { from, to, size: pair[2] });
    }
    Ok(problem)
}

fn goal(word: i64) -> Result<Goal, PlaceError> {
    match word {
        0 => Ok(Goal::Fastest),
        1 => Ok(Goal::Cheapest),
        2 => Ok(Goal::Balanced),
        value => Err(PlaceError::Range { what: "goal", value }),
    }
}

fn limit(what: &'static str, word: i64) -> Result<Option<i64>, PlaceError> {
    match word {
        -1 => Ok(None),
        0.. => Ok(Some(word)),
        value => Err(PlaceError::Range { what, value }),
    }
}

fn index(what: &'static str, value: i64, count: usize) -> Result<usize, PlaceError> {
    let fits = usize::try_from(value).ok().filter(|&i| i < count);
    fits.ok_or(PlaceError::Range { what, value })
}

fn machine(words: &[i64]) -> Machine {
    Machine { slots: words[0], setup: words[1], job_limit: words[2], price_job: words[3] }
}

/// Appends a placement as words.
pub fn write(schedule: &Schedule, words: &mut Vec<i64>) {
    let score = schedule.score;
    words.extend([score.late, score.over, score.makespan, score.cost]);
    words.extend([schedule.runs.len() as i64]);
    for task in &schedule.tasks {
        words.extend([task.machine as i64, task.batch as i64, task.start, task.end]);
    }
    for run in &schedule.runs {
        words.extend([run.batch as i64, run.machine as i64, run.slot as i64]);
        words.extend([run.start, run.end, run.jobs]);
    }
}

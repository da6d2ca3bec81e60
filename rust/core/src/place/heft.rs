//! The first plan: heterogeneous earliest finish time (HEFT).
//!
//! Tasks in descending upward rank, each on the machine where it ends first, in a gap if it
//! fits there. Reference: H. Topcuoglu, S. Hariri, M.-Y. Wu, "Performance-effective and
//! low-complexity task scheduling for heterogeneous computing", IEEE Transactions on
//! Parallel and Distributed Systems 13(3), 260-274, 2002.

use super::evaluate::{FREE, Plan};
use super::instance::Instance;

/// HEFT as a plan; a family goes where its first task would end first.
pub fn heft(instance: &Instance) -> Plan {
    let ranks = upward_ranks(instance);
    let mut place = vec![0; instance.tasks()];
    for (position, &task) in instance.order.iter().enumerate() {
        place[task] = position;
    }
    let mut order = instance.order.clone();
    order.sort_by_key(|&task| (std::cmp::Reverse(ranks[task]), place[task]));
    Plan { order, machine: vec![FREE; instance.tasks()], send: vec![false; instance.tasks()] }
}

/// Mean time from the start of each task to the end of all, over machines and links, in
/// microseconds. A task never ranks below what needs it.
pub fn upward_ranks(instance: &Instance) -> Vec<i64> {
    let link = mean_link(instance);
    let mut ranks = vec![0; instance.tasks()];
    for &task in instance.order.iter().rev() {
        let choices = instance.choices.of(instance.problem.tasks[task].family);
        let sum: i128 = choices.iter().map(|&m| i128::from(instance.alone(task, m))).sum();
        ranks[task] += (sum / choices.len() as i128) as i64;
        for &(need, size) in instance.needs.of(task) {
            let transfer = (i128::from(size) * link / 1_000_000_000) as i64;
            ranks[need] = ranks[need].max(ranks[task] + transfer);
        }
    }
    ranks
}

/// Nanoseconds for a megabyte between two machines, on average.
fn mean_link(instance: &Instance) -> i128 {
    let machines = instance.machines();
    let links = instance.problem.links.iter().enumerate();
    let between = links.filter(|(cell, _)| cell / machines != cell % machines);
    let sum: i128 = between.map(|(_, &link)| i128::from(link)).sum();
    sum * 1000 / (machines * machines - machines).max(1) as i128
}

//! Plans from which the search may start, beside HEFT.

use super::evaluate::{FREE, Plan};
use super::instance::Instance;

/// The cheapest machine for each family; no waiting for other members; all on one machine.
pub fn starts(instance: &Instance, first: &Plan) -> Vec<Plan> {
    let tasks = instance.tasks();
    let cheapest = (0..tasks).map(|family| cheapest(instance, family)).collect();
    let mut plans = vec![
        Plan { machine: cheapest, ..first.clone() },
        Plan { machine: vec![FREE; tasks], send: vec![true; tasks], ..first.clone() },
    ];
    for machine in 0..instance.machines() {
        let pick = |family| if instance.runs_on(family, machine) { machine } else { FREE };
        plans.push(Plan { machine: (0..tasks).map(pick).collect(), ..first.clone() });
    }
    plans
}

/// The machine on which a family costs least if no two tasks share a job.
fn cheapest(instance: &Instance, family: usize) -> usize {
    let members = instance.members.of(family);
    let price = |machine: usize| -> (i64, i64) {
        let cost = members.iter().map(|&task| instance.cost_alone(task, machine)).sum();
        (cost, members.iter().map(|&task| instance.alone(task, machine)).sum())
    };
    let choices = instance.choices.of(family).iter().copied();
    choices.min_by_key(|&machine| price(machine)).expect("a family has a machine")
}

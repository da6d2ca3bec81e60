//! The state table and the diagram of `docs/scheduler.md`, made from the machine's own tables.

use std::collections::BTreeMap;

use qflow_core::{MOVES, State, TABLE};

/// `state | means | where it is kept | leaves when`.
pub fn state_table() -> String {
    let mut page = String::from("| state | means | where it is kept | leaves when |\n");
    page += "|---|---|---|---|\n";
    for row in &TABLE {
        let name = row.state.name();
        page += &format!("| {name} | {} | {} | {} |\n", row.means, row.kept, row.leaves);
    }
    page
}

/// Every move, as a Mermaid state diagram.
pub fn diagram() -> String {
    let mut page = String::from("```mermaid\nstateDiagram-v2\n    [*] --> waiting\n");
    for (from, to, why) in MOVES {
        page += &format!("    {} --> {}: {why}\n", from.name(), to.name());
    }
    page + "```\n"
}

/// Every move, as a table for readers and printers without Mermaid.
pub fn move_table() -> String {
    let mut rows: BTreeMap<State, Vec<String>> = BTreeMap::new();
    for (from, to, why) in MOVES {
        rows.entry(*from).or_default().push(format!("**{}** ({why})", to.name()));
    }
    let mut page = String::from("| from | to (why) |\n|---|---|\n");
    for (from, to) in rows {
        page += &format!("| {} | {} |\n", from.name(), to.join(" · "));
    }
    page
}

//! The page and the crate's documentation say what the machine's own tables say.

mod pages;

const PAGE: &str = include_str!("../../../docs/scheduler.md");
const CRATE: &str = include_str!("../src/lib.rs");

fn assert_printed(part: &str) {
    assert!(
        PAGE.contains(part),
        "docs/scheduler.md differs from the code; paste the output of\n\
         cargo run -p qflow-core --example pages\n\n{part}"
    );
}

#[test]
fn the_page_prints_the_state_table_the_diagram_and_the_moves() {
    assert_printed(&pages::state_table());
    assert_printed(&pages::diagram());
    assert_printed(&pages::move_table());
}

#[test]
fn the_crate_documentation_prints_the_state_table() {
    let commented: String = pages::state_table().lines().map(|l| format!("//! {l}\n")).collect();
    assert!(CRATE.contains(&commented), "rust/core/src/lib.rs differs:\n{commented}");
}

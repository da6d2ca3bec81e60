//! Prints the generated parts of `docs/scheduler.md`: `cargo run -p qflow-core --example pages`.

#[path = "../tests/pages/mod.rs"]
mod pages;

fn main() {
    println!("{}\n{}\n{}", pages::state_table(), pages::diagram(), pages::move_table());
}

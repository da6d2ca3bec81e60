//! `quantumflow_lab._core`: the scheduler, placement, the journal and a parent watch, for Python.
//!
//! This crate converts arguments and maps errors. Scheduling and placement are in `qflow-core`,
//! framing and fsync in `qflow-journal`.

mod forecast;
mod journal;
mod log;
mod place;
mod scheduler;
mod watch;

use pyo3::prelude::*;

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    scheduler::register(module)?;
    place::register(module)?;
    forecast::register(module)?;
    journal::register(module)?;
    log::register(module)?;
    watch::register(module)
}

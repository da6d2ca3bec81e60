//! `quantumflow_lab._core`: the scheduler, the journal and a parent watch, for Python.
//!
//! This crate converts arguments and maps errors. Scheduling is in `qflow-core`, framing and
//! fsync in `qflow-journal`.

mod journal;
mod scheduler;
mod watch;

use pyo3::prelude::*;

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    scheduler::register(module)?;
    journal::register(module)?;
    watch::register(module)
}

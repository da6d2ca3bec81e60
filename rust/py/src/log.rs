//! The log of a scheduler for Python: words in, bytes out, and back to commands.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use qflow_core::log::{Log, replay};

use crate::scheduler::{SchedulerError, read_words, to_bytes};

/// Writes what a scheduler is told; `_core.pyi` documents it.
#[pyclass(module = "quantumflow_lab._core")]
struct ScheduleLog(Log);

#[pymethods]
impl ScheduleLog {
    #[new]
    #[pyo3(signature = (seed, grace_us = 150_000))]
    fn new(seed: i64, grace_us: i64) -> Self {
        Self(Log::new(seed, grace_us))
    }

    fn append<'py>(
        &mut self,
        py: Python<'py>,
        events: &Bound<'py, PyAny>,
        now_us: i64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.0.append(now_us, &read_words(events)?);
        Ok(PyBytes::new(py, &self.0.take()))
    }
}

#[pyfunction]
fn replay_log<'py>(py: Python<'py>, log: &[u8]) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let batches = replay(log).map_err(|error| SchedulerError::new_err(error.to_string()))?;
    batches.iter().map(|words| to_bytes(py, words)).collect()
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ScheduleLog>()?;
    module.add_function(wrap_pyfunction!(replay_log, module)?)
}

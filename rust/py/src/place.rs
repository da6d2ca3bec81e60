//! `place` for Python: words in, words out.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use qflow_core::place::{Instance, PlaceError, words};

use crate::scheduler::{SchedulerError, read_words, to_bytes};

#[pyfunction]
fn place<'py>(
    py: Python<'py>,
    words: &Bound<'py, PyAny>,
    evaluations: i64,
    seed: i64,
) -> PyResult<Bound<'py, PyBytes>> {
    let problem = read_words(words)?;
    let instance = words::parse(&problem)
        .and_then(Instance::new)
        .map_err(refused)?;
    let schedule = py.detach(|| qflow_core::place::place(&instance, evaluations, seed));
    let mut out = Vec::new();
    words::write(&schedule, &mut out);
    to_bytes(py, &out)
}

fn refused(error: PlaceError) -> PyErr {
    SchedulerError::new_err(error.to_string())
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(place, module)?)
}

//! `forecast` for Python: words in, numbers out.

use pyo3::prelude::*;
use qflow_core::forecast::Forecast;

use crate::scheduler::{SchedulerError, read_words};

type Numbers = (f64, f64, f64, f64, i64, i64, i64, i64, i64);

#[pyfunction]
fn forecast(py: Python<'_>, words: &Bound<'_, PyAny>) -> PyResult<Numbers> {
    let circuit = read_words(words)?;
    let found = py
        .detach(|| qflow_core::forecast::forecast(&circuit))
        .map_err(|error| SchedulerError::new_err(error.to_string()))?;
    Ok(numbers(found))
}

fn numbers(found: Forecast) -> Numbers {
    (
        found.duration,
        found.gates,
        found.readout,
        found.idle,
        found.one_qubit,
        found.two_qubit,
        found.measured,
        found.without_duration,
        found.without_error,
    )
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(forecast, module)?)
}

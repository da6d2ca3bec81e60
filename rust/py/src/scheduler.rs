//! `Scheduler` for Python: words in, words out.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::import_exception;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use qflow_core::words::{parse, write};

import_exception!(quantumflow_lab.errors, SchedulerBug);
import_exception!(quantumflow_lab.errors, SchedulerError);

const WORD: usize = size_of::<i64>();

/// The state machine of `qflow-core`; `_core.pyi` documents it.
#[pyclass(module = "quantumflow_lab._core")]
struct Scheduler(qflow_core::Scheduler);

#[pymethods]
impl Scheduler {
    #[new]
    #[pyo3(signature = (seed, grace_us = 150_000))]
    fn new(seed: i64, grace_us: i64) -> PyResult<Self> {
        qflow_core::Scheduler::new(seed, grace_us)
            .map(Self)
            .map_err(refused)
    }

    fn handle<'py>(
        &mut self,
        py: Python<'py>,
        events: &Bound<'py, PyAny>,
        now_us: i64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let words = read_words(events)?;
        let events = parse(&words).map_err(refused)?;
        let mut commands = Vec::new();
        self.0
            .handle(&events, now_us, &mut commands)
            .map_err(refused)?;
        self.0.poll_all(&mut commands);
        let mut words = Vec::with_capacity(4 * commands.len());
        write(&commands, &mut words);
        to_bytes(py, &words)
    }

    fn next_wake(&self) -> Option<i64> {
        self.0.next_wake()
    }

    fn unit_state(&self, unit: i64) -> PyResult<u8> {
        let state = self.0.unit_state(unit);
        state
            .map(|state| state as u8)
            .ok_or_else(|| unknown("unit", unit))
    }

    fn counts<'py>(&self, py: Python<'py>, run: i64) -> PyResult<Bound<'py, PyBytes>> {
        let steps = self.0.counts(run).ok_or_else(|| unknown("run", run))?;
        let mut words = Vec::new();
        for (step, counts) in steps {
            words.push(step);
            words.extend(counts.map(i64::from));
        }
        to_bytes(py, &words)
    }

    fn money(&self, run: i64) -> PyResult<(i128, i128)> {
        self.0.money(run).ok_or_else(|| unknown("run", run))
    }

    fn check(&self) -> PyResult<()> {
        self.0
            .check()
            .map_err(|broken| SchedulerBug::new_err(broken.0))
    }
}

fn refused(error: qflow_core::SchedulerError) -> PyErr {
    SchedulerError::new_err(error.to_string())
}

fn unknown(what: &'static str, id: i64) -> PyErr {
    refused(qflow_core::SchedulerError::Unknown { what, id })
}

/// Words out of any buffer: of signed 64-bit integers, or of bytes in native order.
pub(crate) fn read_words(events: &Bound<'_, PyAny>) -> PyResult<Vec<i64>> {
    let py = events.py();
    let buffer = PyUntypedBuffer::get(events)?;
    if buffer.len_bytes() == 0 {
        // An empty array has no aligned memory to look at.
        return Ok(Vec::new());
    }
    if let Ok(words) = buffer.as_typed::<i64>() {
        return words.to_vec(py);
    }
    let bytes = buffer
        .as_typed::<u8>()
        .map_err(|_| PyTypeError::new_err("events are a buffer of int64 words or bytes"))?
        .to_vec(py)?;
    let words = bytes.chunks_exact(WORD);
    if !words.remainder().is_empty() {
        let message = format!("{} bytes are not whole 8-byte words", bytes.len());
        return Err(SchedulerError::new_err(message));
    }
    let word = |chunk: &[u8]| i64::from_ne_bytes(chunk.try_into().expect("a chunk is one word"));
    Ok(words.map(word).collect())
}

pub(crate) fn to_bytes<'py>(py: Python<'py>, words: &[i64]) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, words.len() * WORD, |bytes| {
        let chunks = bytes.chunks_exact_mut(WORD);
        chunks
            .zip(words)
            .for_each(|(chunk, word)| chunk.copy_from_slice(&word.to_ne_bytes()));
        Ok(())
    })
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Scheduler>()
}

//! Journals for Python. Payloads cross as bytes, errors as the classes of `errors.py`.

use std::io;
use std::path::PathBuf;

use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use qflow_journal::{Error, Journal, read};

#[pyclass(name = "Journal", module = "quantumflow_lab._core")]
struct PyJournal {
    journal: Option<Journal>,
}

#[pymethods]
impl PyJournal {
    #[new]
    #[pyo3(
        signature = (path, writer, max_bytes = 67_108_864, header = b"{}".to_vec()),
        text_signature = "(path, writer, max_bytes=67108864, header=b'{}')"
    )]
    fn new(path: PathBuf, writer: &str, max_bytes: u64, header: Vec<u8>) -> Self {
        let journal = Some(Journal::new(&path, writer, max_bytes, &header));
        Self { journal }
    }

    #[pyo3(signature = (payloads, sync = false))]
    fn append(&mut self, py: Python<'_>, payloads: Vec<Vec<u8>>, sync: bool) -> PyResult<()> {
        let journal = self.open()?;
        py.detach(|| {
            let slices: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
            journal.append(&slices)
        })
        .map_err(|error| to_python(py, &error))?;
        if sync { self.sync(py) } else { Ok(()) }
    }

    fn sync(&mut self, py: Python<'_>) -> PyResult<()> {
        let journal = self.open()?;
        py.detach(|| journal.sync())
            .map_err(|error| to_python(py, &error))
    }

    fn close(&mut self, py: Python<'_>) -> PyResult<()> {
        if self.journal.is_some() {
            self.sync(py)?;
        }
        self.journal = None;
        Ok(())
    }

    #[getter]
    fn path(&self) -> Option<PathBuf> {
        let path = self.journal.as_ref().and_then(Journal::path);
        path.map(ToOwned::to_owned)
    }

    #[getter]
    fn seq(&self) -> Option<u64> {
        self.journal.as_ref().map(Journal::seq)
    }
}

impl PyJournal {
    fn open(&mut self) -> PyResult<&mut Journal> {
        self.journal
            .as_mut()
            .ok_or_else(|| PyValueError::new_err("the journal is closed"))
    }
}

type Found<'py> = (
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    u64,
    Option<u64>,
    Option<(u64, String)>,
);

#[pyfunction]
#[pyo3(signature = (path, offset = 0, max_bytes = 16_777_216, seq = None))]
fn read_journal<'py>(
    py: Python<'py>,
    path: PathBuf,
    offset: u64,
    max_bytes: usize,
    seq: Option<u64>,
) -> PyResult<Found<'py>> {
    let chunk = py.detach(|| read(&path, offset, max_bytes, seq))?;
    let bounds: Vec<u8> = chunk.bounds.iter().flat_map(|b| b.to_ne_bytes()).collect();
    Ok((
        PyBytes::new(py, &chunk.payloads),
        PyBytes::new(py, &bounds),
        chunk.offset,
        chunk.seq,
        chunk.damage.map(|damage| (damage.length, damage.reason)),
    ))
}

fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    match error {
        Error::NotAnObject { index } => {
            PyValueError::new_err(format!("payload {index} is not a JSON object on one line"))
        }
        Error::NotOwner { owner } => PyRuntimeError::new_err(format!(
            "this journal belongs to process {owner}; open another one after a fork"
        )),
        Error::Write {
            path,
            written,
            source,
        } => write_error(py, path.display().to_string(), *written, source)
            .unwrap_or_else(|error| error),
    }
}

/// The message is made in Python, where the fallback journal makes the same one.
fn write_error(
    py: Python<'_>,
    path: String,
    written: usize,
    source: &io::Error,
) -> PyResult<PyErr> {
    let cause = match source.raw_os_error() {
        Some(code) => {
            let text = py.import("os")?.call_method1("strerror", (code,))?;
            PyOSError::new_err((code, text.unbind(), path.clone()))
        }
        None => PyOSError::new_err(source.to_string()),
    };
    let facts = PyDict::new(py);
    facts.set_item("path", path)?;
    facts.set_item("written", written)?;
    let make = py
        .import("quantumflow_lab._fallback_journal")?
        .getattr("write_error")?;
    let raised = make.call((cause.into_value(py),), Some(&facts))?;
    Ok(PyErr::from_value(raised))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyJournal>()?;
    module.add_function(wrap_pyfunction!(read_journal, module)?)
}

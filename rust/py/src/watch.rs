//! Ends a worker process the moment its parent is gone.
//!
//! The parent holds the write end of a pipe and never writes. When it dies, however it dies,
//! the kernel closes that end and the read end here becomes readable. A Rust thread sees that
//! without the GIL, which a simulation may hold for seconds.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Result};
use std::os::unix::fs::OpenOptionsExt;
use std::thread::Builder;

use pyo3::prelude::*;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};

#[pyfunction]
fn watch_parent(fd: i32) -> PyResult<()> {
    let pipe = reopen(fd)?;
    Builder::new()
        .name("qflow-watch-parent".into())
        .spawn(move || watch(pipe))?;
    Ok(())
}

/// A descriptor of our own. Opening a pipe that has lost its writer would block, so it must
/// not; such a pipe reads as closed, which is what we watch for.
fn reopen(fd: i32) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits() as i32)
        .open(format!("/dev/fd/{fd}"))
}

/// Waits for the end of the pipe, then ends the process without any handler: SIGKILL is the
/// one exit that neither `atexit` nor a destructor of a running simulation can hold up.
fn watch(mut pipe: File) {
    while is_open(&mut pipe) {}
    let _ = kill_process(getpid(), Signal::KILL);
}

fn is_open(pipe: &mut File) -> bool {
    let waited = poll(&mut [PollFd::new(pipe, PollFlags::IN)], None);
    if waited == Err(Errno::INTR) {
        return true;
    }
    match pipe.read(&mut [0; 64]) {
        Ok(count) => count > 0,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(watch_parent, module)?)
}

//! The writing side: one owner, whole lines only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::frame::frame;

/// Why records were not written.
#[derive(Debug)]
pub enum Error {
    /// The system refused; the first `written` records of the batch are in the journal.
    Write {
        path: PathBuf,
        written: usize,
        source: io::Error,
    },
    /// A payload is not a JSON object on one line; nothing of the batch was written.
    NotAnObject { index: usize },
    /// This process is a fork of the owner; nothing was written.
    NotOwner { owner: u32 },
}

/// Appends the records of one writer, in one file after another.
///
/// The first file appears with the first record, so that a process that only reads leaves
/// nothing behind.
pub struct Journal {
    dir: PathBuf,
    writer: String,
    max_bytes: u64,
    header: Vec<u8>,
    owner: u32,
    seq: u64,
    files: u32,
    open: Option<OpenFile>,
}

struct OpenFile {
    file: File,
    path: PathBuf,
    len: u64,
    synced: u64,
    torn: bool,
}

impl Journal {
    /// A journal of `writer` in the directory `dir`; `header` is a JSON object that is put,
    /// with `kind: header` and the file's number, at the head of each file.
    pub fn new(dir: &Path, writer: &str, max_bytes: u64, header: &[u8]) -> Self {
        Self {
            dir: dir.to_path_buf(),
            writer: writer.to_owned(),
            max_bytes,
            header: header.to_vec(),
            owner: std::process::id(),
            seq: 0,
            files: 0,
            open: None,
        }
    }

    /// The file that takes the next record, once there is one.
    pub fn path(&self) -> Option<&Path> {
        self.open.as_ref().map(|open| open.path.as_path())
    }

    /// Sequence number that the next record gets.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Add records in one write call. On an error the records before `written` are kept: a
    /// reader may already have taken a line that ends in a newline.
    pub fn append(&mut self, payloads: &[&[u8]]) -> Result<(), Error> {
        self.check(payloads)?;
        if payloads.is_empty() {
            return Ok(());
        }
        self.make_room()?;
        let mut block = Vec::with_capacity(payloads.iter().map(|p| p.len() + 80).sum());
        let mut ends = Vec::with_capacity(payloads.len());
        for (seq, payload) in (self.seq..).zip(payloads) {
            frame(&mut block, &self.writer, seq, payload);
            ends.push(block.len() as u64);
        }
        let open = self.open.as_mut().expect("make_room opened a file");
        let (written, result) = open.write_lines(&block, &ends);
        self.seq += written as u64;
        result.map_err(|source| Error::Write {
            path: open.path.clone(),
            written,
            source,
        })
    }

    /// Return once everything appended is on the disk.
    pub fn sync(&mut self) -> Result<(), Error> {
        match self.open.as_mut() {
            None => Ok(()),
            Some(open) => open.sync().map_err(|source| Error::Write {
                path: open.path.clone(),
                written: 0,
                source,
            }),
        }
    }

    fn check(&self, payloads: &[&[u8]]) -> Result<(), Error> {
        if std::process::id() != self.owner {
            return Err(Error::NotOwner { owner: self.owner });
        }
        let whole = |p: &&[u8]| p.starts_with(b"{") && p.ends_with(b"}") && !p.contains(&b'\n');
        match payloads.iter().position(|payload| !whole(payload)) {
            Some(index) => Err(Error::NotAnObject { index }),
            None => Ok(()),
        }
    }

    fn make_room(&mut self) -> Result<(), Error> {
        if let Some(open) = &self.open {
            if open.len < self.max_bytes {
                return Ok(());
            }
            self.sync()?;
        }
        let name = format!("{}-{:05}.jsonl", self.writer, self.files);
        let path = self.dir.join(name);
        self.start_file(&path).map_err(|source| Error::Write {
            path,
            written: 0,
            source,
        })
    }

    fn start_file(&mut self, path: &Path) -> io::Result<()> {
        let mut open = OpenFile::create(path)?;
        let mut payload = format!("{{\"kind\":\"header\",\"v\":1,\"file\":{}", self.files);
        let given = String::from_utf8_lossy(&self.header);
        let given = given.trim().trim_start_matches('{');
        payload.push_str(if given == "}" { "" } else { "," });
        payload.push_str(given);
        let mut line = Vec::new();
        frame(&mut line, &self.writer, self.seq, payload.as_bytes());
        let (_, result) = open.write_lines(&line, &[line.len() as u64]);
        if let Err(error) = result {
            // Without a header the file says nothing; its name must stay free to try again.
            fs::remove_file(path)?;
            return Err(error);
        }
        self.seq += 1;
        self.files += 1;
        self.open = Some(open);
        Ok(())
    }
}

impl OpenFile {
    fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self {
            file: options.open(path)?,
            path: path.to_path_buf(),
            len: 0,
            synced: 0,
            torn: false,
        })
    }

    /// Write lines that end at `ends`; how many are whole in the file, and what went wrong.
    fn write_lines(&mut self, block: &[u8], ends: &[u64]) -> (usize, io::Result<()>) {
        if let Err(error) = self.mend() {
            return (0, Err(error));
        }
        let (bytes, result) = write_all(&mut self.file, block);
        let written = ends.partition_point(|&end| end <= bytes);
        let whole = if written == 0 { 0 } else { ends[written - 1] };
        self.len += whole;
        self.torn = bytes > whole;
        // If mending fails too, the next write tries again before it adds anything.
        let mended = self.mend();
        (written, result.and(mended))
    }

    /// Cut off the part of a line that a short write left behind.
    fn mend(&mut self) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.len)?;
            self.torn = false;
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.synced == self.len {
            return Ok(());
        }
        self.file.sync_data()?;
        if self.synced == 0 {
            sync_directory(&self.path)?;
        }
        self.synced = self.len;
        Ok(())
    }
}

/// Like `Write::write_all`, but says how many bytes went out before an error.
fn write_all(file: &mut File, block: &[u8]) -> (u64, io::Result<()>) {
    let mut done = 0;
    while done < block.len() {
        match file.write(&block[done..]) {
            Ok(0) => return (done as u64, Err(io::ErrorKind::WriteZero.into())),
            Ok(bytes) => done += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (done as u64, Err(error)),
        }
    }
    (done as u64, Ok(()))
}

/// The name of a new file is safe only when its directory is on the disk too.
fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let dir = path.parent().expect("a journal file has a directory");
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}

//! The reading side: verified payloads, up to the last newline or the first damage.

use std::fs::File;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use crate::frame::{BODY, unframe};

/// What one call of [`read`] found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// The payloads, one after another without separators.
    pub payloads: Vec<u8>,
    /// Where each payload starts in `payloads`, and where the last one ends.
    pub bounds: Vec<i32>,
    /// Where to read on.
    pub offset: u64,
    /// Sequence number expected next, or None if the file gave none.
    pub seq: Option<u64>,
    /// What stopped the reading before the last newline.
    pub damage: Option<Damage>,
}

/// A line that cannot be believed. It starts at the chunk's `offset`.
#[derive(Debug, PartialEq, Eq)]
pub struct Damage {
    /// Bytes to skip to reach the next line; 0 for a gap, where records are missing.
    pub length: u64,
    pub reason: String,
}

/// Read whole lines of `path` from `offset`, about `limit` bytes of them.
///
/// `seq` is the sequence number of the record at `offset`; None believes what it finds there.
pub fn read(path: &Path, offset: u64, limit: usize, seq: Option<u64>) -> io::Result<Chunk> {
    let limit = limit.min(i32::MAX as usize / 2);
    let mut chunk = Chunk {
        payloads: read_lines(path, offset, limit)?,
        bounds: vec![0],
        offset,
        seq,
        damage: None,
    };
    let (mut start, mut kept) = (0, 0);
    while start < chunk.payloads.len() {
        let end = start + (&chunk.payloads[start..]).skip_until(b'\n')?;
        match chunk.take(start..end, kept) {
            Ok(next) => (start, kept) = (end, next),
            Err(damage) => {
                chunk.damage = Some(damage);
                break;
            }
        }
    }
    chunk.payloads.truncate(kept);
    Ok(chunk)
}

impl Chunk {
    /// Verify one line of the block and move its payload to where the last one ended; where
    /// this one ends.
    fn take(&mut self, line: Range<usize>, kept: usize) -> Result<usize, Damage> {
        let length = line.len() as u64;
        let whole = &self.payloads[line.start..line.end - 1];
        let (payload, seq) = unframe(whole).map_err(|reason| Damage {
            length,
            reason: reason.to_owned(),
        })?;
        if let Some(expected) = self.seq.filter(|&expected| expected != seq) {
            let reason = format!("record {seq} follows where record {expected} was expected");
            return Err(Damage { length: 0, reason });
        }
        let from = line.start + BODY;
        let next = kept + payload.len();
        self.payloads.copy_within(from..from + next - kept, kept);
        self.bounds.push(next as i32);
        self.offset += length;
        self.seq = Some(seq + 1);
        Ok(next)
    }
}

/// Bytes from `offset` to the last newline within `limit`, or to the first one beyond it.
fn read_lines(path: &Path, offset: u64, limit: usize) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut want = limit.max(1) as u64;
    let there = file.metadata()?.len().saturating_sub(offset);
    let mut block = Vec::with_capacity(there.min(want) as usize);
    loop {
        let got = file.by_ref().take(want).read_to_end(&mut block)?;
        if let Some(last) = block.iter().rposition(|&byte| byte == b'\n') {
            block.truncate(last + 1);
            return Ok(block);
        }
        if (got as u64) < want || block.len() > i32::MAX as usize / 2 {
            return Ok(Vec::new());
        }
        want = block.len() as u64;
    }
}

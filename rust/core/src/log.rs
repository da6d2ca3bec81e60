//! The log of a scheduler: its seed and grace, then every batch of words it was told, in order.
//! Whoever has the log has the schedule: [`replay`] gives the same commands again.
//!
//! | part | bytes |
//! |---|---|
//! | head | `qflog`, version, seed, grace, checksum |
//! | batch | length of time and words, checksum, time, words |
//!
//! Numbers are LEB128. A time is the difference to the time before, a word the difference to
//! the word before it in its batch, with the sign in the lowest bit: offsets and needs are
//! nearly arithmetic, so most words take one to three bytes. A checksum (CRC-32, 4 bytes)
//! covers everything before it but the other checksums, so that a batch that was damaged,
//! dropped or moved is noticed at that batch.

use std::error::Error;
use std::fmt;

use crate::command::Command;
use crate::scheduler::Scheduler;
use crate::words::{parse, write};

const MAGIC: &[u8; 5] = b"qflog";
const VERSION: u8 = 2;
const SUM: usize = 4;

/// Writes a log.
pub struct Log {
    added: Vec<u8>,
    sum: u32,
    now: i64,
}

impl Log {
    /// The log of a scheduler that was made with this seed and grace.
    pub fn new(seed: i64, grace: i64) -> Self {
        let mut added = MAGIC.to_vec();
        added.push(VERSION);
        put(&mut added, zigzag(seed));
        put(&mut added, zigzag(grace));
        let sum = checksum(0, &added);
        added.extend(sum.to_le_bytes());
        Self { added, sum, now: 0 }
    }

    /// Adds a batch: the arguments of one [`Scheduler::handle`].
    pub fn append(&mut self, now: i64, words: &[i64]) {
        let mut body = Vec::with_capacity(words.len() + SUM);
        put(&mut body, zigzag(now.wrapping_sub(self.now)));
        let mut before = 0i64;
        for &word in words {
            put(&mut body, zigzag(word.wrapping_sub(before)));
            before = word;
        }
        let start = self.added.len();
        put(&mut self.added, body.len() as u64);
        self.sum = checksum(checksum(self.sum, &self.added[start..]), &body);
        self.added.extend(self.sum.to_le_bytes());
        self.added.extend(body);
        self.now = now;
    }

    /// Takes the bytes that were added since the last call; they belong behind the others.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.added)
    }
}

/// What a scheduler was told at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub now: i64,
    pub words: Vec<i64>,
}

/// How a log ends. `at` is where its last whole batch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a whole batch.
    Whole,
    /// In the middle of a batch, as when a writer is killed.
    Torn { at: usize },
    /// With a batch that is not what was written, or not where it was written.
    Broken { at: usize },
}

/// Bytes that are no log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogError {
    /// They do not begin like one.
    Foreign,
    /// Of a version that this one does not read.
    Version(u8),
    /// The head is cut short or damaged.
    Head,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => write!(f, "this is no log of a scheduler"),
            Self::Version(version) => {
                write!(f, "the log has version {version}, this program reads {VERSION}")
            }
            Self::Head => write!(f, "the head of the log is cut short or damaged"),
        }
    }
}

impl Error for LogError {}

/// Reads a log, batch by batch, as far as it is whole.
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    sum: u32,
    now: i64,
    end: Option<End>,
    pub seed: i64,
    pub grace: i64,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Result<Self, LogError> {
        let Some((magic, rest)) = bytes.split_at_checked(MAGIC.len()) else {
            return Err(LogError::Foreign);
        };
        let (&version, mut rest) = rest.split_first().ok_or(LogError::Foreign)?;
        if magic != MAGIC {
            return Err(LogError::Foreign);
        }
        if version != VERSION {
            return Err(LogError::Version(version));
        }
        let mut number = || take(&mut rest).map(unzigzag).map_err(|_| LogError::Head);
        let (seed, grace) = (number()?, number()?);
        let head = bytes.len() - rest.len();
        let sum = checksum(0, &bytes[..head]);
        if rest.get(..SUM) != Some(&sum.to_le_bytes()) || grace < 0 {
            return Err(LogError::Head);
        }
        Ok(Self { bytes, at: head + SUM, sum, now: 0, end: None, seed, grace })
    }

    /// How the log ends; None while there may be another batch.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// Bytes up to the end of the last batch.
    pub fn position(&self) -> usize {
        self.at
    }

    fn batch(&mut self) -> Result<Batch, Fault> {
        let mut rest = &self.bytes[self.at..];
        let whole = rest.len();
        let length = take(&mut rest)?;
        let prefix = whole - rest.len();
        let kept = rest.split_first_chunk::<SUM>().ok_or(Fault::Torn)?;
        let (&kept, rest) = kept;
        let length = usize::try_from(length).map_err(|_| Fault::Torn)?;
        let mut body = rest.get(..length).ok_or(Fault::Torn)?;
        let sum = checksum(self.sum, &self.bytes[self.at..self.at + prefix]);
        let sum = checksum(sum, body);
        if sum.to_le_bytes() != kept {
            return Err(Fault::Broken);
        }
        // What fails from here on was written like this: it is not torn.
        let mut number = || take(&mut body).map(unzigzag).map_err(|_| Fault::Broken);
        let now = self.now.wrapping_add(number()?);
        let mut words = Vec::with_capacity(length);
        let mut word = 0i64;
        while !body.is_empty() {
            word = word.wrapping_add(take(&mut body).map(unzigzag).map_err(|_| Fault::Broken)?);
            words.push(word);
        }
        self.at += prefix + SUM + length;
        self.sum = sum;
        self.now = now;
        Ok(Batch { now, words })
    }
}

impl Iterator for Reader<'_> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.end.is_some() {
            return None;
        }
        if self.at == self.bytes.len() {
            self.end = Some(End::Whole);
            return None;
        }
        match self.batch() {
            Ok(batch) => Some(batch),
            Err(Fault::Torn) => {
                self.end = Some(End::Torn { at: self.at });
                None
            }
            Err(Fault::Broken) => {
                self.end = Some(End::Broken { at: self.at });
                None
            }
        }
    }
}

/// Gives a log to a new scheduler: the commands after each batch, as words, starts included.
///
/// A batch that the scheduler refuses gives none, as when it was logged.
pub fn replay(bytes: &[u8]) -> Result<Vec<Vec<i64>>, LogError> {
    let reader = Reader::new(bytes)?;
    let mut scheduler = Scheduler::new(reader.seed, reader.grace).map_err(|_| LogError::Head)?;
    let told = |batch: Batch| {
        let mut commands: Vec<Command> = Vec::new();
        let mut words = Vec::new();
        let events = parse(&batch.words);
        let taken = events.and_then(|events| scheduler.handle(&events, batch.now, &mut commands));
        if taken.is_ok() {
            scheduler.poll_all(&mut commands);
            write(&commands, &mut words);
        }
        words
    };
    Ok(reader.map(told).collect())
}

enum Fault {
    Torn,
    Broken,
}

/// Small numbers of either sign as small ones.
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Result<u64, Fault> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(Fault::Torn)?;
        *bytes = rest;
        let part = u64::from(byte & 0x7F);
        if part << shift >> shift != part {
            return Err(Fault::Broken);
        }
        number |= part << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Fault::Broken)
}

const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut rest = index as u32;
        let mut bit = 0;
        while bit < 8 {
            rest = (rest >> 1) ^ (0xEDB8_8320 * (rest & 1));
            bit += 1;
        }
        table[index] = rest;
        index += 1;
    }
    table
};

/// CRC-32 (ISO-HDLC) of `bytes` behind what has the checksum `before`.
fn checksum(before: u32, bytes: &[u8]) -> u32 {
    let step = |sum: u32, &byte: &u8| CRC[usize::from(sum as u8 ^ byte)] ^ (sum >> 8);
    !bytes.iter().fold(!before, step)
}

#[cfg(test)]
mod tests {
    use super::{checksum, put, take, unzigzag, zigzag};

    #[test]
    fn the_checksum_is_the_common_crc_32_and_goes_on_where_it_stopped() {
        assert_eq!(checksum(0, b"123456789"), 0xCBF4_3926);
        assert_eq!(checksum(checksum(0, b"1234"), b"56789"), 0xCBF4_3926);
    }

    #[test]
    fn numbers_of_either_sign_and_any_size_come_back() {
        for (number, size) in
            [(0, 1), (-1, 1), (63, 1), (-64, 1), (64, 2), (i64::MAX, 10), (i64::MIN, 10)]
        {
            let mut bytes = Vec::new();
            put(&mut bytes, zigzag(number));
            assert_eq!(bytes.len(), size, "{number}");
            assert_eq!(take(&mut &bytes[..]).map(unzigzag).ok(), Some(number));
        }
    }
}

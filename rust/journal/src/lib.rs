//! Append-only journals of QuantumFlow Lab.
//!
//! A journal is a directory of files that each have one owner. A file holds one line per
//! record, `{"c":"<crc32 of the bytes of e>","e":{"eid":"<writer>-<seq>",…}}`, and starts with
//! a header record. A line that ends in a newline is whole and is never taken back; the rest
//! of a file after its last newline is a write that did not finish, and is not read.
//!
//! | file | rule |
//! |---|---|
//! | name | `<writer>-<number of the file, five digits>.jsonl` |
//! | owner | the process that created it, and no other, not even a fork of it |
//! | sequence | counts every record of a writer from 0, headers too, across its files |
//! | rotation | a file that has reached `max_bytes` is synced and followed by the next one |

mod frame;
mod read;
mod write;

pub use frame::{frame, unframe};
pub use read::{Chunk, Damage, read};
pub use write::{Error, Journal};

//! Whole lines only, in sequence, and no damaged byte goes unnoticed.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use qflow_journal::{Chunk, Error, Journal, frame, read, unframe};

/// A directory of its own, gone at the end of the test.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("qflow-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("the temporary directory is writable");
        Self(path)
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.0).expect("the directory exists");
        let mut paths: Vec<_> = entries.map(|e| e.expect("readable").path()).collect();
        paths.sort();
        paths
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn lines(chunk: &Chunk) -> Vec<String> {
    let slices = chunk.bounds.windows(2);
    slices
        .map(|ends| &chunk.payloads[ends[0] as usize..ends[1] as usize])
        .map(|bytes| String::from_utf8(bytes.to_vec()).expect("JSON is UTF-8"))
        .collect()
}

fn read_all(path: &Path) -> Chunk {
    read(path, 0, 1 << 20, None).expect("the file exists")
}

fn filled(dir: &Dir, records: usize) -> Vec<u8> {
    let mut journal = Journal::new(&dir.0, "w", 1 << 20, b"{}");
    let payloads: Vec<String> = (0..records).map(|i| format!("{{\"i\":{i}}}")).collect();
    let slices: Vec<&[u8]> = payloads.iter().map(|p| p.as_bytes()).collect();
    journal.append(&slices).expect("the disk has room");
    fs::read(journal.path().expect("a record was written")).expect("readable")
}

#[test]
fn a_record_is_one_line_with_its_checksum() {
    let mut line = Vec::new();
    frame(&mut line, "w", 7, b"{\"kind\":\"end\"}");
    let text = "{\"c\":\"f64d3138\",\"e\":{\"eid\":\"w-7\",\"kind\":\"end\"}}\n";
    assert_eq!(String::from_utf8(line).expect("UTF-8"), text);
    let payload = b"{\"eid\":\"w-7\",\"kind\":\"end\"}";
    assert_eq!(unframe(text.trim_end().as_bytes()), Ok((&payload[..], 7)));
}

#[test]
fn a_journal_that_is_never_written_leaves_no_file() {
    let dir = Dir::new("unwritten");
    let mut journal = Journal::new(&dir.0, "w", 1 << 20, b"{}");
    journal.sync().expect("nothing to sync");
    assert_eq!(dir.files(), Vec::<PathBuf>::new());
}

#[test]
fn the_sequence_goes_on_across_files_and_each_file_has_a_header() {
    let dir = Dir::new("rotation");
    let mut journal = Journal::new(&dir.0, "w", 100, b"{\"app\":\"1\"}");
    for i in 0..3 {
        let payload = format!("{{\"i\":{i}}}");
        journal.append(&[payload.as_bytes()]).expect("room");
    }
    let found: Vec<Vec<String>> = dir.files().iter().map(|p| lines(&read_all(p))).collect();
    assert_eq!(
        found,
        [
            vec![
                r#"{"eid":"w-0","kind":"header","v":1,"file":0,"app":"1"}"#,
                r#"{"eid":"w-1","i":0}"#,
            ],
            vec![
                r#"{"eid":"w-2","kind":"header","v":1,"file":1,"app":"1"}"#,
                r#"{"eid":"w-3","i":1}"#,
            ],
            vec![
                r#"{"eid":"w-4","kind":"header","v":1,"file":2,"app":"1"}"#,
                r#"{"eid":"w-5","i":2}"#,
            ],
        ]
    );
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_a_journal() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::new("mode");
    filled(&dir, 1);
    let mode = fs::metadata(&dir.files()[0]).expect("exists").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}

#[test]
fn two_journals_of_one_writer_do_not_share_a_file() {
    let dir = Dir::new("twins");
    filled(&dir, 1);
    let mut twin = Journal::new(&dir.0, "w", 1 << 20, b"{}");
    assert!(matches!(
        twin.append(&[b"{}"]),
        Err(Error::Write { written: 0, .. })
    ));
}

#[test]
fn a_payload_that_is_not_one_line_is_refused_and_nothing_written() {
    let dir = Dir::new("payload");
    let mut journal = Journal::new(&dir.0, "w", 1 << 20, b"{}");
    let result = journal.append(&[b"{\"a\":1}", b"{\"a\":\n1}"]);
    assert!(matches!(result, Err(Error::NotAnObject { index: 1 })));
    assert_eq!(dir.files(), Vec::<PathBuf>::new());
}

#[test]
fn reading_in_small_pieces_finds_the_same_records() {
    let dir = Dir::new("pieces");
    filled(&dir, 20);
    let path = &dir.files()[0];
    let (mut offset, mut seq, mut found) = (0, None, Vec::new());
    loop {
        let chunk = read(path, offset, 7, seq).expect("readable");
        if chunk.offset == offset {
            break;
        }
        found.extend(lines(&chunk));
        (offset, seq) = (chunk.offset, chunk.seq);
    }
    assert_eq!(found, lines(&read_all(path)));
    assert_eq!(found.len(), 21);
}

#[test]
fn every_truncation_reads_as_a_prefix_without_damage() {
    let dir = Dir::new("truncated");
    let bytes = filled(&dir, 5);
    let path = &dir.files()[0];
    let whole = lines(&read_all(path));
    for length in 0..=bytes.len() {
        fs::write(path, &bytes[..length]).expect("writable");
        let chunk = read_all(path);
        let ends = bytes[..length].iter().filter(|&&b| b == b'\n').count();
        assert_eq!(lines(&chunk), whole[..ends], "cut at {length}");
        assert_eq!(chunk.damage, None, "cut at {length}");
    }
}

#[test]
fn every_flipped_bit_is_noticed_and_the_other_records_are_read() {
    let dir = Dir::new("flipped");
    let bytes = filled(&dir, 4);
    let path = &dir.files()[0];
    let whole = lines(&read_all(path));
    for position in 0..bytes.len() - 1 {
        for bit in 0..8 {
            let mut broken = bytes.clone();
            broken[position] ^= 1 << bit;
            fs::write(path, &broken).expect("writable");
            let hit = bytes[..position].iter().filter(|&&b| b == b'\n').count();
            let (found, damages) = read_past_damage(path);
            let lost = whole.len() - found.len();
            assert!(damages >= 1, "bit {bit} of byte {position} went unnoticed");
            assert!((1..=2).contains(&lost), "bit {bit} of byte {position}");
            assert_eq!(found[..hit], whole[..hit]);
            let after = whole.len() - lost - hit;
            assert_eq!(found[hit..], whole[whole.len() - after..]);
        }
    }
}

fn read_past_damage(path: &Path) -> (Vec<String>, usize) {
    let (mut offset, mut found, mut damages) = (0, Vec::new(), 0);
    loop {
        let chunk = read(path, offset, 1 << 20, None).expect("readable");
        found.extend(lines(&chunk));
        let Some(damage) = chunk.damage else {
            return (found, damages);
        };
        damages += 1;
        offset = chunk.offset + damage.length;
    }
}

#[test]
fn random_rubbish_never_reads_as_a_record() {
    let dir = Dir::new("rubbish");
    let path = dir.0.join("w-00000.jsonl");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..500 {
        let mut bytes = Vec::new();
        for _ in 0..200 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            bytes.push((state >> 33) as u8 | (u8::from(round % 2 == 0) * 0x20));
        }
        bytes.push(b'\n');
        fs::write(&path, &bytes).expect("writable");
        assert_eq!(read_past_damage(&path).0, Vec::<String>::new());
    }
}

#[test]
fn a_missing_record_is_a_gap() {
    let dir = Dir::new("gap");
    let bytes = filled(&dir, 3);
    let path = &dir.files()[0];
    let mut kept: Vec<&[u8]> = bytes.split_inclusive(|&b| b == b'\n').collect();
    kept.remove(2);
    fs::write(path, kept.concat()).expect("writable");
    let damage = read_all(path).damage.expect("record 2 is gone");
    assert_eq!(damage.length, 0);
    assert_eq!(
        damage.reason,
        "record 3 follows where record 2 was expected"
    );
}

#[test]
fn a_file_that_begins_late_is_read_when_its_sequence_is_not_known() {
    let dir = Dir::new("late");
    let path = dir.0.join("w-00001.jsonl");
    let mut line = Vec::new();
    frame(&mut line, "w", 40, b"{}");
    fs::write(&path, &line).expect("writable");
    assert_eq!(read_all(&path).seq, Some(41));
    let other = read(&path, 0, 1 << 20, Some(39)).expect("readable");
    assert!(other.damage.is_some());
}

#[test]
fn an_unfinished_line_waits_for_its_newline() {
    let dir = Dir::new("unfinished");
    filled(&dir, 1);
    let path = &dir.files()[0];
    let before = read_all(path);
    let mut line = Vec::new();
    frame(&mut line, "w", 2, b"{}");
    let (front, back) = line.split_at(9);
    let mut file = OpenOptions::new().append(true).open(path).expect("exists");
    file.write_all(front).expect("room");
    let torn = read(path, before.offset, 1 << 20, before.seq).expect("readable");
    assert_eq!((torn.offset, lines(&torn).len()), (before.offset, 0));
    file.write_all(back).expect("room");
    let whole = read(path, before.offset, 1 << 20, before.seq).expect("readable");
    assert_eq!(lines(&whole), [r#"{"eid":"w-2"}"#]);
}

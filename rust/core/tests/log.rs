//! The log of a scheduler is compact, tells where it is damaged, and gives the same commands.

mod world;

use qflow_core::log::{Batch, End, Log, LogError, Reader, replay};
use world::hostile::{commands, damage_bytes, log};
use world::rng::Rng;

fn read(bytes: &[u8]) -> (Vec<Batch>, Option<End>) {
    let mut reader = Reader::new(bytes).expect("the head is whole");
    let batches = reader.by_ref().collect();
    (batches, reader.end())
}

#[test]
fn the_bytes_of_a_small_log_are_these() {
    let mut log = Log::new(1, 150);
    log.append(1_000, &[5, 0]);
    log.append(990, &[]);
    let head = *b"qflog\x02\x02\xac\x02";
    let bytes = log.take();
    assert_eq!(bytes[..9], head);
    assert_eq!((bytes[13], &bytes[18..22]), (4, &[0xd0, 0x0f, 10, 9][..]));
    assert_eq!((bytes[22], &bytes[27..]), (1, &[19][..]));
    log.append(990, &[22]);
    assert_eq!(log.take().len(), 7, "only what is new");
}

#[test]
fn every_batch_comes_back_and_so_do_the_commands() {
    for seed in 0..300 {
        let (batches, bytes) = log(seed);
        assert_eq!(read(&bytes), (batches.clone(), Some(End::Whole)), "seed {seed}");
        assert_eq!(replay(&bytes), Ok(commands(seed as i64, &batches)), "seed {seed}");
    }
}

#[test]
fn any_part_from_the_start_gives_the_same_commands_and_tells_that_it_is_torn() {
    for seed in 0..20 {
        let (batches, bytes) = log(seed);
        let all = replay(&bytes).expect("the log is whole");
        let mut whole = Reader::new(&bytes).expect("the head is whole");
        let mut ends = vec![Log::new(seed as i64, world::GRACE).take().len()];
        while whole.next().is_some() {
            ends.push(whole.position());
        }
        for length in ends[0]..bytes.len() {
            let known = ends.iter().filter(|&&end| end <= length).count() - 1;
            let at = ends[known];
            let end = if at == length { End::Whole } else { End::Torn { at } };
            assert_eq!(read(&bytes[..length]), (batches[..known].to_vec(), Some(end)));
            if at == length {
                let part = replay(&bytes[..length]).expect("the head is whole");
                assert_eq!(part, all[..known], "seed {seed}, {known} batches");
            }
        }
        for length in 0..ends[0] {
            assert!(Reader::new(&bytes[..length]).is_err(), "{length} bytes are no log");
        }
    }
}

#[test]
fn a_batch_that_was_changed_moved_or_dropped_ends_the_log_before_it() {
    for seed in 0..60 {
        let (batches, bytes) = log(seed);
        let mut rng = Rng::new(seed);
        for _ in 0..200 {
            let damaged = damage_bytes(&mut rng, &bytes);
            let Ok(mut reader) = Reader::new(&damaged) else { continue };
            let read: Vec<Batch> = reader.by_ref().collect();
            assert!(batches.starts_with(&read), "seed {seed}: a batch that was never written");
            let whole = reader.end() == Some(End::Whole);
            assert!(!whole || bytes.starts_with(&damaged), "seed {seed}: damage that nobody saw");
            assert!(replay(&damaged).is_ok());
        }
    }
}

#[test]
fn bytes_that_are_no_log_are_refused() {
    let error = |bytes: &[u8]| Reader::new(bytes).err().map(|error| error.to_string());
    assert_eq!(error(b"PK\x03\x04 something else").unwrap(), "this is no log of a scheduler");
    let later = error(b"qflog\x07more").unwrap();
    assert_eq!(later, "the log has version 7, this program reads 2");
    assert_eq!(Reader::new(&Log::new(1, -1).take()).err(), Some(LogError::Head));
    let mut rng = Rng::new(1);
    for _ in 0..20_000 {
        let mut bytes = b"qflog\x02".to_vec();
        bytes.extend((0..rng.below(40)).map(|_| rng.next() as u8));
        assert_eq!(Reader::new(&bytes).err(), Some(LogError::Head));
    }
}

#[test]
fn a_large_definition_takes_less_than_two_bytes_a_word() {
    const UNITS: i64 = 200_000;
    let mut words = vec![4, 0, 0, 0, UNITS, -1, 0];
    words.extend((0..=UNITS).map(|unit| 2 * unit));
    words.extend((0..UNITS).flat_map(|unit| [unit / 2, unit - unit % 7]));
    let mut log = Log::new(0, 0);
    log.append(0, &words);
    let bytes = log.take();
    let per_word = bytes.len() as f64 / words.len() as f64;
    assert!(per_word < 2.5, "{per_word:.2} bytes a word");
    assert_eq!(read(&bytes).0[0].words, words);
}

//! Shows a log: `cargo run -p qflow-core --example replay -- LOG`, in hexadecimal digits as a
//! failure prints it. Prints the events and commands of each batch, and the rule it breaks.
#![allow(clippy::disallowed_methods, reason = "a program around the core: it reads its arguments")]

#[path = "../tests/world/mod.rs"]
mod world;

use std::error::Error;

use qflow_core::log::Reader;
use qflow_core::words::parse;
use world::judge::Judge;

const USAGE: &str = "usage: replay LOG, in hexadecimal digits";

fn main() -> Result<(), Box<dyn Error>> {
    let digits = std::env::args().nth(1).ok_or(USAGE)?;
    let digit = |char: char| char.to_digit(16).map(|digit| digit as u8);
    let digits: Vec<u8> = digits.chars().map(digit).collect::<Option<_>>().ok_or(USAGE)?;
    let bytes: Vec<u8> =
        digits.chunks(2).map(|pair| pair.iter().fold(0, |b, d| b << 4 | d)).collect();
    let mut reader = Reader::new(&bytes)?;
    let mut judge = Judge::new(reader.seed, reader.grace);
    for batch in &mut reader {
        println!("at {}:", batch.now);
        parse(&batch.words)?.iter().for_each(|event| println!("    {event:?}"));
        match judge.tell(batch.now, &batch.words)? {
            Some(commands) => commands.iter().for_each(|command| println!("  > {command:?}")),
            None => println!("  refused"),
        }
    }
    println!("end: {:?}", reader.end());
    Ok(judge.settle()?)
}

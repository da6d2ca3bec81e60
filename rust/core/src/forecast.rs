//! How long a circuit takes on a device, and how likely it is to come through.
//!
//! One pass over the operations of a circuit that has been transpiled, in their order. Each
//! starts when the last one on any of its wires has ended, so the duration is the longest path.
//! The success is the product of what every gate, every readout and every wait lets through; a
//! qubit that waits for a time t between two operations keeps, on average over its states,
//!
//! ```text
//! (3 + exp(-t/T1) + 2 exp(-t/T2)) / 6
//! ```
//!
//! the average gate fidelity of amplitude and phase damping. Before its first operation a qubit
//! is in its ground state and loses nothing.

use std::error::Error;
use std::fmt;

/// What an operation counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A gate on one qubit.
    One,
    /// A gate on several.
    Two,
    /// A readout.
    Measure,
    /// A wait that somebody asked for: the qubit idles.
    Delay,
    /// Orders operations and takes no time.
    Barrier,
    /// A reset, or anything else that takes time and errs.
    Other,
}

const ROLES: [Role; 6] =
    [Role::One, Role::Two, Role::Measure, Role::Delay, Role::Barrier, Role::Other];

/// One operation at one place of a device.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// Seconds; NaN if nobody knows.
    duration: f64,
    /// Probability that it goes wrong; NaN if nobody knows.
    error: f64,
    role: Role,
}

/// What is to be expected of a circuit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Forecast {
    /// Seconds of one shot.
    pub duration: f64,
    /// Logarithms of what gates, readouts and waits let through.
    pub gates: f64,
    pub readout: f64,
    pub idle: f64,
    pub one_qubit: i64,
    pub two_qubit: i64,
    pub measured: i64,
    /// Operations whose duration, or whose error, nobody knows.
    pub without_duration: i64,
    pub without_error: i64,
}

/// What is wrong with the words of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForecastError {
    CutShort { word: usize },
    Range { what: &'static str, value: i64 },
}

impl fmt::Display for ForecastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::CutShort { word } => write!(f, "the circuit is cut short at word {word}"),
            Self::Range { what, value } => write!(f, "{what} cannot be {value}"),
        }
    }
}

impl Error for ForecastError {}

/// The words of a circuit, read in order.
struct Words<'a> {
    words: &'a [i64],
    at: usize,
}

impl<'a> Words<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [i64], ForecastError> {
        let end = self.at.checked_add(count);
        let found = end.and_then(|end| self.words.get(self.at..end));
        let found = found.ok_or(ForecastError::CutShort { word: self.at })?;
        self.at += count;
        Ok(found)
    }

    fn number(&mut self) -> Result<i64, ForecastError> {
        Ok(self.take(1)?[0])
    }

    fn count(&mut self, what: &'static str) -> Result<usize, ForecastError> {
        let value = self.number()?;
        // No more things than words; so a wrong count asks for no memory.
        usize::try_from(value)
            .ok()
            .filter(|&count| count <= self.words.len())
            .ok_or(ForecastError::Range { what, value })
    }
}

fn index(what: &'static str, value: i64, count: usize) -> Result<usize, ForecastError> {
    usize::try_from(value)
        .ok()
        .filter(|&found| found < count)
        .ok_or(ForecastError::Range { what, value })
}

fn float(word: i64) -> f64 {
    f64::from_ne_bytes(word.to_ne_bytes())
}

/// Forecast the circuit of some words.
///
/// `qubits, clbits, rows`; for each row the bits of its duration and error, and its role; for each
/// qubit the bits of T1 and T2; for each operation its row, how many wires it has, and these,
/// classical bits counted after the qubits.
pub fn forecast(words: &[i64]) -> Result<Forecast, ForecastError> {
    let mut words = Words { words, at: 0 };
    let qubits = words.count("qubits")?;
    let clbits = words.count("clbits")?;
    let rows = words.count("rows")?;
    let rows = words.take(3 * rows)?.chunks_exact(3).map(row);
    let rows = rows.collect::<Result<Vec<Row>, _>>()?;
    let coherence = words.take(2 * qubits)?;
    let mut wires = Wires::new(qubits, clbits);
    let mut found = Forecast::default();
    while words.at < words.words.len() {
        let row = rows[index("row", words.number()?, rows.len())?];
        let count = words.count("wires")?;
        wires.place(row, words.take(count)?, coherence, &mut found)?;
    }
    found.duration = wires.ready.iter().copied().fold(0.0, f64::max);
    Ok(found)
}

fn row(words: &[i64]) -> Result<Row, ForecastError> {
    Ok(Row {
        duration: float(words[0]),
        error: float(words[1]),
        role: ROLES[index("role", words[2], ROLES.len())?],
    })
}

/// When each wire is free again.
struct Wires {
    qubits: usize,
    /// End of the last operation, in seconds.
    ready: Vec<f64>,
    /// End of the last operation that did something to a qubit; NaN before the first.
    busy: Vec<f64>,
}

impl Wires {
    fn new(qubits: usize, clbits: usize) -> Self {
        Self { qubits, ready: vec![0.0; qubits + clbits], busy: vec![f64::NAN; qubits] }
    }

    fn place(
        &mut self,
        row: Row,
        on: &[i64],
        coherence: &[i64],
        found: &mut Forecast,
    ) -> Result<(), ForecastError> {
        let mut start = 0.0_f64;
        for &wire in on {
            start = start.max(self.ready[index("wire", wire, self.ready.len())?]);
        }
        let waits = matches!(row.role, Role::Delay | Role::Barrier);
        let known = !row.duration.is_nan();
        let end = start + if known { row.duration } else { 0.0 };
        for &wire in on {
            let wire = index("wire", wire, self.ready.len())?;
            self.ready[wire] = end;
            if wire < self.qubits && !waits {
                let gap = start - self.busy[wire];
                if gap > 0.0 {
                    let (t1, t2) = (coherence[2 * wire], coherence[2 * wire + 1]);
                    found.idle += kept(gap, float(t1), float(t2)).ln();
                }
                self.busy[wire] = end;
            }
        }
        found.without_duration += i64::from(!known && row.role != Role::Barrier);
        if !waits {
            found.count(row);
        }
        Ok(())
    }
}

impl Forecast {
    fn count(&mut self, row: Row) {
        let known = !row.error.is_nan();
        self.without_error += i64::from(!known);
        let through = if known { through(row.error) } else { 0.0 };
        match row.role {
            Role::One => self.one_qubit += 1,
            Role::Two => self.two_qubit += 1,
            Role::Measure => self.measured += 1,
            Role::Delay | Role::Barrier | Role::Other => {}
        }
        if row.role == Role::Measure {
            self.readout += through;
        } else {
            self.gates += through;
        }
    }
}

/// Logarithm of what comes through an error.
fn through(error: f64) -> f64 {
    if error < 1.0 { (-error).ln_1p() } else { f64::NEG_INFINITY }
}

/// What a qubit keeps of its state while it waits; nothing is lost where no time is known.
fn kept(seconds: f64, t1: f64, t2: f64) -> f64 {
    let part = |time: f64| {
        if time > 0.0 { (-seconds / time).exp() } else { 1.0 }
    };
    (3.0 + part(t1) + 2.0 * part(t2)) / 6.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOT: f64 = f64::NAN;

    fn bits(value: f64) -> i64 {
        i64::from_ne_bytes(value.to_ne_bytes())
    }

    /// Two qubits with T1 = T2 = 1 s and one classical bit.
    fn circuit(operations: &[(i64, &[i64])]) -> Vec<i64> {
        let rows = [
            (1.0, 0.1, 0),
            (2.0, 0.2, 1),
            (4.0, 0.5, 2),
            (8.0, 0.0, 3),
            (0.0, 0.0, 4),
            (NOT, NOT, 5),
        ];
        let mut words = vec![2, 1, 6];
        for (duration, error, role) in rows {
            words.extend([bits(duration), bits(error), role]);
        }
        words.extend([bits(1.0); 4]);
        for &(row, wires) in operations {
            words.extend([row, wires.len().try_into().expect("few wires")]);
            words.extend(wires);
        }
        words
    }

    fn of(operations: &[(i64, &[i64])]) -> Forecast {
        forecast(&circuit(operations)).expect("a circuit")
    }

    #[test]
    fn gates_in_series_add_and_in_parallel_do_not() {
        assert_eq!(of(&[(0, &[0]), (0, &[0])]).duration, 2.0);
        assert_eq!(of(&[(0, &[0]), (0, &[1])]).duration, 1.0);
        assert_eq!(of(&[(0, &[0]), (1, &[0, 1]), (2, &[1, 2])]).duration, 7.0);
    }

    #[test]
    fn a_barrier_orders_and_a_classical_bit_too() {
        assert_eq!(of(&[(0, &[0]), (4, &[0, 1]), (0, &[1])]).duration, 2.0);
        assert_eq!(of(&[(2, &[0, 2]), (2, &[1, 2])]).duration, 8.0);
    }

    #[test]
    fn errors_multiply_by_kind() {
        let found = of(&[(0, &[0]), (0, &[1]), (1, &[0, 1]), (2, &[0, 2])]);
        assert!((found.gates.exp() - 0.9 * 0.9 * 0.8).abs() < 1e-12);
        assert!((found.readout.exp() - 0.5).abs() < 1e-12);
        assert_eq!((found.one_qubit, found.two_qubit, found.measured), (2, 1, 1));
    }

    #[test]
    fn a_qubit_idles_after_its_first_operation_alone() {
        assert_eq!(of(&[(3, &[0]), (0, &[0])]).idle, 0.0);
        let found = of(&[(0, &[0]), (3, &[0]), (0, &[0])]);
        assert!((found.idle.exp() - (3.0 + 3.0 * (-8.0_f64).exp()) / 6.0).abs() < 1e-12);
    }

    #[test]
    fn what_nobody_knows_is_counted() {
        let found = of(&[(5, &[0])]);
        assert_eq!((found.without_duration, found.without_error), (1, 1));
        assert_eq!(found.duration, 0.0);
    }

    #[test]
    fn words_that_are_no_circuit_are_refused() {
        let refused = |operations: &[(i64, &[i64])]| forecast(&circuit(operations));
        let range = |what, value| Err(ForecastError::Range { what, value });
        assert_eq!(refused(&[(6, &[0])]), range("row", 6));
        assert_eq!(refused(&[(0, &[3])]), range("wire", 3));
        let cut = circuit(&[(0, &[0])]);
        let cut = forecast(&cut[..cut.len() - 1]);
        assert_eq!(cut, Err(ForecastError::CutShort { word: 27 }));
        assert_eq!(forecast(&[-1, 0, 0]), range("qubits", -1));
    }
}

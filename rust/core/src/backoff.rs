//! How long to wait before another attempt: capped, exponential, with seeded jitter.

/// Scrambles 64 bits (the finaliser of splitmix64).
pub fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Wait after attempt number `attempt` of a unit, in microseconds.
///
/// The full wait is `base`, doubled with every attempt, at most `cap`; the result lies between
/// half of it and all of it, so that units that failed together do not come back together.
pub fn delay(seed: u64, unit: u32, attempt: u32, base: i64, cap: i64) -> i64 {
    let doublings = attempt.saturating_sub(1).min(62);
    let full = ((base as i128) << doublings).min(cap as i128) as i64;
    let half = full / 2;
    let draw = mix(mix(seed ^ u64::from(unit)) ^ u64::from(attempt));
    half + (draw % ((full - half) as u64 + 1)) as i64
}

#[cfg(test)]
mod tests {
    use super::delay;

    #[test]
    fn waits_double_up_to_the_cap_within_the_upper_half() {
        for (attempt, full) in [(1, 100), (2, 200), (3, 400), (4, 500), (90, 500)] {
            let wait = delay(7, 3, attempt, 100, 500);
            assert!((full / 2..=full).contains(&wait), "attempt {attempt}: {wait}");
        }
    }

    #[test]
    fn the_wait_is_a_function_of_seed_unit_and_attempt() {
        let waits: Vec<i64> = (0..4).map(|unit| delay(7, unit, 1, 1_000_000, 1_000_000)).collect();
        assert_eq!(waits, (0..4).map(|u| delay(7, u, 1, 1_000_000, 1_000_000)).collect::<Vec<_>>());
        assert!(waits.windows(2).all(|pair| pair[0] != pair[1]), "{waits:?}");
    }
}

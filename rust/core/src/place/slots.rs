//! When the slots of a machine are busy, and where a job still fits.

/// One slot: its busy stretches in order, with a gap between any two.
#[derive(Clone, Default)]
pub struct Slot(Vec<(i64, i64)>);

/// Where a job fits.
#[derive(Clone, Copy)]
pub struct Fit {
    pub start: i64,
    pub slot: usize,
    /// Position among the busy stretches.
    at: usize,
}

impl Slot {
    /// End of the last busy stretch.
    pub fn free_from(&self) -> i64 {
        self.0.last().map_or(0, |busy| busy.1)
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Earliest start at `ready` or later, in a gap or after the end.
    fn find(&self, ready: i64, duration: i64) -> (i64, usize) {
        let mut start = ready;
        let mut at = self.0.partition_point(|busy| busy.1 <= ready);
        while let Some(&(from, to)) = self.0.get(at) {
            if start + duration <= from {
                break;
            }
            start = to;
            at += 1;
        }
        (start, at)
    }

    /// Takes a stretch, and joins it with those it touches.
    fn take(&mut self, at: usize, start: i64, end: i64) {
        let joins_next = self.0.get(at).is_some_and(|next| next.0 == end);
        let joins_last = at > 0 && self.0[at - 1].1 == start;
        match (joins_last, joins_next) {
            _ if start == end => {}
            (true, true) => self.0[at - 1].1 = self.0.remove(at).1,
            (true, false) => self.0[at - 1].1 = end,
            (false, true) => self.0[at].0 = start,
            (false, false) => self.0.insert(at, (start, end)),
        }
    }

    /// Takes a stretch after all others.
    pub fn append(&mut self, start: i64, end: i64) {
        self.take(self.0.len(), start, end);
    }
}

/// Earliest start of a job on any of the slots.
pub fn earliest(slots: &[Slot], ready: i64, duration: i64) -> Fit {
    let mut best = Fit { start: i64::MAX, slot: 0, at: 0 };
    for (slot, busy) in slots.iter().enumerate() {
        let (start, at) = busy.find(ready, duration);
        if start < best.start {
            best = Fit { start, slot, at };
        }
        if start == ready {
            break;
        }
    }
    best
}

/// Occupies what [`earliest`] found.
pub fn take(slots: &mut [Slot], fit: Fit, end: i64) {
    slots[fit.slot].take(fit.at, fit.start, end);
}

/// Equal jobs of one task, the last of which may be shorter.
#[derive(Clone, Copy)]
pub struct Bulk {
    pub jobs: i64,
    /// Duration of a full job.
    pub full: i64,
    /// Duration of the last one, at most that of a full one.
    pub last: i64,
}

/// Shares jobs among slots, after whatever is there, so that they end early: start, end and
/// number of jobs for each slot. Costs no more for a million jobs than for two.
pub fn share(slots: &[Slot], ready: i64, bulk: Bulk, shares: &mut Vec<(i64, i64, i64)>) -> i64 {
    let Bulk { jobs, full, last } = bulk;
    shares.clear();
    shares.extend(slots.iter().map(|slot| {
        let start = slot.free_from().max(ready);
        (start, start, 0)
    }));
    if full == 0 {
        let first = (0..shares.len()).min_by_key(|&slot| shares[slot].0).expect("a slot");
        shares[first].2 = jobs;
        return shares[first].1;
    }
    let first = shares.iter().map(|share| share.0).min().expect("a machine has a slot");
    let (mut early, mut late) = (first, first + jobs * full);
    while late - early > 1 {
        let middle = early + (late - early) / 2;
        let fit = shares.iter().map(|share| i128::from(((middle - share.0) / full).max(0)));
        if fit.sum::<i128>() >= jobs.into() { late = middle } else { early = middle }
    }
    let mut surplus = -jobs;
    for share in shares.iter_mut() {
        share.2 = ((late - share.0) / full).max(0);
        share.1 = share.0 + share.2 * full;
        surplus += share.2;
    }
    for share in shares.iter_mut().rev() {
        if surplus > 0 && share.2 > 0 && share.1 == late {
            share.2 -= 1;
            share.1 -= full;
            surplus -= 1;
        }
    }
    let ends = |slot: &usize| (shares[*slot].2 > 0, shares[*slot].1, std::cmp::Reverse(*slot));
    let latest = (0..shares.len()).max_by_key(ends).expect("a machine has a slot");
    shares[latest].1 -= full - last;
    shares.iter().filter(|share| share.2 > 0).map(|share| share.1).max().expect("jobs")
}

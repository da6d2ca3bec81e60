//! Hot data of the units: one flat array per field, 26 bytes a unit and 8 per need.

use crate::state::State;

/// Marks an empty `u32` field.
pub const NONE: u32 = u32::MAX;

/// A failed need does not skip this unit.
pub const COLLECT: u8 = 1;
/// Stopping, and still in its slot.
pub const SLOT: u8 = 2;
/// Parked, and waiting for a slot to go on.
pub const WANTS: u8 = 4;

/// All units of a scheduler, indexed by unit number.
#[derive(Default)]
pub struct Units {
    pub state: Vec<State>,
    pub flags: Vec<u8>,
    pub class: Vec<u32>,
    /// Attempts begun so far; the number of the current one.
    pub attempt: Vec<u32>,
    /// Needs that are not final.
    pub open: Vec<u32>,
    /// The job of a sent, stopping or doubtful unit.
    pub job: Vec<u32>,
    /// First and last edge to the units that need this one.
    edges: Vec<(u32, u32)>,
    /// Each edge: the unit that needs, and the next edge of the same list.
    edge: Vec<(u32, u32)>,
}

impl Units {
    pub fn len(&self) -> usize {
        self.state.len()
    }

    pub fn reserve(&mut self, units: usize, needs: usize) {
        self.state.reserve(units);
        self.flags.reserve(units);
        self.class.reserve(units);
        self.attempt.reserve(units);
        self.open.reserve(units);
        self.job.reserve(units);
        self.edges.reserve(units);
        self.edge.reserve(needs);
    }

    pub fn push(&mut self, class: u32, flags: u8) -> u32 {
        self.state.push(State::Waiting);
        self.flags.push(flags);
        self.class.push(class);
        self.attempt.push(0);
        self.open.push(0);
        self.job.push(NONE);
        self.edges.push((NONE, NONE));
        (self.len() - 1) as u32
    }

    /// Records that `unit` needs `need`, which is not final.
    pub fn link(&mut self, need: u32, unit: u32) {
        let edge = self.edge.len() as u32;
        self.edge.push((unit, NONE));
        self.open[unit as usize] += 1;
        let (first, last) = &mut self.edges[need as usize];
        match *last {
            NONE => *first = edge,
            before => self.edge[before as usize].1 = edge,
        }
        *last = edge;
    }

    /// First edge of the units that need this one, or `NONE`.
    pub fn first_edge(&self, unit: u32) -> u32 {
        self.edges[unit as usize].0
    }

    /// The unit an edge leads to, and the next edge or `NONE`.
    pub fn edge(&self, edge: u32) -> (u32, u32) {
        self.edge[edge as usize]
    }

    pub fn has(&self, unit: u32, flag: u8) -> bool {
        self.flags[unit as usize] & flag != 0
    }

    pub fn raise(&mut self, unit: u32, flag: u8) {
        self.flags[unit as usize] |= flag;
    }

    pub fn lower(&mut self, unit: u32, flag: u8) {
        self.flags[unit as usize] &= !flag;
    }
}

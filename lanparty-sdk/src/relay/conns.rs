//! The relay's connections, found by index in constant time.

use std::time::Instant;

use crate::ctrl::{ControlGate, Decoder};
use crate::proto::{PeerId, RoomId};
use crate::room::ConnId;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its Hello is awaited.
    Greeting,
    /// It is a member.
    Member(RoomId, PeerId),
    /// It was told to close; nothing it sends counts any more.
    Closing,
}

#[derive(Debug)]
pub(super) struct Conn {
    pub(super) phase: Phase,
    /// The largest datagram the relay can send it; `None` if it takes no datagrams.
    pub(super) budget: Option<usize>,
    /// The largest datagram it said it can receive.
    pub(super) budget_cap: usize,
    pub(super) decoder: Decoder,
    pub(super) gate: ControlGate,
    /// When its Hello, or the rest of the message that has begun, is due.
    pub(super) deadline: Option<Instant>,
}

/// A table whose places are used again under another generation, so that an old id never finds a new connection.
#[derive(Debug, Default)]
pub(super) struct Conns {
    places: Vec<(u32, Option<Conn>)>,
    free: Vec<u32>,
}

impl Conns {
    pub(super) fn insert(&mut self, conn: Conn) -> ConnId {
        if let Some(index) = self.free.pop() {
            let place = &mut self.places[index as usize];
            place.1 = Some(conn);
            return ConnId { index, generation: place.0 };
        }
        let index = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.places.push((0, Some(conn)));
        ConnId { index, generation: 0 }
    }

    pub(super) fn remove(&mut self, id: ConnId) -> Option<Conn> {
        let place = self.places.get_mut(id.index as usize).filter(|place| place.0 == id.generation)?;
        let conn = place.1.take()?;
        place.0 = place.0.wrapping_add(1);
        self.free.push(id.index);
        Some(conn)
    }

    pub(super) fn get(&self, id: ConnId) -> Option<&Conn> {
        self.places.get(id.index as usize).filter(|place| place.0 == id.generation)?.1.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: ConnId) -> Option<&mut Conn> {
        self.places.get_mut(id.index as usize).filter(|place| place.0 == id.generation)?.1.as_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(super) fn ids(&self) -> Vec<ConnId> {
        (0..)
            .zip(&self.places)
            .filter(|(_, (_, conn))| conn.is_some())
            .map(|(index, (generation, _))| ConnId { index, generation: *generation })
            .collect()
    }
}

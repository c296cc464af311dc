//! How a datagram finds the worker of a relay that its connection belongs to: by one byte of its connection id.
//!
//! A member marks its first packet with its room; from then on the relay's own connection ids lead to the same worker. So
//! a relay of any number of workers has one UDP port, and its members need not know how many there are. `docs/wire.md`
//! says it for other programs.

use std::sync::Arc;
use std::time::Duration;

use quinn::ClientConfig;
use quinn_proto::{
    ConnectionId, ConnectionIdGenerator, HashedConnectionIdGenerator, InvalidCid, RandomConnectionIdGenerator,
};

use crate::ctrl::RoomCode;
use crate::proto::Worker;

/// Bytes of the connection id that a member makes up for the relay: as many as there may be.
const INITIAL_ID_LEN: usize = 20;

/// Has a connection's first packet say that it is for `room`, without which a relay of several workers may refuse the
/// Hello. [`connect`](super::connect) and [`client_config`](super::client_config) do that already.
pub fn steer(config: &mut ClientConfig, room: &RoomCode) {
    let mark = room.steering_byte();
    config.initial_dst_cid_provider(Arc::new(move || initial_id(mark)));
}

fn initial_id(mark: u8) -> ConnectionId {
    let mut id = RandomConnectionIdGenerator::new(INITIAL_ID_LEN).generate_cid();
    if let Some(first) = id.first_mut() {
        *first = mark;
    }
    id
}

/// Connection ids that lead to one worker, and that it knows again after a restart.
pub(super) struct WorkerIds {
    ids: HashedConnectionIdGenerator,
    worker: Worker,
}

impl WorkerIds {
    pub(super) fn new(key: u64, worker: Worker) -> Self {
        Self { ids: HashedConnectionIdGenerator::from_key(key), worker }
    }

    fn leads_here(&self, id: &ConnectionId) -> bool {
        id.first().is_some_and(|byte| self.worker.serves(*byte))
    }
}

impl ConnectionIdGenerator for WorkerIds {
    fn generate_cid(&mut self) -> ConnectionId {
        loop {
            // The first byte is random, so that one in as many as there are workers will do.
            let id = self.ids.generate_cid();
            if self.leads_here(&id) {
                return id;
            }
        }
    }

    /// What belongs to another worker is not known here: it may be lost on its way, as when a relay begins or ends, and must
    /// not be answered by the end of that connection.
    fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
        if self.leads_here(id) { self.ids.validate(id) } else { Err(InvalidCid) }
    }

    fn cid_len(&self) -> usize {
        self.ids.cid_len()
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        self.ids.cid_lifetime()
    }
}

/// Whether the first packet of a connection has gone astray: it is on its way to another worker's room. After a Retry this
/// goes by the id of the packet before it.
pub(crate) fn is_astray(incoming: &quinn::Incoming, worker: Worker) -> bool {
    incoming.orig_dst_cid().first().is_none_or(|byte| !worker.serves(*byte))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_first_connection_id_has_the_mark_and_is_else_random() {
        let ids: Vec<_> = (0..100).map(|_| initial_id(0xf3)).collect();
        assert!(ids.iter().all(|id| id.len() == INITIAL_ID_LEN && id[0] == 0xf3));
        for at in 1..INITIAL_ID_LEN {
            assert!(ids.iter().map(|id| id[at]).collect::<BTreeSet<_>>().len() > 10, "byte {at}");
        }
    }

    #[test]
    fn a_workers_ids_lead_to_it_and_are_known_to_its_successor_alone() {
        for count in [1, 3, 64] {
            for worker in Worker::all(count) {
                let ids: Vec<_> = {
                    let mut ids = WorkerIds::new(7, worker);
                    (0..20).map(|_| ids.generate_cid()).collect()
                };
                for id in ids {
                    assert!(worker.serves(id[0]));
                    for other in Worker::all(count) {
                        let known = WorkerIds::new(7, other).validate(&id).is_ok();
                        assert_eq!(known, other == worker, "{id} of {worker:?} at {other:?}");
                        assert!(WorkerIds::new(8, other).validate(&id).is_err(), "another relay's");
                    }
                    // After a restart with another number of workers.
                    let heirs = Worker::all(5).filter(|heir| WorkerIds::new(7, *heir).validate(&id).is_ok());
                    assert_eq!(heirs.count(), 1);
                }
            }
        }
    }
}

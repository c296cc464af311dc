//! How a datagram finds the worker of a relay that its connection belongs to: by one byte of its connection id.
//!
//! A member marks its first packet with its room; from then on the relay's own connection ids lead to the same worker. So
//! a relay of any number of workers has one UDP port, and its members need not know how many there are.

use std::sync::Arc;

use quinn::ClientConfig;
use quinn_proto::{ConnectionId, ConnectionIdGenerator, RandomConnectionIdGenerator};

use crate::ctrl::RoomCode;

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
}

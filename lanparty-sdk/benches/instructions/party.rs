//! A relay with two clients in one room, who hand each other their bytes without a network between.
#![expect(clippy::disallowed_methods, reason = "any instant will do as the beginning")]

use std::time::Instant;

use bytes::Bytes;
use lanparty_sdk::ctrl::{IdentityToken, PeerRole, encode};
use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::member::{Member, MemberConfig, MemberOutput};
use lanparty_sdk::port::PortFrame;
use lanparty_sdk::relay::{RelayConfig, RelayOutput, RelayState};
use lanparty_sdk::room::ConnId;
use lanparty_sdk::switch::Limits;

/// What a datagram of QUIC carries on an ordinary path.
pub(crate) const BUDGET: usize = 1434;

pub(crate) struct Party {
    pub(crate) now: Instant,
    pub(crate) relay: RelayState,
    pub(crate) members: Vec<Member>,
    pub(crate) conns: Vec<ConnId>,
}

impl Party {
    pub(crate) fn new(clients: u8) -> Self {
        let now = Instant::now();
        let mut config = RelayConfig::default();
        config.room.client_limits = Limits::UNLIMITED;
        let mut party =
            Self { now, relay: RelayState::new(config, 1), members: Vec::new(), conns: Vec::new() };
        for number in 0..clients {
            let room = "PARTY".parse().expect("valid");
            let token = IdentityToken([number; 16]);
            let config = MemberConfig::new(PeerRole::Client, room, Some(mac(number)), token);
            party.members.push(Member::new(config, u64::from(number), now));
            party.conns.push(party.relay.handle_connected(now, Some(BUDGET)));
            party.settle();
        }
        assert!(party.members.iter().all(|member| member.seat().is_some()), "everybody is in");
        party
    }

    /// Carries messages until nobody has anything to say.
    fn settle(&mut self) {
        let mut moved = true;
        while std::mem::take(&mut moved) {
            for (member, conn) in self.members.iter_mut().zip(&self.conns) {
                while let Some(output) = member.poll_output() {
                    moved = true;
                    match output {
                        MemberOutput::Connect => member.handle_connected(self.now, Some(BUDGET)),
                        MemberOutput::Send(message) => {
                            let bytes = encode(&message).expect("short");
                            self.relay.handle_control(self.now, *conn, &bytes);
                        }
                        _ => {}
                    }
                }
            }
            while let Some(output) = self.relay.poll_output() {
                moved = true;
                let RelayOutput::Send { conn, message } = output else { continue };
                let at = self.conns.iter().position(|known| *known == conn).expect("one of ours");
                self.members[at].handle_control(self.now, &encode(&message).expect("short"));
            }
        }
    }

    /// What the first member makes of a frame to the last one.
    pub(crate) fn datagrams(&mut self, frame: &[u8]) -> Vec<Bytes> {
        let mut datagrams = Vec::new();
        self.members[0].handle_port_frame(PortFrame::copy_from(frame), &mut datagrams).expect("it may");
        datagrams
    }
}

pub(crate) fn mac(number: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, number])
}

/// A datagram of IPv4 and UDP, `len` bytes long with its Ethernet header.
pub(crate) fn udp(dst: MacAddr, len: usize) -> Vec<u8> {
    let ip_len = u16::try_from(len - 14).expect("a frame");
    let mut frame = [&dst.octets()[..], &mac(0).octets(), &[0x08, 0x00]].concat();
    frame.extend([0x45, 0]);
    frame.extend(ip_len.to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    frame.extend([0x13, 0x88, 0x69, 0x87]);
    frame.extend((ip_len - 20).to_be_bytes());
    frame.extend([0, 0]);
    frame.resize(len, 0x5a);
    frame
}

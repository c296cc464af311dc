//! A gateway from its interface to its farewell.

use lanparty_cli::{Failure, Hooks, MemberOptions, SAY, Shutdown, chain, run_member};
use lanparty_sdk::ctrl::PeerRole;
use lanparty_sdk::identity::Identity;
use lanparty_sdk::port::af_packet::{AfPacketHandle, AfPacketOptions, AfPacketPort, preflight};
use lanparty_sdk::session::{MemberSession, Session as _};
use tracing::{info, warn};

use crate::options::Options;

/// Bridges until a signal comes, the relay ends it or the interface is gone.
pub(crate) async fn run(options: Options, shutdown: Shutdown) -> Result<(), Failure> {
    // Everything about the interface first: nobody is to see a gateway in the room that cannot bridge.
    let info = preflight(&options.port.iface)?;
    let path = MemberOptions::identity_path(options.port.identity.clone(), "gateway-identity.json")?;
    let loaded = Identity::load_or_create(&path)?;
    if let Some(warning) = &loaded.warning {
        warn!(target: SAY, "{warning}");
    }
    let setup = options.member.prepare().await?;
    let mut packet = AfPacketOptions::new();
    packet.receive_buffer_bytes(u32::try_from(options.port.capture_buffer.0).unwrap_or(u32::MAX));
    if let Some(relay) = setup.relay.first() {
        packet.ignore_udp_flow(*relay);
    }
    let (port, handle) = AfPacketPort::open_with_handle(&options.port.iface, &packet)?;
    info!(
        target: SAY, event = "port", iface = info.name, mac = %info.mac, mtu = info.mtu,
        "bridging {} ({}, MTU {})", info.name, info.mac, info.mtu
    );
    let agent = concat!("lanparty-gateway/", env!("CARGO_PKG_VERSION"));
    let builder = options.member.session(PeerRole::Gateway, setup, loaded.identity, agent).port(port);
    run_member(builder, &options.member, shutdown, &mut Bridge { handle }).await
}

/// Keeps the tunnel's own traffic out of the tunnel, should the bridged interface also lead to the relay.
struct Bridge {
    handle: AfPacketHandle,
}

impl Hooks for Bridge {
    const ROLE: PeerRole = PeerRole::Gateway;

    async fn joined(&mut self, session: &MemberSession, _first: bool) -> Result<(), Failure> {
        let Some(relay) = session.diagnostics().relay_address else { return Ok(()) };
        if let Err(error) = self.handle.ignore_udp_flow(relay) {
            warn!(target: SAY, "cannot keep the traffic with {relay} out of the room: {}", chain(&error));
        }
        Ok(())
    }

    async fn leaving(&mut self) {}
}

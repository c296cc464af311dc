//! The party: a relay, a LAN behind a gateway, and players, all in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use lanparty_sdk::ctrl::{LeaveReason, PeerRole, RoomCode};
use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::identity::Identity;
use lanparty_sdk::port::memory;
use lanparty_sdk::quic::{ServerCert, Trust};
use lanparty_sdk::relay::{Relay, RelayOptions};
use lanparty_sdk::room::Room as _;
use lanparty_sdk::session::{MemberSession, Session as _, SessionBuilder};
use lanparty_sdk::switch::Rate;
use smoltcp::wire::Ipv4Cidr;
use tokio::task::JoinSet;

use crate::report::{MemberCounters, MemberLine};
use crate::stack::Stack;
use crate::{dhcp, game, lan};

/// How many players there can be, one for each name.
pub(crate) const MAX_CLIENTS: u8 = 16;
pub(crate) const ROUTER: Ipv4Cidr = Ipv4Cidr::new(Ipv4Addr::new(10, 77, 0, 1), 24);
pub(crate) const HOST: Ipv4Cidr = Ipv4Cidr::new(Ipv4Addr::new(10, 77, 0, 2), 24);
/// Where the DHCP server's addresses begin.
const FIRST_LEASE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 100);
const ROOM: &str = "DEMO-PARTY";
const SERVER_NAME: &str = "demo.lanparty";
const ROUTER_MAC: MacAddr = MacAddr([0x00, 0x1b, 0x21, 0x00, 0x00, 0x01]);
const HOST_MAC: MacAddr = MacAddr([0x00, 0x1b, 0x21, 0x00, 0x00, 0x02]);
/// Frames that wait in a memory port, in each direction.
const PORT_QUEUE: usize = 1024;
const NAMES: [&str; MAX_CLIENTS as usize] = [
    "Ann", "Bob", "Cat", "Dan", "Eve", "Fay", "Gus", "Hal", "Ida", "Jim", "Kim", "Leo", "Mia", "Ned", "Ola",
    "Pam",
];

/// The relay and how to get in.
#[derive(Debug)]
pub(crate) struct Venue {
    pub(crate) relay: Relay,
    pub(crate) addr: SocketAddr,
    pub(crate) room: RoomCode,
    trust: Trust,
}

/// The LAN and its way into the room.
#[derive(Debug)]
pub(crate) struct Lan {
    pub(crate) gateway: MemberSession,
    pub(crate) host: Stack,
    /// Its servers, which run as long as this lives.
    _servers: JoinSet<Result<()>>,
}

/// Somebody far away.
#[derive(Clone, Debug)]
pub(crate) struct Player {
    pub(crate) name: &'static str,
    pub(crate) session: MemberSession,
    pub(crate) stack: Stack,
}

impl Venue {
    /// Opens a relay on loopback, whose byte limits are lifted: the demonstration wants to show what the machine can do.
    pub(crate) fn open() -> Result<Self> {
        let cert = ServerCert::development(SERVER_NAME)?;
        let mut options = RelayOptions::default();
        options.config.room.client_limits.bytes = Rate::UNLIMITED;
        let relay = Relay::bind((Ipv4Addr::LOCALHOST, 0).into(), &cert, options)?;
        let addr = relay.local_addr()?;
        Ok(Self { relay, addr, room: ROOM.parse()?, trust: Trust::certificates(cert.cert_der())? })
    }

    /// Brings a LAN with a DHCP server, a game host and a gateway.
    pub(crate) async fn bring_lan(&self) -> Result<Lan> {
        let (gateway_port, wall) = memory::pair(PORT_QUEUE);
        let (router_port, router_socket) = memory::pair(PORT_QUEUE);
        let (host_port, host_socket) = memory::pair(PORT_QUEUE);
        lan::connect(vec![wall, router_socket, host_socket]);
        let router = Stack::start_with_address(router_port, ROUTER_MAC, ROUTER);
        let host = Stack::start_with_address(host_port, HOST_MAC, HOST);
        let mut servers = JoinSet::new();
        servers.spawn(dhcp::Server::new(ROUTER, FIRST_LEASE).run(router));
        servers.spawn(game::serve(host.clone(), "Arena on the LAN".to_owned()));
        let gateway = self.builder(PeerRole::Gateway)?.name("the LAN").port(gateway_port.into_port());
        Ok(Lan { gateway: gateway.connect().await?, host, _servers: servers })
    }

    /// Lets a player in.
    pub(crate) async fn bring_player(&self, index: u8) -> Result<Player> {
        let name = NAMES.get(usize::from(index)).copied().context("there is no name for so many players")?;
        let (stack_port, session_port) = memory::pair(PORT_QUEUE);
        let identity = Identity::generate()?;
        let mac = identity.mac();
        let builder = self.builder_for(PeerRole::Client, identity)?;
        let session = builder.name(name).port(session_port.into_port()).connect().await?;
        Ok(Player { name, session, stack: Stack::start(stack_port, mac) })
    }

    fn builder(&self, role: PeerRole) -> Result<SessionBuilder> {
        self.builder_for(role, Identity::generate()?)
    }

    fn builder_for(&self, role: PeerRole, identity: Identity) -> Result<SessionBuilder> {
        let relay = self.addr.to_string().parse()?;
        let (trust, room) = (self.trust.clone(), self.room.clone());
        let builder = match role {
            PeerRole::Client => SessionBuilder::client(relay, trust, room, identity),
            PeerRole::Gateway => SessionBuilder::gateway(relay, trust, room, identity),
        };
        Ok(builder.server_name(SERVER_NAME))
    }

    /// Everybody who is in, as the relay sees it.
    pub(crate) fn members(&self) -> Vec<MemberLine> {
        let Some(room) = self.relay.room(&self.room) else { return Vec::new() };
        let peers = room.peers().into_iter();
        peers.map(|peer| MemberLine::from(&peer.info)).collect()
    }

    /// The room's layer-2 MTU.
    pub(crate) fn mtu(&self) -> Option<u16> {
        self.relay.room(&self.room)?.mtu()
    }
}

/// Waits until every session sees every other member.
pub(crate) async fn all_meet(sessions: &[&MemberSession]) -> Result<()> {
    for session in sessions {
        let room = session.room();
        let mut events = room.subscribe();
        while room.peers().len() + 1 < sessions.len() {
            ensure!(events.next().await.is_some(), "a session ended: {:?}", session.end_reason());
        }
    }
    Ok(())
}

/// Says goodbye to everybody, the relay last.
pub(crate) async fn part(venue: Venue, lan: &Lan, players: &[Player]) {
    let mut leaving = JoinSet::new();
    for session in players.iter().map(|player| &player.session).chain([&lan.gateway]) {
        let session = session.clone();
        leaving.spawn(async move { session.close(LeaveReason::Normal, "the demonstration is over").await });
    }
    leaving.join_all().await;
    venue.relay.close("the demonstration is over").await;
}

/// What a session has moved.
pub(crate) fn counters(name: &str, session: &MemberSession) -> MemberCounters {
    MemberCounters::new(name, &session.stats(), session.diagnostics().relay_rtt)
}

/// Runs one step, which must be over in time.
pub(crate) async fn step<T>(
    patience: Duration,
    what: &str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    match tokio::time::timeout(patience, work).await {
        Ok(result) => result.with_context(|| what.to_owned()),
        Err(_) => bail!("{what}: not done after {} s", patience.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn a_step_that_fails_or_hangs_is_named() {
        let hangs = step(Duration::ZERO, "everybody waits", pending::<Result<()>>()).await;
        assert_eq!(hangs.unwrap_err().to_string(), "everybody waits: not done after 0 s");
        let fails = step(PATIENCE, "somebody trips", ready(Err::<(), _>(anyhow::anyhow!("a stone")))).await;
        assert_eq!(format!("{:#}", fails.unwrap_err()), "somebody trips: a stone");
    }

    const PATIENCE: Duration = Duration::from_secs(60);
}

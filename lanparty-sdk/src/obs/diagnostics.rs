//! A session's state as a few lines that a player understands.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DropReason, TrafficStats};
use crate::frame::MacAddr;
use crate::port::PortKind;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Level {
    /// As it should be.
    Info,
    /// Somebody should do something.
    Warning,
}

/// One line for the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserLine {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub text: String,
}

/// What a session knows about itself at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Diagnostics {
    /// What to say of the session's end; `None` while it lives.
    pub ended: Option<UserLine>,
    /// Whether the very first connection is still being made.
    pub connecting: bool,
    /// The member's own address; `None` for a gateway whose port has none.
    pub mac: Option<MacAddr>,
    /// Whether the relay answers.
    pub relay_reachable: bool,
    /// Whether the member is in its room.
    pub joined: bool,
    /// Whether this member is the gateway itself.
    pub is_gateway: bool,
    /// Whether the room has a gateway.
    pub gateway_present: bool,
    /// Whether a host route keeps the relay's traffic out of the tunnel; `None` where none is needed.
    pub route_pinned: Option<bool>,
    /// The largest datagram that can be sent to the relay now; `None` without a connection.
    pub datagram_budget: Option<usize>,
    /// The port's name; `None` without a port.
    pub port: Option<String>,
    /// What kind of device the port is; `None` without a port.
    pub port_kind: Option<PortKind>,
    /// The port's addresses, if it is an adapter of this host. A port of another kind has none that are known here.
    pub port_addresses: Vec<IpAddr>,
    /// Where the relay is at the moment; `None` without a connection.
    pub relay_address: Option<SocketAddr>,
    /// Round-trip time to the relay.
    pub relay_rtt: Option<Duration>,
    /// Round-trip time to the gateway, through the relay.
    pub gateway_rtt: Option<Duration>,
    /// Whether the data plane is stopped.
    pub paused: bool,
    /// What has been moved.
    pub traffic: TrafficStats,
}

impl Diagnostics {
    /// The lines for the user, the same for every program and launcher.
    #[must_use]
    pub fn user_lines(&self) -> Vec<UserLine> {
        if let Some(end) = &self.ended {
            return vec![end.clone()];
        }
        let mut lines = Vec::new();
        let mut say = |level, text: String| lines.push(UserLine { level, text });
        match (self.relay_reachable, self.relay_rtt) {
            (true, Some(rtt)) => say(Level::Info, format!("connected to the relay, {} away", millis(rtt))),
            (true, None) => say(Level::Info, "connected to the relay".to_owned()),
            (false, _) if self.connecting => say(Level::Info, "connecting to the relay".to_owned()),
            (false, _) => say(Level::Warning, "the relay is not reachable; trying again".to_owned()),
        }
        if self.joined && !self.is_gateway {
            match (self.gateway_present, self.gateway_rtt) {
                (true, Some(rtt)) => {
                    say(Level::Info, format!("connected to the LAN's gateway, {} away", millis(rtt)));
                }
                (true, None) => say(Level::Info, "connected to the LAN's gateway".to_owned()),
                (false, _) => say(Level::Info, "waiting for the LAN's gateway".to_owned()),
            }
        }
        if self.route_pinned == Some(false) {
            say(
                Level::Warning,
                "the route to the relay is not pinned: it may end up in the tunnel".to_owned(),
            );
        }
        self.port_line(&mut say);
        if !self.is_gateway && self.traffic.drops.get(DropReason::UnauthorizedSourceMac) > 0 {
            let own = self.mac.map(|mac| format!(" ({mac})")).unwrap_or_default();
            let problem = "some frames are dropped: their source is not this member's own address";
            say(Level::Warning, format!("{problem}{own}"));
        }
        if self.paused {
            say(Level::Warning, "paused: no frames cross until you resume".to_owned());
        }
        if self.joined && (self.traffic.rx_flood_frames > 0 || self.traffic.tx_flood_frames > 0) {
            let (rx, tx) = (self.traffic.rx_flood_frames, self.traffic.tx_flood_frames);
            say(Level::Info, format!("broadcasts flow: {rx} in, {tx} out"));
        }
        lines
    }

    fn port_line(&self, say: &mut impl FnMut(Level, String)) {
        if self.is_gateway {
            return; // the LAN's own addresses are not the session's business
        }
        let Some(port) = &self.port else {
            return say(Level::Warning, "there is no port: no frames cross".to_owned());
        };
        if self.port_kind != Some(PortKind::Tap) {
            return; // only an adapter of this host has addresses that the host knows
        }
        match self.port_addresses.iter().find(|address| is_lease(**address)) {
            Some(address) => say(Level::Info, format!("{port} has the address {address}")),
            None => {
                say(Level::Warning, format!("{port} has no address yet: waiting for the LAN's DHCP server"))
            }
        }
    }
}

/// Whether somebody gave this address out: 169.254/16 is what a host takes when nobody does (RFC 3927).
fn is_lease(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !address.is_link_local() && address != Ipv4Addr::UNSPECIFIED && !address.is_loopback()
        }
        IpAddr::V6(_) => false,
    }
}

fn millis(rtt: Duration) -> String {
    format!("{:.1} ms", rtt.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(diagnostics: &Diagnostics) -> Vec<String> {
        diagnostics.user_lines().into_iter().map(|line| line.text).collect()
    }

    fn client() -> Diagnostics {
        Diagnostics {
            relay_reachable: true,
            joined: true,
            gateway_present: true,
            port: Some("lanparty0".to_owned()),
            port_kind: Some(PortKind::Tap),
            ..Diagnostics::default()
        }
    }

    #[test]
    fn a_lease_is_told_and_a_link_local_address_is_none() {
        let mut session = client();
        session.port_addresses = vec!["169.254.7.7".parse().unwrap(), "fe80::1".parse().unwrap()];
        assert!(
            texts(&session)
                .contains(&"lanparty0 has no address yet: waiting for the LAN's DHCP server".to_owned())
        );
        session.port_addresses.push("10.73.42.5".parse().unwrap());
        assert!(texts(&session).contains(&"lanparty0 has the address 10.73.42.5".to_owned()));
    }

    #[test]
    fn a_port_that_is_no_adapter_waits_for_no_address() {
        let session = Diagnostics { port_kind: Some(PortKind::Memory), ..client() };
        assert_eq!(texts(&session), ["connected to the relay", "connected to the LAN's gateway"]);
    }

    #[test]
    fn round_trip_times_are_told_where_known() {
        let session = Diagnostics {
            relay_rtt: Some(Duration::from_micros(12_340)),
            gateway_rtt: Some(Duration::from_micros(20_000)),
            ..client()
        };
        assert_eq!(
            texts(&session)[..2],
            ["connected to the relay, 12.3 ms away", "connected to the LAN's gateway, 20.0 ms away"]
        );
    }

    #[test]
    fn a_session_that_is_over_says_only_that() {
        let end = UserLine { level: Level::Warning, text: "the session is over: kicked".to_owned() };
        let session = Diagnostics { ended: Some(end), paused: true, ..client() };
        assert_eq!(texts(&session), ["the session is over: kicked"]);
        let session = Diagnostics { connecting: true, port: client().port, ..Diagnostics::default() };
        assert_eq!(texts(&session), ["connecting to the relay"]);
    }

    #[test]
    fn frames_from_a_foreign_address_are_told() {
        let mut session = client();
        session.traffic.drops.add(DropReason::UnauthorizedSourceMac);
        session.mac = Some(MacAddr([2, 0, 0, 0, 0, 7]));
        let told =
            "some frames are dropped: their source is not this member's own address (02:00:00:00:00:07)";
        assert!(texts(&session).contains(&told.to_owned()));
    }

    #[test]
    fn what_needs_somebody_is_a_warning() {
        let session = Diagnostics { route_pinned: Some(false), paused: true, ..Diagnostics::default() };
        let warnings = session.user_lines().into_iter().filter(|line| line.level == Level::Warning).count();
        assert_eq!(warnings, 4, "relay, route, adapter, pause");
    }

    #[test]
    fn a_gateway_is_not_told_to_wait_for_itself() {
        let session =
            Diagnostics { is_gateway: true, gateway_present: false, port_addresses: vec![], ..client() };
        assert_eq!(texts(&session), ["connected to the relay"]);
    }

    #[test]
    fn broadcasts_are_told_once_they_flow() {
        let mut session = client();
        assert!(!texts(&session).iter().any(|line| line.starts_with("broadcasts")));
        session.traffic.rx_flood_frames = 3;
        assert!(texts(&session).contains(&"broadcasts flow: 3 in, 0 out".to_owned()));
    }
}

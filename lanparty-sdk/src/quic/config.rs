//! The QUIC transport's options, and the configurations made from them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use quinn::{AckFrequencyConfig, IdleTimeout, MtuDiscoveryConfig, TransportConfig, VarInt};

use super::cert::ServerCert;
use super::congestion::CongestionControl;
use super::steering::steer;
use super::tls;
use super::trust::Trust;
use crate::ctrl::{ALPN, RoomCode};

/// The largest UDP payload on a path of standard Ethernet over IPv6.
pub const MTU_UPPER_BOUND: u16 = 1452;
/// The largest UDP payload on a path of standard Ethernet over IPv4.
pub const MTU_UPPER_BOUND_IPV4: u16 = 1472;

/// Handshakes that a relay holds unanswered at a time.
const MAX_INCOMING: usize = 512;
/// Bytes that an unanswered handshake may queue, and that all of them may together.
const INCOMING_BUFFER_BYTES: u64 = 4 * 1024;
const INCOMING_BUFFER_TOTAL_BYTES: u64 = 4 * 1024 * 1024;
/// How long an address that was asked to prove itself has for that.
const RETRY_TOKEN_LIFETIME: Duration = Duration::from_secs(5);
/// Control messages are at most 64 KiB: two of them fit one stream, and four the connection.
const STREAM_RECEIVE_WINDOW: u32 = 128 * 1024;
const RECEIVE_WINDOW: u32 = 256 * 1024;
const SEND_WINDOW: u64 = 256 * 1024;
const CRYPTO_BUFFER_BYTES: usize = 16 * 1024;
/// The search for the path's MTU stops when it can gain no more than this; quinn's own 20 would give up some bytes on
/// paths that are slightly narrower than the upper bound (1492 with PPPoE).
const MTU_MINIMUM_CHANGE: u16 = 8;

/// How a connection behaves. Both ends should agree roughly; none of these is part of the protocol.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TransportOptions {
    /// How many datagrams the peer may receive without acknowledging them at once. Default: 2, so that every third one is
    /// answered. It must be at least two below [`TunnelConfig::floor_datagrams`](super::TunnelConfig), of which quinn leaves
    /// the last one unused: a window that is never answered by number is answered by the clock alone, takes that delay for
    /// a queue, and stays as small as it is.
    pub ack_eliciting_threshold: u32,
    /// How long a relay may keep an acknowledgement back, if a member asks. Default: 1 ms. On a slow uplink the window is
    /// only a few datagrams, so that every acknowledgement is waited for.
    pub ack_max_delay: Duration,
    /// How long a member may keep an acknowledgement back, if a relay asks. Default: 25 ms, longer than between two frames
    /// of a game: it travels with the next one then, where a relay of many players would otherwise receive more
    /// acknowledgements than frames.
    pub ack_max_delay_of_members: Duration,
    /// What decides how much may be on its way. Default: [`CongestionControl::Tunnel`] with its defaults.
    pub congestion: CongestionControl,
    /// Bytes of received datagrams kept for the reader, oldest dropped first. Default: 256 KiB. It must hold the largest
    /// datagram, or the peer may send none.
    pub datagram_receive_buffer_bytes: usize,
    /// Bytes of datagrams that quinn queues in order of arrival at most. Default: 64 KiB, since what is in there can no
    /// longer be scheduled or dropped: the queue proper is the [`Outbox`](super::Outbox). On slow paths it hands over less,
    /// if [`CongestionControl::Tunnel`] is chosen.
    pub datagram_send_buffer_bytes: usize,
    /// After how much silence the peer is given up. Default: 10 s. The smaller of both ends' values counts.
    ///
    /// The first thing sent after the last one received starts the time anew (RFC 9000, section 10.1), and that may be
    /// the keep-alive. So a dead peer is known [`TransportOptions::keep_alive`] and this after its last sign of life:
    /// by default within 12 s.
    pub idle_timeout: Duration,
    /// The UDP payload assumed before the path is known. Default: 1200 bytes, which every path of QUIC carries.
    pub initial_mtu: u16,
    /// After how much silence something is sent. Default: 1.5 s, which also holds the mappings of impatient NATs.
    pub keep_alive: Duration,
    /// The largest UDP payload looked for. Default: [`MTU_UPPER_BOUND`]; see [`TransportOptions::for_address`].
    pub mtu_upper_bound: u16,
    /// Whether the operating system may cut one large buffer into datagrams (GSO, USO). Default: on. Some network
    /// cards lose what they are given that way.
    pub segmentation_offload: bool,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            ack_eliciting_threshold: 2,
            ack_max_delay: Duration::from_millis(1),
            ack_max_delay_of_members: Duration::from_millis(25),
            congestion: CongestionControl::default(),
            datagram_receive_buffer_bytes: 256 * 1024,
            datagram_send_buffer_bytes: 64 * 1024,
            idle_timeout: Duration::from_secs(10),
            initial_mtu: 1200,
            keep_alive: Duration::from_millis(1500),
            mtu_upper_bound: MTU_UPPER_BOUND,
            segmentation_offload: true,
        }
    }
}

impl TransportOptions {
    /// The same options for an IPv4 path, if `addr` says that it is one: 20 bytes more fit a datagram there. `addr` is
    /// the relay's address for a member, and the bound address for a relay. An upper bound other than the default
    /// stays.
    #[must_use]
    pub fn for_address(&self, addr: SocketAddr) -> Self {
        let mut options = self.clone();
        let ipv4 = match addr.ip() {
            IpAddr::V4(_) => true,
            IpAddr::V6(ip) => ip.to_ipv4_mapped().is_some(),
        };
        if ipv4 && options.mtu_upper_bound == MTU_UPPER_BOUND {
            options.mtu_upper_bound = MTU_UPPER_BOUND_IPV4;
        }
        options
    }

    /// quinn's form of the options; the peer may have this many bidirectional streams open, and no other, and may keep
    /// acknowledgements back for so long.
    pub(super) fn transport(&self, peer_streams: u32, ack_max_delay: Duration) -> TransportConfig {
        let mut acks = AckFrequencyConfig::default();
        acks.ack_eliciting_threshold(self.ack_eliciting_threshold.into());
        acks.max_ack_delay(Some(ack_max_delay));
        let mut mtu = MtuDiscoveryConfig::default();
        mtu.upper_bound(self.mtu_upper_bound).minimum_change(MTU_MINIMUM_CHANGE);
        let idle_ms = u32::try_from(self.idle_timeout.as_millis()).unwrap_or(u32::MAX);

        let mut transport = TransportConfig::default();
        transport
            .ack_frequency_config(Some(acks))
            .allow_spin(false)
            .congestion_controller_factory(self.congestion.factory())
            .crypto_buffer_size(CRYPTO_BUFFER_BYTES)
            .datagram_receive_buffer_size(Some(self.datagram_receive_buffer_bytes))
            .datagram_send_buffer_size(self.datagram_send_buffer_bytes)
            .enable_segmentation_offload(self.segmentation_offload)
            .initial_mtu(self.initial_mtu)
            .keep_alive_interval(Some(self.keep_alive))
            .max_concurrent_bidi_streams(peer_streams.into())
            .max_concurrent_uni_streams(VarInt::from_u32(0))
            .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(idle_ms))))
            .mtu_discovery_config(Some(mtu))
            .receive_window(RECEIVE_WINDOW.into())
            // With one stream there is nothing to be fair between.
            .send_fairness(false)
            .send_window(SEND_WINDOW)
            .stream_receive_window(STREAM_RECEIVE_WINDOW.into());
        transport
    }
}

/// A relay's configuration: the options above, one bidirectional stream from each member, address validation, limits
/// on unanswered handshakes, and members that may move to another address.
#[must_use]
pub fn server_config(cert: &ServerCert, options: &TransportOptions) -> quinn::ServerConfig {
    server_config_with(cert, options, ALPN)
}

/// A member's configuration for a connection to a relay and a room there. The relay may open no stream towards it.
/// [`connect`](super::connect) makes its own, whose refusals it can explain better.
#[must_use]
pub fn client_config(room: &RoomCode, trust: &Trust, options: &TransportOptions) -> quinn::ClientConfig {
    client_config_with(room, trust.verifier(), options)
}

pub(super) fn server_config_with(
    cert: &ServerCert,
    options: &TransportOptions,
    alpn: &[u8],
) -> quinn::ServerConfig {
    let mut config =
        quinn::ServerConfig::new(tls::server_crypto(cert, alpn), Arc::new(cert.restart().token_key()));
    config
        .transport_config(Arc::new(options.transport(1, options.ack_max_delay_of_members)))
        .incoming_buffer_size(INCOMING_BUFFER_BYTES)
        .incoming_buffer_size_total(INCOMING_BUFFER_TOTAL_BYTES)
        .max_incoming(MAX_INCOMING)
        .migration(true)
        .retry_token_lifetime(RETRY_TOKEN_LIFETIME);
    config
}

pub(super) fn client_config_with(
    room: &RoomCode,
    verifier: Arc<dyn rustls::client::danger::ServerCertVerifier>,
    options: &TransportOptions,
) -> quinn::ClientConfig {
    let mut config = quinn::ClientConfig::new(tls::client_crypto(verifier, ALPN));
    config.transport_config(Arc::new(options.transport(0, options.ack_max_delay)));
    steer(&mut config, room);
    config
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quic::TunnelConfig;

    #[test]
    fn the_upper_bound_follows_the_address_family() {
        let options = TransportOptions::default();
        for (addr, bound) in [
            ("192.0.2.1:443", MTU_UPPER_BOUND_IPV4),
            ("[::ffff:192.0.2.1]:443", MTU_UPPER_BOUND_IPV4),
            ("[::]:443", MTU_UPPER_BOUND),
            ("[2001:db8::1]:443", MTU_UPPER_BOUND),
        ] {
            assert_eq!(options.for_address(addr.parse().unwrap()).mtu_upper_bound, bound, "{addr}");
        }
        let chosen = TransportOptions { mtu_upper_bound: 1350, ..options };
        assert_eq!(chosen.for_address("192.0.2.1:443".parse().unwrap()).mtu_upper_bound, 1350);
    }

    #[test]
    fn even_the_smallest_window_is_acknowledged_by_number() {
        let options = TransportOptions::default();
        let floor = TunnelConfig::default().floor_datagrams;
        assert!(u64::from(options.ack_eliciting_threshold) + 1 < floor);
    }

    #[test]
    fn a_dead_peer_is_known_within_twelve_seconds() {
        let options = TransportOptions::default();
        assert!(options.keep_alive + options.idle_timeout < Duration::from_secs(12));
        assert!(options.keep_alive * 4 < options.idle_timeout, "several keep-alives may be lost");
    }
}

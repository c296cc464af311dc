//! The safety filter: one classifier, used unchanged at every boundary that a frame crosses.

use crate::frame::{ETHERNET_HEADER_LEN, EtherType, Frame, MAX_FRAME_LEN, MAX_TAGGED_FRAME_LEN, MacAddr};
use crate::obs::DropReason;

use super::ip::{self, Walk, protocol};
use super::layers::Layers;

/// Which side of the party a frame was sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A remote player's host, which may only be a station.
    Client,
    /// The LAN behind the gateway, which has routers, DHCP servers and VLANs of its own.
    Lan,
}

/// What an admitted frame is, as far as limits and statistics care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Class {
    /// Where the frame goes.
    pub dst: MacAddr,
    /// What it seems to carry.
    pub hint: Hint,
}

impl Class {
    /// Whether the frame goes to more than one station: multicast or broadcast.
    #[must_use]
    pub const fn is_group(self) -> bool {
        self.dst.is_group()
    }
}

/// What a frame seems to carry. Never a promise: nothing but headers was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hint {
    /// An address resolution of IPv4.
    Arp,
    /// A message of a DHCP client or server, for IPv4 or IPv6.
    Dhcp,
    /// Any other IPv4 or IPv6 packet.
    Ip,
    /// Anything else: IPX, LLC, unknown EtherTypes.
    Other,
}

/// The source address of a frame, if it can be one.
///
/// This is the first step of every judgement; the sender's right to the address comes after it, [`classify`] last.
///
/// # Errors
/// [`DropReason::Runt`] if the Ethernet header is cut off, [`DropReason::InvalidSourceMac`] if the source is a group or
/// zero.
pub fn source_mac(visible: &[u8]) -> Result<MacAddr, DropReason> {
    let src = Frame::parse(visible).map_err(|_| DropReason::Runt)?.src();
    if src.is_unicast() { Ok(src) } else { Err(DropReason::InvalidSourceMac) }
}

/// Judges a frame by the table in the [module documentation](super).
///
/// `visible` holds the first bytes of the frame: all of them, or as many as the first of two fragments shows.
/// `total_len` is the length of the whole frame. The second fragment needs no judgement of its own: a client's frame
/// whose headers do not end within the visible bytes is refused. `mtu` is the room's layer-2 MTU: what may follow the
/// Ethernet header and its tags.
///
/// # Errors
/// The first rule that refuses the frame. All of these are filter drops but [`DropReason::Runt`].
pub fn classify(visible: &[u8], total_len: usize, origin: Origin, mtu: u16) -> Result<Class, DropReason> {
    source_mac(visible)?;
    let dst = Frame::parse(visible).map_err(|_| DropReason::Runt)?.dst();
    let layers = Layers::read(visible).ok_or(DropReason::Runt)?;
    check_len(&layers, total_len.max(visible.len()), mtu)?;
    if is_control_address(dst) || is_control_type(layers.ethertype) {
        return Err(DropReason::SwitchControl);
    }
    if layers.tagged && origin == Origin::Client {
        return Err(DropReason::VlanTag);
    }
    let network = visible.get(layers.network_at..).unwrap_or_default();
    let judged = judge_network(layers.ethertype, network);
    let hint = match (judged, origin) {
        (Ok(hint), _) => hint,
        (Err(reason), Origin::Client) => return Err(reason),
        (Err(DropReason::DhcpServer), Origin::Lan) => Hint::Dhcp,
        (Err(_), Origin::Lan) => Hint::Ip,
    };
    Ok(Class { dst, hint })
}

fn check_len(layers: &Layers, total_len: usize, mtu: u16) -> Result<(), DropReason> {
    let is_outer_tagged = layers.header_len > ETHERNET_HEADER_LEN;
    let largest = if is_outer_tagged { MAX_TAGGED_FRAME_LEN } else { MAX_FRAME_LEN };
    if total_len > largest {
        return Err(DropReason::Jumbo);
    }
    if total_len - layers.header_len > usize::from(mtu) {
        return Err(DropReason::OverMtu);
    }
    Ok(())
}

/// Whether switches talk to each other at this address.
///
/// - `01:80:c2:00:00:00` to `0f`: spanning tree, pause, LACP, 802.1X, LLDP. IEEE 802.1D bridges never forward these.
/// - `01:80:c2:00:00:20` to `2f`: GARP and MRP (GVRP, GMRP). A bridge that does not speak them forwards them, so one
///   player's host could register VLANs and group filters on every switch of the party.
/// - `01:00:0c:cc:cc:cc` and `cd`: Cisco's CDP, VTP, DTP, UDLD and per-VLAN spanning tree.
fn is_control_address(dst: MacAddr) -> bool {
    match dst.octets() {
        [0x01, 0x80, 0xc2, 0, 0, last] => matches!(last, 0x00..=0x0f | 0x20..=0x2f),
        [0x01, 0x00, 0x0c, 0xcc, 0xcc, last] => matches!(last, 0xcc | 0xcd),
        _ => false,
    }
}

/// Whether the type belongs to the link itself, at whatever address it is sent.
const fn is_control_type(ethertype: EtherType) -> bool {
    matches!(
        ethertype,
        EtherType::MAC_CONTROL | EtherType::SLOW_PROTOCOLS | EtherType::EAPOL | EtherType::LLDP
    )
}

/// The rules for players' hosts that need a look into IP.
fn judge_network(ethertype: EtherType, packet: &[u8]) -> Result<Hint, DropReason> {
    let is_v6 = ethertype == EtherType::IPV6;
    match ip::walk(ethertype, packet) {
        Walk::NotIp => Ok(if ethertype == EtherType::ARP { Hint::Arp } else { Hint::Other }),
        Walk::Fragment if is_v6 => Err(DropReason::Ipv6Fragment),
        // IPv4 counts fragments in units of eight bytes, so the ports can only come in a fragment at offset zero, which
        // is judged like a whole packet. Whatever a later fragment holds, it cannot change them, not even by overlap.
        Walk::Fragment => Ok(Hint::Ip),
        Walk::Truncated | Walk::Undeterminable => Err(DropReason::Undeterminable),
        Walk::Transport { protocol, offset, end } => {
            let transport = packet.get(offset..end).unwrap_or_default();
            match protocol {
                protocol::UDP => judge_udp(is_v6, transport),
                protocol::ICMPV6 if is_v6 => judge_icmpv6(transport),
                _ => Ok(Hint::Ip),
            }
        }
    }
}

/// Servers are told by the port that they send *to*: common DHCP clients never look at the port that a reply comes
/// from, and nobody but a server sends to these ports (RFC 7610 draws the same line for DHCPv6).
fn judge_udp(is_v6: bool, datagram: &[u8]) -> Result<Hint, DropReason> {
    let (client, server) = if is_v6 { (546, 547) } else { (68, 67) };
    // A whole UDP header is asked for although the ports are only its first half: a first fragment that is shorter
    // than eight bytes exists for no other purpose than to hide something.
    let Some([_, _, d1, d2, ..]) = datagram.first_chunk::<8>() else {
        return Err(DropReason::Undeterminable);
    };
    match u16::from_be_bytes([*d1, *d2]) {
        port if port == client => Err(DropReason::DhcpServer),
        port if port == server => Ok(Hint::Dhcp),
        _ => Ok(Hint::Ip),
    }
}

fn judge_icmpv6(message: &[u8]) -> Result<Hint, DropReason> {
    match message.first() {
        Some(&(ROUTER_ADVERTISEMENT | REDIRECT)) => Err(DropReason::RouterAdvertisement),
        Some(_) => Ok(Hint::Ip),
        None => Err(DropReason::Undeterminable),
    }
}

/// ICMPv6 type of router advertisements (RFC 4861, section 4.2).
const ROUTER_ADVERTISEMENT: u8 = 134;
/// ICMPv6 type of redirects (RFC 4861, section 4.5).
const REDIRECT: u8 = 137;

#[cfg(test)]
mod tests;

//! The safety table as named frames: what may cross in which direction, for tests at every boundary and over real
//! devices.

use crate::frame::{EtherType, MAX_FRAME_LEN, MAX_TAGGED_FRAME_LEN, MacAddr};
use crate::obs::DropReason::{
    self, DhcpServer, InvalidSourceMac, Ipv6Fragment, Jumbo, OverMtu, RouterAdvertisement, Runt,
    SwitchControl, Undeterminable, VlanTag,
};

use super::craft::*;
use super::ip::{MAX_EXTENSION_HEADERS, protocol::*};

/// One frame, and what the safety filter says to it on either side.
#[derive(Clone, Debug)]
pub struct SafetyVector {
    /// Unique; names the kind of traffic.
    pub name: &'static str,
    /// The frame, with valid checksums.
    pub frame: Vec<u8>,
    /// The judgement when a client sends it.
    pub from_client: Result<(), DropReason>,
    /// The judgement when it comes from the LAN.
    pub from_lan: Result<(), DropReason>,
}

/// All vectors, from the sender `src` to the station `dst` where the traffic is unicast, in a room with this `mtu`.
///
/// Those that test sources have sources of their own. In a room of 1500 bytes "over the MTU" and "jumbo" coincide.
#[must_use]
pub fn safety_vectors(src: MacAddr, dst: MacAddr, mtu: u16) -> Vec<SafetyVector> {
    let mut set = Set { src, dst, vectors: Vec::new() };
    set.add_addresses();
    set.add_lengths(usize::from(mtu));
    set.add_control();
    set.add_tags();
    set.add_dhcp();
    set.add_ipv6();
    set.add_encapsulated();
    set.add_harmless();
    set.vectors
}

struct Set {
    src: MacAddr,
    dst: MacAddr,
    vectors: Vec<SafetyVector>,
}

const PASS: Result<(), DropReason> = Ok(());

const fn group(tail: [u8; 3]) -> MacAddr {
    MacAddr([0x01, 0x80, 0xc2, tail[0], tail[1], tail[2]])
}

/// Ethernet's address for the IPv6 group of all nodes.
const ALL_NODES: MacAddr = MacAddr([0x33, 0x33, 0, 0, 0, 1]);

impl Set {
    fn push(
        &mut self,
        name: &'static str,
        frame: Vec<u8>,
        from_client: Result<(), DropReason>,
        from_lan: Result<(), DropReason>,
    ) {
        self.vectors.push(SafetyVector { name, frame, from_client, from_lan });
    }

    fn pass(&mut self, name: &'static str, frame: Vec<u8>) {
        self.push(name, frame, PASS, PASS);
    }

    fn refuse(&mut self, name: &'static str, frame: Vec<u8>, reason: DropReason) {
        self.push(name, frame, Err(reason), Err(reason));
    }

    /// Refused from clients only.
    fn lan_only(&mut self, name: &'static str, frame: Vec<u8>, reason: DropReason) {
        self.push(name, frame, Err(reason), PASS);
    }

    fn to(&self, dst: MacAddr, ethertype: EtherType, payload: &[u8]) -> Vec<u8> {
        ethernet(dst, self.src, ethertype, payload)
    }

    fn broadcast4(&self, packet: &[u8]) -> Vec<u8> {
        self.to(MacAddr::BROADCAST, EtherType::IPV4, packet)
    }

    fn group6(&self, packet: &[u8]) -> Vec<u8> {
        self.to(ALL_NODES, EtherType::IPV6, packet)
    }

    fn arp(&self) -> Vec<u8> {
        let fixed = [0, 1, 8, 0, 6, 4, 0, 1];
        [&fixed[..], &self.src.0, &SRC4, &[0; 6], &DST4].concat()
    }

    fn add_addresses(&mut self) {
        let frame = |src| ethernet(self.dst, src, EtherType::ARP, &self.arp());
        let (group, broadcast, zero) = (frame(ALL_NODES), frame(MacAddr::BROADCAST), frame(MacAddr::ZERO));
        self.refuse("source_multicast", group, InvalidSourceMac);
        self.refuse("source_broadcast", broadcast, InvalidSourceMac);
        self.refuse("source_zero", zero, InvalidSourceMac);
        let mut runt = self.to(self.dst, EtherType::ARP, &[]);
        runt.truncate(13);
        self.refuse("runt", runt, Runt);
        let mut cut_tag = self.to(self.dst, EtherType::VLAN, &[]);
        cut_tag.truncate(17);
        self.refuse("runt_tag", cut_tag, Runt);
    }

    fn add_lengths(&mut self, mtu: usize) {
        let over = if mtu < 1500 { OverMtu } else { Jumbo };
        let plain = |len: usize| self.to(self.dst, EtherType::LOCAL_EXPERIMENTAL_1, &vec![0x5a; len]);
        let tagged = |len: usize| {
            self.to(self.dst, EtherType::VLAN, &tag(7, EtherType::LOCAL_EXPERIMENTAL_1, &vec![0x5a; len]))
        };
        let frames = [
            plain(mtu),
            plain(mtu + 1),
            tagged(mtu),
            tagged(mtu + 1),
            plain(MAX_FRAME_LEN + 1 - 14),
            tagged(MAX_TAGGED_FRAME_LEN + 1 - 18),
            plain(8986),
        ];
        let [full, over_mtu, full_tagged, over_tagged, jumbo, jumbo_tagged, jumbo_9000] = frames;
        self.pass("mtu_exact", full);
        self.refuse("mtu_exceeded", over_mtu, over);
        self.lan_only("mtu_exact_tagged", full_tagged, VlanTag);
        self.refuse("mtu_exceeded_tagged", over_tagged, over);
        self.refuse("jumbo", jumbo, Jumbo);
        self.refuse("jumbo_tagged", jumbo_tagged, Jumbo);
        self.refuse("jumbo_9000", jumbo_9000, Jumbo);
    }

    fn add_control(&mut self) {
        let src = self.src;
        let bpdu = [&[0x42, 0x42, 0x03, 0, 0, 0, 0, 0][..], &[0; 30]].concat();
        self.refuse("spanning_tree", ieee8023(group([0, 0, 0]), src, &bpdu), SwitchControl);
        self.refuse("spanning_tree_provider", ieee8023(group([0, 0, 8]), src, &bpdu), SwitchControl);
        let pause = [0, 1, 0xff, 0xff];
        self.refuse("pause", self.to(group([0, 0, 1]), EtherType::MAC_CONTROL, &pause), SwitchControl);
        self.refuse("pause_unicast", self.to(self.dst, EtherType::MAC_CONTROL, &pause), SwitchControl);
        let lacp = [&[1, 1, 1, 20][..], &[0; 106]].concat();
        self.refuse("lacp", self.to(group([0, 0, 2]), EtherType::SLOW_PROTOCOLS, &lacp), SwitchControl);
        self.refuse("lacp_unicast", self.to(self.dst, EtherType::SLOW_PROTOCOLS, &lacp), SwitchControl);
        let eapol_start = [1, 1, 0, 0];
        self.refuse("eapol", self.to(group([0, 0, 3]), EtherType::EAPOL, &eapol_start), SwitchControl);
        self.refuse("eapol_unicast", self.to(self.dst, EtherType::EAPOL, &eapol_start), SwitchControl);
        let lldp =
            [&[0x02, 0x07, 0x04][..], &src.0, &[0x04, 0x02, 0x07, 0x31, 0x06, 0x02, 0, 120, 0, 0]].concat();
        self.refuse("lldp", self.to(group([0, 0, 0x0e]), EtherType::LLDP, &lldp), SwitchControl);
        self.refuse("lldp_broadcast", self.to(MacAddr::BROADCAST, EtherType::LLDP, &lldp), SwitchControl);
        self.refuse(
            "link_local_last",
            self.to(group([0, 0, 0x0f]), EtherType::LOCAL_EXPERIMENTAL_1, &[0; 46]),
            SwitchControl,
        );
        self.refuse("gvrp", ieee8023(group([0, 0, 0x21]), src, &[0x42, 0x42, 3, 0, 1, 1, 0]), SwitchControl);
        let cisco = |last| MacAddr([0x01, 0x00, 0x0c, 0xcc, 0xcc, last]);
        let cdp = [&[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0x00, 2, 180][..], &[0; 20]].concat();
        self.refuse("cdp", ieee8023(cisco(0xcc), src, &cdp), SwitchControl);
        let pvst = [&[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x01, 0x0b][..], &[0; 42]].concat();
        self.refuse("per_vlan_spanning_tree", ieee8023(cisco(0xcd), src, &pvst), SwitchControl);
        // Neighbours of the blocked blocks.
        let other = |dst| self.to(dst, EtherType::LOCAL_EXPERIMENTAL_1, &[0; 46]);
        let (beyond, garp_beyond, cisco_beyond) =
            (other(group([0, 0, 0x10])), other(group([0, 0, 0x30])), other(cisco(0xce)));
        self.pass("beyond_link_local", beyond);
        self.pass("beyond_garp", garp_beyond);
        self.pass("beyond_cisco", cisco_beyond);
        self.refuse(
            "lldp_tagged",
            self.to(self.dst, EtherType::VLAN, &tag(0, EtherType::LLDP, &lldp)),
            SwitchControl,
        );
        self.refuse(
            "eapol_tagged",
            self.to(self.dst, EtherType::VLAN, &tag(5, EtherType::EAPOL, &eapol_start)),
            SwitchControl,
        );
        self.refuse("lldp_snap", ieee8023(self.dst, src, &snap(EtherType::LLDP, &lldp)), SwitchControl);
    }

    fn add_tags(&mut self) {
        let packet = ipv4(UDP, &udp4(5000, 27015, b"game"));
        let arp = self.arp();
        let one = self.to(self.dst, EtherType::VLAN, &tag(7, EtherType::IPV4, &packet));
        self.lan_only("vlan", one, VlanTag);
        let priority = self.to(MacAddr::BROADCAST, EtherType::VLAN, &tag(0, EtherType::ARP, &arp));
        self.lan_only("vlan_priority_only", priority, VlanTag);
        let inner = tag(7, EtherType::IPV4, &packet);
        let stacked = self.to(self.dst, EtherType::VLAN, &tag(7, EtherType::VLAN, &inner));
        self.lan_only("vlan_stacked", stacked, VlanTag);
        let service = self.to(self.dst, EtherType::SERVICE_VLAN, &tag(7, EtherType::VLAN, &inner));
        self.lan_only("vlan_service", service, VlanTag);
        let old = self.to(self.dst, EtherType::OLD_QINQ, &inner);
        self.lan_only("vlan_old_stacked", old, VlanTag);
        let hidden = ieee8023(self.dst, self.src, &snap(EtherType::VLAN, &inner));
        self.lan_only("vlan_in_snap", hidden, VlanTag);
    }

    fn add_dhcp(&mut self) {
        let reply = udp4(67, 68, &bootp(2));
        let options = [1, 1, 1, 0];
        self.pass("dhcp4_request", self.broadcast4(&ipv4(UDP, &udp4(68, 67, &bootp(1)))));
        self.pass(
            "dhcp4_request_unicast",
            self.to(self.dst, EtherType::IPV4, &ipv4(UDP, &udp4(68, 67, &bootp(1)))),
        );
        self.lan_only("dhcp4_reply", self.broadcast4(&ipv4(UDP, &reply)), DhcpServer);
        self.lan_only(
            "dhcp4_reply_unicast",
            self.to(self.dst, EtherType::IPV4, &ipv4(UDP, &reply)),
            DhcpServer,
        );
        self.lan_only(
            "dhcp4_reply_other_source_port",
            self.broadcast4(&ipv4(UDP, &udp4(6767, 68, &bootp(2)))),
            DhcpServer,
        );
        self.lan_only(
            "dhcp4_reply_ip_options",
            self.broadcast4(&ipv4_with(UDP, 0, &options, &reply)),
            DhcpServer,
        );
        let (first, rest) = reply.split_at(64);
        self.lan_only(
            "dhcp4_reply_first_fragment",
            self.broadcast4(&ipv4_with(UDP, MORE_FRAGMENTS, &[], first)),
            DhcpServer,
        );
        // Harmless alone: without the first fragment no host puts it together.
        self.pass("ipv4_later_fragment", self.broadcast4(&ipv4_with(UDP, 64 / 8, &[], rest)));
        self.lan_only(
            "ipv4_tiny_fragment",
            self.broadcast4(&ipv4_with(UDP, MORE_FRAGMENTS, &[], &first[..2])),
            Undeterminable,
        );
        self.lan_only(
            "ipv4_half_udp_header",
            self.broadcast4(&ipv4_with(UDP, MORE_FRAGMENTS, &[], &first[..4])),
            Undeterminable,
        );
        let game = udp4(5000, 27015, &[0x5a; 600]);
        self.pass(
            "ipv4_first_fragment",
            self.to(self.dst, EtherType::IPV4, &ipv4_with(UDP, MORE_FRAGMENTS, &[], &game[..512])),
        );

        let solicit = udp6(546, 547, &[1, 0, 0, 1]);
        let reply6 = udp6(547, 546, &[2, 0, 0, 1]);
        self.pass("dhcp6_request", self.group6(&ipv6(UDP, &solicit)));
        self.pass(
            "dhcp6_request_behind_hop_by_hop",
            self.group6(&ipv6(HOP_BY_HOP, &options6(UDP, &solicit))),
        );
        self.lan_only("dhcp6_reply", self.group6(&ipv6(UDP, &reply6)), DhcpServer);
        self.lan_only(
            "dhcp6_reply_behind_hop_by_hop",
            self.group6(&ipv6(HOP_BY_HOP, &options6(UDP, &reply6))),
            DhcpServer,
        );
        self.lan_only(
            "dhcp6_reply_behind_destination_options",
            self.group6(&ipv6(DESTINATION_OPTIONS, &options6(UDP, &reply6))),
            DhcpServer,
        );
        self.lan_only(
            "dhcp6_reply_behind_routing",
            self.group6(&ipv6(ROUTING, &routing6(UDP, &reply6))),
            DhcpServer,
        );
        let chain = options6(ROUTING, &routing6(DESTINATION_OPTIONS, &options6(UDP, &reply6)));
        self.lan_only("dhcp6_reply_behind_three", self.group6(&ipv6(HOP_BY_HOP, &chain)), DhcpServer);
    }

    fn add_ipv6(&mut self) {
        let advert = icmpv6(134, &[64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
        let redirect = icmpv6(137, &[0; 36]);
        self.lan_only("router_advertisement", self.group6(&ipv6(ICMPV6, &advert)), RouterAdvertisement);
        self.lan_only(
            "router_advertisement_behind_hop_by_hop",
            self.group6(&ipv6(HOP_BY_HOP, &options6(ICMPV6, &advert))),
            RouterAdvertisement,
        );
        self.lan_only(
            "router_advertisement_behind_destination_options",
            self.group6(&ipv6(DESTINATION_OPTIONS, &options6(ICMPV6, &advert))),
            RouterAdvertisement,
        );
        self.lan_only(
            "router_advertisement_behind_routing",
            self.group6(&ipv6(ROUTING, &routing6(ICMPV6, &advert))),
            RouterAdvertisement,
        );
        self.lan_only("redirect", self.group6(&ipv6(ICMPV6, &redirect)), RouterAdvertisement);
        self.pass("router_solicitation", self.group6(&ipv6(ICMPV6, &icmpv6(133, &[0; 4]))));
        self.pass("neighbour_solicitation", self.group6(&ipv6(ICMPV6, &icmpv6(135, &[0; 20]))));
        self.pass("neighbour_advertisement", self.group6(&ipv6(ICMPV6, &icmpv6(136, &[0; 20]))));
        self.pass(
            "multicast_listener_report",
            self.group6(&ipv6(HOP_BY_HOP, &options6(ICMPV6, &icmpv6(143, &[0; 4])))),
        );
        let first = fragment6(ICMPV6, 0, true, &advert);
        self.lan_only("ipv6_first_fragment", self.group6(&ipv6(FRAGMENT, &first)), Ipv6Fragment);
        self.lan_only(
            "ipv6_later_fragment",
            self.group6(&ipv6(FRAGMENT, &fragment6(ICMPV6, 8, false, &advert[8..]))),
            Ipv6Fragment,
        );
        self.lan_only(
            "ipv6_atomic_fragment",
            self.group6(&ipv6(FRAGMENT, &fragment6(UDP, 0, false, &udp6(5000, 5001, b"game")))),
            Ipv6Fragment,
        );
        self.lan_only(
            "ipv6_fragment_behind_hop_by_hop",
            self.group6(&ipv6(HOP_BY_HOP, &options6(FRAGMENT, &first))),
            Ipv6Fragment,
        );
        let mut chain = options6(ICMPV6, &advert);
        for _ in 0..MAX_EXTENSION_HEADERS {
            chain = options6(DESTINATION_OPTIONS, &chain);
        }
        self.lan_only(
            "ipv6_too_many_headers",
            self.group6(&ipv6(DESTINATION_OPTIONS, &chain)),
            Undeterminable,
        );
        self.lan_only(
            "ipv6_header_beyond_packet",
            self.group6(&ipv6(DESTINATION_OPTIONS, &[ICMPV6, 200, 1, 4, 0, 0, 0, 0])),
            Undeterminable,
        );
        self.lan_only("icmpv6_empty", self.group6(&ipv6(ICMPV6, &[])), Undeterminable);
    }

    fn add_encapsulated(&mut self) {
        let (dst, src) = (MacAddr::BROADCAST, self.src);
        let reply = ipv4(UDP, &udp4(67, 68, &bootp(2)));
        self.lan_only("dhcp4_reply_snap", ieee8023(dst, src, &snap(EtherType::IPV4, &reply)), DhcpServer);
        let advert = ipv6(ICMPV6, &icmpv6(134, &[0; 12]));
        self.lan_only(
            "router_advertisement_snap",
            ieee8023(ALL_NODES, src, &snap(EtherType::IPV6, &advert)),
            RouterAdvertisement,
        );
        self.lan_only("ipv4_wrong_version", self.to(dst, EtherType::IPV4, &advert), Undeterminable);
        let mut short_header = ipv4(UDP, &udp4(5000, 5001, b"game"));
        short_header[0] = 0x44;
        short_header[10..12].fill(0);
        let sum = checksum(&[&short_header[..16]]);
        short_header[10..12].copy_from_slice(&sum.to_be_bytes());
        self.lan_only("ipv4_short_header", self.to(dst, EtherType::IPV4, &short_header), Undeterminable);
    }

    fn add_harmless(&mut self) {
        let (all, src) = (MacAddr::BROADCAST, self.src);
        let ipx = [
            &[0xff, 0xff, 0, 34, 0, 17, 0, 0, 0, 0][..],
            &[0xff; 6],
            &[4, 0x53],
            &[0; 4],
            &src.0,
            &[4, 0x53, 0, 1, 0, 0],
        ]
        .concat();
        self.pass("ipx_ethernet_ii", self.to(all, EtherType::IPX, &ipx));
        self.pass("ipx_raw_802_3", ieee8023(all, src, &ipx));
        self.pass("ipx_llc", ieee8023(all, src, &[&[0xe0, 0xe0, 0x03][..], &ipx].concat()));
        self.pass("ipx_snap", ieee8023(all, src, &snap(EtherType::IPX, &ipx)));
        self.pass("llc_netbios", ieee8023(all, src, &[0xf0, 0xf0, 0x03, 0x2c, 0, 0xff, 0xef, 8]));
        self.pass("appletalk_snap", ieee8023(all, src, &[0xaa, 0xaa, 3, 8, 0, 7, 0x80, 0x9b, 0, 0]));
        self.pass("arp_request", self.to(all, EtherType::ARP, &self.arp()));
        self.pass("arp_unicast", self.to(self.dst, EtherType::ARP, &self.arp()));
        self.pass("unknown_ethertype", self.to(self.dst, EtherType(0x1234), &[0x5a; 100]));
        self.pass("gateway_refresh", self.to(self.dst, EtherType::LOCAL_EXPERIMENTAL_1, &[0; 46]));
        let mdns_group = MacAddr([0x01, 0x00, 0x5e, 0, 0, 0xfb]);
        self.pass("mdns", self.to(mdns_group, EtherType::IPV4, &ipv4(UDP, &udp4(5353, 5353, &[0; 12]))));
        self.pass("game_broadcast", self.broadcast4(&ipv4(UDP, &udp4(5000, 27015, b"who plays?"))));
        self.pass(
            "game_unicast6",
            self.to(self.dst, EtherType::IPV6, &ipv6(UDP, &udp6(5000, 27015, b"game"))),
        );
        self.pass(
            "tcp_syn",
            self.to(self.dst, EtherType::IPV4, &ipv4(TCP, &tcp(false, 2, &[2, 4, 5, 0xb4], &[]))),
        );
        self.pass(
            "igmp",
            self.to(
                MacAddr([1, 0, 0x5e, 0, 0, 0x16]),
                EtherType::IPV4,
                &ipv4_with(2, 0, &[0x94, 4, 0, 0], &[0x22, 0, 0xdd, 0xff, 0, 0, 0, 0]),
            ),
        );
        self.pass("sctp", self.to(self.dst, EtherType::IPV6, &ipv6(132, &[0; 12])));
        self.pass("ipv6_no_next_header", self.to(self.dst, EtherType::IPV6, &ipv6(59, &[])));
    }
}

/// A BOOTP message with an empty DHCP option list: `op` is 1 for requests and 2 for replies.
fn bootp(op: u8) -> Vec<u8> {
    let mut message = vec![0; 236];
    message[..3].copy_from_slice(&[op, 1, 6]);
    message.extend([0x63, 0x82, 0x53, 0x63, 53, 1, if op == 1 { 1 } else { 2 }, 255]);
    message
}

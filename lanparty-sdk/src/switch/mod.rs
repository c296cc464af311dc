//! Where a frame goes and whether it may.
//!
//! A client owns exactly one Ethernet address; the gateway stands for a whole LAN. Every boundary that a frame crosses
//! (client out, relay, gateway to LAN, client in) judges it again with the same code, because no layer trusts the one
//! before it. The order is the same everywhere:
//!
//! 1. parse, and a source that can be an address: [`source_mac`];
//! 2. the sender's right to that source: [`MacTable::is_owned_by`] (a frame that passes refreshes "last seen", also
//!    when a later step drops it);
//! 3. safety: [`classify`];
//! 4. the byte budget: [`MemberLimits::admit_bytes`];
//! 5. the budget of the frame's class: [`MemberLimits::admit_flood`], [`MemberLimits::admit_unknown_unicast`];
//! 6. the destination: [`MacTable::lookup`].
//!
//! # What safety refuses
//!
//! The first rule that fits gives the reason. "Control" is traffic between switches and stations that ends at the
//! first bridge by its standard: it would shut ports, open loops or steal uplinks if it crossed.
//!
//! | rule | from a client | from the LAN | reason |
//! |---|---|---|---|
//! | shorter than the Ethernet header with its tags | drop | drop | [`Runt`] |
//! | source is a group or zero | drop | drop | [`InvalidSourceMac`] |
//! | longer than 1514 bytes, or 1518 with a tag | drop | drop | [`Jumbo`] |
//! | payload behind the tags exceeds the room's MTU | drop | drop | [`OverMtu`] |
//! | control address, or control EtherType (also behind tags) | drop | drop | [`SwitchControl`] |
//! | VLAN tag | drop | pass | [`VlanTag`] |
//! | UDP to a DHCP client's port (68, or 546 for IPv6) | drop | pass | [`DhcpServer`] |
//! | ICMPv6 router advertisement or redirect | drop | pass | [`RouterAdvertisement`] |
//! | IPv6 fragment | drop | pass | [`Ipv6Fragment`] |
//! | IP headers that end beyond the visible bytes, contradict themselves or form too long a chain | drop | pass | [`Undeterminable`] |
//! | anything else: DHCP requests, ARP, IPX, LLC, unknown EtherTypes, IPv4 fragments | pass | pass | |
//!
//! The IP rules look through IPv6 extension headers, authentication headers and LLC/SNAP encapsulation. They do not look
//! into tunnels (IP in IP, GRE, Teredo): hosts only open those that they were configured for.
//!
//! Nothing here reads a clock, allocates per frame or keeps a queue.
//!
//! [`Runt`]: crate::obs::DropReason::Runt
//! [`InvalidSourceMac`]: crate::obs::DropReason::InvalidSourceMac
//! [`Jumbo`]: crate::obs::DropReason::Jumbo
//! [`OverMtu`]: crate::obs::DropReason::OverMtu
//! [`SwitchControl`]: crate::obs::DropReason::SwitchControl
//! [`VlanTag`]: crate::obs::DropReason::VlanTag
//! [`DhcpServer`]: crate::obs::DropReason::DhcpServer
//! [`RouterAdvertisement`]: crate::obs::DropReason::RouterAdvertisement
//! [`Ipv6Fragment`]: crate::obs::DropReason::Ipv6Fragment
//! [`Undeterminable`]: crate::obs::DropReason::Undeterminable

#[cfg(any(test, feature = "testing"))]
pub mod craft;
pub mod ip;
pub(crate) mod layers;
mod limit;
mod mss;
mod safety;
mod table;
#[cfg(any(test, feature = "testing"))]
pub mod vectors;

pub use limit::{Limits, MemberLimits, Rate, TokenBucket};
pub use mss::{MIN_MSS, TCP_HEADER_LEN, clamp_mss, clamp_mss_to_budget, mss_for_budget};
pub use safety::{Class, Hint, Origin, classify, source_mac};
pub use table::{ClaimError, Learned, MacTable, Owner, TableConfig};

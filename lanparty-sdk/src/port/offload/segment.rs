//! Cutting super-frames into frames.

use smallvec::SmallVec;

use super::checksum::{
    Sum, TCP_CHECKSUM_OFFSET, TCP_HEADER_LEN, UDP_CHECKSUM_OFFSET, UDP_HEADER_LEN, internet_checksum, stored,
};
use super::headers::{IPV6_HEADER_LEN, IpVersion, Layout, be16, be32, protocol, put};
use super::vnet::{GsoKind, VnetHeader};
use crate::obs::DropReason;

/// How many frames one super-frame may become: 64 KiB at the smallest segment that Linux lets TCP have are fewer, and
/// UDP stops at 128. It bounds what a forged segment size could blow up.
pub const MAX_SEGMENTS: usize = 2048;

/// No smaller pieces are ever made of our own accord; with these, the largest super-frame stays far below
/// [`MAX_SEGMENTS`].
const MIN_SIZE: usize = 536;

const TCP_FIN: u8 = 0x01;
const TCP_PSH: u8 = 0x08;
const TCP_CWR: u8 = 0x80;
/// Where TCP keeps its flags.
const TCP_FLAGS: usize = 13;

/// The frames inside a super-frame, one after the other.
///
/// Everything is checked when it is made: cutting itself cannot fail halfway.
///
/// ```
/// # use lanparty_sdk::port::offload::{Segments, VnetHeader};
/// # fn copy_out(super_frame: &[u8], header: &VnetHeader) -> Result<Vec<Vec<u8>>, lanparty_sdk::obs::DropReason> {
/// let mut segments = Segments::new(super_frame, header)?;
/// let mut frames = Vec::new();
/// while let Some((headers, payload)) = segments.next_segment() {
///     frames.push([headers, payload].concat());
/// }
/// # Ok(frames)
/// # }
/// ```
#[derive(Debug)]
pub struct Segments<'a> {
    layout: Layout,
    /// The headers of the present segment.
    headers: SmallVec<[u8; 128]>,
    /// What is still to be sent.
    rest: &'a [u8],
    size: usize,
    /// How many segments there have been.
    done: usize,
    sequence: u32,
    identification: u16,
    tcp_flags: u8,
    /// A UDP datagram over IPv4 without a checksum stays without one.
    checksummed: bool,
}

impl<'a> Segments<'a> {
    /// Reads the headers of `frame`, which `header` describes as a super-frame.
    ///
    /// Bytes behind the IP payload are padding and left out. A payload of at most one segment gives one frame.
    ///
    /// # Errors
    /// [`DropReason::BadOffload`] if it is none of the kinds that [`GsoKind`] names, if headers and description do not
    /// agree, if it is a fragment, or if it would become more than [`MAX_SEGMENTS`] frames.
    pub fn new(frame: &'a [u8], header: &VnetHeader) -> Result<Self, DropReason> {
        Self::check(frame, header).ok_or(DropReason::BadOffload)
    }

    fn check(frame: &'a [u8], header: &VnetHeader) -> Option<Self> {
        let layout = Layout::parse(frame)?;
        let transport = frame.get(layout.transport..layout.end)?;
        let (header_len, sequence, tcp_flags) = match (header.gso(), layout.version, layout.protocol) {
            (GsoKind::TcpV4, IpVersion::V4, protocol::TCP)
            | (GsoKind::TcpV6, IpVersion::V6, protocol::TCP) => {
                let header_len = usize::from(transport.get(12)? >> 4) * 4;
                if header_len < TCP_HEADER_LEN {
                    return None;
                }
                (header_len, be32(transport, 4)?, *transport.get(TCP_FLAGS)?)
            }
            (GsoKind::UdpL4, _, protocol::UDP) => (UDP_HEADER_LEN, 0, 0),
            _ => return None,
        };
        if header.needs_checksum() && usize::from(header.csum_start) != layout.transport {
            return None;
        }
        let rest = transport.get(header_len..)?;
        let size = usize::from(header.gso_size);
        if size == 0 || rest.len().div_ceil(size) > MAX_SEGMENTS {
            return None;
        }
        let checksummed = layout.protocol == protocol::TCP
            || layout.version == IpVersion::V6
            || header.needs_checksum()
            || be16(transport, UDP_CHECKSUM_OFFSET)? != 0;
        Some(Self {
            headers: SmallVec::from_slice(frame.get(..layout.transport + header_len)?),
            identification: be16(frame, layout.network + 4)?,
            layout,
            rest,
            size,
            done: 0,
            sequence,
            tcp_flags,
            checksummed,
        })
    }

    /// Cuts smaller, if the segments of TCP would otherwise not fit into `mtu`: whoever made the super-frame may not have
    /// known it. UDP is left as it is, since its datagrams are whole.
    #[must_use]
    pub fn at_most(mut self, mtu: u16) -> Self {
        let room = usize::from(mtu).saturating_sub(self.headers.len() - self.layout.network);
        if self.layout.protocol == protocol::TCP {
            self.size = self.size.min(room.max(MIN_SIZE));
        }
        self
    }

    /// The next frame, as its headers and its payload. `None` after the last one.
    pub fn next_segment(&mut self) -> Option<(&[u8], &'a [u8])> {
        if self.rest.is_empty() && self.done > 0 {
            return None;
        }
        let (payload, rest) = self.rest.split_at(self.size.min(self.rest.len()));
        self.rest = rest;
        self.write_network_header(payload.len());
        if self.layout.protocol == protocol::TCP {
            self.write_tcp_header();
        } else {
            self.write_udp_header(payload.len());
        }
        self.write_checksum(payload);
        self.done += 1;
        #[expect(clippy::cast_possible_truncation, reason = "a segment is shorter than gso_size, a u16")]
        let sent = payload.len() as u32;
        self.sequence = self.sequence.wrapping_add(sent);
        self.identification = self.identification.wrapping_add(1);
        Some((&self.headers, payload))
    }

    fn write_network_header(&mut self, payload: usize) {
        let Layout { version, network, transport, .. } = self.layout;
        let total = self.headers.len() - network + payload;
        match version {
            IpVersion::V4 => {
                put(&mut self.headers, network + 2, &wire_len(total));
                put(&mut self.headers, network + 4, &self.identification.to_be_bytes());
                put(&mut self.headers, network + 10, &[0, 0]);
                let checksum = internet_checksum(self.headers.get(network..transport).unwrap_or_default());
                put(&mut self.headers, network + 10, &checksum.to_be_bytes());
            }
            IpVersion::V6 => put(&mut self.headers, network + 4, &wire_len(total - IPV6_HEADER_LEN)),
        }
    }

    fn write_tcp_header(&mut self) {
        let transport = self.layout.transport;
        let mut flags = self.tcp_flags;
        if self.done > 0 {
            flags &= !TCP_CWR;
        }
        if !self.rest.is_empty() {
            flags &= !(TCP_FIN | TCP_PSH);
        }
        put(&mut self.headers, transport + 4, &self.sequence.to_be_bytes());
        put(&mut self.headers, transport + TCP_FLAGS, &[flags]);
    }

    fn write_udp_header(&mut self, payload: usize) {
        put(&mut self.headers, self.layout.transport + 4, &wire_len(UDP_HEADER_LEN + payload));
    }

    fn write_checksum(&mut self, payload: &[u8]) {
        if !self.checksummed {
            return;
        }
        let offset =
            if self.layout.protocol == protocol::TCP { TCP_CHECKSUM_OFFSET } else { UDP_CHECKSUM_OFFSET };
        let transport = self.layout.transport;
        put(&mut self.headers, transport + offset, &[0, 0]);
        let header = self.headers.get(transport..).unwrap_or_default();
        let checksum = Sum::default()
            .add_pseudo_header(
                self.layout.addresses(&self.headers),
                self.layout.protocol,
                header.len() + payload.len(),
            )
            .add(header)
            .add(payload)
            .finish();
        put(&mut self.headers, transport + offset, &stored(checksum, offset).to_be_bytes());
    }
}

/// A length field. Every segment is shorter than its super-frame, whose length fitted already.
fn wire_len(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes()
}

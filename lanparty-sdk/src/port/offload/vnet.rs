//! The header in which Linux describes unfinished work: `struct virtio_net_hdr` (VIRTIO 1.2, section 5.1.6).

/// The flow uses explicit congestion notification, and its CWR bit belongs to the first segment only.
const GSO_ECN: u8 = 0x80;
const GSO_NONE: u8 = 0;
pub(super) const GSO_TCPV4: u8 = 1;
pub(super) const GSO_TCPV6: u8 = 4;
const GSO_UDP_L4: u8 = 5;
pub(super) const FLAG_NEEDS_CSUM: u8 = 0x01;

/// How a super-frame is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GsoKind {
    /// Not at all: an ordinary frame.
    None,
    /// TCP over IPv4.
    TcpV4,
    /// TCP over IPv6.
    TcpV6,
    /// UDP into datagrams of their own, over either IP.
    UdpL4,
    /// Something that this library cannot cut, with its number.
    Unknown(u8),
}

/// Ten bytes before a frame that say what the network card was to do with it.
///
/// Linux writes them in the byte order of the machine, so that is how they are read here. Their content is checked where
/// it is used, since it describes bytes that anybody on the LAN may have sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VnetHeader {
    /// Bit 0: the checksum is to be completed. Other bits need nothing done.
    pub flags: u8,
    /// How to cut, as the wire says it; [`VnetHeader::gso`] reads it.
    pub gso_type: u8,
    /// A hint where the payload begins, in bytes. Not used in what is read: the headers themselves tell.
    pub hdr_len: u16,
    /// Payload of each segment in bytes.
    pub gso_size: u16,
    /// Where the checksum begins, in bytes from the start of the frame.
    pub csum_start: u16,
    /// Where the checksum is stored, in bytes from `csum_start`.
    pub csum_offset: u16,
}

impl VnetHeader {
    /// Length of the header in bytes.
    pub const LEN: usize = 10;

    /// Reads the header.
    #[must_use]
    pub const fn parse(bytes: [u8; Self::LEN]) -> Self {
        let [flags, gso_type, a, b, c, d, e, f, g, h] = bytes;
        Self {
            flags,
            gso_type,
            hdr_len: u16::from_ne_bytes([a, b]),
            gso_size: u16::from_ne_bytes([c, d]),
            csum_start: u16::from_ne_bytes([e, f]),
            csum_offset: u16::from_ne_bytes([g, h]),
        }
    }

    /// Writes the header.
    #[must_use]
    pub const fn emit(self) -> [u8; Self::LEN] {
        let [a, b] = self.hdr_len.to_ne_bytes();
        let [c, d] = self.gso_size.to_ne_bytes();
        let [e, f] = self.csum_start.to_ne_bytes();
        let [g, h] = self.csum_offset.to_ne_bytes();
        [self.flags, self.gso_type, a, b, c, d, e, f, g, h]
    }

    /// How the frame is to be cut. The ECN bit changes nothing: CWR is only ever left on the first segment.
    #[must_use]
    pub const fn gso(self) -> GsoKind {
        match self.gso_type & !GSO_ECN {
            GSO_NONE => GsoKind::None,
            GSO_TCPV4 => GsoKind::TcpV4,
            GSO_TCPV6 => GsoKind::TcpV6,
            GSO_UDP_L4 => GsoKind::UdpL4,
            other => GsoKind::Unknown(other),
        }
    }

    /// Whether the checksum is to be completed.
    #[must_use]
    pub const fn needs_checksum(self) -> bool {
        self.flags & FLAG_NEEDS_CSUM != 0
    }
}

//! Kinds and numbers of errors. Every module has its own error types; all of them sort into these.

use crate::ctrl::RejectReason;

/// What an error is about, in a dozen words. Stable; the C ABI carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller did something that cannot be done.
    Usage,
    /// This host lacks something: a permission, a driver, a device, a file.
    Environment,
    /// The network did not carry.
    Network,
    /// The relay's certificate is not to be trusted.
    Trust,
    /// The two sides speak different versions.
    Incompatible,
    /// The other side broke the protocol.
    Protocol,
    /// The relay or the room did not want this member.
    Refused,
    /// It was stopped on purpose.
    Cancelled,
}

/// Stable numbers, in bands: 1xx usage, 2xx this host, 3xx network and transport, 4xx trust and versions, 5xx room and
/// policy. Documented in `docs/errors.md`.
pub mod code {
    /// A name that can be in no certificate.
    pub const SERVER_NAME: u32 = 101;
    /// The session was closed while it began.
    pub const CANCELLED: u32 = 102;
    /// No socket could be opened.
    pub const BIND: u32 = 201;
    /// The port failed.
    pub const PORT: u32 = 202;
    /// A host route could not be set.
    pub const ROUTE: u32 = 203;
    /// A name has no address.
    pub const RESOLVE: u32 = 301;
    /// Nobody answered.
    pub const UNREACHABLE: u32 = 302;
    /// A connection did not come about for another reason.
    pub const CONNECT: u32 = 303;
    /// The other side closed before the member was in.
    pub const CLOSED: u32 = 304;
    /// The other side broke the protocol.
    pub const PROTOCOL: u32 = 305;
    /// The certificate is for another name.
    pub const CERTIFICATE_NAME: u32 = 401;
    /// The certificate's issuer is not trusted.
    pub const CERTIFICATE_UNKNOWN: u32 = 402;
    /// The certificate is not valid now.
    pub const CERTIFICATE_EXPIRED: u32 = 403;
    /// The certificate cannot be used for another reason.
    pub const CERTIFICATE_BAD: u32 = 404;
    /// Another protocol version.
    pub const VERSION_MISMATCH: u32 = 405;
    /// No QUIC datagrams.
    pub const NO_DATAGRAMS: u32 = 406;
    /// The room is full.
    pub const ROOM_FULL: u32 = 501;
    /// The room has a gateway.
    pub const GATEWAY_PRESENT: u32 = 502;
    /// Another member has this address.
    pub const DUPLICATE_MAC: u32 = 503;
    /// The address may not be a member's.
    pub const BAD_MAC: u32 = 504;
    /// The port carries smaller frames than the room.
    pub const MTU_TOO_SMALL: u32 = 505;
    /// The connection's datagrams are too small.
    pub const BUDGET_TOO_SMALL: u32 = 506;
    /// The relay is full.
    pub const RELAY_FULL: u32 = 507;
    /// Refused for a reason that this version does not know.
    pub const REFUSED: u32 = 599;

    /// Every number with its name.
    pub const ALL: &[(&str, u32)] = &[
        ("SERVER_NAME", SERVER_NAME),
        ("CANCELLED", CANCELLED),
        ("BIND", BIND),
        ("PORT", PORT),
        ("ROUTE", ROUTE),
        ("RESOLVE", RESOLVE),
        ("UNREACHABLE", UNREACHABLE),
        ("CONNECT", CONNECT),
        ("CLOSED", CLOSED),
        ("PROTOCOL", PROTOCOL),
        ("CERTIFICATE_NAME", CERTIFICATE_NAME),
        ("CERTIFICATE_UNKNOWN", CERTIFICATE_UNKNOWN),
        ("CERTIFICATE_EXPIRED", CERTIFICATE_EXPIRED),
        ("CERTIFICATE_BAD", CERTIFICATE_BAD),
        ("VERSION_MISMATCH", VERSION_MISMATCH),
        ("NO_DATAGRAMS", NO_DATAGRAMS),
        ("ROOM_FULL", ROOM_FULL),
        ("GATEWAY_PRESENT", GATEWAY_PRESENT),
        ("DUPLICATE_MAC", DUPLICATE_MAC),
        ("BAD_MAC", BAD_MAC),
        ("MTU_TOO_SMALL", MTU_TOO_SMALL),
        ("BUDGET_TOO_SMALL", BUDGET_TOO_SMALL),
        ("RELAY_FULL", RELAY_FULL),
        ("REFUSED", REFUSED),
    ];
}

/// The number of a refusal.
#[must_use]
pub const fn reject_code(reason: RejectReason) -> u32 {
    match reason {
        RejectReason::BudgetTooSmall => code::BUDGET_TOO_SMALL,
        RejectReason::DuplicateMac => code::DUPLICATE_MAC,
        RejectReason::GatewayPresent => code::GATEWAY_PRESENT,
        RejectReason::BadMac => code::BAD_MAC,
        RejectReason::MtuTooSmall => code::MTU_TOO_SMALL,
        RejectReason::RelayFull => code::RELAY_FULL,
        RejectReason::RoomFull => code::ROOM_FULL,
        RejectReason::VersionMismatch => code::VERSION_MISMATCH,
        RejectReason::Other => code::REFUSED,
    }
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn numbers_are_unique_banded_and_documented() {
        let doc = include_str!("../docs/errors.md");
        let mut numbers: Vec<_> = code::ALL.iter().map(|(_, number)| *number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), code::ALL.len());
        for (name, number) in code::ALL {
            assert!((101..600).contains(number), "{name}");
            assert!(
                doc.contains(&format!("| {number} | `{name}` |")),
                "{number} {name} is missing in docs/errors.md"
            );
        }
    }
}

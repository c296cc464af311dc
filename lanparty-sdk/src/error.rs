//! Kinds and numbers of errors. Every module has its own error types; all of them sort into these.

use crate::ctrl::RejectReason;

/// What an error is about, in a few words. Stable; the C ABI carries it.
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

impl ErrorKind {
    /// The kind of a number from [`code`].
    #[must_use]
    pub const fn of(code: u32) -> Self {
        match code {
            code::CANCELLED => Self::Cancelled,
            code::CLOSED => Self::Refused,
            code::PROTOCOL => Self::Protocol,
            code::VERSION_MISMATCH | code::NO_DATAGRAMS => Self::Incompatible,
            200..=299 => Self::Environment,
            300..=399 => Self::Network,
            400..=499 => Self::Trust,
            500..=599 => Self::Refused,
            _ => Self::Usage,
        }
    }
}

/// An error with a stable number. Every error that a user of the library meets is one.
pub trait Coded: std::error::Error {
    /// The stable number, one of [`code`].
    fn code(&self) -> u32;

    /// The coarse kind.
    fn kind(&self) -> ErrorKind {
        ErrorKind::of(self.code())
    }
}

/// Stable numbers, in bands: 1xx usage, 2xx this host, 3xx network and transport, 4xx trust and versions, 5xx room and
/// policy. Documented in `docs/errors.md`.
pub mod code {
    /// A name that can be in no certificate.
    pub const SERVER_NAME: u32 = 101;
    /// The session was closed while it began.
    pub const CANCELLED: u32 = 102;
    /// The text is no address of a relay, or to listen on.
    pub const ADDRESS: u32 = 103;
    /// The text is no room code.
    pub const ROOM_CODE: u32 = 104;
    /// The text is no MAC address.
    pub const MAC_ADDRESS: u32 = 105;
    /// There is no tokio runtime.
    pub const NO_RUNTIME: u32 = 106;
    /// No interface may have this name.
    pub const INTERFACE_NAME: u32 = 107;
    /// A port or an MTU that the session cannot use.
    pub const MTU: u32 = 108;
    /// The session is over.
    pub const SESSION_OVER: u32 = 109;
    /// There is no such setting.
    pub const UNKNOWN_KEY: u32 = 158;
    /// The setting cannot have this value.
    pub const BAD_VALUE: u32 = 159;
    /// A setting that is needed was not given.
    pub const MISSING: u32 = 160;
    /// No socket could be opened.
    pub const BIND: u32 = 201;
    /// The port failed.
    pub const PORT: u32 = 202;
    /// A host route could not be set.
    pub const ROUTE: u32 = 203;
    /// This process may not do that.
    pub const NOT_PERMITTED: u32 = 204;
    /// Another program has the UDP port.
    pub const ADDRESS_IN_USE: u32 = 205;
    /// There is no such interface, or it went away.
    pub const INTERFACE_MISSING: u32 = 206;
    /// A wireless interface cannot be bridged.
    pub const INTERFACE_WIRELESS: u32 = 207;
    /// The interface is down.
    pub const INTERFACE_DOWN: u32 = 208;
    /// The interface has no carrier.
    pub const INTERFACE_NO_CARRIER: u32 = 209;
    /// The interface is no Ethernet that could be bridged.
    pub const INTERFACE_NOT_ETHERNET: u32 = 210;
    /// The adapter is in use.
    pub const ADAPTER_BUSY: u32 = 211;
    /// The adapter's driver is missing.
    pub const DRIVER_MISSING: u32 = 212;
    /// A certificate or key could not be read, used, made or written.
    pub const CERTIFICATE_FILE: u32 = 213;
    /// The identity file could not be read, used, made or written.
    pub const IDENTITY_FILE: u32 = 214;
    /// The system refused for a reason without a number of its own.
    pub const SYSTEM: u32 = 215;
    /// This system cannot do that.
    pub const UNSUPPORTED: u32 = 216;
    /// There are several adapters, and none was chosen.
    pub const ADAPTER_AMBIGUOUS: u32 = 217;
    /// The adapter is switched off.
    pub const ADAPTER_DISABLED: u32 = 218;
    /// The adapter does not take the member's MAC address.
    pub const ADAPTER_MAC: u32 = 219;
    /// The adapter's driver is too old.
    pub const DRIVER_OLD: u32 = 220;
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
        ("ADDRESS", ADDRESS),
        ("ROOM_CODE", ROOM_CODE),
        ("MAC_ADDRESS", MAC_ADDRESS),
        ("NO_RUNTIME", NO_RUNTIME),
        ("INTERFACE_NAME", INTERFACE_NAME),
        ("MTU", MTU),
        ("SESSION_OVER", SESSION_OVER),
        ("UNKNOWN_KEY", UNKNOWN_KEY),
        ("BAD_VALUE", BAD_VALUE),
        ("MISSING", MISSING),
        ("BIND", BIND),
        ("PORT", PORT),
        ("ROUTE", ROUTE),
        ("NOT_PERMITTED", NOT_PERMITTED),
        ("ADDRESS_IN_USE", ADDRESS_IN_USE),
        ("INTERFACE_MISSING", INTERFACE_MISSING),
        ("INTERFACE_WIRELESS", INTERFACE_WIRELESS),
        ("INTERFACE_DOWN", INTERFACE_DOWN),
        ("INTERFACE_NO_CARRIER", INTERFACE_NO_CARRIER),
        ("INTERFACE_NOT_ETHERNET", INTERFACE_NOT_ETHERNET),
        ("ADAPTER_BUSY", ADAPTER_BUSY),
        ("DRIVER_MISSING", DRIVER_MISSING),
        ("CERTIFICATE_FILE", CERTIFICATE_FILE),
        ("IDENTITY_FILE", IDENTITY_FILE),
        ("SYSTEM", SYSTEM),
        ("UNSUPPORTED", UNSUPPORTED),
        ("ADAPTER_AMBIGUOUS", ADAPTER_AMBIGUOUS),
        ("ADAPTER_DISABLED", ADAPTER_DISABLED),
        ("ADAPTER_MAC", ADAPTER_MAC),
        ("DRIVER_OLD", DRIVER_OLD),
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

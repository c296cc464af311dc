//! The numbers that functions answer with.
//!
//! Errors of the SDK keep their numbers (`lanparty-sdk/docs/errors.md`): error `N` has the status `100 - N`, so that band
//! 1xx becomes -1..-99, band 2xx -101..-199, and so on. Usage errors that exist only at this boundary have numbers from
//! -50 on.

use std::ffi::{CStr, c_char};

use lanparty_sdk::error::ErrorKind;

/// What a function answers: 0 when done, positive where nothing failed but something is worth knowing, negative for an
/// error.
pub type lanparty_status = i32;

/// Done.
pub const LANPARTY_OK: i32 = 0;

/// Nothing, or nothing more, could be done within the timeout. Try again.
pub const LANPARTY_WOULD_BLOCK: i32 = 1;

/// There will never be more.
pub const LANPARTY_END: i32 = 2;

/// The caller's buffer is too small; the count beside it says what it takes. Nothing is lost.
pub const LANPARTY_TRUNCATED: i32 = 3;

/// A name that can be in no certificate.
pub const LANPARTY_E_SERVER_NAME: i32 = -1;

/// The session was closed while it began.
pub const LANPARTY_E_CANCELLED: i32 = -2;

/// The text is no address of a relay, or to listen on.
pub const LANPARTY_E_ADDRESS: i32 = -3;

/// The text is no room code: 3 to 64 letters, digits, '-' and '_'.
pub const LANPARTY_E_ROOM_CODE: i32 = -4;

/// The bytes or the text are no MAC address that could be used.
pub const LANPARTY_E_MAC_ADDRESS: i32 = -5;

/// There is no tokio runtime; not seen through this interface.
pub const LANPARTY_E_NO_RUNTIME: i32 = -6;

/// No interface may have this name.
pub const LANPARTY_E_INTERFACE_NAME: i32 = -7;

/// A port or an MTU that the session cannot use.
pub const LANPARTY_E_MTU: i32 = -8;

/// The session is over.
pub const LANPARTY_E_SESSION_OVER: i32 = -9;

/// A pointer that must not be NULL is NULL.
pub const LANPARTY_E_NULL: i32 = -50;

/// A number is out of range, or no value of its enumeration.
pub const LANPARTY_E_INVALID_ARG: i32 = -51;

/// A text is not UTF-8.
pub const LANPARTY_E_NOT_UTF8: i32 = -52;

/// A struct_size or an element size is smaller than the first version's: set it to sizeof.
pub const LANPARTY_E_STRUCT_SIZE: i32 = -53;

/// A call that may wait, from inside a callback.
pub const LANPARTY_E_REENTRANT: i32 = -54;

/// The handle has been closed.
pub const LANPARTY_E_CLOSED: i32 = -55;

/// A session uses the port already.
pub const LANPARTY_E_PORT_IN_USE: i32 = -56;

/// The handle belongs to the process that this one was forked from.
pub const LANPARTY_E_FORKED: i32 = -57;

/// There is no such configuration key.
pub const LANPARTY_E_UNKNOWN_KEY: i32 = -58;

/// A configuration key has a value that it cannot have.
pub const LANPARTY_E_BAD_VALUE: i32 = -59;

/// A required configuration key was not given.
pub const LANPARTY_E_MISSING: i32 = -60;

/// There is no such room or member.
pub const LANPARTY_E_NOT_FOUND: i32 = -61;

/// A frame is shorter than 14 bytes or longer than 65535.
pub const LANPARTY_E_FRAME_LENGTH: i32 = -62;

/// Another kind of port can do that; this one cannot.
pub const LANPARTY_E_WRONG_PORT: i32 = -63;

/// The process has a tracing subscriber of its own.
pub const LANPARTY_E_LOGGER: i32 = -64;

/// No socket could be opened.
pub const LANPARTY_E_BIND: i32 = -101;

/// The port failed.
pub const LANPARTY_E_PORT: i32 = -102;

/// A host route could not be set.
pub const LANPARTY_E_ROUTE: i32 = -103;

/// This process may not do that.
pub const LANPARTY_E_NOT_PERMITTED: i32 = -104;

/// Another program has the UDP port.
pub const LANPARTY_E_ADDRESS_IN_USE: i32 = -105;

/// There is no such interface, or it went away.
pub const LANPARTY_E_INTERFACE_MISSING: i32 = -106;

/// A wireless interface cannot be bridged.
pub const LANPARTY_E_INTERFACE_WIRELESS: i32 = -107;

/// The interface is down.
pub const LANPARTY_E_INTERFACE_DOWN: i32 = -108;

/// The interface has no carrier.
pub const LANPARTY_E_INTERFACE_NO_CARRIER: i32 = -109;

/// The interface is no Ethernet that could be bridged.
pub const LANPARTY_E_INTERFACE_NOT_ETHERNET: i32 = -110;

/// The adapter is in use.
pub const LANPARTY_E_ADAPTER_BUSY: i32 = -111;

/// The adapter's driver is missing.
pub const LANPARTY_E_DRIVER_MISSING: i32 = -112;

/// A certificate or key could not be read, used, made or written.
pub const LANPARTY_E_CERTIFICATE_FILE: i32 = -113;

/// The identity file could not be read, used, made or written.
pub const LANPARTY_E_IDENTITY_FILE: i32 = -114;

/// The system refused for a reason without a number of its own.
pub const LANPARTY_E_SYSTEM: i32 = -115;

/// This system cannot do that.
pub const LANPARTY_E_UNSUPPORTED: i32 = -116;

/// There are several adapters, and none was chosen.
pub const LANPARTY_E_ADAPTER_AMBIGUOUS: i32 = -117;

/// The adapter is switched off.
pub const LANPARTY_E_ADAPTER_DISABLED: i32 = -118;

/// The adapter does not take the member's MAC address.
pub const LANPARTY_E_ADAPTER_MAC: i32 = -119;

/// The adapter's driver is too old.
pub const LANPARTY_E_DRIVER_OLD: i32 = -120;

/// A name has no address.
pub const LANPARTY_E_RESOLVE: i32 = -201;

/// Nobody answered.
pub const LANPARTY_E_UNREACHABLE: i32 = -202;

/// A connection did not come about for another reason.
pub const LANPARTY_E_CONNECT: i32 = -203;

/// The relay closed the connection: kicked, replaced, or shut out.
pub const LANPARTY_E_PEER_CLOSED: i32 = -204;

/// The other side broke the protocol.
pub const LANPARTY_E_PROTOCOL: i32 = -205;

/// The certificate is for another name.
pub const LANPARTY_E_CERTIFICATE_NAME: i32 = -301;

/// The certificate's issuer is not trusted.
pub const LANPARTY_E_CERTIFICATE_UNKNOWN: i32 = -302;

/// The certificate is not valid now.
pub const LANPARTY_E_CERTIFICATE_EXPIRED: i32 = -303;

/// The certificate cannot be used for another reason.
pub const LANPARTY_E_CERTIFICATE_BAD: i32 = -304;

/// The other side speaks another protocol version.
pub const LANPARTY_E_VERSION_MISMATCH: i32 = -305;

/// The other side has no QUIC datagrams.
pub const LANPARTY_E_NO_DATAGRAMS: i32 = -306;

/// The room is full.
pub const LANPARTY_E_ROOM_FULL: i32 = -401;

/// The room has a gateway.
pub const LANPARTY_E_GATEWAY_PRESENT: i32 = -402;

/// Another member, or the LAN, has this address.
pub const LANPARTY_E_DUPLICATE_MAC: i32 = -403;

/// The address may not be a member's.
pub const LANPARTY_E_BAD_MAC: i32 = -404;

/// The port carries smaller frames than the room.
pub const LANPARTY_E_MTU_TOO_SMALL: i32 = -405;

/// The connection's datagrams are too small.
pub const LANPARTY_E_BUDGET_TOO_SMALL: i32 = -406;

/// The relay is full.
pub const LANPARTY_E_RELAY_FULL: i32 = -407;

/// The relay refused for a reason that this version does not know.
pub const LANPARTY_E_REFUSED: i32 = -499;

/// A bug inside the library. The handle answers nothing else any more.
pub const LANPARTY_E_PANIC: i32 = -900;

/// The caller did something that cannot be done.
pub const LANPARTY_KIND_USAGE: u32 = 1;

/// This host lacks something: a permission, a driver, a device, a file.
pub const LANPARTY_KIND_ENVIRONMENT: u32 = 2;

/// The network did not carry.
pub const LANPARTY_KIND_NETWORK: u32 = 3;

/// The relay's certificate is not to be trusted.
pub const LANPARTY_KIND_TRUST: u32 = 4;

/// The two sides speak different versions.
pub const LANPARTY_KIND_INCOMPATIBLE: u32 = 5;

/// The other side broke the protocol.
pub const LANPARTY_KIND_PROTOCOL: u32 = 6;

/// The relay or the room did not want this member.
pub const LANPARTY_KIND_REFUSED: u32 = 7;

/// It was stopped on purpose.
pub const LANPARTY_KIND_CANCELLED: u32 = 8;

/// A bug inside the library.
pub const LANPARTY_KIND_INTERNAL: u32 = 9;

/// Every status with its text, for [`lanparty_status_str`].
const TEXTS: &[(i32, &CStr)] = &[
    (LANPARTY_OK, c"done"),
    (LANPARTY_WOULD_BLOCK, c"nothing, or nothing more, could be done within the timeout. Try again"),
    (LANPARTY_END, c"there will never be more"),
    (
        LANPARTY_TRUNCATED,
        c"the caller's buffer is too small; the count beside it says what it takes. Nothing is lost",
    ),
    (LANPARTY_E_SERVER_NAME, c"a name that can be in no certificate"),
    (LANPARTY_E_CANCELLED, c"the session was closed while it began"),
    (LANPARTY_E_ADDRESS, c"the text is no address of a relay, or to listen on"),
    (LANPARTY_E_ROOM_CODE, c"the text is no room code: 3 to 64 letters, digits, '-' and '_'"),
    (LANPARTY_E_MAC_ADDRESS, c"the bytes or the text are no MAC address that could be used"),
    (LANPARTY_E_NO_RUNTIME, c"there is no tokio runtime; not seen through this interface"),
    (LANPARTY_E_INTERFACE_NAME, c"no interface may have this name"),
    (LANPARTY_E_MTU, c"a port or an MTU that the session cannot use"),
    (LANPARTY_E_SESSION_OVER, c"the session is over"),
    (LANPARTY_E_NULL, c"a pointer that must not be NULL is NULL"),
    (LANPARTY_E_INVALID_ARG, c"a number is out of range, or no value of its enumeration"),
    (LANPARTY_E_NOT_UTF8, c"a text is not UTF-8"),
    (
        LANPARTY_E_STRUCT_SIZE,
        c"a struct_size or an element size is smaller than the first version's: set it to sizeof",
    ),
    (LANPARTY_E_REENTRANT, c"a call that may wait, from inside a callback"),
    (LANPARTY_E_CLOSED, c"the handle has been closed"),
    (LANPARTY_E_PORT_IN_USE, c"a session uses the port already"),
    (LANPARTY_E_FORKED, c"the handle belongs to the process that this one was forked from"),
    (LANPARTY_E_UNKNOWN_KEY, c"there is no such configuration key"),
    (LANPARTY_E_BAD_VALUE, c"a configuration key has a value that it cannot have"),
    (LANPARTY_E_MISSING, c"a required configuration key was not given"),
    (LANPARTY_E_NOT_FOUND, c"there is no such room or member"),
    (LANPARTY_E_FRAME_LENGTH, c"a frame is shorter than 14 bytes or longer than 65535"),
    (LANPARTY_E_WRONG_PORT, c"another kind of port can do that; this one cannot"),
    (LANPARTY_E_LOGGER, c"the process has a tracing subscriber of its own"),
    (LANPARTY_E_BIND, c"no socket could be opened"),
    (LANPARTY_E_PORT, c"the port failed"),
    (LANPARTY_E_ROUTE, c"a host route could not be set"),
    (LANPARTY_E_NOT_PERMITTED, c"this process may not do that"),
    (LANPARTY_E_ADDRESS_IN_USE, c"another program has the UDP port"),
    (LANPARTY_E_INTERFACE_MISSING, c"there is no such interface, or it went away"),
    (LANPARTY_E_INTERFACE_WIRELESS, c"a wireless interface cannot be bridged"),
    (LANPARTY_E_INTERFACE_DOWN, c"the interface is down"),
    (LANPARTY_E_INTERFACE_NO_CARRIER, c"the interface has no carrier"),
    (LANPARTY_E_INTERFACE_NOT_ETHERNET, c"the interface is no Ethernet that could be bridged"),
    (LANPARTY_E_ADAPTER_BUSY, c"the adapter is in use"),
    (LANPARTY_E_DRIVER_MISSING, c"the adapter's driver is missing"),
    (LANPARTY_E_CERTIFICATE_FILE, c"a certificate or key could not be read, used, made or written"),
    (LANPARTY_E_IDENTITY_FILE, c"the identity file could not be read, used, made or written"),
    (LANPARTY_E_SYSTEM, c"the system refused for a reason without a number of its own"),
    (LANPARTY_E_UNSUPPORTED, c"this system cannot do that"),
    (LANPARTY_E_ADAPTER_AMBIGUOUS, c"there are several adapters, and none was chosen"),
    (LANPARTY_E_ADAPTER_DISABLED, c"the adapter is switched off"),
    (LANPARTY_E_ADAPTER_MAC, c"the adapter does not take the member's MAC address"),
    (LANPARTY_E_DRIVER_OLD, c"the adapter's driver is too old"),
    (LANPARTY_E_RESOLVE, c"a name has no address"),
    (LANPARTY_E_UNREACHABLE, c"nobody answered"),
    (LANPARTY_E_CONNECT, c"a connection did not come about for another reason"),
    (LANPARTY_E_PEER_CLOSED, c"the relay closed the connection: kicked, replaced, or shut out"),
    (LANPARTY_E_PROTOCOL, c"the other side broke the protocol"),
    (LANPARTY_E_CERTIFICATE_NAME, c"the certificate is for another name"),
    (LANPARTY_E_CERTIFICATE_UNKNOWN, c"the certificate's issuer is not trusted"),
    (LANPARTY_E_CERTIFICATE_EXPIRED, c"the certificate is not valid now"),
    (LANPARTY_E_CERTIFICATE_BAD, c"the certificate cannot be used for another reason"),
    (LANPARTY_E_VERSION_MISMATCH, c"the other side speaks another protocol version"),
    (LANPARTY_E_NO_DATAGRAMS, c"the other side has no QUIC datagrams"),
    (LANPARTY_E_ROOM_FULL, c"the room is full"),
    (LANPARTY_E_GATEWAY_PRESENT, c"the room has a gateway"),
    (LANPARTY_E_DUPLICATE_MAC, c"another member, or the LAN, has this address"),
    (LANPARTY_E_BAD_MAC, c"the address may not be a member's"),
    (LANPARTY_E_MTU_TOO_SMALL, c"the port carries smaller frames than the room"),
    (LANPARTY_E_BUDGET_TOO_SMALL, c"the connection's datagrams are too small"),
    (LANPARTY_E_RELAY_FULL, c"the relay is full"),
    (LANPARTY_E_REFUSED, c"the relay refused for a reason that this version does not know"),
    (LANPARTY_E_PANIC, c"a bug inside the library. The handle answers nothing else any more"),
];

/// A short text for any status, unknown ones included: static, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn lanparty_status_str(status: i32) -> *const c_char {
    let known = TEXTS.iter().find(|(number, _)| *number == status);
    known.map_or(c"a status that this version does not know", |(_, text)| text).as_ptr()
}

/// The status of a number from the SDK's table.
pub(crate) fn status_of(code: u32) -> i32 {
    // Every number of that table is far below 2^31.
    100 - i32::try_from(code).unwrap_or(0)
}

/// The number of a coarse kind.
pub(crate) const fn kind_number(kind: ErrorKind) -> u32 {
    match kind {
        ErrorKind::Environment => LANPARTY_KIND_ENVIRONMENT,
        ErrorKind::Network => LANPARTY_KIND_NETWORK,
        ErrorKind::Trust => LANPARTY_KIND_TRUST,
        ErrorKind::Incompatible => LANPARTY_KIND_INCOMPATIBLE,
        ErrorKind::Protocol => LANPARTY_KIND_PROTOCOL,
        ErrorKind::Refused => LANPARTY_KIND_REFUSED,
        ErrorKind::Cancelled => LANPARTY_KIND_CANCELLED,
        _ => LANPARTY_KIND_USAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanparty_sdk::error::code;

    #[test]
    fn every_number_of_the_sdk_has_its_status() {
        for (name, number) in code::ALL {
            let status = status_of(*number);
            assert!(
                TEXTS.iter().any(|(known, _)| *known == status),
                "{name} ({number}) has no status {status}"
            );
        }
        assert_eq!(status_of(code::GATEWAY_PRESENT), LANPARTY_E_GATEWAY_PRESENT);
        assert_eq!(status_of(code::SERVER_NAME), LANPARTY_E_SERVER_NAME);
        assert_eq!(status_of(code::PROTOCOL), LANPARTY_E_PROTOCOL);
        assert_eq!(status_of(code::BIND), LANPARTY_E_BIND);
    }

    #[test]
    fn numbers_are_unique() {
        let mut numbers: Vec<_> = TEXTS.iter().map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), TEXTS.len());
    }

    #[test]
    fn any_status_has_a_text() {
        for status in [i32::MIN, -901, -77, 4, i32::MAX, LANPARTY_OK, LANPARTY_E_PANIC] {
            assert!(!lanparty_status_str(status).is_null());
        }
    }
}

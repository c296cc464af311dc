use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use lanparty_sdk::ctrl::{CloseCode, Reject};
use lanparty_sdk::quic::ConnectError;

use super::*;

fn addr() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 443).into()
}

fn connect(source: ConnectError) -> Failure {
    JoinError::Connect { relay: "relay.example:443".to_owned(), source }.into()
}

fn rejected(reason: RejectReason) -> Reject {
    Reject { reason, detail: String::new() }
}

#[test]
fn every_refusal_has_its_code_and_its_way_out() {
    for (reason, exit, way_out) in [
        (RejectReason::BudgetTooSmall, Exit::Refused, "too small"),
        (RejectReason::DuplicateMac, Exit::Refused, "choose another, or take a new identity"),
        (RejectReason::GatewayPresent, Exit::Refused, "stop that one first"),
        (RejectReason::BadMac, Exit::Refused, "02:1a:2b:3c:4d:5e"),
        (RejectReason::MtuTooSmall, Exit::Refused, "raise its MTU"),
        (RejectReason::RelayFull, Exit::Refused, "try again later"),
        (RejectReason::RoomFull, Exit::Refused, "wait until somebody leaves"),
        (RejectReason::VersionMismatch, Exit::Incompatible, "update the older"),
        (RejectReason::Other, Exit::Refused, "update it"),
    ] {
        let before = Failure::from(JoinError::Rejected(rejected(reason)));
        let after = Failure::from(EndReason::Rejected(rejected(reason)));
        assert_eq!((before.exit(), after.exit()), (exit, exit), "{reason:?}");
        assert!(before.to_string().starts_with("the relay refused: "), "{before}");
        assert!(before.to_string().contains(way_out), "{before}");
        assert_eq!(before.to_string(), after.to_string());
    }
}

#[test]
fn a_connection_that_does_not_come_about_says_why() {
    let names = ConnectError::NameMismatch {
        expected: "a.example".to_owned(),
        presented: vec!["b.example".to_owned()],
    };
    for (error, exit, words) in [
        (names, Exit::Untrusted, "not for a.example but for b.example"),
        (ConnectError::UnknownIssuer, Exit::Untrusted, "(relay-ca-cert)"),
        (ConnectError::Expired, Exit::Untrusted, "clock"),
        (ConnectError::BadCertificate { source: None }, Exit::Untrusted, "renew"),
        (ConnectError::TimedOut, Exit::Unreachable, "firewall"),
        (ConnectError::Refused, Exit::Unreachable, "try again"),
        (ConnectError::VersionMismatch, Exit::Incompatible, "update the older"),
        (ConnectError::NoDatagrams, Exit::Incompatible, "update it"),
        (ConnectError::ServerName { name: "a b".to_owned() }, Exit::Usage, "\"a b\""),
    ] {
        let failure = connect(error);
        assert_eq!(failure.exit(), exit, "{failure}");
        assert!(failure.to_string().starts_with("relay.example:443 cannot be reached: "), "{failure}");
        assert!(failure.to_string().contains(words), "{failure}");
    }
}

#[test]
fn what_ends_a_session_has_its_code() {
    let closed = |code| EndReason::Closed { code, text: "behave".to_owned() };
    for (reason, exit, words) in [
        (closed(CloseCode::Kicked), Exit::EndedByRelay, "ended the membership: kicked: behave"),
        (closed(CloseCode::Replaced), Exit::EndedByRelay, "newer connection"),
        (EndReason::Unreachable { cause: "silence".to_owned() }, Exit::Unreachable, "silence"),
        (EndReason::PortClosed { cause: "eth0 was removed".to_owned() }, Exit::Adapter, "eth0 was removed"),
    ] {
        let failure = Failure::from(reason);
        assert_eq!(failure.exit(), exit, "{failure}");
        assert!(failure.to_string().contains(words), "{failure}");
    }
}

#[test]
fn a_missing_permission_counts_before_the_device() {
    let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
    let bind = BindError::Permission { addr: addr(), source: denied() };
    assert_eq!(Failure::from(bind).exit(), Exit::NotPermitted);
    let bind = BindError::InUse { addr: addr(), source: io::ErrorKind::AddrInUse.into() };
    assert_eq!(Failure::from(bind).exit(), Exit::Adapter);
    #[cfg(target_os = "linux")]
    {
        use lanparty_sdk::port::af_packet::AfPacketError;
        use lanparty_sdk::port::tap_linux::TapError;
        let tap = Failure::from(TapError::NotPermitted { source: denied() });
        let packet = Failure::from(AfPacketError::NotPermitted { source: denied() });
        assert_eq!((tap.exit(), packet.exit()), (Exit::NotPermitted, Exit::NotPermitted));
        assert!(
            tap.to_string().starts_with("not root: run with sudo, or give this binary cap_net_admin"),
            "{tap}"
        );
        assert!(packet.to_string().contains("cap_net_raw"), "{packet}");
        let wireless = Failure::from(AfPacketError::Wireless { iface: "wlan0".to_owned() });
        assert_eq!(wireless.exit(), Exit::Adapter);
        assert!(wireless.to_string().contains("wlan0 is wireless: the access point will drop foreign MACs"));
        let unplugged = Failure::from(AfPacketError::NoCarrier { iface: "eth0".to_owned() });
        assert!(unplugged.to_string().starts_with("eth0 has no carrier"), "{unplugged}");
    }
}

#[cfg(windows)]
#[test]
fn what_is_wrong_with_an_adapter_has_its_code() {
    use lanparty_sdk::port::tap_windows::TapError;
    let denied = Failure::from(TapError::NotPermitted { source: io::ErrorKind::PermissionDenied.into() });
    assert_eq!(denied.exit(), Exit::NotPermitted);
    assert!(denied.to_string().contains("as administrator"), "{denied}");
    let journal = Failure::from(TapError::Journal(io::ErrorKind::PermissionDenied.into()));
    assert_eq!(journal.exit(), Exit::NotPermitted);
    assert_eq!(Failure::from(TapError::NoDriver).exit(), Exit::Adapter);
}

#[test]
fn a_cause_is_told_once() {
    let source = io::Error::other("disk on fire");
    let failure = Failure::with_source(Exit::File, "cannot read a", source);
    assert_eq!(failure.to_string(), "cannot read a: disk on fire");
    #[derive(Debug)]
    struct Outer(io::Error);
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "outer: {}", self.0)
        }
    }
    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    assert_eq!(chain(&Outer(io::Error::other("inner"))), "outer: inner");
}

//! TAP adapters: how they are made, what the host sees of them, and how they go.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::process::Stdio;

use bytes::Bytes;
use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::port::tap_linux::{TapError, TapOptions, TapPort};
use lanparty_sdk::port::{NameError, PortKind, TrySendError};
use libtest_mimic::Trial;

use crate::bulk;
use crate::kit::{
    eventually, frame, ip, is_ours, open, receive_error, receive_ours, receive_where, send, trial,
    trial_async, try_ip,
};
use crate::roles::{self, start};

const TAP: &str = "lptap";

pub(crate) fn trials() -> Vec<Trial> {
    if let Err(error) = fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        eprintln!("linux_ports: TAP SKIPPED, NO ADAPTER WAS TESTED: /dev/net/tun: {error}");
        assert_ne!(std::env::var("LANPARTY_REQUIRE_NETNS").as_deref(), Ok("1"), "and that is demanded");
        return Vec::new();
    }
    let mut trials = vec![
        trial_async("tap::names_follow_the_rules", names_follow_the_rules),
        trial_async("tap::a_taken_name_is_busy", a_taken_name_is_busy),
        trial_async("tap::the_host_sees_address_mtu_and_cable", the_host_sees_address_mtu_and_cable),
        trial_async("tap::ip_addresses_are_set", ip_addresses_are_set),
        trial_async("tap::frames_go_both_ways", frames_go_both_ways),
        trial_async("tap::large_frames_are_whole", large_frames_are_whole),
        trial_async("tap::bad_frames_are_refused", bad_frames_are_refused),
        trial_async("tap::deletion_ends_the_port", deletion_ends_the_port),
        trial("tap::a_killed_program_leaves_nothing", a_killed_program_leaves_nothing),
    ];
    trials.extend(bulk::trials());
    trials
}

async fn names_follow_the_rules() {
    for (bad, why) in [
        ("", NameError::Empty),
        ("lp tap", NameError::Character(' ')),
        ("lp/tap", NameError::Character('/')),
        ("lptap%d", NameError::Character('%')),
        ("lptap67890123456", NameError::TooLong),
    ] {
        match TapPort::open(&TapOptions::new(bad)) {
            Err(TapError::BadName { source, .. }) => assert_eq!(source, why, "{bad:?}"),
            other => panic!("{bad:?}: {other:?}"),
        }
    }
    let longest = "lptap6789012345";
    let port = TapPort::open(&TapOptions::new(longest)).unwrap();
    assert!(ip("-br link").contains(longest));
    drop(port);
    assert!(!ip("-br link").contains(longest), "it lives as long as the port");
    let error = TapPort::open(TapOptions::new(TAP).mac(MacAddr::BROADCAST)).unwrap_err();
    assert!(matches!(error, TapError::BadMac { .. }), "{error}");
    let error = TapPort::open(TapOptions::new(TAP).mtu(1279)).unwrap_err();
    assert!(matches!(error, TapError::BadMtu { .. }), "{error}");
}

async fn a_taken_name_is_busy() {
    let first = TapPort::open(&TapOptions::new(TAP)).unwrap();
    let error = TapPort::open(&TapOptions::new(TAP)).unwrap_err();
    assert!(matches!(error, TapError::Busy { .. }), "{error:?}");
    assert!(
        error.to_string().starts_with("an interface called lptap exists already: choose another name"),
        "{error}"
    );
    drop(first);
    // Without a program behind it: another one's persistent adapter must not be taken over.
    ip("tuntap add lptap mode tap");
    let error = TapPort::open(&TapOptions::new(TAP)).unwrap_err();
    assert!(matches!(error, TapError::Busy { .. }), "{error:?}");
    ip("link delete lptap");
    TapPort::open(&TapOptions::new(TAP)).unwrap();
}

async fn the_host_sees_address_mtu_and_cable() {
    let mac = MacAddr([0x02, 0x1a, 0x2b, 0x3c, 0x4d, 0x5e]);
    let port = TapPort::open(TapOptions::new(TAP).mac(mac).mtu(1400)).unwrap();
    let shown = || ip("-o link show lptap");
    assert!(shown().contains("02:1a:2b:3c:4d:5e") && shown().contains("mtu 1400"), "{}", shown());
    assert!(shown().contains("NO-CARRIER") && shown().contains(",UP"), "{}", shown());
    let caps = port.sink.caps();
    assert_eq!((caps.kind, caps.name.as_str(), caps.mac, caps.mtu), (PortKind::Tap, TAP, Some(mac), 1400));
    for _ in 0..2 {
        port.sink.set_link(true).unwrap();
        eventually("plugged", || shown().contains("LOWER_UP"));
        port.sink.set_link(false).unwrap();
        eventually("pulled", || shown().contains("NO-CARRIER"));
    }
    port.sink.set_mtu(1300).unwrap();
    assert!(shown().contains("mtu 1300"));
    assert_eq!(port.sink.caps().mtu, 1300);
    let random = TapPort::open(&TapOptions::new("lptap2")).unwrap().sink.caps().mac.unwrap();
    assert!(random.is_client_identity(), "{random}");
}

async fn ip_addresses_are_set() {
    let mut options = TapOptions::new(TAP);
    options.address("10.77.0.2/24".parse().unwrap());
    let (port, handle) = TapPort::open_with_handle(&options).unwrap();
    let shown = || ip("-o addr show lptap");
    assert!(shown().contains("10.77.0.2/24 brd 10.77.0.255"), "{}", shown());
    handle.add_address("10.78.0.2/16".parse().unwrap()).unwrap();
    assert!(shown().contains("10.78.0.2/16") && !shown().contains("10.77.0.2"), "{}", shown());
    handle.add_address("10.79.0.2/32".parse().unwrap()).unwrap();
    assert!(shown().contains("10.79.0.2"), "{}", shown());
    fs::write("/proc/sys/net/ipv6/conf/lptap/disable_ipv6", "0").unwrap();
    for address in ["fd77::2/64", "fd78::2/48"] {
        handle.add_address(address.parse().unwrap()).unwrap();
    }
    assert!(shown().contains("fd77::2/64") && shown().contains("fd78::2/48"), "{}", shown());
    port.sink.set_link(true).unwrap();
    port.sink.set_link(false).unwrap();
    assert!(
        shown().contains("10.79.0.2") && shown().contains("fd77::2/64"),
        "a pulled cable leaves addresses"
    );
    drop(port);
    let error = handle.add_address("10.77.0.2/24".parse().unwrap()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotConnected);
}

async fn frames_go_both_ways() {
    let mut tap = TapPort::open(&TapOptions::new(TAP)).unwrap();
    tap.sink.set_link(true).unwrap();
    eventually("a carrier", || lanparty_sdk::port::af_packet::preflight(TAP).is_ok());
    let mut host = open(TAP);
    send(&tap, frame(1, 60)).await;
    assert_eq!(receive_ours(&mut host).await, frame(1, 60));
    send(&host, frame(2, 60)).await;
    assert_eq!(receive_ours(&mut tap).await, frame(2, 60));
    let sent: Vec<Bytes> = (1..=150_u8).map(|n| frame(n, 1514 - usize::from(n))).collect();
    host.sink.try_send_batch(&mut sent.clone(), &mut |error| panic!("{error}"));
    assert_eq!(receive_where(&mut tap, sent.len(), is_ours).await, sent);
    tap.sink.try_send_batch(&mut sent.clone(), &mut |error| panic!("{error}"));
    assert_eq!(receive_where(&mut host, sent.len(), is_ours).await, sent);
}

async fn large_frames_are_whole() {
    let mut tap = TapPort::open(TapOptions::new(TAP).mtu(65_521)).unwrap();
    tap.sink.set_link(true).unwrap();
    eventually("a carrier", || lanparty_sdk::port::af_packet::preflight(TAP).is_ok());
    let host = open(TAP);
    for len in [1517, 1518, 1519, 9014, 65_535] {
        send(&host, frame(3, len)).await;
        assert_eq!(receive_ours(&mut tap).await, frame(3, len), "{len}");
    }
}

async fn bad_frames_are_refused() {
    let tap = TapPort::open(&TapOptions::new(TAP)).unwrap();
    let runt = tap.sink.try_send(Bytes::from_static(&[1; 13]));
    assert!(matches!(runt, Err(TrySendError::Refused(_))), "{runt:?}");
    ip("link set lptap down");
    let down = tap.sink.try_send(frame(1, 60));
    assert!(matches!(down, Err(TrySendError::Refused(_))), "{down:?}");
    ip("link set lptap up");
    assert!(tap.sink.try_send(frame(1, 60)).is_ok());
}

async fn deletion_ends_the_port() {
    let mut tap = TapPort::open(&TapOptions::new(TAP)).unwrap();
    ip("link delete lptap");
    let error = receive_error(&mut tap).await;
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert_eq!(error.to_string(), "lptap was removed from this host");
    assert!(matches!(tap.sink.try_send(frame(1, 60)), Err(TrySendError::Closed(_))));
}

fn a_killed_program_leaves_nothing() {
    let mut holder =
        start(roles::HOLD_TAP, TAP, false).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    assert!(try_ip("link show lptap").is_ok());
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(try_ip("link show lptap").is_err());
}

//! `AF_PACKET`: what is checked, what is captured, what is not, and what happens when the interface changes.

use std::io;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use lanparty_sdk::frame::{EtherType, MacAddr};
use lanparty_sdk::obs::DropReason;
use lanparty_sdk::port::af_packet::{AfPacketError, AfPacketOptions, AfPacketPort, preflight};
use lanparty_sdk::port::offload::complete_transport_checksum;
use lanparty_sdk::port::{PortKind, TrySendError};
use lanparty_sdk::switch::craft::{ethernet, ipv6, tcp};
use lanparty_sdk::switch::ip::protocol::TCP;
use libtest_mimic::Trial;

use crate::bulk::packets;
use crate::kit::{
    Veth, eventually, frame, ip, is_ours, open, receive, receive_error, receive_ours, receive_where, send,
    trial, trial_async, try_ip,
};
use crate::roles::{self, start};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("af_packet::preflight_names_what_is_wrong", preflight_names_what_is_wrong),
        trial("af_packet::privilege_is_asked_for", privilege_is_asked_for),
        trial_async("af_packet::caps_are_the_interface", caps_are_the_interface),
        trial_async("af_packet::own_frames_are_not_captured", own_frames_are_not_captured),
        trial_async("af_packet::batches_keep_their_order", batches_keep_their_order),
        trial_async("af_packet::tags_are_put_back", tags_are_put_back),
        trial_async("af_packet::jumbo_frames_keep_their_length", jumbo_frames_keep_their_length),
        trial_async("af_packet::frames_that_do_not_fit_are_refused", frames_that_do_not_fit_are_refused),
        trial_async("af_packet::a_flow_that_does_not_fit_is_refused", a_flow_that_does_not_fit_is_refused),
        trial_async("af_packet::a_full_kernel_queue_is_told", a_full_kernel_queue_is_told),
        trial_async("af_packet::link_down_and_up_is_survived", link_down_and_up_is_survived),
        trial_async("af_packet::removal_ends_the_port", removal_ends_the_port),
        trial_async("af_packet::removal_while_down_ends_the_port", removal_while_down_ends_the_port),
        trial_async("af_packet::another_interface_of_that_name_is_not_ours", another_interface_of_that_name),
        trial_async("af_packet::a_udp_flow_can_be_ignored", a_udp_flow_can_be_ignored),
        trial_async("af_packet::promiscuous_mode_ends_with_the_port", promiscuous_mode_ends_with_the_port),
    ]
}

fn preflight_names_what_is_wrong() {
    assert!(matches!(preflight("lo"), Err(AfPacketError::Loopback { .. })));
    assert!(matches!(preflight("lpnone"), Err(AfPacketError::NotFound { .. })));
    let _veth = Veth::down();
    assert!(matches!(preflight(Veth::LEFT), Err(AfPacketError::Down { .. })));
    ip("link set lpa up");
    let error = preflight(Veth::LEFT).unwrap_err();
    assert_eq!(error.to_string(), "lpa has no carrier: plug in the cable");
    ip("link set lpb up");
    eventually("a carrier", || preflight(Veth::LEFT).is_ok());
    match try_ip("tuntap add lptun mode tun") {
        Ok(_) => {
            let error = preflight("lptun").unwrap_err();
            assert!(matches!(error, AfPacketError::NotEthernet { .. }), "{error}");
            ip("link delete lptun");
        }
        Err(error) => eprintln!("no tun interface to refuse: {error}"),
    }
}

fn privilege_is_asked_for() {
    let _veth = Veth::up();
    eventually("a carrier", || preflight(Veth::LEFT).is_ok());
    let status = start(roles::NOT_PERMITTED, Veth::LEFT, true).status().expect("setpriv (util-linux)");
    assert!(status.success());
}

async fn caps_are_the_interface() {
    let _veth = Veth::up();
    ip("link set lpa mtu 1400 address 02:00:00:00:0a:01");
    let (port, handle) =
        AfPacketPort::open_with_handle(Veth::LEFT, AfPacketOptions::new().receive_buffer_bytes(1024 * 1024))
            .unwrap();
    let caps = port.sink.caps();
    assert_eq!((caps.kind, caps.name.as_str(), caps.mtu), (PortKind::AfPacket, "lpa", 1400));
    assert_eq!(caps.mac.unwrap().to_string(), "02:00:00:00:0a:01");
    assert!(port.sink.set_mtu(1400).is_ok());
    assert_eq!(port.sink.set_mtu(1401).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert!(handle.receive_buffer_bytes().unwrap() > 0);
    assert_eq!(handle.kernel_drops().unwrap(), 0);
    drop(port);
    assert_eq!(handle.kernel_drops().unwrap_err().kind(), io::ErrorKind::NotConnected);
}

async fn own_frames_are_not_captured() {
    let _veth = Veth::up();
    let mut left = open(Veth::LEFT);
    let mut right = open(Veth::RIGHT);
    send(&left, frame(1, 60)).await;
    assert_eq!(receive_ours(&mut right).await, frame(1, 60));
    // The answer is behind our own frame, were that captured too.
    send(&right, frame(2, 60)).await;
    assert_eq!(receive_ours(&mut left).await, frame(2, 60));
}

async fn batches_keep_their_order() {
    let _veth = Veth::up();
    let left = open(Veth::LEFT);
    let mut right = open(Veth::RIGHT);
    send(&left, frame(0, 60)).await;
    receive_ours(&mut right).await;
    let sent: Vec<Bytes> = (1..=100_u8).map(|n| frame(n, 60 + usize::from(n) * 14)).collect();
    left.sink.try_send_batch(&mut sent.clone(), &mut |error| panic!("{error}"));
    assert_eq!(receive_where(&mut right, sent.len(), is_ours).await, sent);
    assert_eq!(right.source.take_drops().total(), 0);
}

async fn tags_are_put_back() {
    let _veth = Veth::up();
    let left = open(Veth::LEFT);
    let mut right = open(Veth::RIGHT);
    // The kernel takes the tag off on arrival, whether or not it has VLAN interfaces, and describes it beside the frame.
    for (tpid, tci, len) in [(0x8100_u16, 0x2005_u16, 60), (0x8100, 0, 1514), (0x88a8, 0x0fff, 60)] {
        let plain = frame(7, len);
        let tag = [tpid.to_be_bytes(), tci.to_be_bytes()].concat();
        let tagged = [&plain[..12], &tag, &plain[12..]].concat();
        send(&left, tagged.clone().into()).await;
        let received =
            receive_where(&mut right, 1, |frame| frame[12..14] == tpid.to_be_bytes() || is_ours(frame)).await;
        assert_eq!(received[0], tagged, "{tpid:#x} {tci:#x}");
    }
}

async fn jumbo_frames_keep_their_length() {
    let _veth = Veth::up();
    ip("link set lpa mtu 65535");
    ip("link set lpb mtu 65535");
    let left = open(Veth::LEFT);
    let mut right = open(Veth::RIGHT);
    for len in [1515, 9014, 65_549] {
        send(&left, frame(9, len)).await;
        assert_eq!(receive_ours(&mut right).await, frame(9, len));
    }
}

async fn frames_that_do_not_fit_are_refused() {
    let _veth = Veth::up();
    let left = open(Veth::LEFT);
    let mut right = open(Veth::RIGHT);
    send(&left, frame(1, 60)).await;
    receive_ours(&mut right).await;
    let refused = |result: Result<(), TrySendError>, errno| match result {
        Err(TrySendError::Refused(error)) => assert_eq!(error.raw_os_error(), Some(errno)),
        other => panic!("{other:?}"),
    };
    refused(left.sink.try_send(frame(2, 1515)), libc::EMSGSIZE);
    refused(left.sink.try_send(Bytes::from_static(&[2; 13])), libc::EINVAL);
    // One bad frame costs its neighbours nothing.
    let mut errors = 0;
    left.sink.try_send_batch(&mut vec![frame(3, 60), frame(4, 1600), frame(5, 1514)], &mut |_| errors += 1);
    assert_eq!(errors, 1);
    assert_eq!(receive_where(&mut right, 2, is_ours).await, [frame(3, 60), frame(5, 1514)]);
}

async fn a_flow_that_does_not_fit_is_refused() {
    const HEADERS: usize = 14 + 40 + 20;
    let _veth = Veth::up();
    let left = open(Veth::LEFT);
    let flow = |len: usize| -> Vec<Bytes> {
        let segment = |number: usize| {
            let packet = ipv6(TCP, &tcp(true, 0x10, &[], &vec![7; len - HEADERS]));
            let mut frame =
                ethernet(MacAddr::BROADCAST, MacAddr([2, 0, 0, 0, 0, 1]), EtherType::IPV6, &packet);
            let sequence = u32::try_from(number * (len - HEADERS)).unwrap();
            frame[58..62].copy_from_slice(&sequence.to_be_bytes());
            assert_eq!(complete_transport_checksum(&mut frame), Ok(true));
            frame.into()
        };
        (0..3).map(segment).collect()
    };
    let send = |len| {
        let mut errors = Vec::new();
        let before = packets(Veth::LEFT).1;
        left.sink.try_send_batch(&mut flow(len), &mut |error| errors.push(error));
        (errors, packets(Veth::LEFT).1 - before)
    };
    let (errors, sent) = send(1514);
    assert_eq!((errors.len(), sent), (0, 1), "they are sent as one");
    let (errors, sent) = send(1515);
    assert_eq!((errors.len(), sent), (3, 0), "the kernel would not look into the super-frame");
    assert!(errors.iter().all(|error| matches!(error, TrySendError::Refused(_))), "{errors:?}");
}

async fn a_full_kernel_queue_is_told() {
    let _veth = Veth::up();
    let left = open(Veth::LEFT);
    let (mut right, handle) =
        AfPacketPort::open_with_handle(Veth::RIGHT, AfPacketOptions::new().receive_buffer_bytes(1)).unwrap();
    for _ in 0..64 {
        send(&left, frame(1, 1514)).await;
    }
    let dropped = handle.kernel_drops().unwrap();
    assert!(dropped > 0);
    assert_eq!(right.source.take_drops().get(DropReason::PortFull), dropped);
    assert_eq!(right.source.take_drops().total(), 0, "told once");
    assert!(!receive(&mut right).await.unwrap().is_empty());
}

async fn link_down_and_up_is_survived() {
    let _veth = Veth::up();
    let mut left = open(Veth::LEFT);
    let right = open(Veth::RIGHT);
    for _ in 0..3 {
        ip("link set lpa down");
        match left.sink.try_send(frame(1, 60)) {
            Err(TrySendError::Refused(error)) => assert_eq!(error.raw_os_error(), Some(libc::ENETDOWN)),
            other => panic!("{other:?}"),
        }
        ip("link set lpa up");
        // What is sent before both ends have noticed is lost, so it is sent until it comes through.
        let resend = async {
            loop {
                send(&right, frame(2, 60)).await;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            received = receive_ours(&mut left) => assert_eq!(received, frame(2, 60)),
            () = resend => unreachable!("never ends"),
        }
    }
}

async fn removal_ends_the_port() {
    let veth = Veth::up();
    let mut left = open(Veth::LEFT);
    drop(veth);
    let error = receive_error(&mut left).await;
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert_eq!(error.to_string(), "lpa was removed from this host");
    assert!(matches!(left.sink.try_send(frame(1, 60)), Err(TrySendError::Closed(_))));
}

async fn removal_while_down_ends_the_port() {
    let veth = Veth::up();
    let mut left = open(Veth::LEFT);
    ip("link set lpa down");
    assert!(
        tokio::time::timeout(std::time::Duration::from_millis(50), receive(&mut left)).await.is_err(),
        "down is not gone"
    );
    drop(veth);
    assert_eq!(receive_error(&mut left).await.to_string(), "lpa was removed from this host");
}

async fn another_interface_of_that_name() {
    let veth = Veth::up();
    let mut left = open(Veth::LEFT);
    drop(veth);
    let _another = Veth::up();
    let error = receive_error(&mut left).await;
    assert_eq!(error.to_string(), "lpa was removed and created again: open the port again");
    assert!(matches!(left.sink.try_send(frame(1, 60)), Err(TrySendError::Closed(_))));
}

async fn a_udp_flow_can_be_ignored() {
    let _veth = Veth::up();
    let left = open(Veth::LEFT);
    let others: [IpAddr; 2] = ["198.51.100.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    let relays: [IpAddr; 2] = ["203.0.113.9".parse().unwrap(), "2001:db8:0:9::9".parse().unwrap()];
    for (relay, other) in relays.into_iter().zip(others) {
        let mut options = AfPacketOptions::new();
        options.ignore_udp_flow(SocketAddr::new(relay, 443));
        let (mut right, handle) = AfPacketPort::open_with_handle(Veth::RIGHT, &options).unwrap();
        let there = |port| udp((relay, port), (other, 50_000), 17);
        let ignored = [there(443), udp((other, 50_000), (relay, 443), 17)];
        let taken = [
            there(444),
            udp((other, 443), (other, 50_000), 17),
            udp((relay, 443), (other, 50_000), 6),
            udp((other, 50_000), (relay, 444), 17),
        ];
        for frame in ignored.iter().chain(&taken) {
            send(&left, frame.clone()).await;
        }
        assert_eq!(receive_where(&mut right, taken.len(), is_udp_test).await, taken, "{relay}");
        handle.ignore_udp_flow(SocketAddr::new(relay, 444)).unwrap();
        for frame in [there(444), there(443)] {
            send(&left, frame).await;
        }
        assert_eq!(receive_where(&mut right, 1, is_udp_test).await, [there(443)], "the new one replaces it");
    }
}

fn is_udp_test(frame: &[u8]) -> bool {
    frame[6..12] == [0x02, 0, 0, 0, 0, 0x55]
}

/// A frame with ports; its checksums do not matter here.
fn udp(from: (IpAddr, u16), to: (IpAddr, u16), protocol: u8) -> Bytes {
    let mut frame = vec![0xff; 6];
    frame.extend([0x02, 0, 0, 0, 0, 0x55]);
    match (from.0, to.0) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            frame.extend([0x08, 0, 0x46, 0, 0, 52, 0, 0, 0x40, 0, 64, protocol, 0, 0]);
            frame.extend(source.octets());
            frame.extend(destination.octets());
            frame.extend([1; 4]);
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 28, protocol, 64]);
            frame.extend(source.octets());
            frame.extend(destination.octets());
        }
        _ => unreachable!("one family"),
    }
    frame.extend(from.1.to_be_bytes());
    frame.extend(to.1.to_be_bytes());
    frame.extend([0; 24]);
    frame.into()
}

async fn promiscuous_mode_ends_with_the_port() {
    let _veth = Veth::up();
    let promiscuity = || ip("-d link show lpa").contains("promiscuity 1");
    assert!(!promiscuity());
    let port = open(Veth::LEFT);
    assert!(promiscuity());
    drop(port);
    assert!(!promiscuity());
}

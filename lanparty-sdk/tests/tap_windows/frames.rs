//! Frames, both ways: all of them, in order, as they were.

use bytes::Bytes;
use lanparty_sdk::obs::DropReason;
use lanparty_sdk::port::tap_windows::TapPort;
use lanparty_sdk::port::{Port, TrySendError};
use libtest_mimic::Trial;

use crate::computer::{Adapter, DEADLINE, Wire, frame, receive, trial_async};

/// How many frames go one way.
const FRAMES: u32 = 5000;
/// How many are under way at once: fewer than the driver queues.
const WINDOW: u32 = 32;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial_async("all_that_the_computer_sends_arrives_in_order", from_the_computer),
        trial_async("all_that_the_room_sends_arrives_in_order", to_the_computer),
        trial_async("both_ways_at_once_with_one_operation_each", async |adapter| {
            both_ways(&adapter, 1).await;
        }),
        trial_async("both_ways_at_once_with_many_operations", async |adapter| {
            both_ways(&adapter, 256).await;
        }),
        trial_async("what_cannot_be_a_frame_is_dropped_and_counted", not_a_frame),
    ]
}

async fn from_the_computer(adapter: Adapter) {
    let wire = adapter.wire();
    let mut port = adapter.open();
    port.sink.set_link(true).unwrap();
    let (mut sent, mut seen) = (0, 0);
    while seen < FRAMES {
        while sent < FRAMES.min(seen + WINDOW) {
            wire.send(&frame(sent));
            sent += 1;
        }
        for received in receive(&mut port).await.unwrap().drain() {
            assert_eq!(received.bytes(), frame(seen));
            seen += 1;
        }
    }
    assert_eq!(port.source.take_drops().total(), 0);
    assert_eq!((&*adapter.status("to_program_dropped"), &*adapter.status("to_nobody")), ("0", "0"));
}

async fn to_the_computer(adapter: Adapter) {
    let wire = adapter.wire();
    let port = adapter.open();
    port.sink.set_link(true).unwrap();
    for number in 0..FRAMES {
        send(&port, &frame(number)).await;
        if number >= WINDOW {
            assert_eq!(wire.receive(), frame(number - WINDOW));
        }
    }
    for number in FRAMES - WINDOW..FRAMES {
        assert_eq!(wire.receive(), frame(number));
    }
}

async fn both_ways(adapter: &Adapter, operations: u16) {
    let wire = adapter.wire();
    let mut port = TapPort::open(adapter.options().operations(operations)).unwrap();
    port.sink.set_link(true).unwrap();
    let (mut sent, mut seen, mut back) = (0, 0, 0);
    while back < FRAMES {
        while sent < FRAMES.min(back + WINDOW) {
            wire.send(&frame(sent));
            sent += 1;
        }
        if seen < sent {
            for received in receive(&mut port).await.unwrap().drain() {
                assert_eq!(received.bytes(), frame(seen));
                seen += 1;
                send(&port, received.bytes()).await;
            }
        }
        back += drain(&wire, back, seen);
    }
}

/// Takes what has come back so far, and at least one.
fn drain(wire: &Wire, first: u32, end: u32) -> u32 {
    assert_eq!(wire.receive(), frame(first));
    let mut number = first + 1;
    while number < end
        && let Some(received) = wire.try_receive()
    {
        assert_eq!(received, frame(number));
        number += 1;
    }
    number - first
}

/// Sends as soon as there is a place for it.
async fn send(port: &Port, frame: &[u8]) {
    let frame = Bytes::copy_from_slice(frame);
    let sent = async {
        while let Err(error) = port.sink.try_send(frame.clone()) {
            assert!(matches!(error, TrySendError::Full(_)), "{error}");
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, sent).await.expect("a place");
}

async fn not_a_frame(adapter: Adapter) {
    let wire = adapter.wire();
    let mut port = adapter.open();
    port.sink.set_link(true).unwrap();
    // Longer than any buffer of ours: the driver says so for that one, and the next one is read.
    wire.send(&[7; 3000]);
    wire.send(&frame(1));
    let mut batch = receive(&mut port).await.unwrap();
    assert_eq!(batch.drain().next().unwrap().bytes(), frame(1));
    let drops = port.source.take_drops();
    assert_eq!(drops.get(DropReason::Truncated), 1, "{drops:?}");
    // The driver would refuse it.
    let refused = port.sink.try_send(Bytes::from_static(&[1; 13]));
    assert!(matches!(refused, Err(TrySendError::Refused(_))), "{refused:?}");
    send(&port, &frame(2)).await;
    assert_eq!(wire.receive(), frame(2));
    assert_eq!(adapter.status("too_short"), "0");
}

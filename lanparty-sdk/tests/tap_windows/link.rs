//! The cable, sleep, an adapter that goes, and the end.

use std::io::ErrorKind;
use std::time::Instant;

use bytes::Bytes;
use lanparty_sdk::error::{Coded as _, code};
use lanparty_sdk::port::TrySendError;
use lanparty_sdk::port::tap_windows::{TapError, TapPort};
use libtest_mimic::Trial;

use crate::computer::{Adapter, DEADLINE, frame, is_silent, receive, trial_async};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        trial_async("the_cable_is_pulled_and_plugged_in", |adapter| cable(adapter, false)),
        trial_async("the_cable_with_a_driver_that_ends_reads", |adapter| cable(adapter, true)),
        trial_async("it_wakes_up_after_the_computer_slept", sleep),
        trial_async("dropping_it_sets_the_adapter_free", dropped),
        trial_async("the_end_pulls_the_cable", async |adapter: Adapter| {
            let port = adapter.open();
            port.sink.set_link(true).unwrap();
            adapter.wait(&["media=1"]);
            drop(port);
            adapter.wait(&["media=0", "open=0"]);
        }),
    ];
    for (name, how) in [
        ("it_is_removed_while_it_is_open", "cancelled"),
        ("it_is_removed_and_says_no_such_device", "no-such-device"),
        ("it_is_removed_and_says_not_connected", "not-connected"),
    ] {
        trials.push(trial_async(name, move |adapter| removed(adapter, how)));
    }
    trials.push(trial_async("it_is_removed_and_comes_back", replaced));
    trials
}

async fn cable(adapter: Adapter, ends_reads: bool) {
    adapter.set(&[if ends_reads { "cancel=1" } else { "cancel=0" }]);
    let wire = adapter.wire();
    let mut port = adapter.open();
    assert!(is_silent(&mut port).await);
    let refused = port.sink.try_send(Bytes::from(frame(0)));
    assert!(matches!(&refused, Err(TrySendError::Refused(error)) if error.kind() == ErrorKind::NotConnected));
    assert_eq!(adapter.status("reads_waiting"), "0");
    for number in 1..6 {
        port.sink.set_link(true).unwrap();
        wire.send(&frame(number));
        let mut batch = receive(&mut port).await.unwrap();
        assert_eq!(batch.drain().next().unwrap().bytes(), frame(number));
        port.sink.try_send(Bytes::from(frame(number))).unwrap();
        assert_eq!(wire.receive(), frame(number));
        port.sink.set_link(false).unwrap();
        wire.send(&frame(100 + number)); // to nobody
        assert!(is_silent(&mut port).await);
        assert!(port.sink.try_send(Bytes::from(frame(0))).is_err());
    }
    assert_eq!((adapter.status("media"), adapter.status("to_nobody")), ("0".into(), "5".into()));
}

async fn sleep(adapter: Adapter) {
    let wire = adapter.wire();
    let mut port = TapPort::open(adapter.options().operations(4)).unwrap();
    port.sink.set_link(true).unwrap();
    adapter.set(&["asleep=1", "plugged=1"]);
    // The reads that wait take frames once it is awake; those after them were refused meanwhile.
    assert!(is_silent(&mut port).await);
    adapter.set(&["asleep=0"]);
    for number in 0..8 {
        wire.send(&frame(number));
        let mut batch = receive(&mut port).await.unwrap();
        assert_eq!(batch.drain().next().unwrap().bytes(), frame(number));
    }
    // And where nothing waits any more, because the driver ends it.
    adapter.set(&["cancel=1", "asleep=1"]);
    port.sink.set_link(false).unwrap();
    port.sink.set_link(true).unwrap();
    for _ in 0..2 {
        assert!(is_silent(&mut port).await);
    }
    assert_eq!(adapter.status("reads_waiting"), "0");
    adapter.set(&["asleep=0"]);
    let awake = tokio::task::spawn_blocking(move || {
        adapter.wait(&["reads_waiting=4"]); // it is tried again once a second
        wire.send(&frame(9));
        (adapter, wire)
    });
    let mut batch = receive(&mut port).await.unwrap();
    assert_eq!(batch.drain().next().unwrap().bytes(), frame(9));
    let (adapter, wire) = awake.await.unwrap();
    drop((wire, port));
    assert_eq!(adapter.status("media"), "0");
}

async fn dropped(adapter: Adapter) {
    for _ in 0..5 {
        let begun = Instant::now();
        let mut port = adapter.open();
        port.sink.set_link(true).unwrap();
        assert!(is_silent(&mut port).await);
        for number in 0..200 {
            // Nobody reads them at the other end.
            let _ = port.sink.try_send(Bytes::from(frame(number)));
        }
        let sink = port.sink.clone();
        drop(port);
        sink.set_link(false).unwrap(); // it is still there
        drop(sink);
        assert!(begun.elapsed() < DEADLINE);
        assert_eq!([adapter.status("open"), adapter.status("media")], ["0", "0"]);
    }
    assert_eq!(adapter.status("opens"), "5");
}

async fn removed(adapter: Adapter, how: &str) {
    let mut port = adapter.open();
    port.sink.set_link(true).unwrap();
    assert!(is_silent(&mut port).await);
    adapter.yank(how);
    for _ in 0..2 {
        let error = receive(&mut port).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TapError>()).unwrap();
        assert_eq!(inner.code(), code::INTERFACE_MISSING);
    }
    let refused = port.sink.try_send(Bytes::from(frame(0)));
    assert!(matches!(refused, Err(TrySendError::Closed(_))), "{refused:?}");
    assert!(port.sink.set_link(false).is_err());
    drop(port);
    adapter.set(&["plugged=1"]);
    let mut port = adapter.open();
    let wire = adapter.wire();
    port.sink.set_link(true).unwrap();
    wire.send(&frame(1));
    assert_eq!(receive(&mut port).await.unwrap().drain().next().unwrap().bytes(), frame(1));
}

/// Between two looks at it: the name is there again, but our handle is not one on it.
async fn replaced(adapter: Adapter) {
    let mut port = adapter.open();
    port.sink.set_link(true).unwrap();
    assert!(is_silent(&mut port).await);
    adapter.yank("cancelled");
    adapter.set(&["plugged=1"]);
    assert_eq!(receive(&mut port).await.unwrap_err().kind(), ErrorKind::NotFound);
    drop(port);
    drop(adapter.open());
}

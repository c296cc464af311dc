//! The threads of a relay's workers, in a process of their own so that they can be counted.
#![cfg(all(target_os = "linux", feature = "runtime"))]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::fs;
use std::net::Ipv4Addr;
use std::time::Duration;

use lanparty_sdk::identity::Identity;
use lanparty_sdk::quic::{ServerCert, Trust};
use lanparty_sdk::relay::{Relay, RelayOptions};
use lanparty_sdk::session::SessionBuilder;

const NAME: &str = "party.test";
/// Far longer than anything takes; only a failure meets it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many of this process's threads are workers.
fn workers() -> usize {
    let names = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path().join("comm"));
    names.filter(|name| fs::read_to_string(name).is_ok_and(|name| name.starts_with("lanparty-w"))).count()
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} does not come"));
}

#[tokio::test]
async fn threads_end_with_their_relay() {
    let cert = ServerCert::development(NAME).unwrap();
    for says_goodbye in [true, false] {
        let mut options = RelayOptions::default();
        options.workers = 4;
        let relay = Relay::bind((Ipv4Addr::LOCALHOST, 0).into(), &cert, options).unwrap();
        let addr = relay.local_addr().unwrap();
        until("the first breath", || workers() == 3).await;
        let mut sessions = Vec::new();
        for number in 0..8 {
            let session = SessionBuilder::client(
                addr.to_string().parse().unwrap(),
                Trust::certificates(cert.cert_der()).unwrap(),
                format!("ROOM{number}").parse().unwrap(),
                Identity::generate().unwrap(),
            );
            sessions.push(session.server_name(NAME).connect().await.unwrap());
        }
        if says_goodbye {
            relay.shut_down("done").await;
            until("the end", || workers() == 0).await;
            relay.shut_down("twice").await;
            assert!(relay.rooms().is_empty() && relay.workers() == 4, "it can still be asked");
        }
        drop(relay);
        until("the end", || workers() == 0).await;
        until("the port", || std::net::UdpSocket::bind(addr).is_ok()).await;
    }
}

#[test]
fn without_a_runtime_there_is_an_error() {
    let cert = ServerCert::development(NAME).unwrap();
    let mut options = RelayOptions::default();
    options.workers = 4;
    let error = Relay::bind((Ipv4Addr::LOCALHOST, 0).into(), &cert, options).unwrap_err();
    assert!(matches!(error, lanparty_sdk::quic::BindError::NoRuntime), "{error:?}");
}

//! A game that is found as games of the LAN age are: by a broadcast that every server answers.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Result;
use smoltcp::wire::IpAddress;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::socket::UdpSocket;
use crate::stack::Stack;

/// Answers queries on `stack` for as long as the task lives.
pub(crate) async fn serve(stack: Stack, title: String) -> Result<()> {
    let socket = UdpSocket::bind(&stack, SERVER_PORT)?;
    let answer = [ANSWER, title.as_bytes()].concat();
    loop {
        let (query, from) = socket.recv_from().await;
        if query == QUERY
            && let IpAddress::Ipv4(address) = from.addr
        {
            socket.send_to(&answer, (address, from.port))?;
        }
    }
}

/// Looks for `wanted` servers, asking again every now and then as a server browser does, until `patience` is over. Gives
/// what was found: title, address, and how long the first answer took.
pub(crate) async fn find(stack: &Stack, wanted: usize, patience: Duration) -> Result<Vec<Found>> {
    let socket = UdpSocket::bind(stack, BROWSER_PORT)?;
    let begun = Instant::now();
    let mut found = BTreeMap::new();
    while found.len() < wanted && begun.elapsed() < patience {
        socket.send_to(QUERY, (Ipv4Addr::BROADCAST, SERVER_PORT))?;
        let next_query = Instant::now() + QUERY_INTERVAL;
        while let Ok((answer, from)) = timeout_at(next_query, socket.recv_from()).await {
            if let Some(title) = answer.strip_prefix(ANSWER)
                && let IpAddress::Ipv4(address) = from.addr
            {
                let title = String::from_utf8_lossy(title).into_owned();
                found.entry(address).or_insert_with(|| Found { title, address, took: begun.elapsed() });
            }
            if found.len() >= wanted {
                break;
            }
        }
        if found.len() < wanted {
            sleep_until(next_query).await;
        }
    }
    Ok(found.into_values().collect())
}

/// A server that answered.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) title: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) took: Duration,
}

const SERVER_PORT: u16 = 27960;
const BROWSER_PORT: u16 = 27961;
const QUERY: &[u8] = b"\xff\xff\xff\xffgetinfo";
const ANSWER: &[u8] = b"\xff\xff\xff\xffinfoResponse ";
const QUERY_INTERVAL: Duration = Duration::from_millis(500);

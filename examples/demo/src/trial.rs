//! What the hosts of the party do with their network: lease, find games, ping, transfer.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::game;
use crate::party::Player;
use crate::report::{GameLine, LeaseLine, PingLine, TransferLine};
use crate::socket::{Pinger, TcpStream};
use crate::stack::Stack;

/// How long a ping may take before it counts as lost.
const PING_TIMEOUT: Duration = Duration::from_secs(1);
/// How long two hosts may take to hear each other for the first time.
const CONTACT_TIMEOUT: Duration = Duration::from_secs(5);
/// The shortest time between two pings of a pair, and how much more every pair makes it.
const PING_INTERVAL_MIN: Duration = Duration::from_millis(20);
const PING_INTERVAL_PER_PAIR: Duration = Duration::from_millis(1);
/// The share of pings that may be lost.
const TOLERATED_LOSS: f64 = 0.1;
const BULK_PORT: u16 = 5001;

/// A host with the name that people know.
#[derive(Clone, Debug)]
pub(crate) struct Station {
    pub(crate) name: String,
    pub(crate) stack: Stack,
}

impl Station {
    pub(crate) fn new(name: &str, stack: &Stack) -> Self {
        Self { name: name.to_owned(), stack: stack.clone() }
    }
}

/// Every player asks for an address.
pub(crate) async fn leases(players: &[Player]) -> Result<Vec<LeaseLine>> {
    let mut asking = JoinSet::new();
    for (index, player) in players.iter().cloned().enumerate() {
        asking.spawn(async move { (index, LeaseLine::new(player.name, &player.stack.lease().await)) });
    }
    let mut leases = asking.join_all().await;
    leases.sort_unstable_by_key(|(index, _)| *index);
    Ok(leases.into_iter().map(|(_, lease)| lease).collect())
}

/// Every player but the first looks for `wanted` games, and the first for those that are not its own.
pub(crate) async fn games(players: &[Player], wanted: usize, patience: Duration) -> Result<Vec<GameLine>> {
    let mut searching = JoinSet::new();
    for (index, player) in players.iter().cloned().enumerate() {
        let wanted = if index == 0 { wanted - 1 } else { wanted };
        searching.spawn(async move {
            let found = game::find(&player.stack, wanted, patience).await?;
            ensure!(
                found.len() == wanted,
                "{} asked the whole network and found {} of {wanted} games",
                player.name,
                found.len()
            );
            Ok((index, found.iter().map(|found| GameLine::new(player.name, found)).collect::<Vec<_>>()))
        });
    }
    let mut lines = searching.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    lines.sort_unstable_by_key(|(index, _)| *index);
    Ok(lines.into_iter().flat_map(|(_, lines)| lines).collect())
}

/// Every pair of stations pings for a while.
pub(crate) async fn pings(stations: &[Station], length: Duration) -> Result<Vec<PingLine>> {
    let mut pairs = Vec::new();
    for (index, to) in stations.iter().enumerate() {
        pairs.extend(stations[index + 1..].iter().map(|from| (from.clone(), to.clone())));
    }
    let count = u32::try_from(pairs.len()).unwrap_or(u32::MAX);
    let pause = PING_INTERVAL_MIN.max(PING_INTERVAL_PER_PAIR.saturating_mul(count));
    let mut pinging = JoinSet::new();
    for (ident, (from, to)) in (1..).zip(pairs) {
        pinging.spawn(async move {
            Ok::<_, anyhow::Error>((ident, ping_pair(&from, &to, ident, length, pause).await?))
        });
    }
    let mut lines = pinging.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    lines.sort_unstable_by_key(|(ident, _)| *ident);
    Ok(lines.into_iter().map(|(_, line)| line).collect())
}

async fn ping_pair(
    from: &Station,
    to: &Station,
    ident: u16,
    length: Duration,
    pause: Duration,
) -> Result<PingLine> {
    let address = to.stack.address();
    let mut pinger = Pinger::new(&from.stack, ident)?;
    // The first one pays for the ARP exchange, so it is not counted.
    let contact = pinger.ping(address, CONTACT_TIMEOUT).await?;
    contact.with_context(|| format!("{} does not reach {} at {address}", from.name, to.name))?;
    let (mut samples, mut sent) = (Vec::new(), 0);
    let end = Instant::now() + length;
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < end {
        ticks.tick().await;
        sent += 1;
        samples.extend(pinger.ping(address, PING_TIMEOUT).await?);
    }
    let line = PingLine::new(&from.name, &to.name, sent, samples);
    ensure!(
        f64::from(line.lost) <= f64::from(sent) * TOLERATED_LOSS,
        "{} of {sent} pings from {} to {} were lost",
        line.lost,
        from.name,
        to.name
    );
    Ok(line)
}

/// One TCP connection carries as much as it can for a while.
pub(crate) async fn transfer(from: &Station, to: &Station, length: Duration) -> Result<TransferLine> {
    let listener = TcpStream::listen(&from.stack, BULK_PORT)?;
    let server = tokio::spawn(serve_bytes(listener, length));
    let fetched = fetch_bytes(from.stack.address(), to).await;
    let (received, took) = fetched.with_context(|| format!("{} reads from {}", to.name, from.name))?;
    let sent = server.await?.with_context(|| format!("{} writes to {}", from.name, to.name))?;
    ensure!(received == sent, "{} sent {sent} bytes, and {} got {received}", from.name, to.name);
    Ok(TransferLine::new(&from.name, &to.name, received, took))
}

async fn serve_bytes(stream: TcpStream, length: Duration) -> Result<u64> {
    stream.established().await?;
    let block = [0x5a; 16 * 1024];
    let (mut sent, end) = (0, Instant::now() + length);
    while Instant::now() < end {
        sent += stream.write(&block).await? as u64;
    }
    stream.close();
    stream.closed().await;
    Ok(sent)
}

async fn fetch_bytes(from: Ipv4Addr, to: &Station) -> Result<(u64, Duration)> {
    let stream = TcpStream::connect(&to.stack, (from, BULK_PORT)).await?;
    let mut block = vec![0; 64 * 1024];
    let (mut received, begun) = (0, Instant::now());
    loop {
        match stream.read(&mut block).await? {
            0 => break,
            len => received += len as u64,
        }
    }
    let took = begun.elapsed();
    stream.close();
    stream.closed().await;
    Ok((received, took))
}

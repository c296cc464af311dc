//! A LAN party in one process, without root: a relay on loopback, a gateway before a LAN in memory, and players. Every
//! host has an IP stack of its own (smoltcp), and every frame between them crosses real QUIC.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

mod cable;
mod dhcp;
mod game;
mod lan;
mod party;
mod report;
mod screen;
mod socket;
mod stack;
mod trial;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Parser;

use crate::party::{HOST, Lan, MAX_CLIENTS, Player, ROUTER, Venue, all_meet, counters, part, step};
use crate::report::{RelayCounters, Report, VenueLine, micros};
use crate::screen::Screen;
use crate::trial::Station;

/// A whole LAN party in one process, without root.
///
/// Starts a relay on loopback, a gateway with a LAN in memory behind it (a DHCP server and a game host), and players.
/// Then lets the players do what players do, and shows how it went.
#[derive(Clone, Copy, Debug, Parser)]
#[command(
    version,
    after_help = "Exit status: 0 if all of it worked, 1 if something did not, 2 for wrong arguments."
)]
struct Args {
    /// How long to ping, and how long each transfer lasts.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=3600))]
    seconds: u16,
    /// How many players come.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=i64::from(MAX_CLIENTS)))]
    clients: u8,
    /// Print one JSON document at the end, and nothing else.
    #[arg(long)]
    json: bool,
}

/// How long a step may take besides the time that it is given on purpose.
const PATIENCE: Duration = Duration::from_secs(15);

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let begun = Instant::now();
    let screen = Screen::new(!args.json);
    let mut report = Report::default();
    let outcome = run(args, &screen, &mut report).await;
    report.ok = outcome.is_ok();
    report.failure = outcome.as_ref().err().map(|error| format!("{error:#}"));
    report.took_ms = micros(begun.elapsed()) / 1000;
    if args.json {
        match serde_json::to_string_pretty(&report) {
            Ok(text) => drop(writeln!(io::stdout().lock(), "{text}")),
            Err(error) => drop(writeln!(io::stderr().lock(), "no JSON: {error}")),
        }
    }
    match &report.failure {
        None => {
            screen.success(report.took_ms);
            ExitCode::SUCCESS
        }
        Some(failure) => {
            drop(writeln!(io::stderr().lock(), "\nFAILED: {failure}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args, screen: &Screen, report: &mut Report) -> Result<()> {
    let (venue, lan, players) = gather(args.clients, screen, report).await?;
    let length = Duration::from_secs(args.seconds.into());

    let leases = step(PATIENCE, "the players ask the LAN for addresses", trial::leases(&players));
    report.leases = leases.await?;
    screen.leases(&report.leases);

    let first = players.first().context("nobody plays")?;
    // Games run on both sides of the tunnel, so the broadcast has to reach both.
    let second_game = tokio::spawn(game::serve(first.stack.clone(), format!("{}'s game", first.name)));
    let games = trial::games(&players, 2, PATIENCE / 2);
    report.games = step(PATIENCE, "the players look for games", games).await?;
    second_game.abort();
    screen.games(&report.games);

    let host = Station::new("game host", &lan.host);
    let mut stations = vec![host.clone()];
    stations.extend(players.iter().map(|player| Station::new(player.name, &player.stack)));
    report.pings =
        step(length + PATIENCE, "everybody pings everybody", trial::pings(&stations, length)).await?;
    screen.pings(&report.pings);

    for (from, to) in stations.iter().zip(&stations[1..]).take(2) {
        let transfer = trial::transfer(from, to, length);
        report.transfers.push(step(length + PATIENCE, "a bulk transfer", transfer).await?);
    }
    screen.transfers(&report.transfers);

    let sessions = players.iter().map(|player| (player.name, &player.session));
    let sessions = [("the LAN", &lan.gateway)].into_iter().chain(sessions);
    report.counters = sessions.map(|(name, session)| counters(name, session)).collect();
    let relay = RelayCounters::new(&venue.relay.stats(), &venue.relay.rooms());
    screen.counters(&report.counters, &relay);
    report.relay = Some(relay);

    let parting = async {
        part(venue, &lan, &players).await;
        Ok(())
    };
    step(PATIENCE, "everybody leaves", parting).await
}

/// Opens the relay and lets everybody in.
async fn gather(clients: u8, screen: &Screen, report: &mut Report) -> Result<(Venue, Lan, Vec<Player>)> {
    let venue = Venue::open().context("the relay opens")?;
    let lan = step(PATIENCE, "the gateway joins", venue.bring_lan()).await?;
    let venue_line = report.venue.insert(VenueLine {
        relay: venue.addr.to_string(),
        room: venue.room.to_string(),
        mtu: venue.mtu().context("the room is not open")?,
        lan: ROUTER.network().to_string(),
        host: HOST.address(),
    });
    screen.venue(venue_line);

    let mut players = Vec::new();
    for index in 0..clients {
        players.push(step(PATIENCE, "a player joins", venue.bring_player(index)).await?);
    }
    let mut sessions = vec![&lan.gateway];
    sessions.extend(players.iter().map(|player| &player.session));
    step(PATIENCE, "everybody sees everybody", all_meet(&sessions)).await?;
    report.members = venue.members();
    screen.members(&report.members);
    Ok((venue, lan, players))
}

//! What a relay bears: hundreds of rooms, thousands of sessions, all of them coming at once.
//!
//! The members of these scenarios are no sessions but a swarm: QUIC without tasks on one thread and one socket, which
//! speaks the protocol and costs less than the relay does. So the relay, on the other core, is what is measured.

mod client;
mod engine;
mod game;
mod reconnect;
mod sessions;

use anyhow::Result;
use clap::Subcommand;

use self::game::{Game, GameReport};
use self::reconnect::Reconnect;
use self::sessions::Sessions;
use crate::Engine;
use crate::relay::RelayHost;

/// What a swarm measures.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum SwarmCommand {
    /// Many rooms in which everybody sends to the next one, 60 frames of 120 bytes per second, from many clients that cost
    /// little. Several numbers of rooms are measured one after the other, each on a relay of its own.
    Scale {
        /// Rooms.
        #[arg(long, value_name = "N,N", value_delimiter = ',', default_values_t = [25, 50, 100, 200], value_parser = clap::value_parser!(u32).range(1..=4096))]
        rooms: Vec<u32>,
        /// Clients in each.
        #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=200))]
        members: u32,
        #[command(flatten)]
        game: GameArgs,
        #[command(flatten)]
        run: Run,
    },
    /// One room of many, each of whom sends a frame to the next every 20 ms: how even frames come.
    Gaps {
        /// Clients.
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=2000))]
        members: u32,
        /// Frames per second from each.
        #[arg(long, value_name = "N", default_value_t = 50.0, value_parser = crate::rate)]
        rate: f64,
        /// Bytes of a frame, Ethernet header included.
        #[arg(long, value_name = "BYTES", default_value_t = 120, value_parser = clap::value_parser!(u16).range(60..=1114))]
        size: u16,
        /// How long to measure.
        #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = crate::seconds)]
        seconds: f64,
        #[command(flatten)]
        run: Run,
    },
    /// Sessions that do nothing, of which one in ten leaves and comes again, some times: the relay's memory.
    Sessions {
        /// Sessions.
        #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
        sessions: u32,
        /// Clients in each room.
        #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=200))]
        members: u32,
        /// Rounds of comings and goings.
        #[arg(long, value_name = "N", default_value_t = 5)]
        churns: u32,
        /// How long nothing happens after each round.
        #[arg(long, value_name = "N", default_value_t = 3.0, value_parser = crate::seconds)]
        seconds: f64,
        #[command(flatten)]
        run: Run,
    },
    /// Clients vanish without a word and come back at the same moment, while others play on.
    Reconnect {
        /// Clients that come back.
        #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        clients: u32,
        /// Rooms in which others play, 60 frames of 120 bytes per second from each.
        #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
        rooms: u32,
        /// Players in each of those.
        #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=200))]
        members: u32,
        /// How long they play before, and at least meanwhile.
        #[arg(long, value_name = "N", default_value_t = 5.0, value_parser = crate::seconds)]
        seconds: f64,
        #[command(flatten)]
        run: Run,
    },
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct GameArgs {
    /// Frames per second from each.
    #[arg(long, value_name = "N", default_value_t = 60.0, value_parser = crate::rate)]
    rate: f64,
    /// Bytes of a frame, Ethernet header included.
    #[arg(long, value_name = "BYTES", default_value_t = 120, value_parser = clap::value_parser!(u16).range(60..=1114))]
    size: u16,
    /// How long to measure.
    #[arg(long, value_name = "N", default_value_t = 5.0, value_parser = crate::seconds)]
    seconds: f64,
}

/// What all of them may be told.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Run {
    #[command(flatten)]
    engine: Engine,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

impl Run {
    fn relay(&self) -> Result<RelayHost> {
        RelayHost::process(self.engine)
    }

    fn print<T: serde::Serialize + std::fmt::Display>(&self, report: &T) -> Result<String> {
        Ok(if self.json { serde_json::to_string_pretty(report)? } else { report.to_string() })
    }
}

impl SwarmCommand {
    /// Measures, and gives what to print.
    pub(crate) fn work(self) -> Result<String> {
        match self {
            Self::Scale { rooms, members, game, run } => {
                let games: Vec<_> = rooms
                    .into_iter()
                    .map(|rooms| Game { rooms, members, rate: game.rate, size: game.size.into() })
                    .collect();
                run.print(&GameReport::new("scale", &run, &games, game.seconds)?)
            }
            Self::Gaps { members, rate, size, seconds, run } => {
                let games = [Game { rooms: 1, members, rate, size: size.into() }];
                run.print(&GameReport::new("gaps", &run, &games, seconds)?)
            }
            Self::Sessions { sessions, members, churns, seconds, run } => {
                run.print(&Sessions { count: sessions, members, churns, seconds }.run(&run)?)
            }
            Self::Reconnect { clients, rooms, members, seconds, run } => {
                let game = Game { rooms, members, rate: 60.0, size: 120 };
                run.print(&Reconnect { clients, game, seconds }.run(&run)?)
            }
        }
    }
}

//! The report as a person reads it, while it comes about.

use std::io::{self, IsTerminal as _, Write as _};

use crate::report::{
    GameLine, LeaseLine, MemberCounters, MemberLine, PingLine, RelayCounters, TransferLine, VenueLine,
};

/// Where text goes: the standard output, or nowhere if a document is asked for.
#[derive(Debug)]
pub(crate) struct Screen {
    shown: bool,
    bold: bool,
}

/// How a column stands.
#[derive(Clone, Copy, Debug)]
enum Align {
    Left,
    Right,
}
use Align::{Left, Right};

impl Screen {
    pub(crate) fn new(shown: bool) -> Self {
        Self { shown, bold: io::stdout().is_terminal() }
    }

    pub(crate) fn venue(&self, venue: &VenueLine) {
        self.heading("The party");
        self.table(
            &[Left, Left],
            &[],
            &[
                vec!["relay".into(), format!("{}, QUIC on loopback", venue.relay)],
                vec![
                    "room".into(),
                    format!("{}, frames of {} bytes and their header", venue.room, venue.mtu),
                ],
                vec!["LAN".into(), format!("{} in memory: DHCP server, game host {}", venue.lan, venue.host)],
                vec!["limits".into(), "2 MiB/s for each client by default, lifted here".into()],
            ],
        );
    }

    pub(crate) fn members(&self, members: &[MemberLine]) {
        self.heading("Who joined");
        let rows = members.iter().map(|member| {
            vec![
                member.number.to_string(),
                member.name.clone(),
                member.role.to_owned(),
                member.mac.clone().unwrap_or_else(|| "the whole LAN".into()),
            ]
        });
        self.table(&[Right, Left, Left, Left], &["#", "name", "role", "address"], &rows.collect::<Vec<_>>());
    }

    pub(crate) fn leases(&self, leases: &[LeaseLine]) {
        self.heading("Leases from the LAN's DHCP server");
        let rows = leases.iter().map(|lease| {
            let router = lease.router.map(|router| router.to_string()).unwrap_or_default();
            vec![
                lease.client.clone(),
                lease.address.clone(),
                router,
                lease.server.to_string(),
                millis(lease.took_us),
            ]
        });
        self.table(
            &[Left, Left, Left, Left, Right],
            &["client", "address", "router", "server", "after ms"],
            &rows.collect::<Vec<_>>(),
        );
    }

    pub(crate) fn games(&self, games: &[GameLine]) {
        self.heading("Games found by broadcast");
        let rows = games.iter().map(|game| {
            vec![game.client.clone(), game.title.clone(), game.address.to_string(), millis(game.took_us)]
        });
        self.table(
            &[Left, Left, Left, Right],
            &["client", "game", "at", "after ms"],
            &rows.collect::<Vec<_>>(),
        );
    }

    pub(crate) fn pings(&self, pings: &[PingLine]) {
        self.heading("Ping, in milliseconds");
        let rows = pings.iter().map(|ping| {
            vec![
                ping.from.clone(),
                ping.to.clone(),
                millis(ping.min_us),
                millis(ping.median_us),
                millis(ping.p99_us),
                ping.sent.to_string(),
                ping.lost.to_string(),
            ]
        });
        self.table(
            &[Left, Left, Right, Right, Right, Right, Right],
            &["from", "to", "min", "median", "p99", "sent", "lost"],
            &rows.collect::<Vec<_>>(),
        );
    }

    pub(crate) fn transfers(&self, transfers: &[TransferLine]) {
        self.heading("Bulk transfer over TCP");
        let rows = transfers.iter().map(|transfer| {
            vec![
                transfer.from.clone(),
                transfer.to.clone(),
                format!("{:.1}", transfer.bytes as f64 / 1e6),
                format!("{:.2}", transfer.took_us as f64 / 1e6),
                format!("{:.1}", transfer.mbit_per_second),
            ]
        });
        self.table(
            &[Left, Left, Right, Right, Right],
            &["from", "to", "MB", "s", "Mbit/s"],
            &rows.collect::<Vec<_>>(),
        );
    }

    pub(crate) fn counters(&self, members: &[MemberCounters], relay: &RelayCounters) {
        self.heading("Counters");
        let rows = members.iter().map(|member| {
            vec![
                member.member.clone(),
                member.rx_frames.to_string(),
                member.tx_frames.to_string(),
                format!("{:.1}", member.rx_bytes as f64 / 1e6),
                format!("{:.1}", member.tx_bytes as f64 / 1e6),
                member.tx_fragmented.to_string(),
                member.mss_clamped.to_string(),
                drops(&member.drops),
            ]
        });
        self.table(
            &[Left, Right, Right, Right, Right, Right, Right, Left],
            &["member", "frames in", "out", "MB in", "out", "in halves", "MSS clamped", "drops"],
            &rows.collect::<Vec<_>>(),
        );
        self.line(&format!(
            "  relay: {} datagrams forwarded, {:.1} MB, drops: {}",
            relay.datagrams,
            relay.bytes as f64 / 1e6,
            drops(&relay.drops)
        ));
    }

    pub(crate) fn success(&self, took_ms: u64) {
        self.line("");
        self.line(&format!("All of it worked, in {:.1} s.", took_ms as f64 / 1e3));
    }

    fn heading(&self, text: &str) {
        self.line("");
        self.line(&if self.bold { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() });
    }

    fn table(&self, aligns: &[Align], header: &[&str], rows: &[Vec<String>]) {
        let header = header.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let lines = [header].into_iter().filter(|header| !header.is_empty()).chain(rows.iter().cloned());
        let lines = lines.collect::<Vec<_>>();
        let width = |column: usize| lines.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = (0..aligns.len()).map(width).collect::<Vec<_>>();
        for row in &lines {
            let cells = row.iter().zip(aligns).zip(&widths).map(|((cell, align), width)| match align {
                Left => format!("{cell:<width$}"),
                Right => format!("{cell:>width$}"),
            });
            self.line(format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end());
        }
    }

    fn line(&self, text: &str) {
        if self.shown {
            let _ = writeln!(io::stdout().lock(), "{text}"); // the reader may have gone
        }
    }
}

fn millis(micros: u64) -> String {
    format!("{:.2}", micros as f64 / 1e3)
}

fn drops(drops: &std::collections::BTreeMap<&'static str, u64>) -> String {
    if drops.is_empty() {
        return "none".into();
    }
    drops.iter().map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ")
}

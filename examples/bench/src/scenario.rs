//! Scenarios: which members there are, and who sends what to whom.

use clap::ValueEnum;
use lanparty_sdk::frame::MacAddr;
use serde::Serialize;

use crate::Args;
use crate::flow::Class;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scenario {
    /// Clients send to the LAN behind the gateway, as fast as they can unless --rate says otherwise.
    Unicast,
    /// One client broadcasts to all others and the LAN, as fast as it can unless --rate says otherwise.
    Flood,
    /// Every client plays with a server on the LAN: 60 frames of 120 bytes per second, both ways.
    Idle,
    /// The same while the first client downloads from the LAN as fast as it can (--size is the download's).
    Loaded,
    /// Many rooms: in each, every client sends to the next one, 60 frames of 120 bytes per second.
    Rooms,
}

/// The server on the LAN.
pub(crate) const LAN_HOST: MacAddr = MacAddr([0x00, 0x1b, 0x21, 0x00, 0x00, 0x07]);

const GAME_SIZE: usize = 120;
const GAME_RATE: f64 = 60.0;
/// A full TCP segment after the clamping of its size.
const BULK_SIZE: usize = 1400;

/// How a flow comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// Frames per second.
    Rate(f64),
    /// As many as are carried.
    Saturate,
}

/// A member that a scenario needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemberSpec {
    /// Which room, from 0 on.
    pub(crate) room: usize,
    /// A gateway stands for [`LAN_HOST`].
    pub(crate) is_gateway: bool,
}

/// A flow that a scenario needs. Members are told by their index.
#[derive(Clone, Debug)]
pub(crate) struct FlowSpec {
    pub(crate) class: usize,
    pub(crate) from: usize,
    /// One receiver, or all for a broadcast.
    pub(crate) to: Vec<usize>,
    pub(crate) is_broadcast: bool,
    pub(crate) pace: Pace,
}

/// A scenario in detail.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) members: Vec<MemberSpec>,
    pub(crate) classes: Vec<Class>,
    pub(crate) flows: Vec<FlowSpec>,
}

/// The gateway's index, wherever there is one.
const GATEWAY: usize = 0;

impl Plan {
    pub(crate) fn new(args: &Args) -> Self {
        let clients = usize::from(args.members());
        let pace = |default| match args.rate {
            None => default,
            Some(0.0) => Pace::Saturate,
            Some(rate) => Pace::Rate(rate),
        };
        let size = |default| args.size.map_or(default, usize::from);
        let players = 1..=clients;
        match args.scenario {
            Scenario::Unicast => Self {
                members: one_room(clients),
                classes: vec![Class::new("to the LAN", size(BULK_SIZE))],
                flows: players.map(|player| unicast(0, player, GATEWAY, pace(Pace::Saturate))).collect(),
            },
            Scenario::Flood => Self {
                members: one_room(clients),
                classes: vec![Class::new("broadcast", size(GAME_SIZE))],
                flows: vec![FlowSpec {
                    class: 0,
                    from: 1,
                    to: (0..=clients).filter(|member| *member != 1).collect(),
                    is_broadcast: true,
                    pace: pace(Pace::Saturate),
                }],
            },
            Scenario::Idle => Self {
                members: one_room(clients),
                classes: vec![
                    Class::new("game to the LAN", size(GAME_SIZE)),
                    Class::new("game from the LAN", size(GAME_SIZE)),
                ],
                flows: players.flat_map(|player| game(player, [0, 1], pace(Pace::Rate(GAME_RATE)))).collect(),
            },
            Scenario::Loaded => {
                // The one who downloads shares a connection with the download, the others only the relay.
                let mut flows: Vec<_> = game(1, [0, 1], pace(Pace::Rate(GAME_RATE))).into();
                flows.extend(
                    (2..=clients).flat_map(|player| game(player, [2, 3], pace(Pace::Rate(GAME_RATE)))),
                );
                flows.push(unicast(4, GATEWAY, 1, Pace::Saturate));
                Self {
                    members: one_room(clients),
                    classes: vec![
                        Class::new("downloader's game to the LAN", GAME_SIZE),
                        Class::new("downloader's game from the LAN", GAME_SIZE),
                        Class::new("others' game to the LAN", GAME_SIZE),
                        Class::new("others' game from the LAN", GAME_SIZE),
                        Class::new("download", size(BULK_SIZE)),
                    ],
                    flows,
                }
            }
            Scenario::Rooms => {
                let rooms = usize::from(args.rooms);
                let place = |room, seat| room * clients + seat % clients;
                let seats = (0..rooms).flat_map(|room| (0..clients).map(move |seat| (room, seat)));
                Self {
                    members: seats.clone().map(|(room, _)| MemberSpec { room, is_gateway: false }).collect(),
                    classes: vec![Class::new("to the next", size(GAME_SIZE))],
                    flows: seats
                        .map(|(room, seat)| {
                            unicast(0, place(room, seat), place(room, seat + 1), pace(Pace::Rate(GAME_RATE)))
                        })
                        .collect(),
                }
            }
        }
    }
}

/// How many clients a scenario has in each room unless it is told.
pub(crate) const fn default_members(scenario: Scenario) -> u16 {
    match scenario {
        Scenario::Unicast => 1,
        Scenario::Flood => 8,
        Scenario::Idle | Scenario::Loaded | Scenario::Rooms => 4,
    }
}

/// How few clients make sense.
pub(crate) const fn min_members(scenario: Scenario) -> u16 {
    match scenario {
        Scenario::Unicast | Scenario::Flood | Scenario::Idle => 1,
        Scenario::Loaded | Scenario::Rooms => 2,
    }
}

fn one_room(clients: usize) -> Vec<MemberSpec> {
    (0..=clients).map(|member| MemberSpec { room: 0, is_gateway: member == GATEWAY }).collect()
}

fn unicast(class: usize, from: usize, to: usize, pace: Pace) -> FlowSpec {
    FlowSpec { class, from, to: vec![to], is_broadcast: false, pace }
}

fn game(player: usize, [up, down]: [usize; 2], pace: Pace) -> [FlowSpec; 2] {
    [unicast(up, player, GATEWAY, pace), unicast(down, GATEWAY, player, pace)]
}

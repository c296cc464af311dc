//! One member of a swarm: a connection, its control stream, and what came.

use std::collections::VecDeque;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use lanparty_sdk::ctrl::{
    CloseCode, Decoder, Hello, IdentityToken, LeaveReason, MemberMessage, PeerRole, RelayMessage, RoomCode,
    encode,
};
use lanparty_sdk::frame::{DEFAULT_MTU, MacAddr};
use lanparty_sdk::proto::{HEADER_LEN, Header, Kind, Label, PeerId, RoomId, VERSION};
use quinn_proto::{Connection, ConnectionHandle, Dir, Event, ReadableError, StreamEvent, StreamId, VarInt};

use crate::probe::Template;

/// The most bytes of the control stream that are read at once.
const CHUNK: usize = 16 * 1024;

/// A seat in a room, by numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) room: u32,
    /// Unique among all seats of a measurement.
    pub(super) number: u32,
}

impl Seat {
    pub(super) fn room_code(self) -> Result<RoomCode> {
        Ok(format!("SWARM-{}", self.room).parse()?)
    }

    pub(super) const fn mac(self) -> MacAddr {
        let [a, b, c, d] = self.number.to_be_bytes();
        MacAddr([0x02, 0x1a, a, b, c, d])
    }
}

/// How far a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// No connection, or one that has ended.
    Out,
    /// It has said Hello, or is about to.
    Knocking,
    /// It is a member.
    In(RoomId, PeerId),
}

/// One member.
pub(super) struct Client {
    pub(super) seat: Seat,
    pub(super) stage: Stage,
    pub(super) link: Option<Link>,
    /// Whether the engine has it on its list of those with something to do.
    pub(super) is_dirty: bool,
    /// The deadline of its connection that the engine has noted.
    pub(super) noted: Option<Instant>,
    /// The number of its next frame.
    pub(super) sequence: u64,
    template: Option<Template>,
}

/// A client's connection.
pub(super) struct Link {
    pub(super) handle: ConnectionHandle,
    pub(super) conn: Connection,
    control: Option<StreamId>,
    decoder: Decoder,
    /// What the control stream did not take yet.
    unsent: VecDeque<u8>,
}

impl Link {
    pub(super) fn new(handle: ConnectionHandle, conn: Connection) -> Self {
        Self { handle, conn, control: None, decoder: Decoder::default(), unsent: VecDeque::new() }
    }
}

impl Client {
    pub(super) const fn new(seat: Seat) -> Self {
        Self {
            seat,
            stage: Stage::Out,
            link: None,
            is_dirty: false,
            noted: None,
            sequence: 0,
            template: None,
        }
    }

    pub(super) const fn is_in(&self) -> bool {
        matches!(self.stage, Stage::In(..))
    }

    /// Fixes to whom this one's frames go.
    pub(super) fn aim(&mut self, to: MacAddr, size: usize) {
        self.template = Some(Template::new(to, self.seat.mac(), self.seat.number, size));
    }

    /// Queues its next frame, for `peer`. `false` if the connection did not take it.
    pub(super) fn send(&mut self, peer: PeerId, stamp: u64) -> bool {
        let (Some(link), Some(template), Stage::In(room, source)) =
            (&mut self.link, &mut self.template, self.stage)
        else {
            return false;
        };
        let frame = template.stamp(self.sequence, stamp);
        let mut datagram = vec![0; HEADER_LEN];
        Header { kind: Kind::Frame, room, source, label: Label::Peer(peer) }.write(&mut datagram);
        datagram.extend_from_slice(frame);
        self.sequence += 1;
        link.conn.datagrams().send(datagram.into(), false).is_ok()
    }

    /// Says goodbye. What is left of the connection ends by itself.
    pub(super) fn leave(&mut self, now: Instant) {
        if let Some(link) = &mut self.link {
            link.conn.close(now, VarInt::from_u32(CloseCode::Leave.code()), Bytes::new());
        }
        self.stage = Stage::Out;
    }

    /// Takes what its connection has to tell, but for datagrams, of which it tells that there are some.
    pub(super) fn poll(&mut self) -> Result<bool> {
        let mut has_datagrams = false;
        while let Some(event) = self.link.as_mut().and_then(|link| link.conn.poll()) {
            match event {
                Event::Connected => self.greet()?,
                Event::ConnectionLost { .. } => self.stage = Stage::Out,
                Event::DatagramReceived => has_datagrams = true,
                Event::Stream(StreamEvent::Readable { id }) => self.read(id)?,
                Event::Stream(StreamEvent::Writable { .. }) => self.write()?,
                _ => {}
            }
        }
        Ok(has_datagrams)
    }

    fn greet(&mut self) -> Result<()> {
        let Some(link) = &mut self.link else { return Ok(()) };
        link.control = Some(link.conn.streams().open(Dir::Bi).context("no stream for the control messages")?);
        let hello = Hello {
            version: VERSION,
            role: PeerRole::Client,
            room: self.seat.room_code()?,
            mac: Some(self.seat.mac()),
            token: IdentityToken((0x5157_u128 << 64 | u128::from(self.seat.number)).to_be_bytes()),
            mtu: DEFAULT_MTU,
            budget: 1400,
            name: None,
            agent: "lanparty-bench".to_owned(),
        };
        link.unsent.extend(encode(&MemberMessage::Hello(hello))?);
        self.write()
    }

    fn write(&mut self) -> Result<()> {
        let Some(link) = &mut self.link else { return Ok(()) };
        let Some(control) = link.control else { return Ok(()) };
        while !link.unsent.is_empty() {
            match link.conn.send_stream(control).write(link.unsent.make_contiguous()) {
                Ok(written) => drop(link.unsent.drain(..written)),
                Err(quinn_proto::WriteError::Blocked) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn read(&mut self, id: StreamId) -> Result<()> {
        let Some(link) = &mut self.link else { return Ok(()) };
        let mut stream = link.conn.recv_stream(id);
        let mut chunks = match stream.read(true) {
            Ok(chunks) => chunks,
            Err(ReadableError::ClosedStream) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        while let Ok(Some(chunk)) = chunks.next(CHUNK) {
            link.decoder.push(&chunk.bytes);
        }
        let _ = chunks.finalize(); // whatever it asks for is sent in this turn anyway
        while let Some(message) = link.decoder.next_message::<RelayMessage>()? {
            match message {
                RelayMessage::Welcome(welcome) => self.stage = Stage::In(welcome.room, welcome.peer),
                RelayMessage::Reject(reject) => bail!("the relay refused: {reject:?}"),
                // Whoever comes again may be faster than the relay's knowledge of its end.
                RelayMessage::Disconnect { reason: LeaveReason::Replaced, .. } => {}
                RelayMessage::Disconnect { reason, text } => {
                    bail!("the relay ended a membership: {reason:?} {text}")
                }
                _ => {}
            }
        }
        Ok(())
    }
}

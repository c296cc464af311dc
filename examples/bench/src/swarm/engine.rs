//! The swarm's engine: one thread, one socket, any number of connections without tasks, locks or channels between them.
//! A frame costs it a fraction of what it costs the relay, so that the relay is what is measured.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{ErrorKind, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::BytesMut;
use lanparty_sdk::quic::{TransportOptions, client_config, steer};
use quinn::udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use quinn_proto::{ClientConfig, ConnectionHandle, DatagramEvent, Endpoint, EndpointConfig, EndpointEvent};

use super::client::{Client, Link, Seat, Stage};
use crate::relay::{Invitation, SERVER_NAME};

/// Socket buffers: what overflows here would pass for the relay's loss.
const SOCKET_BUFFER: usize = 16 * 1024 * 1024;
/// Bytes of one receive buffer: what the kernel may have merged.
const RECEIVE_BYTES: usize = 64 * 1024;
/// Batches received in one turn at most.
const BATCHES: usize = 8;
/// Packets that a connection sends in one turn at most.
const SEGMENTS: usize = 10;
/// The longest sleep while nothing is due: a shorter one would be more exact and cost more.
const NAP: Duration = Duration::from_micros(50);
/// How long a client whose attempt failed waits before the next.
const RETRY: Duration = Duration::from_millis(250);

/// Who hears of datagrams: the receiver's index, when, and the bytes.
pub(super) type OnDatagram<'a> = dyn FnMut(usize, Instant, &[u8]) + 'a;

/// Clients on one socket.
pub(super) struct Swarm {
    pub(super) clients: Vec<Client>,
    relay: SocketAddr,
    /// For any room; each client has its own named.
    config: ClientConfig,
    socket: UdpSocket,
    udp: UdpSocketState,
    endpoint: Endpoint,
    /// The client of each connection, by its handle.
    owners: Vec<Option<usize>>,
    /// Clients whose connections have something to do.
    dirty: Vec<usize>,
    /// Deadlines of connections; some are outdated.
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    /// When clients whose attempts failed may try again.
    retries: BinaryHeap<Reverse<(Instant, usize)>>,
    receive: Vec<u8>,
    transmit: Vec<u8>,
    /// Attempts that failed and were made again.
    pub(super) failed_attempts: u64,
}

impl Swarm {
    pub(super) fn new(invitation: &Invitation, seats: impl Iterator<Item = Seat>) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let udp = UdpSocketState::new((&socket).into())?;
        // As much as the kernel allows.
        let _ = udp.set_recv_buffer_size((&socket).into(), SOCKET_BUFFER);
        let _ = udp.set_send_buffer_size((&socket).into(), SOCKET_BUFFER);
        let options = TransportOptions::default().for_address(invitation.addr());
        Ok(Self {
            clients: seats.map(Client::new).collect(),
            relay: invitation.addr(),
            config: client_config(&"ANY".parse()?, &invitation.trust()?, &options),
            socket,
            udp,
            endpoint: Endpoint::new(Arc::new(EndpointConfig::default()), None, true, None),
            owners: Vec::new(),
            dirty: Vec::new(),
            timers: BinaryHeap::new(),
            retries: BinaryHeap::new(),
            receive: vec![0; RECEIVE_BYTES * BATCH_SIZE],
            transmit: Vec::new(),
            failed_attempts: 0,
        })
    }

    /// Lets the clients in, at most `at_once` on their way at any moment, and waits until all are.
    pub(super) fn gather(
        &mut self,
        clients: impl Iterator<Item = usize>,
        at_once: usize,
        deadline: Instant,
    ) -> Result<()> {
        let mut clients = clients.fuse();
        let mut knocking: Vec<usize> = Vec::new();
        loop {
            knocking.retain(|client| !self.clients[*client].is_in());
            while knocking.len() < at_once {
                let Some(client) = clients.next() else { break };
                self.knock(client)?;
                knocking.push(client);
            }
            if knocking.is_empty() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "not everybody was let in in time");
            self.turn(Instant::now() + NAP, &mut |_, _, _| {})?;
        }
    }

    /// Begins a connection.
    pub(super) fn knock(&mut self, client: usize) -> Result<()> {
        let mut config = self.config.clone();
        steer(&mut config, &self.clients[client].seat.room_code()?);
        let (handle, conn) = self.endpoint.connect(Instant::now(), config, self.relay, SERVER_NAME)?;
        if let Some(old) = self.clients[client].link.take() {
            // Whatever is left of it is nobody's business any more.
            self.owners[old.handle.0] = None;
            self.endpoint.handle_event(old.handle, EndpointEvent::drained());
        }
        if self.owners.len() <= handle.0 {
            self.owners.resize(handle.0 + 1, None);
        }
        self.owners[handle.0] = Some(client);
        self.clients[client].link = Some(Link::new(handle, conn));
        self.clients[client].stage = Stage::Knocking;
        self.clients[client].noted = None;
        self.touch(client);
        Ok(())
    }

    /// Ends a connection on purpose.
    pub(super) fn leave(&mut self, client: usize) {
        self.clients[client].leave(Instant::now());
        self.touch(client);
    }

    /// Says that a client's connection has something to do.
    pub(super) fn touch(&mut self, client: usize) {
        if !self.clients[client].is_dirty {
            self.clients[client].is_dirty = true;
            self.dirty.push(client);
        }
    }

    /// Lets time pass until `until`, by turns.
    pub(super) fn rest(&mut self, until: Instant, on: &mut OnDatagram<'_>) -> Result<()> {
        while Instant::now() < until {
            self.turn(until, on)?;
        }
        Ok(())
    }

    /// Receives what is there, does what is due, and sends; sleeps for a moment, `until` at most, if there was nothing.
    pub(super) fn turn(&mut self, until: Instant, on: &mut OnDatagram<'_>) -> Result<()> {
        let received = self.receive()?;
        // After that, so that no delay looks shorter than it was.
        let now = Instant::now();
        while let Some(Reverse((due, client))) = self.timers.peek().copied()
            && due <= now
        {
            self.timers.pop();
            if self.clients[client].noted == Some(due) {
                self.clients[client].noted = None;
                if let Some(link) = &mut self.clients[client].link {
                    link.conn.handle_timeout(now);
                }
                self.touch(client);
            }
        }
        while let Some(Reverse((due, client))) = self.retries.peek().copied()
            && due <= now
        {
            self.retries.pop();
            self.knock(client)?;
        }
        let worked = received || !self.dirty.is_empty();
        self.flush(now, on)?;
        if !worked {
            let nap = until.saturating_duration_since(Instant::now()).min(NAP);
            if !nap.is_zero() {
                thread::sleep(nap);
            }
        }
        Ok(())
    }

    /// Works off the connections that have something to do.
    pub(super) fn flush(&mut self, now: Instant, on: &mut OnDatagram<'_>) -> Result<()> {
        let mut dirty = std::mem::take(&mut self.dirty);
        for client in dirty.drain(..) {
            self.clients[client].is_dirty = false;
            self.drive(client, now, on)?;
        }
        if self.dirty.is_empty() {
            self.dirty = dirty; // its memory is used again
        }
        Ok(())
    }

    fn drive(&mut self, index: usize, now: Instant, on: &mut OnDatagram<'_>) -> Result<()> {
        let was_out = self.clients[index].stage == Stage::Out;
        if self.clients[index].poll()?
            && let Some(link) = &mut self.clients[index].link
        {
            while let Some(datagram) = link.conn.datagrams().recv() {
                on(index, now, &datagram);
            }
        }
        let client = &mut self.clients[index];
        let Some(link) = &mut client.link else { return Ok(()) };
        loop {
            self.transmit.clear();
            let Some(packet) = link.conn.poll_transmit(now, SEGMENTS, &mut self.transmit) else { break };
            let packet = Transmit {
                destination: packet.destination,
                ecn: None,
                contents: &self.transmit[..packet.size],
                segment_size: packet.segment_size,
                src_ip: packet.src_ip,
            };
            send(&self.udp, &self.socket, &packet)?;
        }
        while let Some(event) = link.conn.poll_endpoint_events() {
            let is_drained = event.is_drained();
            if let Some(answer) = self.endpoint.handle_event(link.handle, event) {
                link.conn.handle_event(answer);
            }
            if is_drained {
                self.owners[link.handle.0] = None;
            }
        }
        if link.conn.is_drained() {
            client.link = None;
            client.noted = None;
        } else if let Some(due) = link.conn.poll_timeout()
            && client.noted.is_none_or(|noted| due < noted)
        {
            client.noted = Some(due);
            self.timers.push(Reverse((due, index)));
        }
        if client.stage == Stage::Out && !was_out {
            self.failed_attempts += 1;
            self.retries.push(Reverse((now + RETRY, index)));
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<bool> {
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let mut received = false;
        for _ in 0..BATCHES {
            let mut buffers = self.receive.chunks_mut(RECEIVE_BYTES).map(IoSliceMut::new);
            let mut buffers: [_; BATCH_SIZE] =
                std::array::from_fn(|_| buffers.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
            let count = match self.udp.recv((&self.socket).into(), &mut buffers, &mut metas) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(received),
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => continue,
                Err(error) => return Err(error).context("receiving failed"),
            };
            received = true;
            let now = Instant::now();
            for (index, meta) in metas.iter().take(count).enumerate() {
                let at = index * RECEIVE_BYTES;
                for start in (0..meta.len).step_by(meta.stride.max(1)) {
                    let end = (start + meta.stride).min(meta.len);
                    let bytes = BytesMut::from(&self.receive[at + start..at + end]);
                    self.take(now, meta.addr, bytes);
                }
            }
            if count < BATCH_SIZE {
                break;
            }
        }
        Ok(received)
    }

    fn take(&mut self, now: Instant, from: SocketAddr, bytes: BytesMut) {
        self.transmit.clear();
        match self.endpoint.handle(now, from, None, None, bytes, &mut self.transmit) {
            Some(DatagramEvent::ConnectionEvent(ConnectionHandle(handle), event)) => {
                let Some(client) = self.owners.get(handle).copied().flatten() else { return };
                let Some(link) = &mut self.clients[client].link else { return };
                link.conn.handle_event(event);
                self.touch(client);
            }
            // Nobody connects to a swarm, and what it has no connection for it need not answer.
            Some(DatagramEvent::NewConnection(_) | DatagramEvent::Response(_)) | None => {}
        }
    }
}

/// Sends even if the socket has no room for a moment: a lost packet would pass for the relay's loss.
fn send(udp: &UdpSocketState, socket: &UdpSocket, packet: &Transmit<'_>) -> Result<()> {
    loop {
        match udp.try_send(socket.into(), packet) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
            // The relay is gone for a moment, or a probe of the path's MTU was too large.
            Err(_) => return Ok(()),
        }
    }
}

//! The host: an IP stack on the wire, and what a player does with it.
#![expect(clippy::print_stdout, reason = "a program that a test reads line by line")]

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::socket::{dhcpv4, icmp, udp};
use smoltcp::wire::{EthernetAddress, Icmpv4Packet, Icmpv4Repr, IpCidr, IpEndpoint, Ipv4Cidr};

use crate::flood::{self, Flood};
use crate::wire::{Event, Wire};

/// Where games are asked for, and from where.
const GAME_PORT: u16 = 27015;
const SEEKER_PORT: u16 = 27016;
const PING_IDENT: u16 = 0x4c50;

const LEASE_WITHIN: Duration = Duration::from_secs(15);
const PONG_WITHIN: Duration = Duration::from_secs(2);
const FLOOD_WITHIN: Duration = Duration::from_secs(60);
/// A stack that waits for nothing looks again after so long.
const IDLE: Duration = Duration::from_secs(1);
/// After so many frames of a flood, what came meanwhile is looked at.
const BURST: usize = 16;

pub(crate) struct Host {
    wire: Wire,
    iface: Interface,
    sockets: SocketSet<'static>,
    dhcp: Option<SocketHandle>,
    icmp: SocketHandle,
    game: SocketHandle,
    seeker: SocketHandle,
    epoch: Instant,
    mac: EthernetAddress,
    name: String,
    lines: VecDeque<String>,
    ended: bool,
    flood: Option<Flood>,
}

impl Host {
    pub(crate) fn new(mut wire: Wire, mac: EthernetAddress, name: &str) -> Self {
        let mut config = Config::new(mac.into());
        config.random_seed = u64::from(std::process::id());
        let iface = Interface::new(config, &mut wire, smoltcp::time::Instant::ZERO);
        let mut sockets = SocketSet::new(Vec::new());
        let [game, seeker] = [GAME_PORT, SEEKER_PORT].map(|port| {
            let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 32], vec![0; 16_384]);
            let mut socket = udp::Socket::new(buffer(), buffer());
            let _ = socket.bind(port); // not zero, and bound once
            sockets.add(socket)
        });
        let buffer = || icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 8], vec![0; 4096]);
        let mut pinger = icmp::Socket::new(buffer(), buffer());
        let _ = pinger.bind(icmp::Endpoint::Ident(PING_IDENT)); // likewise
        let icmp = sockets.add(pinger);
        Self {
            wire,
            iface,
            sockets,
            dhcp: None,
            icmp,
            game,
            seeker,
            epoch: Instant::now(),
            mac,
            name: name.to_owned(),
            lines: VecDeque::new(),
            ended: false,
            flood: None,
        }
    }

    /// The next command, once there is one. `None`: there will be no more.
    pub(crate) fn next_line(&mut self) -> Result<Option<String>, String> {
        while self.lines.is_empty() && !self.ended {
            self.turn(IDLE)?;
        }
        Ok(self.lines.pop_front())
    }

    pub(crate) fn lease(&mut self) -> Result<(), String> {
        self.iface.update_ip_addrs(|addresses| addresses.clear());
        if let Some(handle) = self.dhcp.take() {
            self.sockets.remove(handle);
        }
        let mut socket = dhcpv4::Socket::new();
        let mut retry = socket.get_retry_config();
        retry.discover_timeout = smoltcp::time::Duration::from_secs(1);
        retry.initial_request_timeout = smoltcp::time::Duration::from_secs(1);
        socket.set_retry_config(retry);
        self.dhcp = Some(self.sockets.add(socket));
        let leased = self.turn_until(LEASE_WITHIN, |host| host.iface.ipv4_addr().is_some())?;
        match self.iface.ip_addrs().first() {
            Some(address) if leased => println!("lease {address}"),
            Some(_) | None => println!("no lease"),
        }
        Ok(())
    }

    pub(crate) fn set_address(&mut self, address: Ipv4Cidr) {
        self.iface.update_ip_addrs(|addresses| {
            addresses.clear();
            let _ = addresses.push(IpCidr::Ipv4(address)); // it was emptied a moment ago
        });
    }

    pub(crate) fn ping(&mut self, target: Ipv4Addr, count: u16) -> Result<(), String> {
        let mut answered = 0;
        for seq_no in 0..count {
            let request = Icmpv4Repr::EchoRequest { ident: PING_IDENT, seq_no, data: b"are you there?" };
            let socket = self.sockets.get_mut::<icmp::Socket<'_>>(self.icmp);
            match socket.send(request.buffer_len(), target.into()) {
                Ok(bytes) => {
                    request.emit(&mut Icmpv4Packet::new_unchecked(bytes), &ChecksumCapabilities::default())
                }
                Err(error) => return Err(format!("ping: {error}")),
            }
            answered += u16::from(self.turn_until(PONG_WITHIN, |host| host.has_pong(seq_no))?);
        }
        println!("pinged {target}: {answered} of {count}");
        Ok(())
    }

    fn has_pong(&mut self, expected: u16) -> bool {
        let socket = self.sockets.get_mut::<icmp::Socket<'_>>(self.icmp);
        while let Ok((bytes, _)) = socket.recv() {
            let reply = Icmpv4Packet::new_checked(bytes)
                .and_then(|packet| Icmpv4Repr::parse(&packet, &ChecksumCapabilities::default()));
            if let Ok(Icmpv4Repr::EchoReply { seq_no, .. }) = reply
                && seq_no == expected
            {
                return true;
            }
        }
        false
    }

    pub(crate) fn shout(&mut self, text: &str) -> Result<(), String> {
        let broadcast = self.iface.ip_addrs().iter().find_map(|address| match address {
            IpCidr::Ipv4(address) => address.broadcast(),
            IpCidr::Ipv6(_) => None,
        });
        let to = IpEndpoint::new(broadcast.ok_or("it has no address")?.into(), GAME_PORT);
        self.udp(self.seeker).send_slice(text.as_bytes(), to).map_err(|error| format!("shout: {error}"))
    }

    pub(crate) fn flood(&mut self, to: EthernetAddress, flood: Flood, size: usize) -> Result<(), String> {
        let end = Instant::now() + FLOOD_WITHIN;
        self.flood = Some(flood);
        while let Some(flood) = &mut self.flood {
            let numbers: Vec<usize> = std::iter::from_fn(|| flood.next()).take(BURST).collect();
            let is_over = flood.is_over(Instant::now());
            for &number in &numbers {
                let frame = flood::ask(self.mac, to, number, size);
                self.wire.send(&frame).map_err(|error| format!("flood: {error}"))?;
            }
            if is_over || Instant::now() > end {
                break;
            }
            let patience = if numbers.is_empty() { Duration::from_millis(50) } else { Duration::ZERO };
            self.turn(patience)?;
        }
        if let Some(flood) = self.flood.take() {
            println!("flood {flood}");
        }
        Ok(())
    }

    fn udp(&mut self, handle: SocketHandle) -> &mut udp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// Goes on until something holds. Whether it did in time.
    fn turn_until(
        &mut self,
        patience: Duration,
        mut holds: impl FnMut(&mut Self) -> bool,
    ) -> Result<bool, String> {
        let end = Instant::now() + patience;
        loop {
            if holds(self) {
                return Ok(true);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            self.turn(left)?;
        }
    }

    /// Does what is due and waits for what happens next, at most so long.
    fn turn(&mut self, patience: Duration) -> Result<(), String> {
        let delay = self.poll();
        let mut event = self.wire.next(delay.unwrap_or(IDLE).min(patience));
        while let Some(happened) = event {
            match happened {
                Event::Frame(frame) => self.take(frame)?,
                Event::Line(line) => self.lines.push_back(line),
                Event::End => {
                    self.ended = true;
                    break;
                }
                Event::Failed(error) => return Err(format!("the wire: {error}")),
            }
            event = self.wire.next(Duration::ZERO);
        }
        self.poll();
        Ok(())
    }

    fn take(&mut self, frame: Vec<u8>) -> Result<(), String> {
        if let Some(answer) = flood::answer(&frame) {
            self.wire.send(&answer).map_err(|error| format!("an answer: {error}"))?;
        } else if let Some(number) = flood::answered(&frame) {
            if let Some(flood) = &mut self.flood {
                flood.answered(number, Instant::now());
            }
        } else {
            self.wire.push(frame);
        }
        Ok(())
    }

    /// Lets the stack work, and looks at what has come. How long it can do without.
    fn poll(&mut self) -> Option<Duration> {
        let micros = i64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(i64::MAX);
        let now = smoltcp::time::Instant::from_micros(micros);
        self.iface.poll(now, &mut self.wire, &mut self.sockets);
        self.take_lease();
        self.play();
        self.iface.poll(now, &mut self.wire, &mut self.sockets);
        self.iface.poll_delay(now, &self.sockets).map(Into::into)
    }

    fn take_lease(&mut self) {
        let Some(handle) = self.dhcp else { return };
        let event = match self.sockets.get_mut::<dhcpv4::Socket<'_>>(handle).poll() {
            Some(dhcpv4::Event::Configured(config)) => Some(config.address),
            Some(dhcpv4::Event::Deconfigured) => None,
            None => return,
        };
        match event {
            Some(address) => self.set_address(address),
            None => self.iface.update_ip_addrs(|addresses| addresses.clear()),
        }
    }

    /// Answers those who look for a game, and tells who has answered.
    fn play(&mut self) {
        let mut buffer = [0; 2048];
        let name = self.name.clone();
        while let Ok((len, from)) = self.udp(self.game).recv_slice(&mut buffer) {
            let text = String::from_utf8_lossy(buffer.get(..len).unwrap_or_default());
            println!("heard {} {text}", from.endpoint.addr);
            let _ = self.udp(self.game).send_slice(name.as_bytes(), from.endpoint);
        }
        while let Ok((len, from)) = self.udp(self.seeker).recv_slice(&mut buffer) {
            let text = String::from_utf8_lossy(buffer.get(..len).unwrap_or_default());
            println!("answer {} {text}", from.endpoint.addr);
        }
    }
}

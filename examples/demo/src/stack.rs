//! A host: an IP stack of its own (smoltcp) on a memory port, driven by a task.

use std::collections::BTreeSet;
use std::fmt;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use lanparty_sdk::frame::{DEFAULT_MTU, MacAddr};
use lanparty_sdk::port::memory::MemoryPort;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::{AnySocket, dhcpv4, tcp};
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpCidr,
    Ipv4Cidr,
};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::cable::Cable;

/// A host's IP stack. Cloning gives another handle; the host lives until its port closes.
#[derive(Clone)]
pub(crate) struct Stack(Arc<Shared>);

struct Shared {
    net: Mutex<Net>,
    /// A socket may have something to send.
    changed: Notify,
}

struct Net {
    cable: Cable,
    iface: Interface,
    sockets: SocketSet<'static>,
    epoch: Instant,
    next_port: u16,
    mac: EthernetAddress,
    asked_for: BTreeSet<Ipv4Addr>,
}

/// What a DHCP server gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    pub(crate) address: Ipv4Cidr,
    pub(crate) router: Option<Ipv4Addr>,
    pub(crate) server: Ipv4Addr,
    pub(crate) took: Duration,
}

impl Stack {
    /// Begins to live on `port`, without an address.
    pub(crate) fn start(port: MemoryPort, mac: MacAddr) -> Self {
        let mut cable = Cable::new(DEFAULT_MTU.into());
        let mac = EthernetAddress(mac.octets());
        let mut config = Config::new(mac.into());
        // DHCP transactions and TCP sequences must differ between hosts.
        config.random_seed = mac.0.iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte));
        let iface = Interface::new(config, &mut cable, smoltcp::time::Instant::ZERO);
        let sockets = SocketSet::new(Vec::new());
        let net = Net {
            cable,
            iface,
            sockets,
            epoch: Instant::now(),
            next_port: FIRST_EPHEMERAL_PORT,
            mac,
            asked_for: BTreeSet::new(),
        };
        let stack = Self(Arc::new(Shared { net: Mutex::new(net), changed: Notify::new() }));
        tokio::spawn(drive(Arc::clone(&stack.0), port));
        stack
    }

    /// Begins to live on `port` with an address that somebody has chosen for it.
    pub(crate) fn start_with_address(port: MemoryPort, mac: MacAddr, address: Ipv4Cidr) -> Self {
        let stack = Self::start(port, mac);
        stack.0.net().set_address(address, None);
        stack
    }

    /// Asks the LAN's DHCP server for an address, and takes it.
    pub(crate) async fn lease(&self) -> Lease {
        let asked = Instant::now();
        let handle = self.add(dhcpv4::Socket::new());
        let lease = poll_fn(|cx| {
            self.poll_socket(handle, cx, |socket: &mut dhcpv4::Socket<'_>, cx| {
                socket.register_waker(cx.waker());
                match socket.poll() {
                    Some(dhcpv4::Event::Configured(config)) => Poll::Ready(Lease {
                        address: config.address,
                        router: config.router,
                        server: config.server.address,
                        took: asked.elapsed(),
                    }),
                    Some(dhcpv4::Event::Deconfigured) | None => Poll::Pending,
                }
            })
        })
        .await;
        self.0.net().set_address(lease.address, lease.router);
        lease
    }

    /// The host's address; unspecified until it has one.
    pub(crate) fn address(&self) -> Ipv4Addr {
        self.0.net().iface.ipv4_addr().unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    /// Asks who has an address, the first time that it is needed. smoltcp asks by itself, but for one address per second
    /// only, and here a host gets to know a whole party at once.
    pub(crate) fn greet(&self, neighbour: Ipv4Addr) {
        self.0.net().ask_for(neighbour);
        self.0.changed.notify_one();
    }

    /// Opens a socket.
    pub(crate) fn add<T: AnySocket<'static>>(&self, socket: T) -> SocketHandle {
        let handle = self.0.net().sockets.add(socket);
        self.0.changed.notify_one();
        handle
    }

    /// Gives a socket up.
    pub(crate) fn remove(&self, handle: SocketHandle) {
        drop(self.0.net().sockets.remove(handle));
    }

    /// Begins a TCP connection from a port that nobody else uses.
    pub(crate) fn connect(&self, handle: SocketHandle, to: (IpAddr, u16)) -> Result<(), tcp::ConnectError> {
        let mut net = self.0.net();
        let Net { iface, sockets, next_port, .. } = &mut *net;
        let from = *next_port;
        *next_port = from.checked_add(1).unwrap_or(FIRST_EPHEMERAL_PORT);
        let result = sockets.get_mut::<tcp::Socket<'_>>(handle).connect(iface.context(), to, from);
        drop(net);
        self.0.changed.notify_one();
        result
    }

    /// Does something with a socket, and lets the stack send what follows from it.
    pub(crate) fn with_socket<T, R>(&self, handle: SocketHandle, act: impl FnOnce(&mut T) -> R) -> R
    where
        T: AnySocket<'static>,
    {
        let result = act(self.0.net().sockets.get_mut(handle));
        self.0.changed.notify_one();
        result
    }

    /// One look at a socket that may not be ready yet; `look` registers the waker.
    pub(crate) fn poll_socket<T, R>(
        &self,
        handle: SocketHandle,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut T, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R>
    where
        T: AnySocket<'static>,
    {
        let result = look(self.0.net().sockets.get_mut(handle), cx);
        if result.is_ready() {
            self.0.changed.notify_one();
        }
        result
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Shared {
    fn net(&self) -> MutexGuard<'_, Net> {
        self.net.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Net {
    fn set_address(&mut self, address: Ipv4Cidr, router: Option<Ipv4Addr>) {
        self.iface.update_ip_addrs(|addresses| {
            addresses.clear();
            // The list was emptied a moment ago, and it holds at least one.
            let _ = addresses.push(IpCidr::Ipv4(address));
        });
        if let Some(router) = router {
            let _ = self.iface.routes_mut().add_default_ipv4_route(router); // the only route
        }
    }

    fn ask_for(&mut self, neighbour: Ipv4Addr) {
        if neighbour.is_broadcast() || !self.asked_for.insert(neighbour) {
            return;
        }
        let request = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: self.mac,
            source_protocol_addr: self.iface.ipv4_addr().unwrap_or(Ipv4Addr::UNSPECIFIED),
            target_hardware_addr: EthernetAddress([0; 6]),
            target_protocol_addr: neighbour,
        };
        let header = EthernetRepr {
            src_addr: self.mac,
            dst_addr: EthernetAddress::BROADCAST,
            ethertype: EthernetProtocol::Arp,
        };
        let mut bytes = vec![0; header.buffer_len() + request.buffer_len()];
        let mut frame = EthernetFrame::new_unchecked(&mut bytes);
        header.emit(&mut frame);
        request.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
        self.cable.send(bytes);
    }

    /// Handles what came, and tells how long the stack can do without the next look.
    fn turn(&mut self, sent: &mut Vec<Vec<u8>>) -> Option<Duration> {
        let micros = i64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(i64::MAX);
        let now = smoltcp::time::Instant::from_micros(micros);
        self.iface.poll(now, &mut self.cable, &mut self.sockets);
        self.cable.take_sent(sent);
        self.iface.poll_delay(now, &self.sockets).map(Into::into)
    }
}

/// Moves frames and keeps the time until the port closes.
async fn drive(shared: Arc<Shared>, mut port: MemoryPort) {
    let mut sent = Vec::new();
    loop {
        let pause = shared.net().turn(&mut sent);
        for frame in sent.drain(..) {
            if port.send(&frame).await.is_err() {
                return;
            }
        }
        tokio::select! {
            frame = port.recv() => {
                let Some(frame) = frame else { return };
                let mut net = shared.net();
                net.cable.push(frame);
                while let Ok(frame) = port.try_recv() {
                    net.cable.push(frame);
                }
            }
            () = shared.changed.notified() => {}
            () = sleep(pause.unwrap_or_default()), if pause.is_some() => {}
        }
    }
}

/// RFC 6335, section 6.
const FIRST_EPHEMERAL_PORT: u16 = 49152;

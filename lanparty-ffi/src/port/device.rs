//! What stands behind a port handle, and how a session borrows it.

use std::sync::{Arc, Mutex, MutexGuard};

use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::port::memory::{self, MemorySink, MemorySource};
use lanparty_sdk::port::{InterfaceAddress, Port, PortCaps, PortKind};
use lanparty_sdk::route::AdapterPolicy;
use lanparty_sdk::session::BridgeError;

use super::plug::Plug;
use super::sink::CallerSink;
use crate::error::Failure;
use crate::lock::lock;
use crate::signal::Signal;
use crate::status::*;

/// A port as its handles and the session that uses it share it.
#[derive(Debug)]
pub(crate) struct Device {
    pub(super) kind: Kind,
    place: Mutex<Place>,
    /// The program's end of the cable: what it sends into the room.
    pub(super) tx: Mutex<Option<MemorySink>>,
    /// The program's end of the cable: what it receives from the room.
    pub(super) rx: Mutex<Option<MemorySource>>,
    /// Something may be received.
    pub(super) arrived: Arc<Signal>,
    /// By which an adapter or interface is taken from the session that uses it.
    plug: Mutex<Option<Arc<Plug>>>,
}

/// What kind of port it is, with what is needed to open those that only open on a session's own threads.
#[derive(Debug)]
pub(super) enum Kind {
    Virtual,
    Sink,
    Tap(Tap),
    AfPacket { iface: String },
}

/// An adapter that is to be made, or on Windows to be taken.
#[derive(Debug)]
pub(super) struct Tap {
    /// On Windows it may be an instance id, and empty for the only adapter.
    pub(super) name: String,
    pub(super) address: Option<InterfaceAddress>,
    pub(super) mtu: u16,
}

/// What the session that takes a port asks of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The address of the client that it is for.
    pub(crate) mac: Option<MacAddr>,
    /// The MTU that it must have.
    pub(crate) mtu: u16,
    /// What is changed of an adapter's IP settings, on Windows.
    #[cfg_attr(not(windows), allow(dead_code, reason = "elsewhere an adapter is made for its session"))]
    pub(crate) policy: AdapterPolicy,
}

#[cfg(target_os = "linux")]
pub(crate) type Capture = lanparty_sdk::port::af_packet::AfPacketHandle;
#[cfg(not(target_os = "linux"))]
pub(crate) type Capture = std::convert::Infallible;

/// Where the session's end of the port is.
#[derive(Debug)]
enum Place {
    /// Here, to be used by a session.
    Here(Port),
    /// Nowhere: it is opened when a session uses it.
    Unopened,
    /// On its way from there to a session.
    Opening,
    /// With a session.
    Away(PortCaps),
    /// Closed, or ended together with a session.
    Gone(PortCaps),
}

/// A port on its way to a session, with what else the session has to know.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) port: Port,
    /// By which an interface is told what not to hear.
    pub(crate) capture: Option<Capture>,
}

impl Device {
    pub(super) fn new_virtual(capacity: usize, mtu: u16) -> Self {
        let (program, session) = memory::pair(capacity);
        let session = session.with_name("virtual").with_mtu(mtu);
        let (rx, tx) = program.split();
        Self::new(Kind::Virtual, Place::Here(session.into_port()), Some(tx), Some(rx))
    }

    pub(super) fn new_sink(capacity: usize, sink: CallerSink) -> Self {
        let (program, session) = memory::pair(capacity);
        let (_, tx) = program.split();
        let (source, _) = session.split();
        Self::new(Kind::Sink, Place::Here(Port::new(source, sink)), Some(tx), None)
    }

    pub(super) fn new_unopened(kind: Kind) -> Self {
        Self::new(kind, Place::Unopened, None, None)
    }

    fn new(kind: Kind, place: Place, tx: Option<MemorySink>, rx: Option<MemorySource>) -> Self {
        Self {
            kind,
            place: Mutex::new(place),
            tx: Mutex::new(tx),
            rx: Mutex::new(rx),
            arrived: Arc::default(),
            plug: Mutex::default(),
        }
    }

    /// Takes the session's end, opening it if it must be, which may take some seconds.
    ///
    /// To be called inside the session's runtime, by a thread of the program's.
    pub(crate) fn take(&self, wanted: Wanted) -> Result<Opened, Failure> {
        {
            let mut place = self.place();
            let now = std::mem::replace(&mut *place, Place::Opening);
            match now {
                Place::Here(port) => {
                    let caps = port.sink.caps();
                    if let Err(failure) = fits(&caps, wanted.mtu) {
                        *place = Place::Here(port);
                        return Err(failure);
                    }
                    *place = Place::Away(caps);
                    return Ok(Opened::new(port));
                }
                Place::Unopened => {}
                Place::Gone(_) => {
                    *place = now;
                    return Err(Failure::closed("port"));
                }
                Place::Away(_) | Place::Opening => {
                    *place = now;
                    let message = "a session uses the port already: unbridge it there first";
                    return Err(Failure::usage(LANPARTY_E_PORT_IN_USE, message));
                }
            }
        }
        // Without the lock: it takes its time, and may log.
        let opened = self.open(wanted).and_then(|opened| {
            fits(&opened.port.sink.caps(), wanted.mtu)?;
            Ok(opened)
        });
        let mut place = self.place();
        if let Place::Gone(_) = *place {
            return Err(Failure::closed("port"));
        }
        *place = match &opened {
            Ok(opened) => Place::Away(opened.port.sink.caps()),
            Err(_) => Place::Unopened,
        };
        drop(place);
        let opened = opened?;
        let plug = Arc::<Plug>::default();
        let port = plug.guard(opened.port);
        *lock(&self.plug) = Some(plug);
        Ok(Opened { port, ..opened })
    }

    /// Takes back what a session has let go of. An adapter or interface is closed, because it cannot be used on another
    /// session's threads.
    pub(crate) fn give_back(&self, port: Port) {
        match self.kind {
            Kind::Virtual | Kind::Sink => {
                let mut place = self.place();
                if let Place::Away(_) = *place {
                    *place = Place::Here(port);
                }
            }
            Kind::Tap(_) | Kind::AfPacket { .. } => {
                drop(port); // before anybody else may open it
                self.session_over();
            }
        }
    }

    /// The session that used it is over, and its end of the port with it.
    pub(crate) fn session_over(&self) {
        let mut place = self.place();
        let Place::Away(caps) = &*place else { return };
        *place = match self.kind {
            Kind::Virtual | Kind::Sink => Place::Gone(caps.clone()),
            Kind::Tap(_) | Kind::AfPacket { .. } => Place::Unopened,
        };
    }

    /// Ends both directions, also at the session that uses it, and wakes whoever waits.
    pub(crate) fn close(&self) {
        let caps = self.caps();
        let old = std::mem::replace(&mut *self.place(), Place::Gone(caps));
        let tx = lock(&self.tx).take();
        let rx = lock(&self.rx).take();
        drop((old, tx, rx)); // without a lock: a sink's release is the caller's code
        if let Some(plug) = &*lock(&self.plug) {
            plug.pull();
        }
        self.arrived.notify();
    }

    /// Whether it is an adapter of this host while it is used.
    pub(crate) fn is_adapter(&self) -> bool {
        matches!(self.kind, Kind::Tap(_))
    }

    /// What the port is, so far as that is known.
    pub(crate) fn caps(&self) -> PortCaps {
        match (&*self.place(), &self.kind) {
            (Place::Here(port), _) => port.sink.caps(),
            (Place::Away(caps) | Place::Gone(caps), _) => caps.clone(),
            (Place::Unopened | Place::Opening, Kind::Tap(tap)) => {
                PortCaps::new(PortKind::Tap, &tap.name).with_mtu(tap.mtu)
            }
            (Place::Unopened | Place::Opening, Kind::AfPacket { iface }) => {
                PortCaps::new(PortKind::AfPacket, iface)
            }
            (Place::Unopened | Place::Opening, _) => PortCaps::new(PortKind::Custom, ""),
        }
    }

    pub(super) fn is_away(&self) -> bool {
        matches!(*self.place(), Place::Away(_) | Place::Opening)
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(*self.place(), Place::Gone(_))
    }

    #[cfg(target_os = "linux")]
    fn open(&self, wanted: Wanted) -> Result<Opened, Failure> {
        use lanparty_sdk::port::af_packet::{AfPacketOptions, AfPacketPort};
        use lanparty_sdk::port::tap_linux::{TapOptions, TapPort};

        match &self.kind {
            Kind::Tap(tap) => {
                let mut options = TapOptions::new(&tap.name);
                options.mtu(tap.mtu);
                if let Some(mac) = wanted.mac {
                    options.mac(mac);
                }
                if let Some(address) = tap.address {
                    options.address(address);
                }
                Ok(Opened::new(TapPort::open(&options)?))
            }
            Kind::AfPacket { iface } => {
                let (port, handle) = AfPacketPort::open_with_handle(iface, &AfPacketOptions::new())?;
                Ok(Opened { capture: Some(handle), ..Opened::new(port) })
            }
            Kind::Virtual | Kind::Sink => Err(Failure::closed("port")),
        }
    }

    #[cfg(windows)]
    fn open(&self, wanted: Wanted) -> Result<Opened, Failure> {
        use lanparty_sdk::port::tap_windows::{AdapterChoice, TapOptions, TapPort};

        match &self.kind {
            Kind::Tap(tap) => {
                let mut options = TapOptions::new(AdapterChoice::parse(&tap.name));
                options.mtu(tap.mtu).policy(wanted.policy);
                if let Some(mac) = wanted.mac {
                    options.mac(mac);
                }
                if let Some(address) = tap.address {
                    options.address(address);
                }
                Ok(Opened::new(TapPort::open(&options)?))
            }
            Kind::AfPacket { iface } => Err(unsupported(format!(
                "{iface}: Windows has no such port: use an adapter, or a virtual port"
            ))),
            Kind::Virtual | Kind::Sink => Err(Failure::closed("port")),
        }
    }

    #[cfg(not(any(target_os = "linux", windows)))]
    fn open(&self, _wanted: Wanted) -> Result<Opened, Failure> {
        Err(unsupported("this system has no such port yet: use a virtual port"))
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        lock(&self.place)
    }
}

#[cfg(not(target_os = "linux"))]
fn unsupported(message: impl Into<String>) -> Failure {
    Failure::coded(lanparty_sdk::error::code::UNSUPPORTED, message)
}

/// Whether a device carries what a session has promised.
fn fits(caps: &PortCaps, promised: u16) -> Result<(), Failure> {
    if caps.mtu >= promised {
        return Ok(());
    }
    Err(BridgeError::MtuTooSmall { port: caps.mtu, promised }.into())
}

impl Opened {
    fn new(port: Port) -> Self {
        Self { port, capture: None }
    }
}

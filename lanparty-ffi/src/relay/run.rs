//! A relay with the threads behind it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use lanparty_sdk::ctrl::RoomCode;
use lanparty_sdk::error::code;
use lanparty_sdk::obs::Events;
use lanparty_sdk::proto::RoomId;
use lanparty_sdk::quic::ServerCert;
use lanparty_sdk::relay::{Relay, RelayEvent};
use tokio::task::JoinHandle;

use super::config::Plan;
use super::report;
use crate::error::Failure;
use crate::event::{EventQueue, LastEvent, lanparty_event};
use crate::host::Host;
use crate::lock::lock;
use crate::signal::Deadline;
use crate::status::*;

/// What a relay handle holds.
#[derive(Debug)]
pub(crate) struct Running {
    host: Arc<Host>,
    /// `None` once it is closed.
    relay: Mutex<Option<Arc<Relay>>>,
    pub(super) events: Arc<EventQueue>,
    certificate: Mutex<ServerCert>,
    closing: Arc<AtomicBool>,
    watch: Mutex<Option<JoinHandle<()>>>,
}

impl Running {
    /// Opens the socket and serves it.
    pub(super) fn bind(plan: &Plan) -> Result<Self, Failure> {
        let settings = &plan.settings;
        let certificate = match &plan.certificate {
            Some(certificate) => certificate.clone(),
            None => settings.certificate()?,
        };
        let (listen, options) = (settings.listen, settings.options()?);
        // The relay makes the threads of its other workers itself.
        let host = Host::new(1, "lanparty-relay")?;
        let shown = certificate.clone();
        // On the relay's own thread, so that no event comes before somebody listens.
        let bound = host.run(Deadline::Never, async move {
            let relay = Relay::bind(listen, &shown, options)?;
            let events = relay.events();
            Ok::<_, lanparty_sdk::quic::BindError>((relay, events))
        });
        let (relay, events) = match bound {
            Ok(Ok(bound)) => bound,
            failed => {
                host.end(async {}, ());
                return Err(match failed {
                    Ok(Err(error)) => error.into(),
                    _ => Failure::coded(code::SYSTEM, "the relay's threads ended at once"),
                });
            }
        };
        let relay = Arc::new(relay);
        let queue = Arc::<EventQueue>::default();
        let closing = Arc::<AtomicBool>::default();
        let watch = Watch {
            relay: Arc::clone(&relay),
            last: LastEvent(Arc::clone(&queue)),
            codes: BTreeMap::new(),
            closing: Arc::clone(&closing),
        };
        let watch = host.spawn(watch.run(events));
        Ok(Self {
            host,
            relay: Mutex::new(Some(relay)),
            events: queue,
            certificate: Mutex::new(certificate),
            closing,
            watch: Mutex::new(Some(watch)),
        })
    }

    /// The relay, unless it is closed.
    pub(super) fn open(&self) -> Result<Arc<Relay>, Failure> {
        lock(&self.relay).clone().ok_or_else(|| Failure::closed("relay"))
    }

    pub(super) fn certificate(&self) -> ServerCert {
        lock(&self.certificate).clone()
    }

    pub(super) fn set_certificate(&self, certificate: ServerCert) -> Result<(), Failure> {
        let relay = self.open()?;
        // Held over both, so that what is shown is what is reported.
        let mut shown = lock(&self.certificate);
        relay.set_certificate(&certificate);
        *shown = certificate;
        Ok(())
    }

    pub(super) fn close(&self, text: &str, deadline: Deadline) -> Result<i32, Failure> {
        self.end(text);
        let gone = self.host.wait_gone(deadline);
        Ok(if gone { LANPARTY_OK } else { LANPARTY_WOULD_BLOCK })
    }

    /// Begins the end, if nobody has.
    fn end(&self, text: &str) {
        let Some(relay) = lock(&self.relay).take() else { return };
        self.closing.store(true, Ordering::Release);
        let (text, watch) = (text.to_owned(), lock(&self.watch).take());
        let epilogue = LastEvent(Arc::clone(&self.events));
        let farewell = async move {
            relay.shut_down(&text).await;
            if let Some(watch) = watch {
                let _ = watch.await; // if it panicked, it has told the end on its way out
            }
        };
        self.host.end(farewell, epilogue);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end("");
    }
}

/// Watches a relay and tells its program what happens.
struct Watch {
    relay: Arc<Relay>,
    last: LastEvent,
    /// The codes of the rooms that are open, for events that only have their numbers.
    codes: BTreeMap<RoomId, RoomCode>,
    /// Whether the end is on purpose.
    closing: Arc<AtomicBool>,
}

impl Watch {
    async fn run(mut self, mut events: Events<RelayEvent>) {
        let relay = Arc::clone(&self.relay);
        loop {
            tokio::select! {
                biased;
                Some(event) = events.next() => self.tell(&event, events.missed()),
                () = relay.stopped() => break,
            }
        }
        while let Some(event) = events.try_next() {
            self.tell(&event, events.missed());
        }
        let failed = || Failure::coded(code::BIND, "the relay's socket failed: make a new relay");
        let failure = (!self.closing.load(Ordering::Acquire)).then(failed);
        self.last.0.end(lanparty_event::ended(failure.as_ref()));
    }

    /// `missed` is how many events have been lost so far.
    fn tell(&mut self, event: &RelayEvent, missed: u64) {
        if let RelayEvent::RoomOpened { room, code, .. } = event {
            self.codes.insert(*room, code.clone());
        }
        self.last.0.push_after(missed, report::relay_event(event, &self.codes));
        if let RelayEvent::RoomClosed { room, .. } = event {
            self.codes.remove(room);
        }
    }
}

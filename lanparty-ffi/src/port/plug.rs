//! A plug that can be pulled: what the program closes ends at the session that uses it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use lanparty_sdk::obs::DropCounts;
use lanparty_sdk::port::{FrameBatch, FrameSource, Port};

use crate::lock::lock;

/// The program's side of the plug.
#[derive(Debug, Default)]
pub(super) struct Plug {
    pulled: AtomicBool,
    reader: Mutex<Option<Waker>>,
}

impl Plug {
    /// Puts a plug between a port and the session that is to use it.
    pub(super) fn guard(self: &Arc<Self>, port: Port) -> Port {
        Port { source: Box::new(Plugged { plug: Arc::clone(self), source: port.source }), sink: port.sink }
    }

    /// No frame comes any more: the session ends.
    pub(super) fn pull(&self) {
        self.pulled.store(true, Ordering::SeqCst);
        let reader = lock(&self.reader).take();
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

#[derive(Debug)]
struct Plugged {
    plug: Arc<Plug>,
    source: Box<dyn FrameSource>,
}

impl FrameSource for Plugged {
    fn poll_recv(&mut self, cx: &mut Context<'_>, batch: &mut FrameBatch) -> Poll<io::Result<()>> {
        {
            let mut reader = lock(&self.plug.reader);
            if !reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
                *reader = Some(cx.waker().clone());
            }
        }
        // After the waker is in place, so that no pull goes unnoticed.
        if self.plug.pulled.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::Error::other("the program closed it")));
        }
        self.source.poll_recv(cx, batch)
    }

    fn take_drops(&mut self) -> DropCounts {
        self.source.take_drops()
    }
}

//! The party's LAN in memory: an Ethernet switch with a memory port in each socket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use lanparty_sdk::frame::{Frame, MacAddr};
use lanparty_sdk::port::FrameSink as _;
use lanparty_sdk::port::memory::{MemoryPort, MemorySink, MemorySource};

/// Connects `ports` until they close. Like a real switch it learns who is where, and drops what a socket cannot take.
pub(crate) fn connect(ports: Vec<MemoryPort>) {
    let (sources, sinks): (Vec<_>, Vec<_>) = ports.into_iter().map(MemoryPort::split).unzip();
    let switch = Arc::new(Switch { sinks, table: Mutex::default() });
    for (socket, source) in sources.into_iter().enumerate() {
        tokio::spawn(Arc::clone(&switch).forward(socket, source));
    }
}

struct Switch {
    sinks: Vec<MemorySink>,
    table: Mutex<BTreeMap<MacAddr, usize>>,
}

impl Switch {
    async fn forward(self: Arc<Self>, socket: usize, mut source: MemorySource) {
        while let Some(bytes) = source.recv().await {
            let Ok(frame) = Frame::parse(&bytes) else { continue };
            match self.route(frame, socket) {
                Some(to) if to == socket => {}
                Some(to) => self.send(to, &bytes),
                None => (0..self.sinks.len()).filter(|to| *to != socket).for_each(|to| self.send(to, &bytes)),
            }
        }
    }

    /// Learns where the sender is, and tells where the receiver is; `None` for all.
    fn route(&self, frame: Frame<'_>, socket: usize) -> Option<usize> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.insert(frame.src(), socket);
        table.get(&frame.dst()).copied()
    }

    fn send(&self, to: usize, frame: &Bytes) {
        let _ = self.sinks[to].try_send(frame.clone()); // full or unplugged
    }
}

//! What happens, as a struct, and the queue in which it waits to be taken.

use std::collections::VecDeque;
use std::ffi::c_char;
use std::sync::{Arc, Mutex, MutexGuard};

use lanparty_sdk::ctrl::{LeaveReason, PeerInfo, PeerRole};
use lanparty_sdk::frame::MacAddr;

use crate::error::Failure;
use crate::lock::lock;
use crate::signal::{Deadline, Signal};
use crate::status::*;
use crate::text::{Record, field, fill};

/// A connection to the relay is being made; `attempt` is 0 at the very beginning.
pub const LANPARTY_EVENT_CONNECTING: u32 = 1;
/// The room let the member in: `room`, `peer` (its own number), `mtu`, LANPARTY_FLAG_AGAIN, LANPARTY_FLAG_GATEWAY_PRESENT.
pub const LANPARTY_EVENT_JOINED: u32 = 2;
/// Somebody joined, or was here already: `peer`, `role`, `mac`, `name`.
pub const LANPARTY_EVENT_PEER_JOINED: u32 = 3;
/// Somebody left: as above, with `reason` and `text`, the leaver's own words.
pub const LANPARTY_EVENT_PEER_LEFT: u32 = 4;
/// Somebody stopped or resumed its data plane: `peer`, LANPARTY_FLAG_PAUSED.
pub const LANPARTY_EVENT_PEER_PAUSED: u32 = 5;
/// The member's own data plane stopped or resumed: LANPARTY_FLAG_PAUSED.
pub const LANPARTY_EVENT_PAUSED: u32 = 6;
/// The relay is out of reach; the port stays as it is: `text` is the cause, `retry_in_ms` when the next attempt comes.
pub const LANPARTY_EVENT_DISCONNECTED: u32 = 7;
/// The session, or the relay, is over: `status` is why (LANPARTY_OK if it was closed here), `text` says it for people.
/// Nothing comes after it.
pub const LANPARTY_EVENT_ENDED: u32 = 8;
/// At a relay: the first member of a room came: `room`, `code`, `mtu`.
pub const LANPARTY_EVENT_ROOM_OPENED: u32 = 20;
/// At a relay: the last member of a room left: `room`, `code`.
pub const LANPARTY_EVENT_ROOM_CLOSED: u32 = 21;
/// At a relay: a member was let in: `room`, `code`, `peer`, `role`, `mac`, `name`.
pub const LANPARTY_EVENT_MEMBER_JOINED: u32 = 22;
/// At a relay: a member is out: as above, with `reason` and `text`.
pub const LANPARTY_EVENT_MEMBER_LEFT: u32 = 23;
/// At a relay: a newcomer was not let in: `code`, `status`, `text`.
pub const LANPARTY_EVENT_REJECTED: u32 = 24;
/// At a relay: a connection that is in no room was closed: `text`.
pub const LANPARTY_EVENT_CONNECTION_CLOSED: u32 = 25;
/// At a relay: a member stopped or resumed its data plane: `room`, `code`, `peer`, LANPARTY_FLAG_PAUSED.
pub const LANPARTY_EVENT_MEMBER_PAUSED: u32 = 26;

/// A member left on purpose.
pub const LANPARTY_REASON_NORMAL: u32 = 1;
/// Nothing was heard from it for too long.
pub const LANPARTY_REASON_TIMED_OUT: u32 = 2;
/// Its connection broke.
pub const LANPARTY_REASON_LOST: u32 = 3;
/// It broke the protocol.
pub const LANPARTY_REASON_PROTOCOL: u32 = 4;
/// It sent too much of what it should not send.
pub const LANPARTY_REASON_ABUSE: u32 = 5;
/// It was removed.
pub const LANPARTY_REASON_KICKED: u32 = 6;
/// The same identity connected again.
pub const LANPARTY_REASON_REPLACED: u32 = 7;
/// The relay, or the member's program, shuts down.
pub const LANPARTY_REASON_SHUTDOWN: u32 = 8;
/// A reason that this version does not know.
pub const LANPARTY_REASON_OTHER: u32 = 99;

/// A member that plays: one computer, or one virtual port.
pub const LANPARTY_ROLE_CLIENT: u32 = 1;
/// The member that stands for the LAN behind its port. A room has one at most.
pub const LANPARTY_ROLE_GATEWAY: u32 = 2;

/// `mac` holds an address.
pub const LANPARTY_FLAG_HAS_MAC: u32 = 0x1;
/// The data plane is stopped.
pub const LANPARTY_FLAG_PAUSED: u32 = 0x2;
/// The round-trip time is known.
pub const LANPARTY_FLAG_HAS_RTT: u32 = 0x4;
/// The member had been in before and came back.
pub const LANPARTY_FLAG_AGAIN: u32 = 0x8;
/// The room has a gateway.
pub const LANPARTY_FLAG_GATEWAY_PRESENT: u32 = 0x10;
/// The relay answers.
pub const LANPARTY_FLAG_RELAY_REACHABLE: u32 = 0x20;
/// The member is in its room.
pub const LANPARTY_FLAG_JOINED: u32 = 0x40;
/// This member is the gateway itself.
pub const LANPARTY_FLAG_IS_GATEWAY: u32 = 0x80;
/// A host route keeps the relay's traffic out of the tunnel.
pub const LANPARTY_FLAG_ROUTE_PINNED: u32 = 0x100;
/// A host route should keep the relay's traffic out of the tunnel, and does not.
pub const LANPARTY_FLAG_ROUTE_UNPINNED: u32 = 0x200;
/// A session uses the port, or the session has a port.
pub const LANPARTY_FLAG_BRIDGED: u32 = 0x400;
/// The port is closed.
pub const LANPARTY_FLAG_CLOSED: u32 = 0x800;
/// The round-trip time to the gateway is known.
pub const LANPARTY_FLAG_HAS_GATEWAY_RTT: u32 = 0x1000;

/// Events that wait for a program that does not take them; the oldest are lost then, and counted.
const QUEUE_CAPACITY: usize = 1024;

/// Something happened. Which fields count depends on `kind`; the others are zero or empty. Texts are NUL-terminated UTF-8,
/// cut between two characters where they are too long.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lanparty_event {
    /// sizeof(lanparty_event), set by the caller.
    pub struct_size: u32,
    /// LANPARTY_EVENT_*. More may come: pass over those that you do not know.
    pub kind: u32,
    /// The room's number on its relay.
    pub room: u32,
    /// The number of the member that it is about.
    pub peer: u32,
    /// LANPARTY_ROLE_* of that member.
    pub role: u32,
    /// LANPARTY_REASON_*: why it left.
    pub reason: u32,
    /// Why something ended: a status.
    pub status: i32,
    /// LANPARTY_FLAG_*.
    pub flags: u32,
    /// The room's layer-2 MTU in bytes.
    pub mtu: u32,
    /// How many waits there were since the last success.
    pub attempt: u32,
    /// When the next attempt comes, in milliseconds.
    pub retry_in_ms: u32,
    /// How many events before this one were lost because nobody took them.
    pub missed: u32,
    /// The member's address, if LANPARTY_FLAG_HAS_MAC is set.
    pub mac: [u8; 6],
    /// Zero.
    pub reserved: [u8; 2],
    /// What the member is called; empty if it has no name.
    pub name: [c_char; 132],
    /// The room's code.
    pub code: [c_char; 68],
    /// The leaver's own words, the relay's, or what is known of a cause.
    pub text: [c_char; 1024],
    /// A sentence about it for the user, the same as the programs print; empty if there is nothing to say.
    pub line: [c_char; 1024],
}

// SAFETY: numbers and arrays of numbers, as C lays them out.
unsafe impl Record for lanparty_event {
    const FIRST_SIZE: usize = 2304;

    fn keep_size(&mut self, size: u32) {
        self.struct_size = size;
    }
}

impl lanparty_event {
    pub(crate) const fn new(kind: u32) -> Self {
        Self {
            struct_size: 0,
            kind,
            room: 0,
            peer: 0,
            role: 0,
            reason: 0,
            status: 0,
            flags: 0,
            mtu: 0,
            attempt: 0,
            retry_in_ms: 0,
            missed: 0,
            mac: [0; 6],
            reserved: [0; 2],
            name: [0; 132],
            code: [0; 68],
            text: [0; 1024],
            line: [0; 1024],
        }
    }

    pub(crate) fn about(mut self, info: &PeerInfo) -> Self {
        self.peer = info.peer.number().into();
        self.role = role_number(info.role);
        (self.mac, self.flags) = with_mac(info.mac, self.flags);
        self.name = field(info.name.as_deref().unwrap_or_default());
        self
    }

    pub(crate) fn left(mut self, reason: LeaveReason, text: &str) -> Self {
        self.reason = reason_number(reason);
        self.text = field(text);
        self
    }

    pub(crate) fn text(mut self, text: &str) -> Self {
        self.text = field(text);
        self
    }

    pub(crate) const fn flag(mut self, flag: u32, set: bool) -> Self {
        if set {
            self.flags |= flag;
        }
        self
    }

    /// The end, by a failure or on purpose.
    pub(crate) fn ended(failure: Option<&Failure>) -> Self {
        let event = Self::new(LANPARTY_EVENT_ENDED);
        match failure {
            Some(failure) => {
                let line = field(failure.message());
                Self { status: failure.status, line, ..event }.text(failure.message())
            }
            None => event,
        }
    }
}

pub(crate) const fn role_number(role: PeerRole) -> u32 {
    match role {
        PeerRole::Client => LANPARTY_ROLE_CLIENT,
        PeerRole::Gateway => LANPARTY_ROLE_GATEWAY,
    }
}

/// An address and the flag that says that there is one.
pub(crate) fn with_mac(mac: Option<MacAddr>, flags: u32) -> ([u8; 6], u32) {
    match mac {
        Some(mac) => (mac.octets(), flags | LANPARTY_FLAG_HAS_MAC),
        None => ([0; 6], flags),
    }
}

const fn reason_number(reason: LeaveReason) -> u32 {
    match reason {
        LeaveReason::Normal => LANPARTY_REASON_NORMAL,
        LeaveReason::TimedOut => LANPARTY_REASON_TIMED_OUT,
        LeaveReason::Lost => LANPARTY_REASON_LOST,
        LeaveReason::Protocol => LANPARTY_REASON_PROTOCOL,
        LeaveReason::Abuse => LANPARTY_REASON_ABUSE,
        LeaveReason::Kicked => LANPARTY_REASON_KICKED,
        LeaveReason::Replaced => LANPARTY_REASON_REPLACED,
        LeaveReason::Shutdown => LANPARTY_REASON_SHUTDOWN,
        _ => LANPARTY_REASON_OTHER,
    }
}

/// Events on their way to a program that takes them when it likes.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    state: Mutex<Queue>,
    signal: Signal,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<lanparty_event>,
    missed: u32,
    missed_upstream: u64,
    ended: bool,
}

impl EventQueue {
    /// Adds an event; the oldest makes room for it if it must.
    pub(crate) fn push(&self, event: lanparty_event) {
        self.add(event, false);
    }

    /// [`EventQueue::push`], where `missed` events in all have been lost before they came here.
    pub(crate) fn push_after(&self, missed: u64, event: lanparty_event) {
        let mut queue = self.lock();
        let new = missed.saturating_sub(queue.missed_upstream);
        queue.missed_upstream = missed;
        queue.missed = queue.missed.saturating_add(u32::try_from(new).unwrap_or(u32::MAX));
        drop(queue);
        self.push(event);
    }

    /// Adds the last event, once.
    pub(crate) fn end(&self, event: lanparty_event) {
        self.add(event, true);
    }

    fn add(&self, event: lanparty_event, last: bool) {
        let mut queue = self.lock();
        if queue.ended {
            return;
        }
        if queue.events.len() >= QUEUE_CAPACITY {
            queue.events.pop_front();
            queue.missed = queue.missed.saturating_add(1);
        }
        queue.events.push_back(event);
        queue.ended = last;
        self.signal.notify();
    }

    /// Gives the next event to the caller.
    ///
    /// # Safety
    /// `out` is NULL, or as many bytes may be written there as its `struct_size` says.
    pub(crate) unsafe fn next(&self, deadline: Deadline, out: *mut lanparty_event) -> Result<i32, Failure> {
        // Before anything is taken out.
        // SAFETY: as this function asks.
        unsafe { crate::text::check_record(out, "event") }?;
        match self.signal.until(deadline, || self.take()) {
            // SAFETY: as this function asks.
            Some(Some(event)) => unsafe { fill(out, "event", event) },
            Some(None) => Ok(LANPARTY_END),
            None => Ok(LANPARTY_WOULD_BLOCK),
        }
    }

    /// What is ready while an event waits, or the end.
    pub(crate) fn wait_handle(&self) -> Result<i64, Failure> {
        let raw = self.signal.wait_handle()?;
        let queue = self.lock();
        self.signal.set_ready(!queue.events.is_empty() || queue.ended);
        Ok(raw)
    }

    /// The next event, or that there will be none; `None` if there is none yet.
    fn take(&self) -> Option<Option<lanparty_event>> {
        let mut queue = self.lock();
        let Some(mut event) = queue.events.pop_front() else {
            return queue.ended.then_some(None);
        };
        event.missed = std::mem::take(&mut queue.missed);
        // Under the lock that guards the queue, so that no notice of a newer event is taken away.
        if queue.events.is_empty() && !queue.ended {
            self.signal.set_ready(false);
        }
        Some(Some(event))
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        lock(&self.state)
    }
}

/// Ends the queue when whoever feeds it is gone, however that came about.
pub(crate) struct LastEvent(pub(crate) Arc<EventQueue>);

impl Drop for LastEvent {
    fn drop(&mut self) {
        self.0.end(lanparty_event::ended(None)); // does nothing if somebody has told more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(queue: &EventQueue) -> Result<lanparty_event, i32> {
        let mut event = lanparty_event::new(0);
        event.struct_size = u32::try_from(size_of::<lanparty_event>()).unwrap();
        // SAFETY: the struct says how large it is.
        match unsafe { queue.next(Deadline::Now, &raw mut event) }.unwrap() {
            LANPARTY_OK => Ok(event),
            status => Err(status),
        }
    }

    #[test]
    fn events_come_in_order_and_then_the_end() {
        let queue = EventQueue::default();
        assert_eq!(next(&queue).unwrap_err(), LANPARTY_WOULD_BLOCK);
        queue.push(lanparty_event::new(1));
        queue.push(lanparty_event::new(2));
        queue.end(lanparty_event::ended(None));
        queue.push(lanparty_event::new(3));
        let kinds: Vec<_> = std::iter::from_fn(|| next(&queue).ok()).map(|event| event.kind).collect();
        assert_eq!(kinds, [1, 2, LANPARTY_EVENT_ENDED]);
        assert_eq!(next(&queue).unwrap_err(), LANPARTY_END);
        assert_eq!(next(&queue).unwrap_err(), LANPARTY_END);
    }

    #[test]
    fn what_nobody_takes_is_lost_oldest_first_and_counted() {
        let queue = EventQueue::default();
        for kind in 0..1030 {
            queue.push(lanparty_event::new(kind));
        }
        let first = next(&queue).unwrap();
        assert_eq!((first.kind, first.missed), (6, 6));
        assert_eq!(next(&queue).unwrap().missed, 0);
    }
}

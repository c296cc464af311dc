//! Packets that leave together.
//!
//! quinn hands at most ten packets at a time to its socket, and twenty in a turn of a connection's task. For the system and for
//! the receiver, whom each handful wakes, sixty-four kilobytes cost little more than fourteen (GSO, USO). So what a task sends
//! within a turn is coupled into one train, as far as it goes to one place in packets of one size, and the train
//! departs when the turn ends at the latest: nothing waits for more to come.
//!
//! How long trains are on a path is left to quinn's pacing: two milliseconds of what the path carries.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use quinn::udp::{EcnCodepoint, RecvMeta, Transmit};
use quinn::{AsyncTimer, AsyncUdpSocket, Runtime, TokioRuntime, UdpPoller};

/// What UDP carries over IPv4, and thereby all that a system takes at once.
const MAX_TRAIN_BYTES: usize = 65_507;
/// After as many packets quinn ends the turn of a connection's task, even if more could be sent.
const QUINN_TURN_PACKETS: usize = 20;
/// So many turns make one, so that it fills a train.
const TURNS: usize = 3;

thread_local! {
    /// The turn that is under way on this thread.
    static TURN: RefCell<Turn> = RefCell::default();
}

/// What one task of quinn's sends.
#[derive(Debug, Default)]
struct Turn {
    /// Whether there is one: what is sent outside departs at once.
    under_way: bool,
    /// Packets sent since quinn was last asked for more.
    packets: usize,
    train: Train,
}

/// Packets of one size on their way to one place.
///
/// Only packets that quinn itself sends as one begin a train that others may join: with segmentation switched off none does,
/// and a probe for the path's MTU takes none with it when it is refused.
#[derive(Debug, Default)]
struct Train {
    bytes: Vec<u8>,
    /// Where they go; none if there are none.
    head: Option<Head>,
    /// Whether others may join.
    open: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    destination: SocketAddr,
    ecn: Option<EcnCodepoint>,
    src_ip: Option<IpAddr>,
    packet_bytes: usize,
}

impl Head {
    fn of(transmit: &Transmit<'_>) -> Self {
        Self {
            destination: transmit.destination,
            ecn: transmit.ecn,
            src_ip: transmit.src_ip,
            packet_bytes: transmit.segment_size.unwrap_or(transmit.contents.len()).max(1),
        }
    }
}

impl Train {
    /// Takes what comes, if the train may have it.
    fn couple(&mut self, transmit: &Transmit<'_>, max_packets: usize) -> bool {
        let next = Head::of(transmit);
        if let Some(head) = self.head {
            // The last packet may be shorter, but none follows it.
            let is_tail = transmit.segment_size.is_none() && next.packet_bytes <= head.packet_bytes;
            let follows = next == Head { packet_bytes: next.packet_bytes, ..head }
                && (is_tail || next.packet_bytes == head.packet_bytes);
            let bytes = self.bytes.len() + transmit.contents.len();
            let fits = bytes <= MAX_TRAIN_BYTES && bytes.div_ceil(head.packet_bytes) <= max_packets;
            if !self.open || !self.bytes.len().is_multiple_of(head.packet_bytes) || !follows || !fits {
                return false;
            }
        } else {
            self.head = Some(next);
            self.open = transmit.segment_size.is_some();
        }
        self.bytes.extend_from_slice(transmit.contents);
        true
    }

    /// Leaves nothing behind, unless there is no room: then all of it stays.
    fn depart(&mut self, socket: &dyn AsyncUdpSocket) -> io::Result<()> {
        let Some(head) = self.head else { return Ok(()) };
        let result = socket.try_send(&Transmit {
            destination: head.destination,
            ecn: head.ecn,
            contents: &self.bytes,
            segment_size: (self.bytes.len() > head.packet_bytes).then_some(head.packet_bytes),
            src_ip: head.src_ip,
        });
        if !is_full(&result) {
            self.clear();
        }
        result
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.head = None;
    }
}

/// Whether a socket had no room.
pub(super) fn is_full(result: &io::Result<()>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// A socket and runtime for an endpoint of quinn's, so that its packets leave in trains. They do so until the endpoint gets another
/// socket, and nothing here keeps the first one alive then.
pub(super) fn in_trains(socket: Arc<dyn AsyncUdpSocket>) -> (Arc<dyn AsyncUdpSocket>, Arc<dyn Runtime>) {
    let runtime = TrainRuntime { socket: Arc::downgrade(&socket) };
    (Arc::new(TrainSocket { socket }), Arc::new(runtime))
}

/// A socket that couples what is sent within one turn.
#[derive(Debug)]
struct TrainSocket {
    socket: Arc<dyn AsyncUdpSocket>,
}

impl AsyncUdpSocket for TrainSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Arc::clone(&self.socket).create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        TURN.with_borrow_mut(|turn| {
            if !turn.under_way {
                return self.socket.try_send(transmit);
            }
            let max_packets = self.socket.max_transmit_segments();
            if !turn.train.couple(transmit, max_packets) {
                turn.train.depart(&*self.socket)?;
                turn.train.couple(transmit, max_packets);
            }
            turn.packets += transmit.contents.len().div_ceil(Head::of(transmit).packet_bytes);
            Ok(())
        })
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.socket.poll_recv(cx, bufs, meta)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.socket.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.socket.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.socket.may_fragment()
    }
}

/// tokio, but for the ends of turns.
#[derive(Debug)]
struct TrainRuntime {
    socket: Weak<dyn AsyncUdpSocket>,
}

impl Runtime for TrainRuntime {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        TokioRuntime.new_timer(at)
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let socket = Weak::clone(&self.socket);
        TokioRuntime.spawn(Box::pin(Turns { socket, task: Some(task), waiting: None, room: None }));
    }

    fn now(&self) -> Instant {
        TokioRuntime.now()
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        TokioRuntime.wrap_udp_socket(socket)
    }
}

/// A task of quinn's, at the ends of whose turns trains depart.
struct Turns {
    socket: Weak<dyn AsyncUdpSocket>,
    /// None when it has ended.
    task: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// The train that found no room.
    waiting: Option<Train>,
    /// While there is one.
    room: Option<Pin<Box<dyn UdpPoller>>>,
}

impl Turns {
    fn turn(&mut self, socket: &dyn AsyncUdpSocket, cx: &mut Context<'_>) {
        // What the task itself waits for should be the only thing that waits now.
        self.room = None;
        let _end = EndOfTurn;
        TURN.with_borrow_mut(|turn| {
            turn.under_way = true;
            if let Some(train) = self.waiting.take() {
                turn.train = train;
            }
        });
        for _ in 0..TURNS {
            self.poll_task(cx);
            let packets = TURN.with_borrow_mut(|turn| std::mem::take(&mut turn.packets));
            if self.task.is_none() || packets < QUINN_TURN_PACKETS {
                break;
            }
        }
        TURN.with_borrow_mut(|turn| {
            if is_full(&turn.train.depart(socket)) {
                self.waiting = Some(std::mem::take(&mut turn.train));
            }
        });
    }

    fn poll_task(&mut self, cx: &mut Context<'_>) {
        if self.task.as_mut().is_some_and(|task| task.as_mut().poll(cx).is_ready()) {
            self.task = None;
        }
    }

    /// Waits for room until the waiting train has gone.
    fn poll_departure(&mut self, socket: &Arc<dyn AsyncUdpSocket>, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(train) = &mut self.waiting {
            let room = self.room.get_or_insert_with(|| Arc::clone(socket).create_io_poller());
            // A socket that can no longer tell whether it has room fails for quinn too, which says so.
            if ready!(room.as_mut().poll_writable(cx)).is_err() || !is_full(&train.depart(&**socket)) {
                self.waiting = None;
            }
        }
        self.room = None;
        Poll::Ready(())
    }
}

impl Future for Turns {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(socket) = self.socket.upgrade() {
            self.turn(&*socket, cx);
            ready!(self.poll_departure(&socket, cx));
        } else {
            self.poll_task(cx);
        }
        if self.task.is_none() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Ends the turn, also if the task panics: what it sent then is nobody else's.
struct EndOfTurn;

impl Drop for EndOfTurn {
    fn drop(&mut self) {
        TURN.with_borrow_mut(|turn| {
            turn.under_way = false;
            turn.packets = 0;
            turn.train.clear();
        });
    }
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! A UDP socket of quinn's that wakes its thread only for what arrives.
//!
//! tokio's own socket asks the kernel for every event, so that each datagram that has left the queue of the network card
//! wakes the thread once more, to learn that a queue that was not full still is not. A relay of lone game frames does
//! that for every frame. This one asks for what arrives; for room to send it asks when there is none, and only as long.
//!
//! Linux only: that fewer datagrams than there was room for mean that no more are waiting is a property of `recvmmsg`.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use quinn::udp::{RecvMeta, Transmit, UdpSocketState};
use quinn::{AsyncUdpSocket, UdpPoller};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::train::is_full;
use crate::port::readiness::watch;

/// A socket with all that quinn uses of the system: many datagrams in one call, segmentation, congestion marks.
#[derive(Debug)]
pub(super) struct LeanSocket {
    socket: AsyncFd<UdpSocket>,
    state: UdpSocketState,
    /// Whether the last datagram found no room.
    full: AtomicBool,
    /// A second handle on the socket. Made in time: when there is no room there may be no descriptors either.
    second: Arc<UdpSocket>,
    /// That handle, registered for room alone, as long as anybody waits for some.
    room: Mutex<Weak<AsyncFd<Arc<UdpSocket>>>>,
}

impl LeanSocket {
    /// Takes a socket that does not block. Must be called within a runtime.
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        let second = Arc::new(socket.try_clone()?);
        let socket = watch(socket, Interest::READABLE)?;
        Ok(Self { socket, state, full: AtomicBool::new(false), second, room: Mutex::default() })
    }

    /// The registration for room, which all who wait share.
    fn room(&self) -> io::Result<Arc<AsyncFd<Arc<UdpSocket>>>> {
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = room.upgrade() {
            return Ok(room);
        }
        let registered = Arc::new(watch(Arc::clone(&self.second), Interest::WRITABLE)?);
        *room = Arc::downgrade(&registered);
        Ok(registered)
    }

    /// Waits until the kernel has room again.
    async fn has_room(self: Arc<Self>) -> io::Result<()> {
        let room = self.room()?;
        room.writable().await?.retain_ready();
        self.full.store(false, Ordering::Relaxed);
        Ok(())
    }
}

impl AsyncUdpSocket for LeanSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Poller { socket: self, room: None })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let send = || self.state.send(self.socket.get_ref().into(), transmit);
        let mut result = send();
        if is_full(&result) {
            // Whoever waits for room may have been told of some that is gone again, and must not be told so once more.
            let room = self.room.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
            if let Some(room) = room {
                result = room.try_io(Interest::WRITABLE, |_| send());
            }
        }
        if is_full(&result) {
            self.full.store(true, Ordering::Relaxed);
        }
        result
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.socket.poll_read_ready(cx))?;
            let received = guard.try_io(|socket| self.state.recv(socket.get_ref().into(), bufs, meta));
            let Ok(result) = received else { continue };
            if result.as_ref().is_ok_and(|count| *count < bufs.len()) {
                // Nothing more waits, and what comes now raises a new event: no need to ask once more.
                guard.clear_ready();
            }
            return Poll::Ready(result);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }

    fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }

    fn max_transmit_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.state.gro_segments()
    }
}

type Room = Pin<Box<dyn Future<Output = io::Result<()>> + Send + Sync>>;

/// Waits for room to send, for one connection.
struct Poller {
    socket: Arc<LeanSocket>,
    /// While there is none.
    room: Option<Room>,
}

impl UdpPoller for Poller {
    fn poll_writable(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.room.is_none() && !self.socket.full.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let socket = Arc::clone(&self.socket);
        let room = self.room.get_or_insert_with(|| Box::pin(socket.has_room()));
        let result = ready!(room.as_mut().poll(cx));
        self.room = None;
        Poll::Ready(result)
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").field("waits", &self.room.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::net::Ipv4Addr;

    use super::super::{SocketBuffers, bind_udp};
    use super::*;

    fn socket() -> Arc<LeanSocket> {
        let addr = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        let (socket, _) = bind_udp(addr, SocketBuffers::default()).unwrap();
        Arc::new(LeanSocket::new(socket).unwrap())
    }

    async fn receive(socket: &LeanSocket, count: usize) -> Vec<u8> {
        let mut buffers = vec![[0; 64]; count];
        let mut bufs: Vec<_> = buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
        let mut meta = vec![RecvMeta::default(); count];
        let received = poll_fn(|cx| socket.poll_recv(cx, &mut bufs, &mut meta)).await.unwrap();
        assert!(meta[..received].iter().all(|meta| meta.len == 1 && meta.stride == 1));
        buffers[..received].iter().map(|buffer| buffer[0]).collect()
    }

    /// A batch that is not full, one that is, and what comes between them.
    #[tokio::test]
    async fn whatever_arrives_wakes() {
        let (here, there) = (socket(), socket());
        let destination = there.local_addr().unwrap();
        let send = |number: u8| {
            let transmit =
                Transmit { destination, ecn: None, contents: &[number], segment_size: None, src_ip: None };
            here.try_send(&transmit).unwrap();
        };
        let mut expected = 0;
        for burst in [1_u8, 3, 4, 5, 8, 1, 9] {
            let end = expected + burst;
            (expected..end).for_each(send);
            while expected < end {
                for number in receive(&there, 4).await {
                    assert_eq!(number, expected);
                    expected += 1;
                }
            }
        }
    }

    #[tokio::test]
    async fn room_is_awaited_once_there_was_none() {
        let socket = socket();
        let mut poller = Arc::clone(&socket).create_io_poller();
        socket.full.store(true, Ordering::Relaxed);
        // The kernel has room, and says so as soon as it is asked.
        poll_fn(|cx| poller.as_mut().poll_writable(cx)).await.unwrap();
        assert!(!socket.full.load(Ordering::Relaxed));
    }
}

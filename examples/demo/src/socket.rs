//! Sockets of a [`Stack`] as asynchronous programs want them.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::task::Poll;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use smoltcp::iface::SocketHandle;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::socket::{icmp, tcp, udp};
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, IpAddress, IpEndpoint};

use crate::stack::Stack;

/// A UDP socket.
#[derive(Debug)]
pub(crate) struct UdpSocket {
    stack: Stack,
    handle: SocketHandle,
}

impl UdpSocket {
    /// Listens on `port`.
    pub(crate) fn bind(stack: &Stack, port: u16) -> Result<Self> {
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 64], vec![0; 64 * 1024]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(port).with_context(|| format!("UDP port {port} cannot be used"))?;
        Ok(Self { stack: stack.clone(), handle: stack.add(socket) })
    }

    /// Sends without waiting; broadcast addresses are welcome.
    pub(crate) fn send_to(&self, payload: &[u8], to: (Ipv4Addr, u16)) -> Result<()> {
        self.stack.greet(to.0);
        self.stack
            .with_socket(self.handle, |socket: &mut udp::Socket<'_>| socket.send_slice(payload, to))
            .map_err(|error| anyhow!("UDP to {}:{}: {error}", to.0, to.1))
    }

    /// Waits for the next datagram and its sender.
    pub(crate) async fn recv_from(&self) -> (Vec<u8>, IpEndpoint) {
        poll_fn(|cx| {
            self.stack.poll_socket(self.handle, cx, |socket: &mut udp::Socket<'_>, cx| match socket.recv() {
                Ok((payload, meta)) => Poll::Ready((payload.to_vec(), meta.endpoint)),
                Err(_) => {
                    socket.register_recv_waker(cx.waker());
                    Poll::Pending
                }
            })
        })
        .await
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        self.stack.remove(self.handle);
    }
}

/// Sends echo requests from one host.
#[derive(Debug)]
pub(crate) struct Pinger {
    stack: Stack,
    handle: SocketHandle,
    ident: u16,
    sequence: u16,
}

impl Pinger {
    /// `ident` tells this host's pingers apart.
    pub(crate) fn new(stack: &Stack, ident: u16) -> Result<Self> {
        let buffer = || icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 8], vec![0; 4096]);
        let mut socket = icmp::Socket::new(buffer(), buffer());
        socket.bind(icmp::Endpoint::Ident(ident)).context("no ICMP socket")?;
        Ok(Self { stack: stack.clone(), handle: stack.add(socket), ident, sequence: 0 })
    }

    /// Asks once, and waits up to `patience` for the answer; `None` if there was none.
    pub(crate) async fn ping(&mut self, to: Ipv4Addr, patience: Duration) -> Result<Option<Duration>> {
        self.stack.greet(to);
        self.sequence = self.sequence.wrapping_add(1);
        let request =
            Icmpv4Repr::EchoRequest { ident: self.ident, seq_no: self.sequence, data: PING_PAYLOAD };
        let sent = Instant::now();
        self.stack.with_socket(self.handle, |socket: &mut icmp::Socket<'_>| {
            let buffer = socket.send(request.buffer_len(), IpAddress::Ipv4(to))?;
            request.emit(&mut Icmpv4Packet::new_unchecked(buffer), &ChecksumCapabilities::default());
            Ok::<_, icmp::SendError>(())
        })?;
        let answered = tokio::time::timeout(patience, self.answer(to));
        Ok(answered.await.is_ok().then(|| sent.elapsed()))
    }

    /// Waits for the answer to the last request; late answers to older ones are passed over.
    async fn answer(&self, from: Ipv4Addr) {
        poll_fn(|cx| {
            self.stack.poll_socket(self.handle, cx, |socket: &mut icmp::Socket<'_>, cx| {
                while let Ok((bytes, address)) = socket.recv() {
                    let reply = Icmpv4Packet::new_checked(bytes)
                        .and_then(|packet| Icmpv4Repr::parse(&packet, &ChecksumCapabilities::default()));
                    if let Ok(Icmpv4Repr::EchoReply { seq_no, data, .. }) = reply
                        && (address, seq_no, data) == (from.into(), self.sequence, PING_PAYLOAD)
                    {
                        return Poll::Ready(());
                    }
                }
                socket.register_recv_waker(cx.waker());
                Poll::Pending
            })
        })
        .await;
    }
}

impl Drop for Pinger {
    fn drop(&mut self) {
        self.stack.remove(self.handle);
    }
}

/// A TCP connection, or the wait for one.
#[derive(Debug)]
pub(crate) struct TcpStream {
    stack: Stack,
    handle: SocketHandle,
}

impl TcpStream {
    /// Listens on `port` for one connection, which [`TcpStream::established`] waits for.
    pub(crate) fn listen(stack: &Stack, port: u16) -> Result<Self> {
        let stream = Self::new(stack);
        stream
            .with(|socket| socket.listen(port))
            .map_err(|error| anyhow!("TCP port {port} cannot be used: {error}"))?;
        Ok(stream)
    }

    /// Connects.
    pub(crate) async fn connect(stack: &Stack, to: (Ipv4Addr, u16)) -> Result<Self> {
        stack.greet(to.0);
        let stream = Self::new(stack);
        stack
            .connect(stream.handle, (IpAddr::V4(to.0), to.1))
            .map_err(|error| anyhow!("TCP to {}:{}: {error}", to.0, to.1))?;
        stream.established().await?;
        Ok(stream)
    }

    fn new(stack: &Stack) -> Self {
        let buffer = || tcp::SocketBuffer::new(vec![0; TCP_BUFFER]);
        Self { stack: stack.clone(), handle: stack.add(tcp::Socket::new(buffer(), buffer())) }
    }

    /// Sends a part of `bytes` as soon as there is room, and tells how large it was.
    pub(crate) async fn write(&self, bytes: &[u8]) -> Result<usize> {
        poll_fn(|cx| {
            self.stack.poll_socket(self.handle, cx, |socket: &mut tcp::Socket<'_>, cx| {
                match socket.send_slice(bytes) {
                    Ok(0) => {
                        socket.register_send_waker(cx.waker());
                        Poll::Pending
                    }
                    sent => Poll::Ready(sent),
                }
            })
        })
        .await
        .map_err(|error| anyhow!("the TCP connection broke: {error}"))
    }

    /// Reads what is there, or waits for it; 0 at the end.
    pub(crate) async fn read(&self, bytes: &mut [u8]) -> Result<usize> {
        let read = poll_fn(|cx| {
            self.stack.poll_socket(self.handle, cx, |socket: &mut tcp::Socket<'_>, cx| {
                match socket.recv_slice(bytes) {
                    Ok(0) => {
                        socket.register_recv_waker(cx.waker());
                        Poll::Pending
                    }
                    read => Poll::Ready(read),
                }
            })
        })
        .await;
        match read {
            Ok(len) => Ok(len),
            Err(tcp::RecvError::Finished) => Ok(0),
            Err(error) => Err(anyhow!("the TCP connection broke: {error}")),
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn close(&self) {
        self.with(|socket| socket.close());
    }

    /// Waits until the other side knows all that was sent, the end included.
    pub(crate) async fn closed(&self) {
        poll_fn(|cx| {
            self.stack.poll_socket(self.handle, cx, |socket: &mut tcp::Socket<'_>, cx| {
                use tcp::State;
                if matches!(socket.state(), State::Closed | State::FinWait2 | State::TimeWait) {
                    return Poll::Ready(());
                }
                socket.register_send_waker(cx.waker());
                socket.register_recv_waker(cx.waker());
                Poll::Pending
            })
        })
        .await;
    }

    /// Waits until the connection stands.
    pub(crate) async fn established(&self) -> Result<()> {
        let state = poll_fn(|cx| {
            self.stack.poll_socket(self.handle, cx, |socket: &mut tcp::Socket<'_>, cx| match socket.state() {
                tcp::State::Listen | tcp::State::SynSent | tcp::State::SynReceived => {
                    socket.register_send_waker(cx.waker());
                    socket.register_recv_waker(cx.waker());
                    Poll::Pending
                }
                state => Poll::Ready(state),
            })
        })
        .await;
        anyhow::ensure!(state != tcp::State::Closed, "the TCP connection was refused");
        Ok(())
    }

    fn with<R>(&self, act: impl FnOnce(&mut tcp::Socket<'_>) -> R) -> R {
        self.stack.with_socket(self.handle, |socket: &mut tcp::Socket<'static>| act(socket))
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        self.stack.remove(self.handle);
    }
}

/// What an echo request carries, as the usual ping does: 56 bytes.
const PING_PAYLOAD: &[u8] = b"lanparty-demo lanparty-demo lanparty-demo lanparty-demo.";
/// Half of what a session's outbox holds, so that a full window does not overflow it.
const TCP_BUFFER: usize = 128 * 1024;

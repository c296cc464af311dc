//! A UDP socket that asks nothing special of the system.
//!
//! quinn's own sockets set options that not every stack knows, ECN among them: old versions of Windows and Wine refuse
//! to open one. What is lost without is congestion marks, and many datagrams in one system call.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

/// What the system answers to an option that it does not know.
#[cfg(windows)]
const UNKNOWN_OPTION: &[i32] = &[10022, 10042, 10045]; // WSAEINVAL, WSAENOPROTOOPT, WSAEOPNOTSUPP
#[cfg(target_os = "linux")]
const UNKNOWN_OPTION: &[i32] = &[libc::ENOPROTOOPT, libc::EOPNOTSUPP];
#[cfg(not(any(windows, target_os = "linux")))]
const UNKNOWN_OPTION: &[i32] = &[];

/// Whether a stack lacks what quinn's own sockets ask for.
pub(super) fn is_lacking(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
        || error.raw_os_error().is_some_and(|number| UNKNOWN_OPTION.contains(&number))
}

/// A plain socket. One datagram per call, no congestion marks.
#[derive(Debug)]
pub(super) struct PlainSocket {
    socket: UdpSocket,
}

impl PlainSocket {
    /// Takes a socket that does not block.
    pub(super) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        Ok(Self { socket: UdpSocket::from_std(socket)? })
    }
}

impl AsyncUdpSocket for PlainSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Poller { socket: self, writable: None })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        match self.socket.try_send_to(transmit.contents, transmit.destination) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
            // A datagram that does not leave is one that is lost: QUIC finds out by itself.
            Err(error) => {
                tracing::debug!(target: "lanparty::quic", %error, "datagram not sent");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (Some(buffer), Some(meta)) = (bufs.first_mut(), meta.first_mut()) else {
            return Poll::Ready(Ok(0));
        };
        loop {
            let mut read = ReadBuf::new(buffer);
            match ready!(self.socket.poll_recv_from(cx, &mut read)) {
                Ok(addr) => {
                    let len = read.filled().len();
                    *meta = RecvMeta { addr, len, stride: len, ecn: None, dst_ip: None };
                    return Poll::Ready(Ok(1));
                }
                // Windows tells here that an earlier datagram found nobody (WSAECONNRESET) or went in circles
                // (WSAENETRESET), or that this one was longer than any of QUIC's (WSAEMSGSIZE).
                Err(error) if is_of_one_datagram(&error) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

fn is_of_one_datagram(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionReset
        || (cfg!(windows) && matches!(error.raw_os_error(), Some(10040 | 10052)))
}

type Writable = Pin<Box<dyn Future<Output = io::Result<()>> + Send + Sync>>;

/// Waits until a socket can be written to, for one task.
struct Poller {
    socket: Arc<PlainSocket>,
    writable: Option<Writable>,
}

impl UdpPoller for Poller {
    fn poll_writable(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = Arc::clone(&self.socket);
        let writable =
            self.writable.get_or_insert_with(|| Box::pin(async move { socket.socket.writable().await }));
        let result = ready!(writable.as_mut().poll(cx));
        self.writable = None;
        Poll::Ready(result)
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use bytes::Bytes;
    use quinn::{Endpoint, EndpointConfig, ServerConfig, TokioRuntime};

    use super::super::{
        ServerCert, SocketBuffers, TransportOptions, Trust, bind_udp, connect, server_config,
    };
    use super::*;

    const NAME: &str = "relay.example";

    fn endpoint(server: Option<ServerConfig>) -> Endpoint {
        let (socket, _) =
            bind_udp(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0), SocketBuffers::default()).unwrap();
        let socket = Arc::new(PlainSocket::new(socket).unwrap());
        let runtime = Arc::new(TokioRuntime);
        Endpoint::new_with_abstract_socket(EndpointConfig::default(), server, socket, runtime).unwrap()
    }

    #[tokio::test]
    async fn a_connection_lives_on_plain_sockets() {
        const DATAGRAMS: u32 = 500;
        let cert = ServerCert::development(NAME).unwrap();
        let relay = endpoint(Some(server_config(&cert, &TransportOptions::default())));
        let addr = relay.local_addr().unwrap();
        let echo = async {
            let conn = relay.accept().await.unwrap().await.unwrap();
            while let Ok(datagram) = conn.read_datagram().await {
                conn.send_datagram(datagram).unwrap();
            }
        };
        let member = endpoint(None);
        let trust = Trust::certificates(cert.cert_der()).unwrap();
        let room = "ROOM1".parse().unwrap();
        let ask = async {
            let conn =
                connect(&member, addr, NAME, &room, &trust, &TransportOptions::default()).await.unwrap();
            assert!(
                conn.max_datagram_size().unwrap() < 1200,
                "without DF, larger ones may be cut on their way"
            );
            for number in 0..DATAGRAMS {
                let datagram = Bytes::from(number.to_be_bytes().repeat(200));
                conn.send_datagram(datagram.clone()).unwrap();
                assert_eq!(conn.read_datagram().await.unwrap(), datagram);
            }
            conn.close(0_u8.into(), b"");
        };
        tokio::join!(echo, ask);
    }

    #[test]
    fn only_a_lacking_option_leads_to_a_plain_socket() {
        for number in UNKNOWN_OPTION {
            assert!(is_lacking(&io::Error::from_raw_os_error(*number)), "{number}");
        }
        assert!(is_lacking(&io::ErrorKind::Unsupported.into()));
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::OutOfMemory, io::ErrorKind::Other] {
            assert!(!is_lacking(&kind.into()), "{kind}");
        }
    }
}

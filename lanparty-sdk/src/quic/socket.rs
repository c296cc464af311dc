//! UDP sockets with buffers of a known size, and the endpoints over them.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use quinn::{AsyncUdpSocket, Endpoint, EndpointConfig};
use socket2::{Domain, Protocol, Socket, Type};

use super::cert::ServerCert;
#[cfg(target_os = "linux")]
use super::lean::LeanSocket;
use super::plain::{PlainSocket, is_lacking};
use super::train::in_trains;
use crate::error::{Coded, code};
use crate::proto::Worker;

/// Bytes that the kernel may queue for a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketBuffers {
    /// Towards us. Default: 4 MiB: what overflows here hits everybody on the socket alike.
    pub rx_bytes: usize,
    /// From us. Default: 1 MiB.
    pub tx_bytes: usize,
}

impl SocketBuffers {
    /// Buffers of the given sizes in bytes.
    #[must_use]
    pub const fn new(rx_bytes: usize, tx_bytes: usize) -> Self {
        Self { rx_bytes, tx_bytes }
    }
}

impl Default for SocketBuffers {
    fn default() -> Self {
        Self::new(4 * 1024 * 1024, 1024 * 1024)
    }
}

/// What the kernel made of the wish for [`SocketBuffers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BufferReport {
    /// What was asked for.
    pub requested: SocketBuffers,
    /// What the socket has now.
    pub granted: SocketBuffers,
}

impl BufferReport {
    /// A line for the user if the kernel gave less than was asked for.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let rx_short = self.granted.rx_bytes < self.requested.rx_bytes;
        let tx_short = self.granted.tx_bytes < self.requested.tx_bytes;
        if !rx_short && !tx_short {
            return None;
        }
        let mut hints = Vec::new();
        if rx_short {
            hints.push(format!("sysctl -w net.core.rmem_max={}", self.requested.rx_bytes));
        }
        if tx_short {
            hints.push(format!("sysctl -w net.core.wmem_max={}", self.requested.tx_bytes));
        }
        let hint = if cfg!(target_os = "linux") {
            format!(": raise them with {}", hints.join(" and "))
        } else {
            String::new()
        };
        Some(format!(
            "the kernel limits the UDP socket's buffers to {} KiB in and {} KiB out, bursts may be lost{hint}",
            self.granted.rx_bytes / 1024,
            self.granted.tx_bytes / 1024,
        ))
    }
}

/// A socket could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The address is no local one.
    #[error("cannot listen on {addr}: this computer has no such address, 0.0.0.0 means all it has")]
    AddrNotAvailable {
        /// The address.
        addr: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// Somebody has the port.
    #[error(
        "cannot listen on {addr}: another program uses this UDP port, stop it or choose another (listen)"
    )]
    InUse {
        /// The address.
        addr: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is no tokio runtime around the call.
    #[error("an endpoint needs a tokio runtime with I/O enabled: call this from within one")]
    NoRuntime,
    /// The operating system refused for another reason.
    #[error("cannot open a UDP socket on {addr}")]
    Other {
        /// The address.
        addr: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The port is a privileged one.
    #[error("port {} needs root or cap_net_bind_service, or choose another (listen)", .addr.port())]
    Permission {
        /// The address.
        addr: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The system does not let several workers share the port, or has no thread left for them.
    #[error("cannot serve {addr} by several workers: make do with one (workers)")]
    Workers {
        /// The address.
        addr: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
}

impl BindError {
    pub(super) fn new(addr: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { addr, source },
            io::ErrorKind::AddrNotAvailable => Self::AddrNotAvailable { addr, source },
            io::ErrorKind::PermissionDenied if addr.port() != 0 => Self::Permission { addr, source },
            _ => Self::Other { addr, source },
        }
    }
}

/// Opens a non-blocking UDP socket. One on `::` also serves IPv4, where the system can do that.
///
/// # Errors
/// [`BindError`], with a hint for the common causes. Buffers smaller than asked for are no error.
pub fn bind_udp(addr: SocketAddr, buffers: SocketBuffers) -> Result<(UdpSocket, BufferReport), BindError> {
    bind_socket(addr, buffers, |_| Ok(())).map_err(|source| BindError::new(addr, source))
}

/// Opens a socket, which `prepare` changes before it gets its address.
pub(super) fn bind_socket(
    addr: SocketAddr,
    buffers: SocketBuffers,
    prepare: impl FnOnce(&Socket) -> io::Result<()>,
) -> io::Result<(UdpSocket, BufferReport)> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    if addr.ip() == Ipv6Addr::UNSPECIFIED {
        // A system that cannot do it still serves IPv6.
        let _ = socket.set_only_v6(false);
    }
    socket.set_nonblocking(true)?;
    // Some systems refuse what is too large instead of limiting it; what counts is read back.
    let _ = socket.set_recv_buffer_size(buffers.rx_bytes);
    let _ = socket.set_send_buffer_size(buffers.tx_bytes);
    let granted = SocketBuffers::new(
        usable_bytes(socket.recv_buffer_size()?),
        usable_bytes(socket.send_buffer_size()?),
    );
    prepare(&socket)?;
    socket.bind(&addr.into())?;
    Ok((socket.into(), BufferReport { requested: buffers, granted }))
}

/// A relay's endpoint on `addr`, which also answers for connections that an earlier one with the same certificate left
/// behind. It must be called within a tokio runtime.
///
/// # Errors
/// [`BindError`].
pub fn server_endpoint(
    addr: SocketAddr,
    cert: &ServerCert,
    config: quinn::ServerConfig,
    buffers: SocketBuffers,
) -> Result<(Endpoint, BufferReport), BindError> {
    let (socket, report) = bind_udp(addr, buffers)?;
    Ok((worker_endpoint(addr, socket, cert, config, Worker::ONLY)?, report))
}

/// The endpoint of one of a relay's workers, on its own of the sockets on `addr`.
pub(crate) fn worker_endpoint(
    addr: SocketAddr,
    socket: UdpSocket,
    cert: &ServerCert,
    config: quinn::ServerConfig,
    worker: Worker,
) -> Result<Endpoint, BindError> {
    endpoint(addr, socket, cert.restart().endpoint_config(worker), Some(config))
}

/// A member's endpoint on a port of the system's choice, for relays on IPv6 and IPv4, or on IPv4 alone where the
/// system has no IPv6. It must be called within a tokio runtime.
///
/// # Errors
/// [`BindError`].
pub fn client_endpoint(buffers: SocketBuffers) -> Result<(Endpoint, BufferReport), BindError> {
    let v6 = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0);
    let v4 = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
    let (addr, (socket, report)) = match bind_dual_stack(v6, buffers) {
        Some(bound) => (v6, bound),
        None => (v4, bind_udp(v4, buffers)?),
    };
    Ok((endpoint(addr, socket, EndpointConfig::default(), None)?, report))
}

/// A socket that serves both families, if the system can do that.
fn bind_dual_stack(addr: SocketAddr, buffers: SocketBuffers) -> Option<(UdpSocket, BufferReport)> {
    let (socket, report) = bind_udp(addr, buffers).ok()?;
    let socket = Socket::from(socket);
    if socket.only_v6().ok()? { None } else { Some((socket.into(), report)) }
}

fn endpoint(
    addr: SocketAddr,
    socket: UdpSocket,
    endpoint: EndpointConfig,
    server: Option<quinn::ServerConfig>,
) -> Result<Endpoint, BindError> {
    if tokio::runtime::Handle::try_current().is_err() {
        return Err(BindError::NoRuntime);
    }
    let open = || {
        // A second handle on the same socket, for the plain way.
        let plain = socket.try_clone()?;
        match wrap(socket) {
            Err(error) if is_lacking(&error) => {
                tracing::debug!(target: "lanparty::quic", %error, "the system lacks what QUIC likes: plain UDP");
                Ok(Arc::new(PlainSocket::new(plain)?) as Arc<dyn AsyncUdpSocket>)
            }
            socket => socket,
        }
    };
    let (socket, runtime) = in_trains(open().map_err(|source| BindError::new(addr, source))?);
    Endpoint::new_with_abstract_socket(endpoint, server, socket, runtime)
        .map_err(|source| BindError::new(addr, source))
}

/// A socket with all that quinn uses of the system.
#[cfg(target_os = "linux")]
fn wrap(socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
    Ok(Arc::new(LeanSocket::new(socket)?))
}

/// A socket with all that quinn uses of the system.
#[cfg(not(target_os = "linux"))]
fn wrap(socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
    quinn::Runtime::wrap_udp_socket(&quinn::TokioRuntime, socket)
}

/// Linux reports twice what it was asked for: the other half is for its own bookkeeping (socket(7)).
const fn usable_bytes(reported_bytes: usize) -> usize {
    if cfg!(target_os = "linux") { reported_bytes / 2 } else { reported_bytes }
}

impl Coded for BindError {
    fn code(&self) -> u32 {
        match self {
            Self::InUse { .. } => code::ADDRESS_IN_USE,
            Self::NoRuntime => code::NO_RUNTIME,
            Self::Permission { .. } => code::NOT_PERMITTED,
            Self::AddrNotAvailable { .. } | Self::Other { .. } | Self::Workers { .. } => code::BIND,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> SocketAddr {
        SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)
    }

    #[test]
    fn buffers_are_set_and_read_back() {
        let (_, report) = bind_udp(loopback(), SocketBuffers::new(64 * 1024, 32 * 1024)).unwrap();
        assert!(report.granted.rx_bytes >= 64 * 1024 && report.granted.tx_bytes >= 32 * 1024, "{report:?}");
        assert_eq!(report.warning(), None);
    }

    #[test]
    fn small_buffers_are_reported_with_the_way_out() {
        let requested = SocketBuffers::default();
        let report = BufferReport { requested, granted: SocketBuffers::new(208 * 1024, requested.tx_bytes) };
        let warning = report.warning().expect("less than asked for");
        assert!(warning.contains("208 KiB in and 1024 KiB out"), "{warning}");
        if cfg!(target_os = "linux") {
            assert!(warning.contains("net.core.rmem_max=4194304") && !warning.contains("wmem"), "{warning}");
        }
    }

    #[test]
    fn refusals_name_the_way_out() {
        let (socket, _) = bind_udp(loopback(), SocketBuffers::default()).unwrap();
        let taken = bind_udp(socket.local_addr().unwrap(), SocketBuffers::default()).unwrap_err();
        assert!(matches!(taken, BindError::InUse { .. }), "{taken:?}");
        assert!(taken.to_string().contains("(listen)"));
        if cfg!(not(windows)) {
            // Wine, under which the tests of Windows run, lets a socket have any address.
            let foreign = bind_udp("192.0.2.1:0".parse().unwrap(), SocketBuffers::default()).unwrap_err();
            assert!(matches!(foreign, BindError::AddrNotAvailable { .. }), "{foreign:?}");
        }
        let denied = BindError::new("0.0.0.0:443".parse().unwrap(), io::ErrorKind::PermissionDenied.into());
        assert_eq!(
            denied.to_string(),
            "port 443 needs root or cap_net_bind_service, or choose another (listen)"
        );
    }

    #[test]
    fn a_missing_runtime_is_an_error_and_no_panic() {
        assert!(matches!(client_endpoint(SocketBuffers::default()), Err(BindError::NoRuntime)));
    }
}

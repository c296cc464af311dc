//! From an endpoint to a connection, and reading datagrams from it.

use std::future::Future as _;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use quinn::{Connection, ConnectionError, Endpoint, VarInt};
use rustls_pki_types::ServerName;

use super::config::{TransportOptions, client_config_with};
use super::error::ConnectError;
use super::trust::Trust;

/// Connects a member to the relay at `relay`, whose certificate must be for `server_name`.
///
/// The upper bound of the MTU follows the relay's address family, see [`TransportOptions::for_address`]. An unanswered
/// attempt ends after [`TransportOptions::idle_timeout`].
///
/// # Errors
/// [`ConnectError`], whose texts are for the user. A relay that takes no datagrams is an error already.
pub async fn connect(
    endpoint: &Endpoint,
    relay: SocketAddr,
    server_name: &str,
    trust: &Trust,
    options: &TransportOptions,
) -> Result<Connection, ConnectError> {
    if ServerName::try_from(server_name).is_err() {
        return Err(ConnectError::ServerName { name: server_name.to_owned() });
    }
    let (verifier, fault) = trust.verifier_with_fault();
    let config = client_config_with(verifier, &options.for_address(relay));
    let connecting = endpoint.connect_with(config, relay, server_name).map_err(ConnectError::Unusable)?;
    let conn = connecting.await.map_err(|error| match fault.take() {
        Some(fault) => fault.into(),
        None => ConnectError::from(error),
    })?;
    if conn.max_datagram_size().is_none() {
        conn.close(VarInt::from_u32(0), b"datagrams are needed");
        return Err(ConnectError::NoDatagrams);
    }
    Ok(conn)
}

/// Waits for a datagram and appends it to `datagrams`, together with those that are already there, `max` (at least one)
/// in all. Returns how many.
///
/// Nothing is lost if the future is dropped before it is ready.
///
/// # Errors
/// [`ConnectionError`] once the connection has ended and everything received before has been read.
pub async fn recv_batch(
    conn: &Connection,
    datagrams: &mut Vec<Bytes>,
    max: usize,
) -> Result<usize, ConnectionError> {
    datagrams.push(conn.read_datagram().await?);
    let mut count = 1;
    while count < max {
        let mut next = pin!(conn.read_datagram());
        // An error is met again by the next call.
        let Poll::Ready(Ok(datagram)) = next.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            break;
        };
        datagrams.push(datagram);
        count += 1;
    }
    Ok(count)
}

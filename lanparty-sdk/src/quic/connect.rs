//! From an endpoint to a connection, and reading datagrams from it.

use std::future::{Future as _, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use quinn::{Connection, ConnectionError, Endpoint, VarInt};
use rustls_pki_types::ServerName;

use super::config::{TransportOptions, client_config_with};
use super::error::ConnectError;
use super::trust::Trust;
use super::unread::Unread;
use crate::ctrl::RoomCode;

/// Connects a member to the relay at `relay`, whose certificate must be for `server_name`. The first packet already tells
/// the relay for which `room` it is, see [`steer`](super::steer).
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
    room: &RoomCode,
    trust: &Trust,
    options: &TransportOptions,
) -> Result<Connection, ConnectError> {
    if ServerName::try_from(server_name).is_err() {
        return Err(ConnectError::ServerName { name: server_name.to_owned() });
    }
    let (verifier, fault) = trust.verifier_with_fault();
    let config = client_config_with(room, verifier, &options.for_address(relay));
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

/// Hands the datagrams of `conn` to `handle` until the connection ends, and gives the reason. A call brings those that
/// are there at that moment, `max` (at least one) at most, in order, and tells how many were dropped unread since the last
/// one; what `handle` leaves is dropped.
///
/// A lone datagram costs one look at the connection less than with [`recv_batch`], because the future that finds nothing
/// more is the one that waits for the next.
pub(crate) async fn recv_batches(
    conn: &Connection,
    max: usize,
    mut handle: impl FnMut(&mut Vec<Bytes>, u64),
) -> ConnectionError {
    let mut batch = Vec::new();
    let mut unread = Unread::default();
    let mut next = pin!(conn.read_datagram());
    poll_fn(|cx| {
        let ended = loop {
            match next.as_mut().poll(cx) {
                Poll::Ready(Ok(datagram)) => {
                    next.set(conn.read_datagram());
                    batch.push(datagram);
                    if batch.len() >= max {
                        // There may be more, but others shall have their turn.
                        cx.waker().wake_by_ref();
                        break Poll::Pending;
                    }
                }
                Poll::Ready(Err(error)) => break Poll::Ready(error),
                Poll::Pending => break Poll::Pending,
            }
        };
        if !batch.is_empty() {
            let dropped = unread.note(batch.len(), max, || received_datagrams(conn));
            handle(&mut batch, dropped);
            batch.clear();
        }
        ended
    })
    .await
}

/// How many datagrams came over `conn` so far, whether they were read or not; none once it is closed, since what comes then
/// nobody wants.
pub(crate) fn received_datagrams(conn: &Connection) -> u64 {
    if conn.close_reason().is_some() { 0 } else { conn.stats().frame_rx.datagram }
}

//! The control stream of one connection, as two queues.
//!
//! Reading and writing run in a task of their own, so that a driver never waits for them, and so that no half-read
//! message is lost when a driver turns to something else.

use std::time::Duration;

use bytes::Bytes;
use quinn::{Connection, ConnectionError, RecvStream, SendStream, VarInt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::ctrl::CloseCode;

/// Messages that may wait to be written. Whoever reads so slowly that more pile up is closed.
const WRITE_QUEUE: usize = 1024;
/// Pieces of the stream that may wait to be handled.
const READ_QUEUE: usize = 16;
/// The most bytes of one piece.
const PIECE_BYTES: usize = 16 * 1024;
/// How long the other side may take to accept a message before it is closed.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the last words may take to arrive before the connection is closed all the same.
const LINGER: Duration = Duration::from_secs(1);

/// Who opens the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ControlRole {
    /// A member, at once.
    Member,
    /// A relay waits for the member to do so.
    Relay,
}

#[derive(Debug)]
enum Command {
    Write(Vec<u8>),
    Close(CloseCode),
}

/// The driver's end of a connection's control stream.
#[derive(Clone, Debug)]
pub(crate) struct ControlWriter(mpsc::Sender<Command>);

impl ControlWriter {
    /// Queues a message. `false` if the queue is full or the connection gone.
    pub(crate) fn write(&self, message: Vec<u8>) -> bool {
        self.0.try_send(Command::Write(message)).is_ok()
    }

    /// Closes the connection once everything queued has arrived, or a second has passed. `false` if the queue is full or
    /// the connection gone.
    pub(crate) fn close(&self, code: CloseCode) -> bool {
        self.0.try_send(Command::Close(code)).is_ok()
    }
}

/// Pieces of the stream in order; ends with the stream.
pub(crate) type ControlReader = mpsc::Receiver<Bytes>;

/// The control stream of `conn`: its queues, and the task that serves them until the connection ends or
/// [`ControlWriter::close`] has done its work.
pub(crate) fn open_control(
    conn: &Connection,
    role: ControlRole,
) -> (ControlWriter, ControlReader, impl Future<Output = ()> + Send + use<>) {
    let (write_tx, write_rx) = mpsc::channel(WRITE_QUEUE);
    let (read_tx, read_rx) = mpsc::channel(READ_QUEUE);
    (ControlWriter(write_tx), read_rx, run(conn.clone(), role, write_rx, read_tx))
}

async fn run(
    conn: Connection,
    role: ControlRole,
    mut commands: mpsc::Receiver<Command>,
    pieces: mpsc::Sender<Bytes>,
) {
    // Until the member opens its stream nothing can be said to it; it can only be closed.
    let mut early = Vec::new();
    let opening = async {
        match role {
            ControlRole::Member => conn.open_bi().await,
            ControlRole::Relay => conn.accept_bi().await,
        }
    };
    tokio::pin!(opening);
    let (send, recv) = loop {
        tokio::select! {
            opened = &mut opening => match opened {
                Ok(stream) => break stream,
                Err(_) => return,
            },
            command = commands.recv() => match command {
                Some(Command::Write(message)) if early.len() < WRITE_QUEUE => early.push(message),
                Some(Command::Write(_)) => return close(&conn, CloseCode::TooSlow),
                Some(Command::Close(code)) => return close(&conn, code),
                None => return,
            },
        }
    };
    // The end of reading is no reason to stop writing: a Reject may still be on its way.
    tokio::join!(read(recv, pieces), write(&conn, role, send, early, commands));
}

async fn read(mut recv: RecvStream, pieces: mpsc::Sender<Bytes>) {
    loop {
        let piece = tokio::select! {
            piece = recv.read_chunk(PIECE_BYTES, true) => piece,
            () = pieces.closed() => return,
        };
        let Ok(Some(piece)) = piece else { return };
        if pieces.send(piece.bytes).await.is_err() {
            return;
        }
    }
}

async fn write(
    conn: &Connection,
    role: ControlRole,
    mut send: SendStream,
    early: Vec<Vec<u8>>,
    mut commands: mpsc::Receiver<Command>,
) {
    let mut early = early.into_iter();
    loop {
        let command = match early.next() {
            Some(message) => Some(Command::Write(message)),
            None => commands.recv().await,
        };
        match command {
            Some(Command::Write(message)) => match timeout(PATIENCE, send.write_all(&message)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) => return close(conn, CloseCode::TooSlow),
            },
            None => return,
            Some(Command::Close(code)) => {
                // A relay answers a member's last words by closing; a member need only have received them. Whether or
                // not either came about in time, the connection is closed now.
                match (send.finish(), role) {
                    (Ok(()), ControlRole::Member) => drop(timeout(LINGER, conn.closed()).await),
                    (Ok(()), ControlRole::Relay) => drop(timeout(LINGER, send.stopped()).await),
                    (Err(_), _) => {}
                }
                return close(conn, code);
            }
        }
    }
}

/// Closes a connection with one of our codes.
pub(crate) fn close(conn: &Connection, code: CloseCode) {
    conn.close(VarInt::from_u32(code.code()), code.to_string().as_bytes());
}

/// The code with which the other side closed a connection, if it did.
pub(crate) fn close_code(error: &ConnectionError) -> Option<CloseCode> {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            Some(CloseCode::from_code(close.error_code.into_inner()))
        }
        _ => None,
    }
}

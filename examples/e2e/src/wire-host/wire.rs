//! The device of the test driver that is the wire's other end, as a network card for smoltcp.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

/// A frame with its header, and more than any adapter lets through.
const MAX_LEN: usize = 16_384;
/// What waits between the threads. Behind it frames wait in the driver.
const QUEUE: usize = 1024;
const ETHERNET_MTU: usize = 1514;

/// The card, and everything else that a host waits for.
#[derive(Debug)]
pub(crate) struct Wire {
    events: Receiver<Event>,
    writer: File,
    rx: VecDeque<Vec<u8>>,
}

#[derive(Debug)]
pub(crate) enum Event {
    Frame(Vec<u8>),
    Line(String),
    /// The standard input has ended.
    End,
    Failed(io::Error),
}

impl Wire {
    pub(crate) fn open(path: &str) -> io::Result<Self> {
        // Two handles: Windows lets a synchronous one do one thing at a time. The first is the one that may read.
        let reader = OpenOptions::new().read(true).write(true).open(path)?;
        let writer = OpenOptions::new().read(true).write(true).open(path)?;
        let (sender, events) = sync_channel(QUEUE);
        let lines = sender.clone();
        thread::spawn(move || read_frames(reader, &sender));
        thread::spawn(move || read_lines(&lines));
        Ok(Self { events, writer, rx: VecDeque::new() })
    }

    /// The next thing that happens, unless nothing does for so long.
    pub(crate) fn next(&mut self, patience: Duration) -> Option<Event> {
        match self.events.recv_timeout(patience) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Event::End),
        }
    }

    /// A frame for the stack.
    pub(crate) fn push(&mut self, frame: Vec<u8>) {
        self.rx.push_back(frame);
    }

    /// Puts a frame onto the wire. One write is one frame; one that nobody takes is lost there.
    pub(crate) fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        let written = self.writer.write(frame)?;
        if written == frame.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }
}

impl Device for Wire {
    type RxToken<'a> = RxToken;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _: Instant) -> Option<(RxToken, TxToken<'_>)> {
        let frame = self.rx.pop_front()?;
        Some((RxToken(frame), TxToken(self)))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        Some(TxToken(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ethernet;
        caps.max_transmission_unit = ETHERNET_MTU;
        caps
    }
}

/// A received frame.
#[derive(Debug)]
pub(crate) struct RxToken(Vec<u8>);

impl phy::RxToken for RxToken {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

/// Room for one frame.
#[derive(Debug)]
pub(crate) struct TxToken<'a>(&'a mut Wire);

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = vec![0; len];
        let result = write(&mut frame);
        // The reader will say what is wrong with the device.
        let _ = self.0.send(&frame);
        result
    }
}

fn read_frames(mut reader: File, events: &SyncSender<Event>) {
    let mut buffer = vec![0; MAX_LEN];
    loop {
        let event = match reader.read(&mut buffer) {
            Ok(len) => Event::Frame(buffer.get(..len).unwrap_or_default().to_vec()),
            Err(error) => Event::Failed(error),
        };
        let failed = matches!(event, Event::Failed(_));
        if events.send(event).is_err() || failed {
            return;
        }
    }
}

fn read_lines(events: &SyncSender<Event>) {
    for line in io::stdin().lines().map_while(Result::ok) {
        if events.send(Event::Line(line)).is_err() {
            return;
        }
    }
    let _ = events.send(Event::End);
}

//! Frames between the program and a port, many at a time.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use lanparty_sdk::port::memory::{MemorySource, SendError};

use super::device::{Device, Kind};
use crate::callback;
use crate::error::Failure;
use crate::handle::writable;
use crate::lock::lock;
use crate::status::*;

/// The shortest Ethernet frame that has a header, in bytes.
const MIN_FRAME_LEN: u32 = 14;
/// More frames than the largest queue holds.
const MAX_BATCH: usize = 1 << 20;
/// The longest that is carried anywhere.
const MAX_FRAME_LEN: u32 = 65_535;

/// One Ethernet frame: from the destination address to the end of the payload, without check sum.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lanparty_frame {
    /// Where it begins.
    pub data: *const u8,
    /// How many bytes it has.
    pub len: u32,
    /// Zero.
    pub reserved: u32,
}

/// # Safety
/// `frames` leads to `count` frames whose bytes can be read, and `sent` may be written, where they are not NULL.
pub(super) unsafe fn send(
    device: &Device,
    frames: *const lanparty_frame,
    count: usize,
    sent: *mut usize,
) -> Result<i32, Failure> {
    writable(sent, "sent")?;
    if count > 0 {
        writable(frames.cast_mut(), "frames")?;
    }
    if count > MAX_BATCH {
        let message = format!("{count} frames at once: {MAX_BATCH} at most");
        return Err(Failure::usage(LANPARTY_E_INVALID_ARG, message));
    }
    // SAFETY: not NULL unless there is none, and the caller says that they are there. At any address.
    let frames = (0..count).map(|index| unsafe { frames.add(index).read_unaligned() });
    for (index, frame) in frames.clone().enumerate() {
        if !(MIN_FRAME_LEN..=MAX_FRAME_LEN).contains(&frame.len) {
            let message = format!(
                "frame {index} has {} bytes: an Ethernet frame has {MIN_FRAME_LEN} to {MAX_FRAME_LEN}",
                frame.len
            );
            return Err(Failure::usage(LANPARTY_E_FRAME_LENGTH, message));
        }
        writable(frame.data.cast_mut(), "a frame's data")?;
    }
    if matches!(device.kind, Kind::Tap(_) | Kind::AfPacket { .. }) {
        return Err(wrong_port("send through"));
    }
    // A clone, so that a thread that closes need not wait.
    let tx = lock(&device.tx).clone();
    let taken = match tx {
        None => Err(SendError::Closed),
        // SAFETY: checked above, and the caller says that the bytes are there.
        Some(tx) => tx.try_send_batch_copy(
            frames.map(|frame| unsafe { std::slice::from_raw_parts(frame.data, frame.len as usize) }),
        ),
    };
    let (taken, status) = match taken {
        Ok(taken) if taken == count => (taken, LANPARTY_OK),
        Ok(taken) => (taken, LANPARTY_WOULD_BLOCK),
        Err(SendError::Full) => (0, LANPARTY_WOULD_BLOCK),
        Err(_) => (0, LANPARTY_END),
    };
    // SAFETY: not NULL, and the caller may write it.
    unsafe { sent.write(taken) };
    Ok(status)
}

/// The caller's memory, as far as it is filled.
#[derive(Debug)]
pub(super) struct Tray {
    buf: *mut u8,
    buf_len: usize,
    used: usize,
    frames: *mut lanparty_frame,
    cap: usize,
    filled: usize,
    count: *mut usize,
    /// How long the frame is that did not fit.
    refused: Option<usize>,
}

impl Tray {
    /// # Safety
    /// `buf_len` bytes may be written at `buf`, `cap` elements at `frames`, and `count` may be written, where they are not
    /// NULL, for as long as the tray is used.
    pub(super) unsafe fn new(
        buf: *mut u8,
        buf_len: usize,
        frames: *mut lanparty_frame,
        cap: usize,
        count: *mut usize,
    ) -> Result<Self, Failure> {
        writable(count, "count")?;
        writable(buf, "buf")?;
        writable(frames, "frames")?;
        if cap == 0 {
            return Err(Failure::usage(LANPARTY_E_INVALID_ARG, "cap is 0: no frame can be received"));
        }
        Ok(Self { buf, buf_len, used: 0, frames, cap, filled: 0, count, refused: None })
    }

    /// Copies a frame in, if it fits.
    fn take(&mut self, frame: &[u8]) -> bool {
        let len = u32::try_from(frame.len());
        let (Ok(len), true) = (len, self.filled < self.cap && frame.len() <= self.buf_len - self.used) else {
            self.refused = Some(frame.len());
            return false;
        };
        // SAFETY: there is room for the bytes and for one more element, as just checked.
        unsafe {
            let data = self.buf.add(self.used);
            data.copy_from_nonoverlapping(frame.as_ptr(), frame.len());
            self.frames.add(self.filled).write_unaligned(lanparty_frame { data, len, reserved: 0 });
        }
        self.used += frame.len();
        self.filled += 1;
        true
    }

    fn finish(&self, status: i32) -> i32 {
        let (count, status) = match (self.filled, self.refused) {
            (0, Some(len)) => (len, LANPARTY_TRUNCATED),
            (0, None) => (0, status),
            (filled, _) => (filled, LANPARTY_OK),
        };
        // SAFETY: not NULL, and the caller may write it.
        unsafe { self.count.write(count) };
        status
    }
}

/// Fills the tray with what is there, and waits for the first frame if nothing is.
pub(super) fn recv(device: &Arc<Device>, tray: &mut Tray, timeout_ms: u32) -> Result<i32, Failure> {
    receives(device)?;
    let deadline = callback::deadline(timeout_ms)?;
    let waker = Waker::from(Arc::clone(&device.arrived));
    let status = device.arrived.until(deadline, || {
        let mut rx = lock(&device.rx);
        let Some(source) = rx.as_mut() else { return Some(LANPARTY_END) };
        let status = match source.poll_drain(&mut Context::from_waker(&waker), |frame| tray.take(frame)) {
            Poll::Ready(Some(_)) => Some(LANPARTY_OK),
            Poll::Ready(None) => Some(LANPARTY_END),
            Poll::Pending => None,
        };
        if device.arrived.is_waited_for() {
            show(device, source, &waker);
        }
        status
    });
    Ok(tray.finish(status.unwrap_or(LANPARTY_WOULD_BLOCK)))
}

/// What is ready while something can be received.
pub(super) fn wait_handle(device: &Arc<Device>) -> Result<i64, Failure> {
    receives(device)?;
    let raw = device.arrived.wait_handle()?;
    let waker = Waker::from(Arc::clone(&device.arrived));
    match lock(&device.rx).as_mut() {
        Some(source) => show(device, source, &waker),
        None => device.arrived.set_ready(true),
    }
    Ok(raw)
}

/// Makes the wait handle tell what is the case, and keeps it so: the next frame wakes it.
fn show(device: &Device, source: &mut MemorySource, waker: &Waker) {
    // Cleared first, so that a frame that comes between the two is not overlooked.
    device.arrived.set_ready(false);
    let something = source.poll_drain(&mut Context::from_waker(waker), |_| false).is_ready();
    if something {
        device.arrived.set_ready(true);
    }
}

fn receives(device: &Device) -> Result<(), Failure> {
    match device.kind {
        Kind::Virtual => Ok(()),
        _ => Err(wrong_port("receive from")),
    }
}

fn wrong_port(what: &str) -> Failure {
    let message = format!("one cannot {what} this kind of port: use a virtual one");
    Failure::usage(LANPARTY_E_WRONG_PORT, message)
}

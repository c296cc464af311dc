//! Handing frames to a kernel, those of one flow as one.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use nix::sys::uio::writev;
use smallvec::SmallVec;

use super::offload::{MERGE_WINDOW, Run, Runs, SuperFrame, VnetHeader};

/// Whether a kernel takes super-frames: until it refuses one whose frames it takes one by one.
#[derive(Debug)]
pub(super) struct Merging {
    possible: AtomicBool,
    max_len: usize,
}

impl Merging {
    /// Frames longer than `max_len` are never merged: the kernel, which would refuse them, does not look into super-frames.
    pub(super) const fn new(possible: bool, max_len: usize) -> Self {
        Self { possible: AtomicBool::new(possible), max_len }
    }

    /// Sends `frames`: what is merged through `fd`, which expects a [`VnetHeader`] before every frame, and the others
    /// through `send_each`, which returns how many of them were taken.
    pub(super) fn send(
        &self,
        fd: impl AsFd,
        frames: &[Bytes],
        mut send_each: impl FnMut(&[&Bytes]) -> usize,
    ) {
        for window in frames.chunks(MERGE_WINDOW) {
            let mut single: SmallVec<[&Bytes; MERGE_WINDOW]> = SmallVec::new();
            if window.len() < 2 || !self.possible.load(Ordering::Relaxed) {
                single.extend(window);
                send_each(&single);
                continue;
            }
            for run in Runs::find(window).iter() {
                let each = run.filter_map(|index| window.get(index));
                // None is longer than the first.
                let fits = each.clone().next().is_some_and(|frame| frame.len() <= self.max_len);
                let Some(merged) = SuperFrame::new(window, run).filter(|_| fits) else {
                    single.extend(each);
                    continue;
                };
                if !single.is_empty() {
                    send_each(&single);
                    single.clear();
                }
                let Err(error) = write_merged(&fd, &merged, window, run) else { continue };
                // One by one, each of them has its own chance, or its own error to be told.
                single.extend(each);
                if send_each(&single) > 0 && error.kind() == io::ErrorKind::InvalidInput {
                    tracing::debug!(target: "lanparty::port", %error, "this kernel takes no super-frames");
                    self.possible.store(false, Ordering::Relaxed);
                }
                single.clear();
            }
            if !single.is_empty() {
                send_each(&single);
            }
        }
    }
}

/// Writes a frame that is made of `pieces` and described by `header`.
pub(super) fn write_frame<'a>(
    fd: impl AsFd,
    header: VnetHeader,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> io::Result<()> {
    let header = header.emit();
    let mut vectors: SmallVec<[IoSlice<'_>; MERGE_WINDOW + 2]> = SmallVec::new();
    vectors.push(IoSlice::new(&header));
    for piece in pieces {
        vectors.push(IoSlice::new(piece));
    }
    writev(fd, &vectors)?;
    Ok(())
}

fn write_merged(fd: impl AsFd, merged: &SuperFrame, frames: &[Bytes], run: Run<'_>) -> io::Result<()> {
    loop {
        let payload = run.filter_map(|index| Some(merged.payload(frames.get(index)?)));
        let pieces = std::iter::once(merged.headers()).chain(payload);
        match write_frame(&fd, merged.vnet_header(), pieces) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

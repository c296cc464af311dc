//! What the congestion controller knows of a path, for whoever has something to send on it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// What is inside quinn can no longer be overtaken, so on a slow path only little should be. What is little depends on the
/// path's pace, which the congestion controller knows; and quinn tells the controller when it has sent something.
#[derive(Debug)]
pub(super) struct Meter {
    /// Bytes that may wait inside quinn.
    limit_bytes: AtomicUsize,
    /// Bytes that are on the path if nothing waits on it.
    path_bytes: AtomicUsize,
    /// Whether the window is doubling.
    growing: AtomicBool,
    sent: Notify,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            limit_bytes: AtomicUsize::new(usize::MAX),
            path_bytes: AtomicUsize::new(0),
            growing: AtomicBool::new(true),
            sent: Notify::new(),
        }
    }
}

impl Meter {
    pub(super) fn set_limit(&self, bytes: u64) {
        self.limit_bytes.store(usize::try_from(bytes).unwrap_or(usize::MAX), Ordering::Relaxed);
    }

    pub(super) fn limit_bytes(&self) -> usize {
        self.limit_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn set_path_bytes(&self, bytes: u64) {
        self.path_bytes.store(usize::try_from(bytes).unwrap_or(usize::MAX), Ordering::Relaxed);
    }

    pub(super) fn path_bytes(&self) -> usize {
        self.path_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn set_growing(&self, growing: bool) {
        self.growing.store(growing, Ordering::Relaxed);
    }

    pub(super) fn is_growing(&self) -> bool {
        self.growing.load(Ordering::Relaxed)
    }

    /// quinn has sent something. Called with the connection locked: it only wakes.
    pub(super) fn notify(&self) {
        self.sent.notify_one();
    }

    /// Waits until quinn has sent something. It may have done so before; at most one task waits.
    pub(super) async fn sent(&self) {
        self.sent.notified().await;
    }
}

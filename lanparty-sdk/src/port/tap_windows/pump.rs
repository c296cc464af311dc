//! Many reads and writes of one device in flight at once, in order.
//!
//! ```text
//!  poll_recv --issues--> ReadFile x N --+                +--> Ring: done --wakes--> poll_recv, oldest first
//!                                       +--> completion --+
//!  try_send  --issues--> WriteFile x N -+    port, thread +--> free for the next frame
//! ```
//!
//! The driver takes reads and writes one after the other, in the order in which they are issued. With one of each in
//! flight it loses frames while the program is on its way back to it; with many it has always one at hand. What it can do
//! at once, as it can most writes, ends where it was issued and never reaches the port.
#![allow(unsafe_code, reason = "overlapped operations hand memory to the system until they end")]

use std::cell::UnsafeCell;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use windows::Win32::Foundation::{
    ERROR_INVALID_HANDLE, ERROR_IO_PENDING, ERROR_MORE_DATA, HANDLE, INVALID_HANDLE_VALUE,
    RtlNtStatusToDosError, WIN32_ERROR,
};
use windows::Win32::Storage::FileSystem::{ReadFile, SetFileCompletionNotificationModes, WriteFile};
use windows::Win32::System::IO::{
    CancelIoEx, CreateIoCompletionPort, GetQueuedCompletionStatusEx, OVERLAPPED, OVERLAPPED_ENTRY,
    PostQueuedCompletionStatus,
};
use windows::Win32::System::Threading::INFINITE;

use super::device::Device;
use super::ring::{Outcome, Ring};
use crate::route::windows::system_error;

/// More than the longest frame of an adapter, whose payload is at most 1500 bytes: a tag and some more may come with it.
const READ_LEN: usize = 2048;
/// How many answers are fetched at once.
const ANSWERS: usize = 64;
/// What has ended well at once is not told again.
const FILE_SKIP_COMPLETION_PORT_ON_SUCCESS: u8 = 1;
/// How long the driver may take to let go of what is cancelled.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// A device with its operations. It must be [closed](Self::close) before it is dropped.
pub(super) struct Pump {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the operations need for as long as one is in flight.
struct Shared {
    device: Device,
    answers: OwnedHandle,
    reads: Box<[Operation]>,
    writes: Box<[Operation]>,
    /// Whether the port is spared what has ended well at once.
    tells_at_once: bool,
    state: Mutex<State>,
    /// The last operation has ended.
    idle: Condvar,
}

struct State {
    reads: Ring,
    writes: Ring,
    /// What is being written, by slot. The driver reads it until the write ends.
    frames: BTreeMap<usize, Bytes>,
    /// Who waits for a read.
    waker: Option<Waker>,
    /// Frames that the driver took and did not deliver.
    unwritten: u64,
    is_closed: bool,
}

/// One operation, and where a read goes to. The system knows it by its address.
#[repr(C)]
struct Operation {
    overlapped: UnsafeCell<OVERLAPPED>,
    buffer: UnsafeCell<[u8; READ_LEN]>,
}

// SAFETY: whoever holds the state's lock decides who may touch an operation: the system while its slot is in flight, the
// holder of the lock otherwise. The raw pointers in an OVERLAPPED mean nothing to us.
unsafe impl Sync for Operation {}
// SAFETY: as above.
unsafe impl Send for Operation {}

impl Pump {
    /// Takes `device`, for `operations` reads and as many writes at once.
    pub(super) fn new(device: Device, operations: usize) -> io::Result<Self> {
        // SAFETY: no pointer is handed over.
        let answers =
            unsafe { CreateIoCompletionPort(INVALID_HANDLE_VALUE, None, 0, 1) }.map_err(system_error)?;
        // SAFETY: the system has just made this handle, and nobody else knows it.
        let answers = unsafe { OwnedHandle::from_raw_handle(answers.0) };
        // SAFETY: both handles are open, and stay so until the last operation has ended.
        unsafe { CreateIoCompletionPort(device.raw(), Some(HANDLE(answers.as_raw_handle())), 0, 0) }
            .map_err(system_error)?;
        // SAFETY: the device is open.
        let skip =
            unsafe { SetFileCompletionNotificationModes(device.raw(), FILE_SKIP_COMPLETION_PORT_ON_SUCCESS) };
        let slots = || (0..operations).map(|_| Operation::default()).collect();
        let shared = Arc::new(Shared {
            device,
            answers,
            reads: slots(),
            writes: slots(),
            tells_at_once: skip.is_ok(),
            state: Mutex::new(State {
                reads: Ring::new(operations),
                writes: Ring::new(operations),
                frames: BTreeMap::new(),
                waker: None,
                unwritten: 0,
                is_closed: false,
            }),
            idle: Condvar::new(),
        });
        let listener = Arc::clone(&shared);
        let thread =
            thread::Builder::new().name("lanparty-tap".to_owned()).spawn(move || listener.listen())?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn device(&self) -> &Device {
        &self.shared.device
    }

    /// Issues as many reads as there are slots for.
    pub(super) fn issue_reads(&self) {
        self.shared.issue_reads(&mut self.shared.state());
    }

    /// Hands the frames that have been read to `deliver`, in order, until it has enough, and issues the next read for each
    /// if `again`. What failed comes as an error number, and nothing is read again then. Returns `false` if there was
    /// nothing; `waker` is woken when there is.
    pub(super) fn receive(
        &self,
        waker: &Waker,
        again: bool,
        mut deliver: impl FnMut(Result<&[u8], u32>) -> bool,
    ) -> bool {
        let mut any = false;
        loop {
            // Writers may come between two frames.
            let mut state = self.shared.state();
            let Some((slot, outcome)) = state.reads.take() else {
                if !any && !state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
                    state.waker = Some(waker.clone());
                }
                return any;
            };
            any = true;
            // SAFETY: the slot is no longer in flight, and the lock is held.
            let buffer = unsafe { &*self.shared.reads[slot].buffer.get() };
            let has_enough = !deliver(outcome.map(|len| &buffer[..len.min(READ_LEN)]));
            if again && (outcome.is_ok() || outcome == Err(ERROR_MORE_DATA.0)) {
                self.shared.issue_reads(&mut state);
            }
            if has_enough {
                return any;
            }
        }
    }

    /// Hands a frame to the driver. Gives it back if all slots are taken.
    pub(super) fn write(&self, frame: Bytes) -> Result<Result<(), Bytes>, u32> {
        let mut state = self.shared.state();
        if state.is_closed {
            return Err(ERROR_INVALID_HANDLE.0);
        }
        // Ended ones are taken here: nobody waits for them.
        while state.writes.take().is_some() {}
        let Some(slot) = state.writes.issue() else { return Ok(Err(frame)) };
        let frame: &[u8] = state.frames.entry(slot).or_insert(frame);
        let operation = self.shared.writes[slot].overlapped.get();
        // SAFETY: the slot was free, so that nobody else uses the operation; the frame stays in the map until it ends.
        let begun = unsafe {
            *operation = OVERLAPPED::default();
            WriteFile(self.shared.device.raw(), Some(frame), None, Some(operation))
        };
        let Some(outcome) = self.shared.ended_at_once(begun, operation) else { return Ok(Ok(())) };
        state.frames.remove(&slot);
        state.writes.complete(slot, outcome);
        outcome.map(|_| Ok(()))
    }

    /// How many frames the driver took and did not deliver, since the last call.
    pub(super) fn take_unwritten(&self) -> u64 {
        std::mem::take(&mut self.shared.state().unwritten)
    }

    /// Ends all operations, and gives the device back if the driver lets go of them in time.
    pub(super) fn close(&self) {
        {
            let mut state = self.shared.state();
            if std::mem::replace(&mut state.is_closed, true) {
                return;
            }
            // SAFETY: the device is open. Nothing in flight is as well.
            let _ = unsafe { CancelIoEx(self.shared.device.raw(), None) };
            let waited = self.shared.idle.wait_timeout_while(state, CANCEL_TIMEOUT, |state| !state.is_idle());
            let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if !state.is_idle() {
                // The thread keeps everything alive that the driver may still write to.
                tracing::warn!(target: "lanparty::port", "the adapter's driver does not let go of its operations");
            }
        }
        // SAFETY: the port is open, and a packet without an operation means the end.
        let _ = unsafe { PostQueuedCompletionStatus(self.shared.answers(), 0, 0, None) };
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && self.shared.state().is_idle()
        {
            let _ = thread.join(); // a panic there has been told
        }
    }
}

impl fmt::Debug for Pump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        f.debug_struct("Pump")
            .field("reads", &state.reads)
            .field("writes", &state.writes)
            .finish_non_exhaustive()
    }
}

impl State {
    const fn is_idle(&self) -> bool {
        self.reads.in_flight() + self.writes.in_flight() == 0
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answers(&self) -> HANDLE {
        HANDLE(self.answers.as_raw_handle())
    }

    fn issue_reads(&self, state: &mut State) {
        while !state.is_closed
            && let Some(slot) = state.reads.issue()
        {
            let operation = &self.reads[slot];
            // SAFETY: the slot was free, so that nobody else uses the operation or its buffer until it ends.
            let begun = unsafe {
                *operation.overlapped.get() = OVERLAPPED::default();
                let buffer: &mut [u8] = &mut *operation.buffer.get();
                ReadFile(self.device.raw(), Some(buffer), None, Some(operation.overlapped.get()))
            };
            let Some(outcome) = self.ended_at_once(begun, operation.overlapped.get()) else { continue };
            if state.reads.complete(slot, outcome)
                && let Some(waker) = state.waker.take()
            {
                waker.wake();
            }
            if outcome.is_err() {
                return; // it would say the same of the next one
            }
        }
    }

    /// How an operation ended, unless the port will tell. The port tells of one that is under way and of a frame that was
    /// too long, which is no error to the system; and of one that has ended well, if the system knows no other way.
    fn ended_at_once(
        &self,
        begun: windows::core::Result<()>,
        operation: *const OVERLAPPED,
    ) -> Option<Outcome> {
        let Err(error) = begun else {
            // SAFETY: it has ended, and the system will not speak of it again.
            return self.tells_at_once.then(|| Ok(unsafe { (*operation).InternalHigh }));
        };
        let error = WIN32_ERROR::from_error(&error).unwrap_or(ERROR_INVALID_HANDLE);
        (error != ERROR_IO_PENDING && error != ERROR_MORE_DATA).then_some(Err(error.0))
    }

    /// Takes note of what has ended, until it is told to end itself and nothing is in flight.
    fn listen(&self) {
        let mut entries = [OVERLAPPED_ENTRY::default(); ANSWERS];
        let mut is_last = false;
        while !(is_last && self.state().is_idle()) {
            let mut count = 0;
            // SAFETY: the port is open, and the entries are ours.
            let told = unsafe {
                GetQueuedCompletionStatusEx(self.answers(), &mut entries, &raw mut count, INFINITE, false)
            };
            if let Err(error) = told {
                tracing::error!(target: "lanparty::port", %error, "the adapter's answers cannot be fetched");
                return;
            }
            let mut state = self.state();
            for entry in &entries[..count as usize] {
                if entry.lpOverlapped.is_null() {
                    is_last = true;
                } else {
                    self.ended(&mut state, entry);
                }
            }
            if state.is_idle() {
                self.idle.notify_all();
            }
        }
    }

    fn ended(&self, state: &mut State, entry: &OVERLAPPED_ENTRY) {
        // SAFETY: the operation has ended, so that the system no longer writes to it; `Internal` is its NTSTATUS.
        let status = unsafe { (*entry.lpOverlapped).Internal };
        let outcome = outcome(status, entry.dwNumberOfBytesTransferred);
        if let Some(slot) = slot_of(&self.reads, entry.lpOverlapped) {
            if state.reads.complete(slot, outcome)
                && let Some(waker) = state.waker.take()
            {
                waker.wake();
            }
        } else if let Some(slot) = slot_of(&self.writes, entry.lpOverlapped) {
            state.frames.remove(&slot);
            state.writes.complete(slot, outcome);
            if outcome.is_err() && !state.is_closed {
                state.unwritten += 1;
            }
        }
    }
}

/// Which of `operations` it is.
fn slot_of(operations: &[Operation], overlapped: *mut OVERLAPPED) -> Option<usize> {
    let offset = overlapped.addr().checked_sub(operations.as_ptr().addr())?;
    let slot = offset / size_of::<Operation>();
    (slot < operations.len()).then_some(slot)
}

#[expect(clippy::cast_possible_truncation, reason = "it has 32 bits, in a place for a pointer")]
fn outcome(status: usize, len: u32) -> Outcome {
    let status = windows::Win32::Foundation::NTSTATUS(status as i32);
    if status.is_ok() {
        return Ok(len as usize);
    }
    // SAFETY: it only looks a number up.
    Err(unsafe { RtlNtStatusToDosError(status) })
}

impl Default for Operation {
    fn default() -> Self {
        Self { overlapped: UnsafeCell::default(), buffer: UnsafeCell::new([0; READ_LEN]) }
    }
}

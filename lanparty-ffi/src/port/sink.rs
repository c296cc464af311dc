//! A device that is written in C.

use std::ffi::c_void;
use std::fmt;
use std::io;
use std::sync::Mutex;

use bytes::Bytes;
use lanparty_sdk::frame::{DEFAULT_MTU, MIN_MTU};
use lanparty_sdk::port::{FrameSink, PortCaps, PortKind, TrySendError};

use crate::callback::call;
use crate::error::Failure;
use crate::status::*;

/// A device of the program's own: where the room's frames go.
///
/// The functions are called on the session's threads, one call at a time, and never under a lock of the library. They must
/// return soon, for the session waits meanwhile; they may call any function of the library that does not wait; they must not
/// unwind or jump out.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lanparty_frame_sink {
    /// sizeof(lanparty_frame_sink), set by the caller.
    pub struct_size: u32,
    /// The largest payload of a frame that the device carries, in bytes; 0 for 1500.
    pub mtu: u32,
    /// Handed to every function.
    pub user_data: *mut c_void,
    /// Takes a frame, which is only lent. LANPARTY_OK if it was taken; LANPARTY_WOULD_BLOCK if the device's queue is full
    /// (counted as port_full); LANPARTY_END if the device is gone; anything else if this one frame was refused. The last two
    /// are counted as port_error. Required.
    pub send:
        Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, frame: *const u8, len: usize) -> i32>,
    /// Tells the room's layer-2 MTU in bytes, once it is known. May be NULL.
    pub set_mtu: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, mtu: u32)>,
    /// Tells whether there is a room behind the port: 1 or 0. May be NULL.
    pub set_link: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void, up: u8)>,
    /// Called exactly once, after the last call of the others, so that `user_data` can be freed. May be NULL.
    pub release: Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>,
}

/// The size of [`lanparty_frame_sink`] in the first version of the ABI. Functions are only ever added at the end.
const FIRST_SIZE: usize = 48;
/// No sink is this large; more is a struct_size that nobody set.
const MAX_SIZE: usize = 4096;

/// A [`lanparty_frame_sink`] as a sink of the library.
pub(super) struct CallerSink {
    functions: lanparty_frame_sink,
    mtu: u16,
    /// The functions are not called by two threads at once, so that callers need no locks of their own.
    turn: Mutex<()>,
}

// SAFETY: the caller promises that its functions may be called from any thread, one at a time; `turn` sees to the latter,
// and `user_data` is only handed to them.
unsafe impl Send for CallerSink {}
// SAFETY: as above.
unsafe impl Sync for CallerSink {}

impl CallerSink {
    const NOTHING: lanparty_frame_sink = lanparty_frame_sink {
        struct_size: 0,
        mtu: 0,
        user_data: std::ptr::null_mut(),
        send: None,
        set_mtu: None,
        set_link: None,
        release: None,
    };

    /// Takes the functions over. `release` is called even if that fails, once the functions could be read at all.
    ///
    /// # Safety
    /// `sink` is NULL, or as many bytes can be read there as its `struct_size` says, and its functions do what they say.
    pub(super) unsafe fn read(sink: *const lanparty_frame_sink) -> Result<Self, Failure> {
        if sink.is_null() {
            return Err(Failure::usage(LANPARTY_E_NULL, "sink is NULL"));
        }
        // SAFETY: not NULL, and the struct begins with these four bytes.
        let size = unsafe { sink.cast::<u32>().read_unaligned() };
        let size = usize::try_from(size).unwrap_or(0);
        if !(FIRST_SIZE..=MAX_SIZE).contains(&size) {
            let message =
                format!("sink's struct_size is {size} but must be at least {FIRST_SIZE}: set it to sizeof");
            return Err(Failure::usage(LANPARTY_E_STRUCT_SIZE, message));
        }
        let mut functions = Self::NOTHING;
        let known = size.min(size_of::<lanparty_frame_sink>());
        // SAFETY: the caller's struct has `size` bytes, and ours at least `known`; every bit pattern that C may leave in it is
        // one of its values.
        unsafe {
            std::ptr::from_mut(&mut functions).cast::<u8>().copy_from_nonoverlapping(sink.cast(), known)
        };
        // From here on the drop releases.
        let mut taken = Self { functions, mtu: DEFAULT_MTU, turn: Mutex::new(()) };
        if functions.send.is_none() {
            return Err(Failure::usage(LANPARTY_E_NULL, "sink's send is NULL"));
        }
        // SAFETY: the caller's struct has `size` bytes.
        let unknown = unsafe { std::slice::from_raw_parts(sink.cast::<u8>().add(known), size - known) };
        if unknown.iter().any(|byte| *byte != 0) {
            let message = "sink has functions that this version does not know: set them to NULL";
            return Err(Failure::usage(LANPARTY_E_STRUCT_SIZE, message));
        }
        taken.mtu = mtu_of(functions.mtu)?;
        Ok(taken)
    }

    /// Calls one of the functions. `None` if it panicked.
    fn call<T>(&self, function: impl FnOnce(&lanparty_frame_sink) -> T) -> Option<T> {
        // A function that panicked has left nothing behind here.
        let _turn = self.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        call(|| function(&self.functions))
    }
}

/// An MTU of the caller's; 0 is the default.
pub(super) fn mtu_of(mtu: u32) -> Result<u16, Failure> {
    match u16::try_from(mtu) {
        Ok(0) => Ok(DEFAULT_MTU),
        Ok(mtu) if (MIN_MTU..=DEFAULT_MTU).contains(&mtu) => Ok(mtu),
        _ => Err(Failure::usage(
            LANPARTY_E_INVALID_ARG,
            format!("an MTU of {mtu} bytes: give {MIN_MTU} to {DEFAULT_MTU}, or 0 for {DEFAULT_MTU}"),
        )),
    }
}

impl FrameSink for CallerSink {
    fn caps(&self) -> PortCaps {
        PortCaps::new(PortKind::Custom, "sink").with_mtu(self.mtu)
    }

    fn try_send(&self, frame: Bytes) -> Result<(), TrySendError> {
        let refused = |why: &str| Err(TrySendError::Refused(io::Error::other(why.to_owned())));
        let sent = self.call(|functions| {
            // SAFETY: the caller's promise; the frame outlives the call.
            functions.send.map(|send| unsafe { send(functions.user_data, frame.as_ptr(), frame.len()) })
        });
        match sent.flatten() {
            Some(LANPARTY_OK) => Ok(()),
            Some(LANPARTY_WOULD_BLOCK) => Err(TrySendError::Full(frame)),
            Some(LANPARTY_END) => Err(TrySendError::Closed(frame)),
            Some(_) => refused("the program's sink refused the frame"),
            None => refused("the program's sink panicked"),
        }
    }

    fn set_mtu(&self, mtu: u16) -> io::Result<()> {
        let told = self.call(|functions| {
            if let Some(set_mtu) = functions.set_mtu {
                // SAFETY: the caller's promise.
                unsafe { set_mtu(functions.user_data, mtu.into()) };
            }
        });
        told.ok_or_else(|| io::Error::other("the program's sink panicked"))
    }

    fn set_link(&self, up: bool) -> io::Result<()> {
        let told = self.call(|functions| {
            if let Some(set_link) = functions.set_link {
                // SAFETY: the caller's promise.
                unsafe { set_link(functions.user_data, up.into()) };
            }
        });
        told.ok_or_else(|| io::Error::other("the program's sink panicked"))
    }
}

impl Drop for CallerSink {
    fn drop(&mut self) {
        let functions = self.functions;
        if let Some(release) = functions.release {
            // SAFETY: the caller's promise; nothing else is called any more.
            call(|| unsafe { release(functions.user_data) });
        }
    }
}

impl fmt::Debug for CallerSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallerSink").field("mtu", &self.mtu).finish_non_exhaustive()
    }
}

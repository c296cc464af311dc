//! Answers that are checked, handles that free themselves, and waits that end.

use std::ffi::{CStr, c_char};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, Instant};

use lanparty::*;

/// How long anything may take, in milliseconds.
pub(crate) const PATIENCE: u32 = 10_000;
pub(crate) const NUL: usize = LANPARTY_NUL_TERMINATED;

/// What a function answered, and what its error object said.
#[derive(Debug)]
#[must_use]
pub(crate) struct Answer {
    function: &'static str,
    pub(crate) status: i32,
    pub(crate) message: String,
}

/// Calls a function with a place for its error as the last argument.
macro_rules! call {
    ($function:ident($($argument:expr),* $(,)?)) => {{
        let mut err = std::ptr::null_mut();
        let status = unsafe { $function($($argument,)* &raw mut err) };
        $crate::support::Answer::new(stringify!($function), status, err)
    }};
}

impl Answer {
    /// Takes the error object, and holds it to its rules: there is one exactly if the function failed, it has the same
    /// status, a kind, and something to say.
    #[track_caller]
    pub(crate) fn new(function: &'static str, status: i32, err: *mut lanparty_error) -> Self {
        let (error_status, kind) = unsafe { (lanparty_error_status(err), lanparty_error_kind(err)) };
        let message = unsafe { CStr::from_ptr(lanparty_error_message(err)) }.to_str().unwrap().to_owned();
        let failed = !err.is_null();
        unsafe { lanparty_error_free(err) };
        assert_eq!(failed, status < 0, "{function} answers {status}: is there an error object?");
        if failed {
            assert_eq!(error_status, status, "{function}: the status of the error object");
            assert!(!message.is_empty(), "{function} answers {status} without a word");
            assert!(
                (LANPARTY_KIND_USAGE..=LANPARTY_KIND_INTERNAL).contains(&kind),
                "{function}: kind {kind}"
            );
        }
        Self { function, status, message }
    }

    #[track_caller]
    pub(crate) fn ok(self) {
        self.is(LANPARTY_OK);
    }

    #[track_caller]
    pub(crate) fn is(self, expected: i32) {
        let Self { function, status, message } = self;
        let (got, wanted) = (status_text(status), status_text(expected));
        assert_eq!(status, expected, "{function} answers {got:?}, not {wanted:?}: {message}");
    }

    /// The status, and a part of the message.
    #[track_caller]
    pub(crate) fn says(self, expected: i32, part: &str) {
        assert!(self.message.contains(part), "{}: {:?} without {part:?}", self.function, self.message);
        self.is(expected);
    }

    #[track_caller]
    pub(crate) fn among(self, expected: &[i32]) -> i32 {
        let Self { function, status, message } = self;
        assert!(expected.contains(&status), "{function} answers {status}, none of {expected:?}: {message}");
        status
    }
}

pub(crate) fn status_text(status: i32) -> &'static str {
    unsafe { CStr::from_ptr(lanparty_status_str(status)) }.to_str().unwrap()
}

macro_rules! guards {
    ($($(#[$doc:meta])* $name:ident: $type:ident, $free:ident;)+) => { $(
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name(*mut $type);

        // SAFETY: the interface promises it for every handle.
        unsafe impl Send for $name {}
        // SAFETY: as above; configurations are for one thread at a time, and no test shares one.
        unsafe impl Sync for $name {}

        impl $name {
            /// Takes over what a function gives.
            #[track_caller]
            pub(crate) fn from(make: impl FnOnce(*mut *mut $type) -> Answer) -> Self {
                let mut made = std::ptr::null_mut();
                make(&raw mut made).ok();
                assert!(!made.is_null(), "{} gives nothing", stringify!($type));
                Self(made)
            }

            pub(crate) const fn ptr(&self) -> *mut $type {
                self.0
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                unsafe { $free(self.0) }
            }
        }
    )+ };
}

guards! {
    Identity: lanparty_identity, lanparty_identity_free;
    Port: lanparty_port, lanparty_port_free;
    Relay: lanparty_relay, lanparty_relay_free;
    RelayConfig: lanparty_relay_config, lanparty_relay_config_free;
    Session: lanparty_session, lanparty_session_free;
    SessionConfig: lanparty_session_config, lanparty_session_config_free;
}

impl Identity {
    pub(crate) fn generate() -> Self {
        Self::from(|identity| call!(lanparty_identity_generate(identity)))
    }

    pub(crate) fn mac(&self) -> [u8; 6] {
        let mut mac = [0; 6];
        call!(lanparty_identity_mac(self.ptr(), mac.as_mut_ptr())).ok();
        mac
    }
}

impl RelayConfig {
    pub(crate) fn new() -> Self {
        Self::from(|config| call!(lanparty_relay_config_new(config)))
    }

    pub(crate) fn set(&self, key: &CStr, value: &CStr) -> Answer {
        call!(lanparty_relay_config_set(self.ptr(), key.as_ptr(), NUL, value.as_ptr(), NUL))
    }

    pub(crate) fn load(&self, toml: &CStr) -> Answer {
        call!(lanparty_relay_config_load_toml(self.ptr(), toml.as_ptr(), NUL))
    }

    /// Binds a relay that must not come about.
    #[track_caller]
    pub(crate) fn bind_fails(&self) -> Answer {
        let mut relay = std::ptr::null_mut();
        let answer = call!(lanparty_relay_bind(self.ptr(), &raw mut relay));
        assert!(relay.is_null());
        answer
    }
}

impl SessionConfig {
    pub(crate) fn set(&self, key: &CStr, value: &CStr) -> Answer {
        call!(lanparty_session_config_set(self.ptr(), key.as_ptr(), NUL, value.as_ptr(), NUL))
    }

    pub(crate) fn load(&self, toml: &CStr) -> Answer {
        call!(lanparty_session_config_load_toml(self.ptr(), toml.as_ptr(), NUL))
    }

    pub(crate) fn set_port(&self, port: &Port) -> Answer {
        call!(lanparty_session_config_set_port(self.ptr(), port.ptr()))
    }

    #[track_caller]
    pub(crate) fn start(&self) -> Session {
        Session::from(|session| call!(lanparty_session_start(self.ptr(), session)))
    }

    /// Starts a session that must not come about.
    #[track_caller]
    pub(crate) fn start_fails(&self) -> Answer {
        let mut session = std::ptr::null_mut();
        let answer = call!(lanparty_session_start(self.ptr(), &raw mut session));
        assert!(session.is_null());
        answer
    }
}

impl Session {
    pub(crate) fn close(&self) -> Answer {
        call!(lanparty_session_close(self.ptr(), std::ptr::null(), 0, PATIENCE))
    }

    pub(crate) fn bridge(&self, port: &Port) -> Answer {
        call!(lanparty_session_bridge(self.ptr(), port.ptr(), PATIENCE))
    }

    pub(crate) fn unbridge(&self) -> Answer {
        call!(lanparty_session_unbridge(self.ptr(), PATIENCE))
    }

    pub(crate) fn pause(&self, paused: bool) {
        call!(lanparty_session_set_paused(self.ptr(), paused.into())).ok();
    }

    pub(crate) fn phase(&self) -> u32 {
        let mut phase = 0;
        call!(lanparty_session_phase(self.ptr(), &raw mut phase)).ok();
        phase
    }

    pub(crate) fn room(&self) -> lanparty_room {
        let mut room = sized();
        call!(lanparty_session_room(self.ptr(), &raw mut room)).ok();
        room
    }

    pub(crate) fn stats(&self) -> lanparty_stats {
        let mut stats = sized();
        call!(lanparty_session_stats(self.ptr(), &raw mut stats)).ok();
        stats
    }

    pub(crate) fn diagnostics(&self) -> lanparty_diagnostics {
        let mut diagnostics = sized();
        call!(lanparty_session_diagnostics(self.ptr(), &raw mut diagnostics)).ok();
        diagnostics
    }

    pub(crate) fn stat(&self, id: u32) -> u64 {
        let mut value = 0;
        call!(lanparty_session_stat(self.ptr(), id, &raw mut value)).ok();
        value
    }

    #[track_caller]
    pub(crate) fn peers(&self) -> Vec<lanparty_peer> {
        list(|list, size, cap, count| call!(lanparty_session_peers(self.ptr(), list, size, cap, count)))
    }

    #[track_caller]
    pub(crate) fn drops(&self) -> Vec<lanparty_drop> {
        list(|list, size, cap, count| call!(lanparty_session_drops(self.ptr(), list, size, cap, count)))
    }

    /// How often something was dropped for one reason.
    pub(crate) fn drops_for(&self, reason: &str) -> u64 {
        self.drops().iter().find(|drop| text_of(&drop.reason) == reason).map_or(0, |drop| drop.count)
    }

    #[track_caller]
    pub(crate) fn wait_peers(&self, count: usize) {
        until("all members are there", || self.peers().len() == count);
    }

    /// Takes events until one of this kind comes.
    #[track_caller]
    pub(crate) fn wait_event(&self, kind: u32) -> lanparty_event {
        wait_event(kind, |timeout, event| call!(lanparty_session_next_event(self.ptr(), timeout, event)))
    }

    /// Takes all events that are there, and gives the status that ends them.
    pub(crate) fn drain(&self) -> i32 {
        loop {
            let mut event = sized();
            let answer = call!(lanparty_session_next_event(self.ptr(), 0, &raw mut event));
            if answer.status != LANPARTY_OK {
                return answer.among(&[LANPARTY_WOULD_BLOCK, LANPARTY_END]);
            }
        }
    }
}

impl Relay {
    pub(crate) fn close(&self) -> Answer {
        call!(lanparty_relay_close(self.ptr(), c"closing time".as_ptr(), NUL, PATIENCE))
    }

    pub(crate) fn stats(&self) -> lanparty_relay_stats {
        let mut stats = sized();
        call!(lanparty_relay_stats_get(self.ptr(), &raw mut stats)).ok();
        stats
    }

    #[track_caller]
    pub(crate) fn rooms(&self) -> Vec<lanparty_room> {
        list(|list, size, cap, count| call!(lanparty_relay_rooms(self.ptr(), list, size, cap, count)))
    }

    #[track_caller]
    pub(crate) fn members(&self, room: &CStr) -> Vec<lanparty_member> {
        list(|list, size, cap, count| {
            call!(lanparty_relay_members(self.ptr(), room.as_ptr(), NUL, list, size, cap, count))
        })
    }

    pub(crate) fn kick(&self, room: &CStr, peer: u32, text: &CStr) -> Answer {
        call!(lanparty_relay_kick(self.ptr(), room.as_ptr(), NUL, peer, text.as_ptr(), NUL))
    }

    /// Takes events until one of this kind comes.
    #[track_caller]
    pub(crate) fn wait_event(&self, kind: u32) -> lanparty_event {
        wait_event(kind, |timeout, event| call!(lanparty_relay_next_event(self.ptr(), timeout, event)))
    }
}

#[track_caller]
fn wait_event(kind: u32, next: impl Fn(u32, *mut lanparty_event) -> Answer) -> lanparty_event {
    let end = Instant::now() + Duration::from_millis(PATIENCE.into());
    let mut seen = Vec::new();
    loop {
        let mut event = sized();
        let left = u32::try_from(end.saturating_duration_since(Instant::now()).as_millis()).unwrap();
        let answer = next(left, &raw mut event);
        assert_eq!(answer.status, LANPARTY_OK, "no event {kind} after {seen:?}");
        if event.kind == kind {
            return event;
        }
        seen.push(event.kind);
    }
}

/// A struct of the library's that begins with its size.
pub(crate) fn sized<T: Copy>() -> T {
    let mut value = empty::<T>();
    unsafe { (&raw mut value).cast::<u32>().write(u32::try_from(size_of::<T>()).unwrap()) };
    value
}

/// An element of a list.
pub(crate) fn empty<T: Copy>() -> T {
    // They hold nothing but numbers and pointers.
    unsafe { std::mem::zeroed() }
}

/// A list, of up to 64 elements.
#[track_caller]
fn list<T: Copy>(fill: impl FnOnce(*mut T, usize, usize, *mut usize) -> Answer) -> Vec<T> {
    let mut list = vec![empty(); 64];
    let mut count = 0;
    fill(list.as_mut_ptr(), size_of::<T>(), list.len(), &raw mut count).ok();
    list.truncate(count);
    list
}

/// A text in a field of a struct.
pub(crate) fn text_of(field: &[c_char]) -> &str {
    let bytes = unsafe { std::slice::from_raw_parts(field.as_ptr().cast::<u8>(), field.len()) };
    CStr::from_bytes_until_nul(bytes).unwrap().to_str().unwrap()
}

/// Looks again and again until something is so that no event tells of.
#[track_caller]
pub(crate) fn until(what: &str, so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_millis(PATIENCE.into());
    while !so() {
        assert!(Instant::now() < end, "not in time: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Runs something that might wait for ever on a thread of its own, which is left behind if it does.
pub(crate) struct Bounded<T> {
    what: &'static str,
    result: std::sync::mpsc::Receiver<T>,
}

impl<T: Send + 'static> Bounded<T> {
    pub(crate) fn spawn(what: &'static str, body: impl FnOnce() -> T + Send + 'static) -> Self {
        let (sender, result) = channel();
        thread::spawn(move || {
            // What it holds is freed before anybody knows that it is over.
            let value = body();
            sender.send(value)
        });
        Self { what, result }
    }

    #[track_caller]
    pub(crate) fn join(self) -> T {
        self.wait(PATIENCE).unwrap_or_else(|what| panic!("{what}"))
    }

    /// The result, or what became of it instead.
    pub(crate) fn wait(self, patience_ms: u32) -> Result<T, String> {
        let result = self.result.recv_timeout(Duration::from_millis(patience_ms.into()));
        result.map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("{} hangs", self.what),
            RecvTimeoutError::Disconnected => format!("{} panicked", self.what),
        })
    }
}

static COMPANY: RwLock<()> = RwLock::new(());

/// What every scenario holds: others may run beside it.
pub(crate) fn beside_others() -> RwLockReadGuard<'static, ()> {
    COMPANY.read().unwrap_or_else(PoisonError::into_inner)
}

/// What a scenario holds that looks at the whole process: its handles, its threads, its log.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    COMPANY.write().unwrap_or_else(PoisonError::into_inner)
}

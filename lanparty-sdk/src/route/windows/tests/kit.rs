//! A computer in a file, which the library of `tests/windows/iphlpapi` plays.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]
#![allow(unsafe_code, reason = "a mutex with a name is Windows' own")]

use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io};

use windows::Win32::Foundation::{HANDLE, WAIT_ABANDONED, WAIT_OBJECT_0};
use windows::Win32::System::Threading::{CreateMutexW, ReleaseMutex, WaitForSingleObject};
use windows::core::w;

use crate::route::{RouteError, RoutePin};

/// Where the library keeps the computer.
const STATE: &str = "LANPARTY_IPHLPAPI_STATE";
/// Set where a test that cannot run has failed.
const REQUIRED: &str = "LANPARTY_REQUIRE_NETNS";
/// After this, what has not happened will not happen.
const DEADLINE: Duration = Duration::from_secs(20);

pub(super) const GUID: &str = "{6AE5C2A0-0D1B-4B6E-9F0A-3A3C7E5D0001}";
pub(super) const ALIAS: &str = "Ethernet 2";
pub(super) const RELAY: &str = "203.0.113.7";
pub(super) const RELAY6: &str = "2001:db8::7";

/// A computer with a wireless network and a TAP adapter, as Windows sets it up.
const COMPUTER: &str = "\
interface 18000001000000 1 {00000001-0000-0000-0000-000000000001} Loopback Pseudo-Interface 1
ip 18000001000000 4 connected=1 automatic=75 metric=- mtu=4294967295 ignore=0
interface 47000003000000 3 {00000001-0000-0000-0000-000000000003} Wi-Fi
ip 47000003000000 4 connected=1 automatic=45 metric=- mtu=1500 ignore=0
ip 47000003000000 6 connected=1 automatic=45 metric=- mtu=1500 ignore=0
address 47000003000000 192.168.1.5/24
route 47000003000000 0.0.0.0/0 192.168.1.1 metric=0
route 47000003000000 192.168.1.0/24 0.0.0.0 metric=256
route 47000003000000 224.0.0.0/4 0.0.0.0 metric=256
route 47000003000000 255.255.255.255/32 0.0.0.0 metric=256
route 47000003000000 ::/0 fe80::1 metric=256
interface 6000007000000 7 {6AE5C2A0-0D1B-4B6E-9F0A-3A3C7E5D0001} Ethernet 2
ip 6000007000000 4 connected=1 automatic=25 metric=- mtu=1500 ignore=0
ip 6000007000000 6 connected=1 automatic=25 metric=- mtu=1500 ignore=0
address 6000007000000 10.9.0.2/24
route 6000007000000 10.9.0.0/24 0.0.0.0 metric=256
route 6000007000000 224.0.0.0/4 0.0.0.0 metric=256
route 6000007000000 255.255.255.255/32 0.0.0.0 metric=256
route 6000007000000 ff00::/8 :: metric=256
";

/// The computer, for one test at a time.
pub(super) struct Computer {
    path: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Computer {
    /// A fresh one. `None` where nothing plays it.
    pub(super) fn new() -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(path) = std::env::var_os(STATE) else {
            let why =
                "SKIPPED: routes and adapters of Windows: no computer is played, see tests/windows/iphlpapi";
            eprintln!("{why}");
            assert!(std::env::var_os(REQUIRED).is_none(), "{why}");
            return None;
        };
        let computer = Self { path: path.into(), _turn: turn };
        let hold = Hold::take();
        let _ = fs::remove_file(computer.log_path());
        computer.write(COMPUTER);
        drop(hold);
        Some(computer)
    }

    pub(super) fn state(&self) -> String {
        read(&self.path).unwrap()
    }

    pub(super) fn write(&self, state: &str) {
        let _hold = Hold::take();
        fs::write(&self.path, state).unwrap();
    }

    /// Changes a line, which must be there. Nothing in its place removes it.
    pub(super) fn replace(&self, line: &str, by: &str) {
        let _hold = Hold::take();
        let state = self.state();
        let old = format!("{line}\n");
        assert!(state.contains(&old), "{line} is not in:\n{state}");
        let by = if by.is_empty() { String::new() } else { format!("{by}\n") };
        self.write(&state.replace(&old, &by));
    }

    pub(super) fn add(&self, line: &str) {
        let _hold = Hold::take();
        self.write(&format!("{}{line}\n", self.state()));
    }

    pub(super) fn has(&self, line: &str) -> bool {
        self.state().lines().any(|other| other == line)
    }

    /// Waits for a line.
    pub(super) fn expect(&self, line: &str) {
        let start = Instant::now();
        while !self.has(line) {
            assert!(start.elapsed() < DEADLINE, "{line} does not come:\n{}", self.state());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What has been changed so far.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(".log");
        path.into()
    }
}

/// The computer as it is, from any process.
pub(super) fn read(path: impl AsRef<Path>) -> io::Result<String> {
    let _hold = Hold::take();
    fs::read_to_string(path)
}

/// The mutex that the library holds while it reads or changes the computer, in whatever process it is. A file that
/// somebody has open cannot be replaced, and a change between a reading and a writing would be lost. A thread that has
/// it may take it again.
struct Hold(OwnedHandle);

impl Hold {
    fn take() -> Self {
        // SAFETY: the name is a string that ends with zero, and nothing else is pointed to.
        let mutex = unsafe { CreateMutexW(None, false, w!("lanparty-test-iphlpapi")) }.unwrap();
        // SAFETY: the handle is new, open, and nobody else's.
        let mutex = unsafe { OwnedHandle::from_raw_handle(mutex.0) };
        // SAFETY: the handle is open.
        let waited =
            unsafe { WaitForSingleObject(HANDLE(mutex.as_raw_handle()), DEADLINE.as_millis() as u32) };
        // One that is abandoned was held by a process that was killed, and is ours now.
        assert!(
            waited == WAIT_OBJECT_0 || waited == WAIT_ABANDONED,
            "nobody lets the computer go: {waited:?}"
        );
        Self(mutex)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // SAFETY: the handle is open. The mutex is this thread's: no guard leaves the function that took it.
        let _ = unsafe { ReleaseMutex(HANDLE(self.0.as_raw_handle())) };
    }
}

pub(super) fn install(relay: &str) -> Result<RoutePin, RouteError> {
    RoutePin::install(relay.parse().unwrap(), Some(ALIAS))
}

/// This program once more, as one that may be killed: it does what [`super::hold`] does.
pub(super) fn other_process() -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "route::windows::tests::hold"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

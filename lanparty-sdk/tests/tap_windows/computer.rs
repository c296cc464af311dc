//! Adapters, and the other end of their wires.
#![allow(unsafe_code, reason = "a thread that reads can only be interrupted by a C call")]

use std::fs::{File, OpenOptions};
use std::future::poll_fn;
use std::io::{Read as _, Write as _};
use std::os::windows::io::AsRawHandle as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::port::tap_windows::{AdapterChoice, TapError, TapOptions, TapPort};
use lanparty_sdk::port::{FrameBatch, Port};
use lanparty_sdk::route::AdapterPolicy;
use libtest_mimic::Trial;
use windows::Win32::Foundation::HANDLE;
use windows::Win32::System::IO::CancelSynchronousIo;

/// After this, what has not happened will not happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
/// Names the program that prepares adapters.
const TAPCTL: &str = "LANPARTY_TAPCTL";
/// More frames than a test has under way.
const MANY: usize = 100_000;

/// What is missing, if the tests cannot run.
pub(crate) fn prepare() -> Result<(), String> {
    let program = std::env::var(TAPCTL).map_err(|_| format!("{TAPCTL} is not set"))?;
    // Fails where the driver is already running, and then nothing is missing.
    let _ = Command::new(&program).arg("start").output();
    for number in 1..=9 {
        let _ = Command::new(&program).args(["remove", &number.to_string()]).output();
    }
    Ok(())
}

pub(crate) fn trial(name: &'static str, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

/// A test on a single-threaded runtime, with one adapter.
pub(crate) fn trial_async(name: &'static str, test: impl AsyncFnOnce(Adapter) + Send + 'static) -> Trial {
    trial(name, move || {
        let adapter = Adapter::add(7, &[]);
        block_on(test(adapter));
    })
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// An adapter that is there for as long as this lives.
pub(crate) struct Adapter {
    number: String,
}

impl Adapter {
    pub(crate) fn add(number: u32, settings: &[&str]) -> Self {
        let number = number.to_string();
        tapctl(&[&["add", &number], settings].concat());
        Self { number }
    }

    /// Its instance id.
    pub(crate) fn id(&self) -> String {
        format!("{{1A2B3C4D-0000-4000-8000-{:0>12}}}", self.number)
    }

    /// What the driver makes up for it.
    pub(crate) fn mac(&self) -> MacAddr {
        format!("00:ff:ab:00:00:{:0>2}", self.number).parse().unwrap()
    }

    pub(crate) fn set(&self, settings: &[&str]) {
        tapctl(&[&["set", &self.number], settings].concat());
    }

    pub(crate) fn yank(&self, how: &str) {
        tapctl(&["yank", &self.number, how]);
    }

    /// Until the driver's status is so.
    pub(crate) fn wait(&self, conditions: &[&str]) {
        let seconds = DEADLINE.as_secs().to_string();
        tapctl(&[&["wait", &self.number, &seconds], conditions].concat());
    }

    /// One value of the driver's status.
    pub(crate) fn status(&self, key: &str) -> String {
        value(&tapctl(&["status", &self.number]), key).unwrap()
    }

    /// One value of its class key.
    pub(crate) fn registry(&self, key: &str) -> Option<String> {
        value(&tapctl(&["registry", &self.number]), key)
    }

    /// Another program that has it open.
    pub(crate) fn hold(&self) -> Holder {
        let child = Command::new(std::env::var_os(TAPCTL).unwrap())
            .args(["hold", &self.number])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let holder = Holder(child);
        self.wait(&["open=1"]);
        holder
    }

    pub(crate) fn wire(&self) -> Wire {
        Wire::open(&format!(r"\\.\Global\{}.wire", self.id()))
    }

    /// Options that leave IP settings alone: Wine's are not what this is about.
    pub(crate) fn options(&self) -> TapOptions {
        options(AdapterChoice::Instance(self.id()))
    }

    pub(crate) fn open(&self) -> Port {
        TapPort::open(&self.options()).unwrap()
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        if !thread::panicking() {
            tapctl(&["remove", &self.number]); // it fails as long as anybody has it open
        }
    }
}

pub(crate) fn options(choice: AdapterChoice) -> TapOptions {
    let mut options = TapOptions::new(choice);
    options.policy(AdapterPolicy::HANDS_OFF);
    options
}

pub(crate) fn open_error(options: &TapOptions) -> TapError {
    match TapPort::open_with_handle(options) {
        Ok((_, handle)) => panic!("{handle:?} is open"),
        Err(error) => error,
    }
}

/// Ended when it is dropped.
pub(crate) struct Holder(Child);

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// What the computer sees of its adapter: the wire's other end.
pub(crate) struct Wire {
    writer: File,
    frames: Receiver<Vec<u8>>,
    reader: Option<JoinHandle<()>>,
}

impl Wire {
    fn open(path: &str) -> Self {
        // Two handles: Windows lets a synchronous one do one thing at a time. The first is the one that may read.
        let mut reader = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let writer = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let (sender, frames) = sync_channel(MANY);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(len) = reader.read(&mut buffer) {
                if sender.send(buffer[..len].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { writer, frames, reader: Some(reader) }
    }

    /// The computer sends a frame.
    pub(crate) fn send(&self, frame: &[u8]) {
        assert_eq!((&self.writer).write(frame).unwrap(), frame.len());
    }

    /// The next frame that the computer gets.
    pub(crate) fn receive(&self) -> Vec<u8> {
        self.frames.recv_timeout(DEADLINE).expect("a frame")
    }

    pub(crate) fn try_receive(&self) -> Option<Vec<u8>> {
        self.frames.try_recv().ok()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let Some(reader) = self.reader.take() else { return };
        while !reader.is_finished() {
            // SAFETY: the handle is the thread's for as long as it has not been joined. It may be about to read.
            let _ = unsafe { CancelSynchronousIo(HANDLE(reader.as_raw_handle())) };
            thread::yield_now();
        }
        let _ = reader.join();
    }
}

/// The next frames from the port.
pub(crate) async fn receive(port: &mut Port) -> std::io::Result<FrameBatch> {
    let mut batch = FrameBatch::default();
    let received = poll_fn(|cx| port.source.poll_recv(cx, &mut batch));
    tokio::time::timeout(DEADLINE, received).await.expect("a frame")?;
    Ok(batch)
}

/// Whether the port has nothing at the moment.
pub(crate) async fn is_silent(port: &mut Port) -> bool {
    let mut batch = FrameBatch::default();
    poll_fn(|cx| std::task::Poll::Ready(port.source.poll_recv(cx, &mut batch).is_pending())).await
}

/// A frame that tells its number, of a length that depends on it.
pub(crate) fn frame(number: u32) -> Vec<u8> {
    let len = 60 + number as usize * 7 % 1455;
    let mut frame = vec![0; len];
    frame[..6].fill(0xff);
    frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 9]);
    frame[12..14].copy_from_slice(&[0x88, 0xb5]);
    for (at, byte) in frame[14..].iter_mut().enumerate() {
        *byte = number.to_be_bytes()[at % 4] ^ at as u8;
    }
    frame
}

pub(crate) fn tapctl(arguments: &[&str]) -> String {
    let output = Command::new(std::env::var_os(TAPCTL).unwrap()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn value(lines: &str, key: &str) -> Option<String> {
    lines.lines().find_map(|line| Some(line.trim().strip_prefix(key)?.strip_prefix('=')?.to_owned()))
}

//! The programs, started as a user starts them.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::host::{DEADLINE, Host, within};

/// How long a program may take to end when its test has failed.
const LAST_WORDS: Duration = Duration::from_secs(3);

const PROGRAMS: [&str; 3] = ["lanparty-relay", "lanparty-gateway", "lanparty-client"];

/// Why a queue drops a frame.
const QUEUE_DROPS: [&str; 4] = ["outbox_full", "queue_delay", "receive_queue_full", "stale"];

/// Builds the programs that are tested. A test of another package does not depend on them, so cargo has not done it.
pub(crate) fn build() -> Result<(), String> {
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut command = Command::new(cargo);
        command.args(["build", "--quiet", "--locked"]).args(PROGRAMS.iter().flat_map(|name| ["-p", name]));
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        match command.status() {
            Ok(status) if status.success() => {}
            result => return Err(format!("cargo build of the programs: {result:?}")),
        }
    }
    match PROGRAMS.iter().map(|name| path(name)).find(|path| !path.exists()) {
        Some(path) => Err(format!("there is no {}: `cargo build` first", path.display())),
        None => Ok(()),
    }
}

/// The program stands beside the folder of the tests.
pub(crate) fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    test.parent().and_then(|deps| deps.parent()).expect("target/*/deps").join(name)
}

/// A process on a host, with all that it printed. It is killed when it is dropped.
pub(crate) struct Program {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    output: Arc<Output>,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Output {
    lines: Mutex<Vec<String>>,
    grown: Condvar,
}

impl Program {
    /// Starts one of our programs.
    pub(crate) fn start(host: &Host, name: &str, arguments: &[String]) -> Self {
        let mut command = Command::new(path(name));
        command.args(arguments).env("NO_COLOR", "1");
        Self::spawn(host, command)
    }

    pub(crate) fn spawn(host: &Host, command: Command) -> Self {
        let mut program = Self::spawn_to_talk(host, command);
        program.stdin = None;
        program
    }

    /// One that does what [`Program::say`] tells it, until it is dropped or no more is said.
    pub(crate) fn spawn_to_talk(host: &Host, mut command: Command) -> Self {
        let program = PathBuf::from(command.get_program());
        let name = format!("{} on {}", program.file_name().unwrap().to_string_lossy(), host.name);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = host.run(|| command.spawn()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let output = Arc::new(Output::default());
        let readers = vec![
            output.clone().read(child.stdout.take().unwrap()),
            output.clone().read(child.stderr.take().unwrap()),
        ];
        let stdin = child.stdin.take();
        Self { name, child, stdin, output, readers }
    }

    /// Writes a line to its standard input.
    pub(crate) fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("a program to talk to");
        writeln!(stdin, "{line}").unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Writes a line and returns the next one with `answer` that it prints.
    pub(crate) fn ask(&mut self, line: &str, deadline: Duration, answer: &str) -> String {
        let seen = self.lines();
        self.say(line);
        self.line_after(seen, deadline, answer)
    }

    /// Ends what it reads.
    pub(crate) fn say_no_more(&mut self) {
        self.stdin = None;
    }

    /// The first line that has `text`, once it is there.
    pub(crate) fn line(&self, text: &str) -> String {
        self.line_after(0, DEADLINE, text)
    }

    /// The first line after the first `seen` that has `text`, once it is there.
    pub(crate) fn line_after(&self, seen: usize, deadline: Duration, text: &str) -> String {
        let end = Instant::now() + deadline;
        let mut lines = self.output.lines();
        loop {
            if let Some(line) = lines.iter().skip(seen).find(|line| line.contains(text)) {
                return line.clone();
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} has not said {text:?} within {deadline:?}", self.name);
            lines = self.output.grown.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// How many lines it has printed.
    pub(crate) fn lines(&self) -> usize {
        self.output.lines().len()
    }

    /// All that it has printed.
    pub(crate) fn text(&self) -> String {
        self.output.lines().join("\n")
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Ends it without its knowledge.
    pub(crate) fn kill_9(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.ended()
    }

    /// How many frames its queues dropped, as it says when it has ended: for want of room or of time.
    pub(crate) fn queue_drops(&self) -> u64 {
        let text = self.text();
        let told = text.lines().rfind(|line| line.contains("dropped ")).unwrap_or_default();
        let words: Vec<&str> = told.split([' ', ',']).filter(|word| !word.is_empty()).collect();
        let counts = words.windows(2).filter(|pair| QUEUE_DROPS.contains(&pair[0]));
        counts.map(|pair| pair[1].parse::<u64>().unwrap_or_else(|_| panic!("no number in {told}"))).sum()
    }

    /// How it ended.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        within(DEADLINE, &format!("the end of {}", self.name), || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        status.unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let running = self.child.try_wait().is_ok_and(|status| status.is_none());
        if running && std::thread::panicking() {
            // What it counted often tells what went wrong.
            self.signal(Signal::SIGTERM);
            let end = Instant::now() + LAST_WORDS;
            while self.child.try_wait().is_ok_and(|status| status.is_none()) && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            for reader in self.readers.drain(..) {
                let _ = reader.join();
            }
            let state = if running { "" } else { ", which had ended" };
            eprintln!("--- {}{state}, said:\n{}\n---", self.name, self.text());
        }
    }
}

impl Output {
    /// A test that has panicked may still want to see them.
    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(self: Arc<Self>, stream: impl Read + Send + 'static) -> JoinHandle<()> {
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                self.lines().push(line);
                self.grown.notify_all();
            }
        })
    }
}

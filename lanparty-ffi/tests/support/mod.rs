//! Compilers, libraries and programs, for the tests that look at the library from outside.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How C is compiled here: what warns fails.
pub(crate) const C11: &[&str] =
    &["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"];
/// And C++.
pub(crate) const CPP17: &[&str] = &["-x", "c++", "-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// What makes up the program of the scenarios on every system, without `layout.c`, which holds for today's header only.
pub(crate) const SCENARIOS: &[&str] = &[
    "callbacks.c",
    "closed.c",
    "diagnostics.c",
    "ending.c",
    "frames.c",
    "joining.c",
    "misuse.c",
    "null.c",
    "party.c",
    "ports.c",
    "process.c",
    "scenario.c",
];

/// The repository's root.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace")
}

/// Where the C sources of the tests are.
pub(crate) fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c")
}

/// The folder of the committed header.
pub(crate) fn include() -> PathBuf {
    repository().join("include")
}

/// The folder in which cargo has put the library for this very test run, shared and static: beside the test programs.
pub(crate) fn built() -> PathBuf {
    let program = env::current_exe().expect("the test knows where it is");
    let folder = program.parent().expect("a program lies in a folder").to_owned();
    for library in ["liblanparty.so", "liblanparty.a"] {
        assert!(folder.join(library).is_file(), "cargo has built no {library} in {}", folder.display());
    }
    folder
}

/// A folder that lasts as long as the test.
pub(crate) fn scratch() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("cargo's folder for tests can be written")
}

/// Whether the tools are there. If one is not, says so, and fails where all tests must run.
pub(crate) fn have(tools: &[&str]) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let missing =
        tools.iter().find(|tool| !env::split_paths(&path).any(|folder| folder.join(tool).is_file()));
    let Some(missing) = missing else { return true };
    skip(&format!("there is no {missing}"));
    false
}

/// Says what cannot be tested, and fails where all tests must run.
pub(crate) fn skip(why: &str) {
    let required = env::var_os("LANPARTY_REQUIRE_NETNS").is_some_and(|value| value == "1");
    assert!(!required, "{why}, and LANPARTY_REQUIRE_NETNS=1 wants every test run");
    eprintln!("SKIPPED: {why}");
}

/// What the system's linker needs beside the static library, as the CMake configuration has it.
pub(crate) fn native_libs() -> Vec<String> {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("cmake/lanparty-config.cmake");
    let config = fs::read_to_string(config).expect("the configuration can be read");
    let list = config.split("INTERFACE_LINK_LIBRARIES \"").nth(1).and_then(|rest| rest.split('"').next());
    list.expect("the configuration has the list").split(';').map(|name| format!("-l{name}")).collect()
}

/// What a program has done.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program to its end, or kills it after `limit`.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Outcome {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = read(child.stdout.take().expect("it is piped"));
    let stderr = read(child.stderr.take().expect("it is piped"));
    let status = wait(&mut child, limit);
    let said = |reader: thread::JoinHandle<String>| reader.join().expect("reading does not panic");
    let (stdout, stderr) = (said(stdout), said(stderr));
    let Some(status) = status else {
        panic!("{command:?} did not end within {limit:?}\n{stdout}\n{stderr}");
    };
    Outcome { status, stdout, stderr }
}

/// The same for a program that must succeed.
pub(crate) fn succeed(command: &mut Command, limit: Duration) -> Outcome {
    let outcome = run(command, limit);
    assert!(
        outcome.status.success(),
        "{command:?}: {}\n{}\n{}",
        outcome.status,
        outcome.stdout,
        outcome.stderr
    );
    outcome
}

/// Waits for the end of a child, which is killed if that does not come in time: then there is no status.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().expect("it is a child") {
            return Some(status);
        }
        if Instant::now() > deadline {
            child.kill().expect("it is a child");
            child.wait().expect("it is a child");
            return None;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn read(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What a killed program had still to say is lost.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A launcher that runs, and its lines as they come.
#[derive(Debug)]
pub(crate) struct Launcher {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
}

impl Launcher {
    pub(crate) fn start(command: &mut Command) -> Self {
        // Should anything go wrong it ends by itself, and so do its lines.
        command.args(["--seconds", "60"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program is there");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { child, lines, seen: Vec::new() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the line that begins like this.
    pub(crate) fn line(&mut self, start: &str) -> String {
        loop {
            let Some(line) = self.lines.next() else { panic!("no line {start:?} in {:#?}", self.seen) };
            let line = line.expect("it writes UTF-8");
            self.seen.push(line.clone());
            if line.starts_with(start) {
                return line;
            }
        }
    }

    pub(crate) fn end(mut self, limit: Duration) {
        self.line("left");
        let status = wait(&mut self.child, limit).expect("it has left");
        assert!(status.success(), "{status}: {:#?}", self.seen);
    }
}

/// Words of a command line that grows.
pub(crate) fn words(fixed: &[&str]) -> Vec<String> {
    fixed.iter().map(|&word| word.to_owned()).collect()
}

/// Compiles, and links if the arguments say so.
pub(crate) fn compile<A: AsRef<OsStr>>(compiler: &str, arguments: impl IntoIterator<Item = A>) {
    succeed(Command::new(compiler).args(arguments), Duration::from_secs(300));
}

/// What links with the shared library and finds it at run time.
pub(crate) fn link_shared() -> Vec<String> {
    let built = built().into_os_string().into_string().expect("the path is UTF-8");
    vec![format!("-L{built}"), "-llanparty".into(), format!("-Wl,-rpath,{built}"), "-pthread".into()]
}

/// What links with the static library.
pub(crate) fn link_static() -> Vec<String> {
    let library = built().join("liblanparty.a").into_os_string().into_string().expect("the path is UTF-8");
    [library].into_iter().chain(native_libs()).collect()
}

/// The version that the package has.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

//! For the programs' own tests: children that end with their test, and their lines with a deadline.
#![allow(clippy::missing_panics_doc, reason = "a test may fail by panicking")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long anything may take, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that runs, and is killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    /// Starts `program` with `args`.
    #[must_use]
    pub fn start(program: &str, args: &[&str]) -> Self {
        let mut child = command(program, args).stderr(Stdio::piped()).spawn().expect("the program is there");
        let stderr = child.stderr.take().expect("it is piped");
        let (sender, lines) = channel();
        // Ends with the child's standard error.
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits for a line on standard error that contains `wanted`.
    pub fn line(&mut self, wanted: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(wanted) {
                        return line;
                    }
                }
                Err(error) => panic!("no line with {wanted:?} ({error}): {:#?}", self.seen),
            }
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: &str) {
        let signal: Signal = signal.parse().expect("a signal's name");
        let pid = i32::try_from(self.child.id()).expect("process numbers fit");
        kill(Pid::from_raw(pid), signal).expect("the child runs, or waits to be asked for its end");
    }

    /// Waits for the end, and gives it together with all lines.
    pub fn end(mut self) -> (ExitStatus, Vec<String>) {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {:#?}", self.seen),
            }
        }
        let status = self.child.wait().expect("it is our child");
        (status, std::mem::take(&mut self.seen))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `program` to its end.
#[must_use]
pub fn output(program: &str, args: &[&str]) -> Output {
    command(program, args).stderr(Stdio::piped()).output().expect("the program is there")
}

/// Runs `program`, and checks its exit code and that its first line on standard error contains every one of `wanted`.
pub fn assert_fails(program: &str, args: &[&str], code: i32, wanted: &[&str]) {
    let output = output(program, args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
    let errors: Vec<_> = stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{args:?}: one line says what is wrong: {stderr}");
    for wanted in wanted {
        assert!(stderr.contains(wanted), "{args:?}: {wanted:?} is missing in: {stderr}");
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
}

/// Checks that `--help` explains every one of `flags`, and all exit codes.
pub fn assert_helps(program: &str, flags: &[&str]) {
    let output = output(program, &["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).expect("help is text");
    for flag in
        flags.iter().chain(&["--config", "--check-config", "--log-format", "--log-level", "--idle-timeout"])
    {
        assert!(help.lines().any(|line| line.trim_start().starts_with(flag)), "{flag} is missing:\n{help}");
    }
    for exit in crate::Exit::ALL {
        assert!(
            help.contains(&format!("{:>3}  {}", exit.code(), exit.meaning())),
            "{exit:?} is missing:\n{help}"
        );
    }
    assert!(help.contains("Examples:"), "{help}");
}

fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).env_remove("LANPARTY_LOG").stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

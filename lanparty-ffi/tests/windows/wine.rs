//! A Windows of the test's own: Wine with a folder for everything, which goes with the test.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::personality::{self, Persona};
use tempfile::TempDir;

use crate::support;

const WINE: &str = "/usr/lib/wine/wine64";
const SERVER: &str = "/usr/lib/wine/wineserver64";
const LIMIT: Duration = Duration::from_secs(120);

#[derive(Debug)]
pub(crate) struct Wine {
    folder: TempDir,
}

impl Wine {
    /// Makes a Windows with this library in its folder of programs, and with what Wine 8 lacks. If there is no Wine, says
    /// so, and fails where all tests must run.
    pub(crate) fn new(compiler: &str, library: &Path) -> Option<Self> {
        if !Path::new(WINE).is_file() || !Path::new(SERVER).is_file() {
            support::skip("there is no Wine, `apt-get install wine64`");
            return None;
        }
        keep_addresses();
        let wine = Self { folder: support::scratch() };
        let programs = wine.programs();
        fs::create_dir(&programs).expect("the folder is new");
        // It is large, and only read.
        symlink(library, programs.join("lanparty.dll")).expect("the folder is new");
        // What Wine 8 lacks, and the driver that plays TAP-Windows6.
        let script = support::repository().join("lanparty-sdk/tests/windows/build.sh");
        let mut build = Command::new("sh");
        support::succeed(build.arg(script).arg(&programs).env("CC_WINDOWS", compiler), LIMIT);
        wine.start(wine.command(WINE).args(["wineboot", "--init"]));
        // What has installed Windows has services of its own, which may still be there beside those of the next start.
        wine.start(wine.command(SERVER).arg("-k"));
        // Otherwise it ends, and what the driver knows with it, whenever no program runs.
        wine.start(wine.command(SERVER).arg("--persistent"));
        // The first program starts the services, which would keep its pipes.
        wine.start(wine.command(WINE).arg("wineboot"));
        Some(wine)
    }

    /// Where programs are put, beside the library.
    pub(crate) fn programs(&self) -> PathBuf {
        self.folder.path().join("programs")
    }

    /// A program of that folder, run in it.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = self.command(WINE);
        command.arg(name);
        command
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.programs()).env("WINEPREFIX", self.folder.path().join("prefix"));
        // Of its own remarks, those with which a process ends before it can say anything; no offers to install browsers.
        command.envs([("WINEDEBUG", "-all,err+virtual,err+seh"), ("WINEDLLOVERRIDES", "mscoree,mshtml=")]);
        command.env_remove("DISPLAY");
        command
    }

    /// Runs what leaves others behind, which must hold no pipe of ours.
    fn start(&self, command: &mut Command) {
        let path = self.folder.path().join("words.txt");
        let output = File::create(&path).expect("room for Wine");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
        let mut child = command.spawn().expect("it is there");
        let status = support::wait(&mut child, LIMIT);
        let said = || fs::read_to_string(&path).unwrap_or_default();
        assert!(
            status.is_some_and(|status| status.success()),
            "{command:?}: {status:?} (does it have a gigabyte of disk?): {}",
            said()
        );
    }
}

/// Has all that this thread starts from now on find its memory where it always is. Otherwise chance puts the heap of one
/// Wine process in some thousand where Windows' own data must be (0x7FFE0000), and it ends before its program begins.
fn keep_addresses() {
    // Where that is forbidden, most of them start nevertheless.
    let _ = personality::get().and_then(|now| personality::set(now | Persona::ADDR_NO_RANDOMIZE));
}

impl Drop for Wine {
    fn drop(&mut self) {
        // And with it whatever still runs there.
        let _ = self.command(SERVER).arg("-k").stderr(Stdio::null()).status();
    }
}

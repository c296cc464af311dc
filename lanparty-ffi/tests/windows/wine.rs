//! A Windows of the test's own: Wine with a folder for everything, which goes with the test.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

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
        let wine = Self { folder: support::scratch() };
        let programs = wine.programs();
        fs::create_dir(&programs).expect("the folder is new");
        // It is large, and only read.
        symlink(library, programs.join("lanparty.dll")).expect("the folder is new");
        let random = support::repository().join("lanparty-sdk/tests/windows/processprng.c");
        let mut arguments = support::words(&["-shared", "-o"]);
        arguments.push(programs.join("bcryptprimitives.dll").display().to_string());
        arguments.extend([random.display().to_string(), "-ladvapi32".to_owned()]);
        support::compile(compiler, arguments);
        support::succeed(wine.command(WINE).args(["wineboot", "--init"]), LIMIT);
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
        // Neither its own remarks, nor offers to install browsers.
        command.envs([("WINEDEBUG", "-all"), ("WINEDLLOVERRIDES", "mscoree,mshtml=")]);
        command.env_remove("DISPLAY");
        command
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        // And with it whatever still runs there.
        let _ = self.command(SERVER).arg("-k").stderr(Stdio::null()).status();
        let _ = self.command(SERVER).arg("-w").stderr(Stdio::null()).status();
    }
}

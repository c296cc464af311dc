//! A Windows computer on a host made of a network namespace: Wine with the test driver, whose registry looks as
//! TAP-Windows6's installer leaves it.
//!
//! Wine opens sockets in its server, so that there is one server per host. The prefix is made once; each computer begins
//! with the registry as it was then.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use nix::sys::personality::{self, Persona};
use tempfile::TempDir;

use crate::host::{Host, within};
use crate::program::Program;

/// The adapter that a computer has unless a test wants it otherwise.
pub(crate) const ADAPTER: &str = "7";
pub(crate) const ADAPTER_NAME: &str = "LAN party";
/// What the driver makes up for it.
pub(crate) const ADAPTER_MAC: &str = "00:ff:ab:00:00:07";

const WINE: &str = "/usr/lib/wine/wine64";
const SERVER: &str = "/usr/lib/wine/wineserver64";
/// Two adapters, and the interface through which the relay is reached, with the routes that Windows makes by itself. Wine
/// lacks the calls by which they are changed; the library of `lanparty-sdk/tests/windows/iphlpapi` has them, over such a
/// file.
const COMPUTER: &str = "\
interface 18000001000000 1 {00000001-0000-0000-0000-000000000001} Loopback Pseudo-Interface 1
ip 18000001000000 4 connected=1 automatic=75 metric=- mtu=4294967295 ignore=0
interface 47000003000000 3 {00000001-0000-0000-0000-000000000003} Wi-Fi
ip 47000003000000 4 connected=1 automatic=45 metric=- mtu=1500 ignore=0
address 47000003000000 10.9.0.11/24
route 47000003000000 0.0.0.0/0 10.9.0.1 metric=0
route 47000003000000 10.9.0.0/24 0.0.0.0 metric=256
route 47000003000000 224.0.0.0/4 0.0.0.0 metric=256
route 47000003000000 255.255.255.255/32 0.0.0.0 metric=256
interface 6000007000000 7 {1A2B3C4D-0000-4000-8000-000000000007} LAN party
ip 6000007000000 4 connected=1 automatic=25 metric=- mtu=1500 ignore=0
ip 6000007000000 6 connected=1 automatic=25 metric=- mtu=1500 ignore=0
route 6000007000000 224.0.0.0/4 0.0.0.0 metric=256
route 6000007000000 255.255.255.255/32 0.0.0.0 metric=256
interface 6000008000000 8 {1A2B3C4D-0000-4000-8000-000000000008} Second
ip 6000008000000 4 connected=1 automatic=25 metric=- mtu=1500 ignore=0
";
/// As the library names the interfaces above.
pub(crate) const WIFI_LUID: &str = "47000003000000";
pub(crate) const ADAPTER_LUID: &str = "6000007000000";

/// Where the Windows programs are, if not where cargo builds them.
const PROGRAMS: &str = "LANPARTY_WINDOWS_PROGRAMS";
/// The files of the registry.
const REGISTRY: [&str; 3] = ["system.reg", "user.reg", "userdef.reg"];
/// A program starts within it, or not at all.
const START: Duration = Duration::from_secs(30);

/// Everything ends and the registry is written within it, on a busy machine too.
const SWITCHED_OFF: Duration = Duration::from_secs(60);

static PREFIX: OnceLock<PathBuf> = OnceLock::new();

/// What all computers are made of. It goes with the test program.
#[derive(Debug)]
pub(crate) struct Prefix {
    dir: TempDir,
}

impl Prefix {
    /// What is missing for any of this, in words.
    pub(crate) fn missing() -> Option<String> {
        for (path, package) in [(WINE, "wine64"), (SERVER, "wine64")] {
            if !Path::new(path).exists() {
                return Some(format!("missing tools, `apt-get install {package}`"));
            }
        }
        let compiler = Command::new("x86_64-w64-mingw32-gcc").arg("--version").stdout(Stdio::null()).status();
        if compiler.is_err() {
            return Some("missing tools, `apt-get install gcc-mingw-w64-x86-64`".to_owned());
        }
        ["lanparty-client.exe", "wire-host.exe"].iter().map(|name| programs().join(name)).find_map(|path| {
            let advice = "cross-build it, or name its folder in";
            (!path.exists()).then(|| format!("there is no {}: {advice} {PROGRAMS}", path.display()))
        })
    }

    /// Builds the driver and makes a Windows that has it.
    pub(crate) fn make() -> Self {
        keep_addresses();
        let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder for Wine");
        let prefix = dir.path().to_owned();
        let tools = prefix.join("tools");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lanparty-sdk/tests/windows");
        for script in ["build.sh", "iphlpapi/build.sh"] {
            run(Command::new("sh").arg(sources.join(script)).arg(&tools));
        }
        for name in ["lanparty-client.exe", "wire-host.exe"] {
            std::os::unix::fs::symlink(programs().join(name), tools.join(name)).unwrap();
        }
        PREFIX.set(prefix.clone()).expect("one prefix");
        // It needs no network, and must not have any.
        let host = Host::new("windows");
        let server = switch_on(&host);
        host.run(|| run(wine("tapctl.exe").args(["install", "taptest.sys"])));
        switch_off(&host, server);
        for name in REGISTRY {
            fs::copy(prefix.join(name), prefix.join(name).with_extension("first")).unwrap();
        }
        Self { dir }
    }

    pub(crate) fn remove(self) {
        let _ = self.dir.close();
    }
}

/// A running Windows. It is switched off, with all that runs on it, when it is dropped.
pub(crate) struct Windows<'a> {
    pub(crate) host: &'a Host,
    server: Option<Program>,
}

impl<'a> Windows<'a> {
    /// Without any adapter.
    pub(crate) fn boot(host: &'a Host) -> Self {
        for name in REGISTRY {
            let path = prefix().join(name);
            fs::copy(path.with_extension("first"), path).unwrap();
        }
        fs::write(computer_file(), COMPUTER).unwrap();
        let _ = fs::remove_file(computer_file().with_extension("txt.log"));
        let server = Some(switch_on(host));
        let windows = Self { host, server };
        windows.tapctl("start");
        windows
    }

    /// With one adapter, which takes the MAC that the registry says whenever it is opened.
    pub(crate) fn with_adapter(host: &'a Host) -> Self {
        let windows = Self::boot(host);
        windows.add(&[]);
        windows.tapctl(&format!("set {ADAPTER} reload=1"));
        windows
    }

    /// Adds the usual adapter, with what is to be unusual of it.
    pub(crate) fn add(&self, more: &[&str]) {
        let mut command = wine("tapctl.exe");
        command.args(["add", ADAPTER]);
        if !more.iter().any(|word| word.starts_with("name=")) {
            command.arg(format!("name={ADAPTER_NAME}"));
        }
        self.host.run(|| run(command.args(more)));
    }

    /// Prepares adapters and plays with them; arguments are separated by spaces.
    pub(crate) fn tapctl(&self, arguments: &str) -> String {
        self.host.run(|| run(wine("tapctl.exe").args(arguments.split_whitespace())))
    }

    /// Waits until the usual adapter is like that.
    pub(crate) fn wait(&self, state: &str) {
        self.tapctl(&format!("wait {ADAPTER} 15 {state}"));
    }

    /// What the driver says of the usual adapter.
    pub(crate) fn status(&self, key: &str) -> String {
        value(&self.tapctl(&format!("status {ADAPTER}")), key).expect("such a key")
    }

    /// A value of the usual adapter's class key.
    pub(crate) fn registry(&self, name: &str) -> Option<String> {
        value(&self.tapctl(&format!("registry {ADAPTER}")), name)
    }

    /// Its interfaces, routes and addresses.
    pub(crate) fn computer(&self) -> String {
        fs::read_to_string(computer_file()).unwrap()
    }

    /// What has ever been changed of them.
    pub(crate) fn computer_log(&self) -> String {
        fs::read_to_string(computer_file().with_extension("txt.log")).unwrap_or_default()
    }

    /// Starts a program of this computer.
    pub(crate) fn start(&self, name: &str, arguments: &[String]) -> Program {
        let mut command = wine(name);
        command.args(arguments).env("NO_COLOR", "1");
        Program::spawn_to_talk(self.host, command)
    }

    /// Ends a program as the task manager does.
    pub(crate) fn terminate(&self, name: &str) {
        self.host.run(|| run(wine("taskkill").args(["/f", "/im", name])));
    }

    /// The network stack behind the usual adapter, as `wire-host` plays it. It has the MAC that the adapter has now.
    pub(crate) fn plug_in(&self) -> Program {
        let wire = format!(r"\\.\Global\{}.wire", self.status("guid"));
        let arguments = [wire, self.status("mac").replace(':', "-"), self.host.name.to_owned()];
        let stack = self.start("wire-host.exe", &arguments);
        stack.line_after(0, START, "ready");
        stack
    }
}

impl Drop for Windows<'_> {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            switch_off(self.host, server);
        }
    }
}

/// A path of this system as programs on Windows see it.
pub(crate) fn windows_path(path: &str) -> String {
    format!("Z:{path}")
}

fn value(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=').map(str::to_owned))
}

fn programs() -> PathBuf {
    std::env::var_os(PROGRAMS).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/x86_64-pc-windows-gnu/debug"),
        PathBuf::from,
    )
}

fn computer_file() -> PathBuf {
    prefix().join("drive_c/computer.txt")
}

fn prefix() -> &'static Path {
    PREFIX.get().expect("it is made before the first test")
}

/// Starts the server and Wine's own services, which live as long as it.
fn switch_on(host: &Host) -> Program {
    let mut command = server();
    command.args(["--foreground", "--persistent"]);
    let server = Program::spawn(host, command);
    // The services keep the output of whoever starts them, and nobody must wait for the end of that: it is no pipe.
    let path = prefix().join("wineboot.txt");
    let output = File::create(&path).expect("room for Wine");
    let status = host.run(|| wine("wineboot").stdout(Stdio::null()).stderr(output).status()).expect("Wine");
    let said = || fs::read_to_string(&path).unwrap_or_default();
    assert!(status.success(), "Wine does not start (does it have a gigabyte of disk?), {status}: {}", said());
    server
}

/// Ends the server and with it all that runs on it, and waits until it has written the registry.
fn switch_off(host: &Host, mut server: Program) {
    let _ = host.run(|| self::server().arg("--kill").status());
    if !std::thread::panicking() {
        within(SWITCHED_OFF, "the end of Wine's server", || !server.is_running());
        server.ended();
    }
}

fn server() -> Command {
    let mut command = Command::new(SERVER);
    prepare(&mut command);
    command
}

/// A program that stands beside the driver, or is Wine's own.
fn wine(name: &str) -> Command {
    let mut command = Command::new(WINE);
    command.arg(name).current_dir(prefix().join("tools"));
    prepare(&mut command);
    command
}

/// Has all that is started from now on find its memory where it always is. Otherwise chance puts the heap of one Wine
/// process in some thousand where Windows' own data must be (0x7FFE0000), and it ends before its program begins.
fn keep_addresses() {
    let set = personality::get().and_then(|now| personality::set(now | Persona::ADDR_NO_RANDOMIZE));
    if let Err(error) = set {
        eprintln!("memory stays where chance puts it ({error}): now and then a Wine process will not start");
    }
}

fn prepare(command: &mut Command) {
    command
        .env("WINEPREFIX", prefix())
        // Of its own remarks, those with which a process ends before it can say anything.
        .env("WINEDEBUG", "-all,err+virtual,err+seh")
        // No browser, no .NET, no menus: nothing asks whether it may download them.
        .env("WINEDLLOVERRIDES", "mscoree,mshtml,winemenubuilder.exe=;iphlpapi=n,b")
        .env("LANPARTY_IPHLPAPI_STATE", r"C:\computer.txt")
        .env_remove("DISPLAY")
        .stdin(Stdio::null());
}

/// Runs a command, which must succeed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{text}{errors}", output.status);
    text
}

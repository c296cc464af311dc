//! The library as Windows has it, from outside: what the DLL exports and imports, the header under mingw's compilers, and the
//! scenarios as C programs under Wine.
//!
//! `lanparty.dll` and its import library have to be there: cross-built into the workspace's `target`, or in the folder that
//! `LANPARTY_WINDOWS_PROGRAMS` names. Without them, without Wine or without the compilers these tests say so and pass; with
//! `LANPARTY_REQUIRE_NETNS=1` they fail instead.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

#[path = "../support/mod.rs"]
mod support;
mod wine;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::{C11, CPP17, words};
use wine::Wine;

const LIMIT: Duration = Duration::from_secs(300);
/// With POSIX threads, which the scenarios are written for.
const GCC: &str = "x86_64-w64-mingw32-gcc-posix";
const GPP: &str = "x86_64-w64-mingw32-g++-posix";
const OBJDUMP: &str = "x86_64-w64-mingw32-objdump";
/// The scenario that Windows has no use for.
const NOT_ON_WINDOWS: &str = "fork_is_refused";

/// What comes with every Windows from 10 on. Anything else would have to be shipped beside the library.
const OF_THE_SYSTEM: &[&str] = &[
    "advapi32.dll",
    "bcrypt.dll",
    "bcryptprimitives.dll",
    "cfgmgr32.dll",
    "combase.dll",
    "crypt32.dll",
    "iphlpapi.dll",
    "kernel32.dll",
    "ktmw32.dll",
    "msvcrt.dll",
    "ntdll.dll",
    "ole32.dll",
    "oleaut32.dll",
    "rpcrt4.dll",
    "secur32.dll",
    "setupapi.dll",
    "shell32.dll",
    "user32.dll",
    "userenv.dll",
    "ws2_32.dll",
];

/// The folder of the cross-built library. If it is not there, says so, and fails where all tests must run.
fn built() -> Option<PathBuf> {
    let folder = std::env::var_os("LANPARTY_WINDOWS_PROGRAMS")
        .map_or_else(|| support::repository().join("target/x86_64-pc-windows-gnu/debug"), PathBuf::from);
    let missing = ["lanparty.dll", "liblanparty.dll.a"].into_iter().find(|name| !folder.join(name).is_file());
    let Some(missing) = missing else { return Some(folder) };
    support::skip(&format!("there is no {missing} in {}: .ci/windows builds it", folder.display()));
    None
}

/// The parts of an executable file, as the tool writes them.
fn headers(file: &Path) -> String {
    support::succeed(Command::new(OBJDUMP).arg("-p").arg(file), LIMIT).stdout
}

#[test]
fn exactly_the_functions_of_the_header_are_exported() {
    let Some(built) = built().filter(|_| support::have(&[OBJDUMP])) else { return };
    let headers = headers(&built.join("lanparty.dll"));
    let (_, table) =
        headers.split_once("[Ordinal/Name Pointer] Table").expect("the library exports something");
    let exported: BTreeSet<_> = table
        .lines()
        .skip(1)
        .take_while(|line| line.trim_start().starts_with('['))
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    let snapshot = Path::new(env!("CARGO_MANIFEST_DIR")).join("abi/symbols.txt");
    let snapshot = fs::read_to_string(snapshot).unwrap();
    assert_eq!(exported, snapshot.lines().collect());
}

#[test]
fn nothing_but_the_system_is_needed_beside_the_programs() {
    let Some(built) = built().filter(|_| support::have(&[OBJDUMP])) else { return };
    for name in ["lanparty.dll", "lanparty-client.exe", "lanparty-relay.exe", "lanparty-gateway.exe"] {
        let file = built.join(name);
        if !file.is_file() {
            support::skip(&format!("there is no {}", file.display()));
            continue;
        }
        let headers = headers(&file);
        let imported: Vec<_> =
            headers.lines().filter_map(|line| line.trim().strip_prefix("DLL Name: ")).collect();
        assert!(imported.len() >= 5, "{name} imports {imported:?}");
        for library in imported {
            let library = library.to_ascii_lowercase();
            let of_the_system =
                OF_THE_SYSTEM.contains(&library.as_str()) || library.starts_with("api-ms-win-");
            assert!(of_the_system, "{name} needs {library}");
        }
    }
}

#[test]
fn the_header_stands_alone_as_c_and_as_cpp() {
    let Some(built) = built().filter(|_| support::have(&[GCC, GPP])) else { return };
    let folder = support::scratch();
    let include = format!("-I{}", support::include().display());
    let source = |name: &str| support::sources().join(name).display().to_string();
    for (compiler, flags) in [(GCC, C11), (GPP, CPP17)] {
        let out = folder.path().join(compiler).display().to_string();
        let flags = [words(flags), vec![include.clone()]].concat();
        let object = ["-c".to_owned(), "-o".into(), format!("{out}.o"), source("header_only.c")];
        support::compile(compiler, flags.iter().chain(&object));
        let program = ["-o".to_owned(), format!("{out}.exe"), source("header_a.c"), source("header_b.c")];
        let link = ["-x".to_owned(), "none".into(), import_library(&built)];
        support::compile(compiler, flags.iter().cloned().chain(program).chain(link));
    }
    // The structs are laid out as on every other system.
    let layout = ["-fsyntax-only".to_owned(), include, source("layout.c")];
    support::compile(GCC, words(C11).into_iter().chain(layout));
}

fn import_library(built: &Path) -> String {
    built.join("liblanparty.dll.a").display().to_string()
}

/// What `cargo cinstall --prefix` makes for Windows, in short, and a project that is compiled for it on another system.
#[test]
fn a_cmake_project_finds_the_library() {
    let Some(built) = built().filter(|_| support::have(&[GCC, OBJDUMP, "cmake", "make"])) else { return };
    let folder = support::scratch();
    let (prefix, source) = (folder.path().join("prefix"), folder.path().join("consumer"));
    let cmake = prefix.join("share/lanparty/cmake");
    for folder in [&cmake, &prefix.join("include"), &prefix.join("bin"), &prefix.join("lib"), &source] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::copy(support::include().join("lanparty.h"), prefix.join("include/lanparty.h")).unwrap();
    symlink(built.join("lanparty.dll"), prefix.join("bin/lanparty.dll")).unwrap();
    symlink(built.join("liblanparty.dll.a"), prefix.join("lib/liblanparty.dll.a")).unwrap();
    for file in ["lanparty-config.cmake", "lanparty-config-version.cmake"] {
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("cmake");
        fs::copy(package.join(file), cmake.join(file)).unwrap();
    }
    fs::write(source.join("CMakeLists.txt"), CONSUMER.replace("VERSION_WANTED", support::VERSION)).unwrap();
    fs::write(source.join("main.c"), MAIN).unwrap();
    let build = folder.path().join("build");
    let mut configure = Command::new("cmake");
    configure.args(["-G", "Unix Makefiles", "-DCMAKE_SYSTEM_NAME=Windows"]).arg("-S").arg(&source).arg("-B");
    configure.arg(&build).arg(format!("-DCMAKE_C_COMPILER={GCC}"));
    support::succeed(configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display())), LIMIT);
    support::succeed(Command::new("cmake").arg("--build").arg(&build), LIMIT);
    assert!(headers(&build.join("program.exe")).contains("DLL Name: lanparty.dll"));
}

const CONSUMER: &str = r#"
cmake_minimum_required(VERSION 3.13)
project(consumer C)
find_package(lanparty VERSION_WANTED REQUIRED)
if(TARGET lanparty::static)
  message(FATAL_ERROR "there is no static library for Windows")
endif()
get_target_property(dll lanparty::lanparty IMPORTED_LOCATION)
if(NOT EXISTS "${dll}")
  message(FATAL_ERROR "nobody could copy the DLL beside the program: ${dll}")
endif()
add_executable(program main.c)
target_link_libraries(program PRIVATE lanparty::lanparty)
"#;

const MAIN: &str = r#"
#include <lanparty.h>
int main(void) { return lanparty_abi_version() == LANPARTY_ABI_VERSION ? 0 : 1; }
"#;

/// Compiles a program for Windows and puts it beside the library.
fn compile(wine: &Wine, built: &Path, name: &str, flags: &[&str], sources: &[PathBuf]) {
    let mut arguments = words(&[C11, flags, &["-O1", "-static", "-o"]].concat());
    arguments.push(wine.programs().join(name).display().to_string());
    arguments.push(format!("-I{}", support::include().display()));
    arguments.extend(sources.iter().map(|source| source.display().to_string()));
    arguments.extend([import_library(built), "-pthread".into()]);
    support::compile(GCC, arguments);
}

/// One after the other, because a Windows is large: what each needs is a few programs in it.
#[test]
fn programs_in_c_under_wine() {
    let Some(built) = built().filter(|_| support::have(&[GCC])) else { return };
    let Some(wine) = Wine::new(GCC, &built.join("lanparty.dll")) else { return };
    scenarios(&wine, &built);
    throughput(&wine, &built);
    launcher(&wine, &built);
    adapters(&wine, &built);
}

fn scenarios(wine: &Wine, built: &Path) {
    let names = [support::SCENARIOS, &["system_windows.c"]].concat();
    let sources: Vec<_> = names.iter().map(|name| support::sources().join(name)).collect();
    compile(wine, built, "scenarios.exe", &[], &sources);
    let listed = support::succeed(wine.program("scenarios.exe").arg("--list"), LIMIT).stdout;
    let names: Vec<_> = listed.lines().collect();
    assert!(names.len() >= 28, "{names:?}");
    // All in one process, one after the other: none may leave anything behind.
    let said = support::succeed(&mut wine.program("scenarios.exe"), 2 * LIMIT).stdout;
    for name in names {
        let start = if name == NOT_ON_WINDOWS {
            eprintln!("SKIPPED: {name}: Windows cannot fork");
            format!("skipped {name}:")
        } else {
            format!("ok {name} (")
        };
        assert!(said.lines().any(|line| line.starts_with(&start)), "{name}:\n{said}");
    }
}

fn throughput(wine: &Wine, built: &Path) {
    compile(wine, built, "throughput.exe", &[], &[support::sources().join("throughput.c")]);
    let said = support::succeed(wine.program("throughput.exe").args(["--seconds", "0.3"]), LIMIT).stdout;
    assert_eq!(said.lines().count(), 2, "{said}");
    for (line, bytes) in said.lines().zip([64, 1400]) {
        assert!(line.starts_with(&format!("{{\"language\":\"c\",\"bytes\":{bytes},")), "{line}");
        // The sender overruns its own session by design; how many frames come through that is up to the machine, and on
        // a busy one none may. That frames cross is for the scenarios to show.
        assert!(
            line.contains("\"frames_per_second\":") && !line.contains("\"sent_per_second\":0}"),
            "{line}"
        );
    }
}

/// The example that people copy, as host and as guest.
fn launcher(wine: &Wine, built: &Path) {
    compile(wine, built, "launcher.exe", &[], &[support::repository().join("examples/embed/c/launcher.c")]);
    let mut host = wine.program("launcher.exe");
    host.args(["host", "--room", "DEN", "--cert-out", "relay.der", "--name", "Ann"]);
    let mut host = support::Launcher::start(&mut host);
    let hosting = host.line("hosting DEN on ");
    let relay = hosting.rsplit(' ').next().unwrap();
    host.line("joined DEN as member ");
    let mut guest = wine.program("launcher.exe");
    guest.args(["join", relay, "DEN", "--cert", "relay.der", "--name", "Bob"]);
    let mut guest = support::Launcher::start(&mut guest);
    assert!(guest.line("player ").starts_with("player Ann (client) "));
    assert_eq!(guest.line("answer from "), "answer from Ann");
    assert_eq!(host.line("answer from "), "answer from Bob");
    for program in [guest, host] {
        // Wine makes Ctrl-C of it.
        support::succeed(Command::new("sh").args(["-c", &format!("kill -INT {}", program.id())]), LIMIT);
        program.end(LIMIT);
    }
}

/// With the driver that plays TAP-Windows6, and the registry as its installer leaves it.
fn adapters(wine: &Wine, built: &Path) {
    let names = ["adapter_windows.c", "party.c", "process.c", "scenario.c", "system_windows.c"];
    let sources: Vec<_> = names.iter().map(|name| support::sources().join(name)).collect();
    compile(wine, built, "adapters.exe", &["-DONLY_ADAPTERS"], &sources);
    let scenario = |name: &str| {
        let said = support::succeed(wine.program("adapters.exe").arg(name), LIMIT).stdout;
        assert!(said.starts_with(&format!("ok {name} (")), "{said}");
    };
    let tapctl =
        |arguments: &[&str]| support::succeed(wine.program("tapctl.exe").args(arguments), LIMIT).stdout;
    let is_free = |adapter: &str| {
        let status = tapctl(&["status", adapter]);
        for line in ["open=0", "media=0"] {
            assert!(status.lines().any(|said| said == line), "{line}: {status}");
        }
    };
    tapctl(&["install", "taptest.sys"]);
    tapctl(&["start"]);
    // With its adapters gone, the registry is as every Windows has it.
    tapctl(&["add", "7", "name=LAN party"]);
    tapctl(&["remove", "7"]);
    scenario("no_adapter");
    tapctl(&["add", "7", "name=LAN party"]);
    // A real one is restarted to take another address, which Wine cannot do.
    tapctl(&["set", "7", "reload=1"]);
    scenario("the_only_adapter");
    is_free("7");
    tapctl(&["add", "8", "name=Ethernet 8"]);
    scenario("one_of_several");
    is_free("7");
    is_free("8");
}

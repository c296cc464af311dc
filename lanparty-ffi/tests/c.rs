//! The scenarios as C programs: with the shared library, under the sanitizers with the static one, under valgrind, and
//! with every header that was ever released. And the header by itself, and the example that people copy from.
//!
//! Without the tools these tests say so and pass; with `LANPARTY_REQUIRE_NETNS=1` they fail instead.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use support::{C11, CPP17, Launcher, Outcome, SCENARIOS, words};

/// For all scenarios together. Each has a limit of its own besides.
const LIMIT: Duration = Duration::from_secs(600);

/// Left out under valgrind, for time: they make the calls of others, only more often or in other company. The child of
/// the last is a process of its own, which valgrind does not see.
const SAME_CALLS_AGAIN: &[&str] =
    &["broadcast", "second_gateway_refused", "two_instances", "reinitialise", "exit_with_open_session"];

fn build(folder: &Path, include: &Path, flags: &[&str], link: &[String]) -> PathBuf {
    let program = folder.join("scenarios");
    let mut arguments = words(&[C11, flags].concat());
    arguments.extend([format!("-I{}", include.display()), "-o".into(), program.display().to_string()]);
    arguments.extend(
        [SCENARIOS, &["system_unix.c"]]
            .concat()
            .iter()
            .map(|name| support::sources().join(name).display().to_string()),
    );
    arguments.extend_from_slice(link);
    support::compile("gcc", arguments);
    program
}

fn names(program: &Path) -> Vec<String> {
    let list = support::succeed(Command::new(program).arg("--list"), LIMIT);
    let names: Vec<_> = list.stdout.lines().map(ToOwned::to_owned).collect();
    assert!(names.len() >= 28, "{names:?}");
    names
}

/// Every scenario has run if each says so.
fn assert_all_ok(names: &[String], outcome: &Outcome) {
    for name in names {
        let line = format!("ok {name} (");
        assert!(outcome.stdout.lines().any(|said| said.starts_with(&line)), "{name}:\n{}", outcome.stdout);
    }
}

#[test]
fn all_sources_are_used() {
    let others = [
        "adapter_windows.c",
        "header_a.c",
        "header_b.c",
        "header_only.c",
        "layout.c",
        "system_unix.c",
        "system_windows.c",
        "throughput.c",
    ];
    for entry in fs::read_dir(support::sources()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let known = SCENARIOS.contains(&name.as_str()) || others.contains(&name.as_str());
        assert!(known || !name.ends_with(".c"), "{name} is compiled by no test");
    }
}

/// Every function has been tried with NULL, and with handles of the process that this one was forked from.
#[test]
fn no_function_is_forgotten() {
    let symbols = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("abi/symbols.txt")).unwrap();
    let takes_no_pointer =
        ["lanparty_abi_version", "lanparty_live_handles", "lanparty_status_str", "lanparty_version"];
    let takes_no_handle = [
        "lanparty_error_free",
        "lanparty_error_kind",
        "lanparty_error_message",
        "lanparty_error_os_error",
        "lanparty_error_status",
        "lanparty_identity_generate",
        "lanparty_identity_load_or_create",
        "lanparty_log_set_callback",
        "lanparty_port_new_af_packet",
        "lanparty_port_new_sink",
        "lanparty_port_new_tap",
        "lanparty_port_new_virtual",
        "lanparty_relay_config_new",
        "lanparty_session_config_new",
    ];
    let calls = |source: &str, name: &str| {
        let source = fs::read_to_string(support::sources().join(source)).unwrap();
        source.contains(&format!("{name}(")) || source.contains(&format!("NULLS({name},"))
    };
    for name in symbols.lines() {
        let exempt = takes_no_pointer.contains(&name);
        assert!(exempt || calls("null.c", name), "{name} is not tried with NULL");
        let exempt = exempt || takes_no_handle.contains(&name);
        assert!(exempt || calls("process.c", name), "{name} is not tried after a fork");
    }
}

#[test]
fn scenarios_with_the_shared_library() {
    if !support::have(&["gcc"]) {
        return;
    }
    let folder = support::scratch();
    let program = build(folder.path(), &support::include(), &["-O1"], &support::link_shared());
    // All in one process, one after the other: none may leave anything behind.
    assert_all_ok(&names(&program), &support::succeed(&mut Command::new(&program), LIMIT));
}

#[test]
fn scenarios_under_the_sanitizers_with_the_static_library() {
    if !support::have(&["gcc"]) {
        return;
    }
    let folder = support::scratch();
    let flags =
        ["-O1", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    let program = build(folder.path(), &support::include(), &flags, &support::link_static());
    let mut command = Command::new(&program);
    command.env("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=1");
    command.env("UBSAN_OPTIONS", "print_stacktrace=1");
    assert_all_ok(&names(&program), &support::succeed(&mut command, LIMIT));
}

#[test]
fn scenarios_under_valgrind() {
    if !support::have(&["gcc", "valgrind"]) {
        return;
    }
    let folder = support::scratch();
    let program = build(folder.path(), &support::include(), &["-O1"], &support::link_shared());
    let names: Vec<_> =
        names(&program).into_iter().filter(|name| !SAME_CALLS_AGAIN.contains(&name.as_str())).collect();
    // Everything is many times slower, so each processor gets its share.
    let processors = thread::available_parallelism().map_or(1, usize::from).min(4);
    thread::scope(|scope| {
        for first in 0..processors {
            let (names, program) = (&names, &program);
            scope.spawn(move || {
                let share: Vec<_> = names.iter().skip(first).step_by(processors).cloned().collect();
                let mut valgrind = Command::new("valgrind");
                valgrind.args(["--quiet", "--error-exitcode=9", "--leak-check=full", "--fair-sched=yes"]);
                valgrind.args(["--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"]);
                // The forked child of a scenario is killed with all its memory in use.
                valgrind.arg("--child-silent-after-fork=yes");
                let suppressions = support::sources().join("valgrind.supp");
                valgrind.arg(format!("--suppressions={}", suppressions.display()));
                valgrind.arg(program).args(&share).env("LANPARTY_SLOW", "1");
                assert_all_ok(&share, &support::succeed(&mut valgrind, 3 * LIMIT));
            });
        }
    });
}

/// The ABI's promise: a program that was compiled with an earlier header goes on working with today's library.
#[test]
fn scenarios_compiled_with_earlier_headers() {
    if !support::have(&["gcc"]) {
        return;
    }
    let mut released = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("abi")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !(name.starts_with("header-") && name.ends_with(".h")) {
            continue;
        }
        let folder = support::scratch();
        fs::copy(&path, folder.path().join("lanparty.h")).unwrap();
        let program = build(folder.path(), folder.path(), &["-O1"], &support::link_shared());
        let outcome = support::succeed(&mut Command::new(&program), LIMIT);
        assert_all_ok(&names(&program), &outcome);
        released += 1;
    }
    if released == 0 {
        eprintln!("SKIPPED: abi/ has no header-*.h of an earlier version yet");
    }
}

#[test]
fn the_header_stands_alone_as_c_and_as_cpp() {
    if !support::have(&["gcc", "g++"]) {
        return;
    }
    let folder = support::scratch();
    let include = format!("-I{}", support::include().display());
    let source = |name: &str| support::sources().join(name).display().to_string();
    for (compiler, flags) in [("gcc", C11), ("g++", CPP17)] {
        let out = folder.path().join(compiler).display().to_string();
        let flags = [words(flags), vec![include.clone()]].concat();
        let object = ["-c".to_owned(), "-o".into(), format!("{out}.o"), source("header_only.c")];
        support::compile(compiler, flags.iter().chain(&object));
        let program = ["-o".to_owned(), out.clone(), source("header_a.c"), source("header_b.c")];
        // What follows is libraries again, no source of the language that `-x` names.
        let link = ["-x".to_owned(), "none".into()].into_iter().chain(support::link_shared());
        support::compile(compiler, flags.iter().cloned().chain(program).chain(link));
        support::succeed(&mut Command::new(&out), LIMIT);
    }
    let layout = ["-fsyntax-only".to_owned(), include, source("layout.c")];
    support::compile("gcc", words(C11).into_iter().chain(layout));
}

#[test]
fn the_throughput_program_receives_what_it_sends() {
    if !support::have(&["gcc"]) {
        return;
    }
    let folder = support::scratch();
    let program = folder.path().join("throughput");
    let mut arguments = words(C11);
    arguments.extend(["-O2".into(), format!("-I{}", support::include().display()), "-o".into()]);
    arguments.extend([
        program.display().to_string(),
        support::sources().join("throughput.c").display().to_string(),
    ]);
    arguments.extend(support::link_shared());
    support::compile("gcc", arguments);
    let outcome = support::succeed(Command::new(&program).args(["--seconds", "0.3"]), LIMIT);
    for (line, bytes) in outcome.stdout.lines().zip([64, 1400]) {
        assert!(line.starts_with(&format!("{{\"language\":\"c\",\"bytes\":{bytes},")), "{line}");
        assert!(!line.contains("\"frames_per_second\":0,"), "{line}");
    }
    assert_eq!(outcome.stdout.lines().count(), 2);
}

#[test]
fn the_launcher_hosts_and_joins() {
    if !support::have(&["gcc"]) {
        return;
    }
    let folder = support::scratch();
    let program = folder.path().join("launcher");
    let source = support::repository().join("examples/embed/c/launcher.c");
    let mut arguments = words(C11);
    arguments.extend([
        format!("-I{}", support::include().display()),
        "-o".into(),
        program.display().to_string(),
    ]);
    arguments.push(source.display().to_string());
    arguments.extend(support::link_shared());
    support::compile("gcc", arguments);

    let start = |arguments: &[&str]| Launcher::start(Command::new(&program).args(arguments));
    let cert = folder.path().join("relay.der").display().to_string();
    let mut host = start(&["host", "--room", "DEN", "--cert-out", &cert, "--name", "Ann"]);
    let hosting = host.line("hosting DEN on ");
    let relay = hosting.rsplit(' ').next().unwrap();
    host.line("joined DEN as member ");
    let mut guest = start(&["join", relay, "DEN", "--cert", &cert, "--name", "Bob", "--answers", "2"]);
    assert!(guest.line("joined DEN as member ").contains("(MTU 1"));
    assert!(guest.line("player ").starts_with("player Ann (client) "));
    assert_eq!(guest.line("answer from "), "answer from Ann");
    assert!(host.line("player ").starts_with("player Bob (client) "));
    assert_eq!(host.line("answer from "), "answer from Bob");
    guest.line("status: ");
    guest.end(LIMIT);
    // As somebody presses Ctrl-C.
    support::succeed(Command::new("sh").args(["-c", &format!("kill -INT {}", host.id())]), LIMIT);
    host.line("status: ");
    host.end(LIMIT);

    let usage = support::run(Command::new(&program).arg("dance"), LIMIT);
    assert_eq!(usage.status.code(), Some(2));
    assert!(usage.stderr.starts_with("usage: launcher host"));
}

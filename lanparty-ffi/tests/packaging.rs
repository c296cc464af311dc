//! What is shipped: exported symbols, and how C programs find and link the library.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(300);

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The functions that the header declares: a name right before a bracket, outside of comments.
fn declared() -> BTreeSet<String> {
    let header = fs::read_to_string(support::include().join("lanparty.h")).unwrap();
    let mut code = String::new();
    for (index, part) in header.split("/*").enumerate() {
        code += if index == 0 { part } else { part.split_once("*/").expect("comments end").1 };
    }
    let code: String =
        code.lines().map(|line| line.split("//").next().unwrap_or(line)).collect::<Vec<_>>().join("\n");
    let word = |text: &str| {
        let start = text.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
        text[start..].to_owned()
    };
    code.match_indices('(')
        .map(|(at, _)| word(&code[..at]))
        .filter(|name| name.starts_with("lanparty_"))
        .collect()
}

#[test]
fn exactly_the_functions_of_the_header_are_exported() {
    if !support::have(&["nm"]) {
        return;
    }
    let library = support::built().join("liblanparty.so");
    let listed =
        support::succeed(Command::new("nm").args(["-D", "--defined-only", "-P"]).arg(library), LIMIT);
    let exported: BTreeSet<String> =
        listed.stdout.lines().filter_map(|line| line.split(' ').next()).map(ToOwned::to_owned).collect();
    for name in &exported {
        assert!(name.starts_with("lanparty_"), "{name} is exported, and has no business outside");
    }
    let declared = declared();
    let difference: Vec<_> = exported.symmetric_difference(&declared).collect();
    assert!(difference.is_empty(), "exported or in the header, but not both: {difference:?}");

    let snapshot = package().join("abi/symbols.txt");
    let today: String = exported.iter().map(|name| format!("{name}\n")).collect();
    if std::env::var_os("LANPARTY_BLESS").is_some_and(|value| value == "1") {
        fs::write(&snapshot, &today).unwrap();
    }
    let committed = fs::read_to_string(&snapshot).unwrap_or_default();
    assert_eq!(committed, today, "abi/symbols.txt differs; LANPARTY_BLESS=1 writes it anew");
}

#[test]
fn the_libraries_that_a_static_program_needs_are_those_that_rustc_names() {
    let folder = support::scratch();
    let source = folder.path().join("probe.rs");
    fs::write(&source, "extern crate lanparty;\n").unwrap();
    let built = support::built();
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition=2024", "--crate-type=staticlib", "--print=native-static-libs", "--out-dir"]);
    rustc.arg(folder.path()).arg("-L").arg(format!("dependency={}", built.display()));
    rustc.arg("--extern").arg(format!("lanparty={}", built.join("liblanparty.rlib").display())).arg(&source);
    let said = support::succeed(&mut rustc, LIMIT).stderr;
    let list = said.split("native-static-libs: ").nth(1).expect("rustc names them").lines().next().unwrap();
    let mut named: Vec<_> = list.split_whitespace().map(ToOwned::to_owned).collect();
    // Naming one twice does no harm and means nothing.
    let mut known = BTreeSet::new();
    named.retain(|name| known.insert(name.clone()));
    assert_eq!(support::native_libs(), named, "lanparty-config.cmake has another list than rustc");
}

#[test]
fn cmake_configuration_has_the_version_of_the_package() {
    let config = fs::read_to_string(package().join("cmake/lanparty-config-version.cmake")).unwrap();
    assert!(config.contains(&format!("set(PACKAGE_VERSION \"{}\")", support::VERSION)));
}

/// What `cargo cinstall --prefix` would make, in short.
fn install(prefix: &Path) {
    let (built, cmake) = (support::built(), prefix.join("share/lanparty/cmake"));
    for folder in ["include", "lib"] {
        fs::create_dir_all(prefix.join(folder)).unwrap();
    }
    fs::create_dir_all(&cmake).unwrap();
    fs::copy(support::include().join("lanparty.h"), prefix.join("include/lanparty.h")).unwrap();
    for library in ["liblanparty.so", "liblanparty.a"] {
        // These are large, and only read.
        symlink(built.join(library), prefix.join("lib").join(library)).unwrap();
    }
    for file in ["lanparty-config.cmake", "lanparty-config-version.cmake"] {
        fs::copy(package().join("cmake").join(file), cmake.join(file)).unwrap();
    }
}

const CONSUMER: &str = r#"
cmake_minimum_required(VERSION 3.13)
project(consumer C)
find_package(lanparty 99.0 QUIET)
if(lanparty_FOUND)
  message(FATAL_ERROR "a version that does not exist was found")
endif()
find_package(lanparty VERSION_WANTED REQUIRED)
add_executable(shared main.c)
target_link_libraries(shared PRIVATE lanparty::lanparty)
add_executable(static main.c)
target_link_libraries(static PRIVATE lanparty::static)
"#;

const MAIN: &str = r#"
#include <lanparty.h>
int main(void) { return lanparty_abi_version() == LANPARTY_ABI_VERSION ? 0 : 1; }
"#;

#[test]
fn a_cmake_project_finds_the_library_wherever_it_is_installed() {
    if !support::have(&["cmake", "make", "gcc"]) {
        return;
    }
    let folder = support::scratch();
    let source = folder.path().join("consumer");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("CMakeLists.txt"), CONSUMER.replace("VERSION_WANTED", support::VERSION)).unwrap();
    fs::write(source.join("main.c"), MAIN).unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("moved"));
    install(&first);
    for prefix in [&first, &second] {
        if prefix == &second {
            fs::rename(&first, &second).unwrap();
        }
        let build = prefix.with_extension("build");
        let mut configure = Command::new("cmake");
        configure.args(["-G", "Unix Makefiles", "-S"]).arg(&source).arg("-B").arg(&build);
        support::succeed(configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display())), LIMIT);
        support::succeed(Command::new("cmake").arg("--build").arg(&build), LIMIT);
        for program in ["shared", "static"] {
            support::succeed(&mut Command::new(build.join(program)), LIMIT);
        }
    }
}

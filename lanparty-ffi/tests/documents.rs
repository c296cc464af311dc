//! What `docs/abi.md` says is so: its C compiles, and its tables name every key.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs, io::Write as _};

use lanparty_sdk::settings::{RelaySettings, SessionSettings};

fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../lanparty-sdk/docs/abi.md"))
        .expect("docs/abi.md is there")
}

#[test]
fn every_example_compiles_by_itself() {
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include");
    let document = document();
    let examples: Vec<_> =
        document.split("```c\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect();
    assert!(examples.len() >= 6, "the document has one example for each pattern");
    for example in examples {
        let compiler = Command::new("cc")
            .args(["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
            .args(["-fsyntax-only", "-xc", "-", "-I"])
            .arg(&include)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut compiler = match compiler {
            Ok(compiler) => compiler,
            Err(error) if env::var_os("LANPARTY_REQUIRE_NETNS").is_none() => {
                eprintln!("SKIPPED: no C compiler ({error})");
                return;
            }
            Err(error) => panic!("no C compiler: {error}"),
        };
        let mut stdin = compiler.stdin.take().expect("it is piped");
        stdin.write_all(example.as_bytes()).expect("the compiler reads");
        drop(stdin);
        let output = compiler.wait_with_output().expect("the compiler ends");
        assert!(output.status.success(), "{example}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn every_key_is_named() {
    let document = document();
    let (_, tables) = document.split_once("## Configuration keys").expect("the document has the tables");
    let mut named: Vec<_> = tables
        .lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(|line| line.split(" | ").next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    let mut keys = [SessionSettings::KEYS, RelaySettings::KEYS].concat();
    for list in [&mut named, &mut keys] {
        list.sort_unstable();
        list.dedup();
    }
    assert_eq!(named, keys);
}

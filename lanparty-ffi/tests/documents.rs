//! What `docs/abi.md` says is so: its C compiles, and its tables name every key.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs, io::Write as _};

use lanparty_sdk::obs::DropReason;
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
    let (tables, _) = tables.split_once("## Drop reasons").expect("the next section");
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

#[test]
fn every_drop_reason_is_explained() {
    let document = document();
    let (_, table) = document.split_once("## Drop reasons").expect("the document has the table");
    for reason in DropReason::ALL {
        assert!(table.contains(&format!("| `{reason}` |")), "{reason}");
    }
}

/// A folder with tests, and how the test of a scenario begins there.
type Language = (&'static str, fn(&str) -> String);

/// In the order of the table's columns.
const LANGUAGES: [Language; 4] = [
    ("lanparty-ffi/tests/scenarios", |name| format!("fn {name}(")),
    ("lanparty-ffi/tests/c", |name| format!("SCENARIO({name})")),
    ("bindings/python/tests", |name| format!("def test_{name}(")),
    ("bindings/csharp/Tests", |name| format!("void {}(", pascal_case(name))),
];

#[test]
fn every_scenario_is_told_in_the_languages_that_the_table_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let table = fs::read_to_string(root.join("bindings/README.md")).expect("the table is there");
    let sources = LANGUAGES.map(|(folder, _)| sources(&root.join(folder)));
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut scenarios = 0;
    for row in rows {
        let cells: Vec<_> = row.trim_end_matches('|').split('|').map(str::trim).collect();
        let name = cells[0].trim_end_matches('`');
        for (((folder, test), source), cell) in LANGUAGES.iter().zip(&sources).zip(&cells[2..]) {
            let there = source.contains(&test(name));
            assert_eq!(there, *cell == "x", "{name} in {folder}: the table says {cell:?}");
        }
        scenarios += 1;
    }
    assert!(scenarios >= 30, "the table has {scenarios} scenarios");
}

/// All files of a folder, one behind the other.
fn sources(folder: &Path) -> String {
    let files = fs::read_dir(folder).expect("the folder is there").filter_map(Result::ok);
    files.filter_map(|file| fs::read_to_string(file.path()).ok()).collect()
}

fn pascal_case(name: &str) -> String {
    let mut words = String::new();
    for word in name.split('_') {
        let (first, rest) = word.split_at(1);
        words.push_str(&first.to_ascii_uppercase());
        words.push_str(rest);
    }
    words
}

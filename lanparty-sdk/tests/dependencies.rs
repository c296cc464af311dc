//! Holds what the dependency tree must and must not contain, against the committed `Cargo.lock`.

use std::fs;
use std::path::Path;

/// Earlier versions have published weaknesses that anybody on the Internet can use.
const MINIMUM: [(&str, [u64; 3]); 3] = [
    // RUSTSEC-2026-0037 and -0185: one datagram stops the process; unbounded memory.
    ("quinn-proto", [0, 11, 19]),
    // RUSTSEC-2025-0009: a datagram stops a process with overflow checks.
    ("ring", [0, 17, 13]),
    // RUSTSEC-2026-0104.
    ("rustls-webpki", [0, 103, 13]),
];

/// The name and version of every locked package.
fn locked() -> Vec<(String, [u64; 3])> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let text = fs::read_to_string(path).expect("the workspace has a lock file");
    let packages: Vec<_> = text.split("[[package]]").skip(1).map(package).collect();
    assert!(packages.len() > 50, "the lock file was understood");
    packages
}

fn package(section: &str) -> (String, [u64; 3]) {
    let field = |key: &str| {
        let prefix = format!("{key} = \"");
        let line = section.lines().find_map(|line| line.strip_prefix(&prefix));
        line.and_then(|rest| rest.strip_suffix('"'))
            .expect("every package has a name and a version")
            .to_owned()
    };
    let version = field("version");
    // Neither a build tag nor a pre-release tag is part of the three numbers.
    let numbers = version.split(['+', '-']).next().expect("split gives at least one part");
    let mut parts = numbers.split('.').map(|part| part.parse().expect("a number"));
    (field("name"), std::array::from_fn(|_| parts.next().expect("three numbers")))
}

#[test]
fn no_dependency_is_older_than_its_last_remotely_usable_weakness() {
    let packages = locked();
    for (name, minimum) in MINIMUM {
        let found: Vec<_> = packages.iter().filter(|(package, _)| package == name).collect();
        assert!(!found.is_empty(), "{name} is not in the tree any more: take it off this list");
        for (_, version) in found {
            assert!(
                *version >= minimum,
                "{name} {version:?} is older than {minimum:?}: run cargo update -p {name}"
            );
        }
    }
}

#[test]
fn there_is_one_cryptography_provider() {
    const OTHERS: [&str; 6] =
        ["aws-lc-fips-sys", "aws-lc-rs", "aws-lc-sys", "boring", "openssl-sys", "rustls-openssl"];
    let packages = locked();
    for other in OTHERS {
        assert!(!packages.iter().any(|(name, _)| name == other), "{other} came in beside ring");
    }
    for single in ["ring", "rustls", "rustls-webpki", "quinn-proto"] {
        let count = packages.iter().filter(|(name, _)| name == single).count();
        assert_eq!(count, 1, "{single} must be there once");
    }
}

//! The real programs on real interfaces. Everything is in `tests/netns`: run it with `cargo test -p lanparty-e2e`.

//! The real programs on real interfaces. Everything is in `tests/netns` and, for players on Windows, in `tests/wine`:
//! run it with `cargo test -p lanparty-e2e`.

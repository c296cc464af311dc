//! The committed header is what the crate says.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn generate() -> String {
    let config =
        cbindgen::Config::from_file(root().join("cbindgen.toml")).expect("cbindgen.toml is readable");
    let bindings = cbindgen::Builder::new().with_crate(root()).with_config(config).generate();
    let mut text = Vec::new();
    bindings.expect("the crate has a C interface").write(&mut text);
    String::from_utf8(text).expect("a header is text")
}

#[test]
fn the_committed_header_is_fresh() {
    let path = root().join("../include/lanparty.h");
    let generated = generate();
    if env::var_os("LANPARTY_BLESS").is_some() {
        fs::write(&path, &generated).expect("the header can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "include/lanparty.h is not what the crate says: run LANPARTY_BLESS=1 cargo test -p lanparty-ffi --test header"
    );
}

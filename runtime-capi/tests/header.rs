//! The committed header is what cbindgen makes of the source.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::path::Path;

#[test]
fn the_header_is_the_source_s() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    // Files by name: asking cargo about the workspace would need it to be locked while it is being built.
    let builder =
        ["error", "model"].into_iter().fold(cbindgen::Builder::new().with_config(config), |builder, module| {
            builder.with_src(root.join("src").join(format!("{module}.rs")))
        });
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let file = root.join("include/hnn.h");
    if std::env::var_os("HNN_WRITE_HEADER").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == made, "include/hnn.h is not what cbindgen makes; run this test with HNN_WRITE_HEADER=1");
}

//! Every lesson of this repository is read, played and proven, as its author would do it.

use std::process::Command;

#[test]
fn every_lesson_keeps_its_promises() {
    let output = Command::new(env!("CARGO_BIN_EXE_tabernetes"))
        .args(["lesson", "check", concat!(env!("CARGO_MANIFEST_DIR"), "/lessons")])
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("01-what-is-a-job"), "{printed}");
}

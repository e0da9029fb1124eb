//! Every SQL test of this repository, by the command that an analyst gives.

use std::path::Path;
use std::process::Command;

#[test]
fn every_model_gives_the_rows_worked_out_by_hand() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let there = std::fs::read_dir(root.join("tests/slt")).expect("the folder of SQL tests");
    let ends = |path: &Path| path.extension().is_some_and(|ending| ending == "slt");
    let files = there.filter(|entry| ends(&entry.as_ref().expect("a file").path())).count();
    let output = Command::new(env!("CARGO_BIN_EXE_tributary"))
        .arg("test")
        .current_dir(root)
        .env_remove("TRIBUTARY_CONFIG")
        .output()
        .expect("the binary runs");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    assert!(text.contains(&format!("{files} files, ")) && text.contains(" 0 files failed"), "{text}");
}

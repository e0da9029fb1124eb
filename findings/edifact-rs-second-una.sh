#!/usr/bin/env bash
# edifact-rs 0.18.0 reads the separators of a stream from its first UNA alone. A file of two interchanges, each with a UNA of
# its own and each sound by itself, ends in an error: the second UNA is read with the separators of the first, no terminator
# of those is found, and the whole second interchange is lost. ISO 9735-1 puts the UNA before each UNB: it holds for its own
# interchange. Partners' files that were put together by a mailbox look like this.
#
# Seen: 4 segments of the first file alone, 4 of the second alone, of both together 4 and then UnexpectedEof { offset: 154 }.
#
# Needs cargo and the network. Exits with 0 while that is so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat > "$folder/Cargo.toml" <<'TOML'
[package]
name = "second_una"
version = "0.0.0"
edition = "2024"

[dependencies]
edifact-rs = { version = "=0.18.0", default-features = false }
TOML
cat > "$folder/src/main.rs" <<'RUST'
use std::io::Cursor;

const FIRST: &str = "UNA:+.? 'UNB+UNOA:1+S+R+200101:0900+1'UNH+1+SLSRPT:D:96A:UN'UNT+2+1'UNZ+1+1'\r\n";
const SECOND: &str = "UNA|*,! ~UNB*UNOA|1*S*R*200101|0900*2~UNH*1*SLSRPT|D|96A|UN~UNT*2*1~UNZ*1*2~";

fn read(text: &str) -> String {
    let (mut sound, mut error) = (0, String::from("no error"));
    for segment in edifact_rs::from_reader(Cursor::new(text.as_bytes().to_vec())) {
        match segment {
            Ok(_) => sound += 1,
            Err(found) => error = format!("{found:?}"),
        }
    }
    format!("{sound} segments, {error}")
}

fn main() {
    println!("first: {}", read(FIRST));
    println!("second: {}", read(SECOND));
    println!("both: {}", read(&format!("{FIRST}{SECOND}")));
}
RUST
found=$(cd "$folder" && CARGO_TARGET_DIR="$folder/target" cargo run --quiet)
expected='first: 4 segments, no error
second: 4 segments, no error
both: 4 segments, UnexpectedEof { offset: 154 }'
echo "$found"
[ "$found" = "$expected" ] || { echo "it has changed; expected:"; echo "$expected"; exit 1; }

//! A short deterministic pass of the fuzz targets: every seed, and mutations of it that follow from a fixed number.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::support::world::{PROJECT, files_below};

#[path = "../../fuzz/targets.rs"]
#[expect(dead_code, reason = "the fuzzer's own parts")]
mod targets;

/// Mutations of each seed; `TRIBUTARY_FUZZ_ROUNDS` asks for more.
const ROUNDS: usize = 40;

#[test]
fn seeds_and_their_mutations() {
    let rounds = std::env::var("TRIBUTARY_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
    for (name, target) in targets::ALL {
        let folder = Path::new(PROJECT).join("fuzz/seeds").join(name);
        let seeds: Vec<Vec<u8>> = files_below(&folder).into_values().map(|bytes| bytes.to_vec()).collect();
        assert!(!seeds.is_empty(), "{name} has no seeds");
        let mut chance = ChaCha8Rng::seed_from_u64(20_261_122);
        for seed in &seeds {
            let mut tried = seed.clone();
            for _ in 0..=rounds {
                let held = catch_unwind(AssertUnwindSafe(|| target(&tried)));
                assert!(held.is_ok(), "{name} fails, as told above, on {:?}", String::from_utf8_lossy(&tried));
                tried = mutated(seed, &seeds, &mut chance);
            }
        }
    }
}

/// A seed with a few bytes changed, cut, repeated, or put together with another.
fn mutated(seed: &[u8], seeds: &[Vec<u8>], chance: &mut ChaCha8Rng) -> Vec<u8> {
    const TELLING: [&[u8]; 12] =
        [b"\"", b",", b"\n", b"\r", b"\0", b"\xff", b"[", b"{", b"\xef\xbb\xbf", b"9999999999999999999", b"-", b"\xe5"];
    let mut bytes = seed.to_vec();
    for _ in 0..chance.random_range(1..=4) {
        let at = chance.random_range(0..=bytes.len());
        match chance.random_range(0..6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << chance.random_range(0..8),
            1 => bytes.truncate(at),
            2 => {
                let telling = TELLING[chance.random_range(0..TELLING.len())];
                bytes.splice(at..at, telling.iter().copied());
            }
            3 => {
                let end = (at + chance.random_range(0..64)).min(bytes.len());
                let again = bytes[at..end].repeat(chance.random_range(1..8));
                bytes.splice(at..at, again);
            }
            4 => {
                let end = (at + chance.random_range(0..16)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let other = &seeds[chance.random_range(0..seeds.len())];
                let from = chance.random_range(0..=other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes
}

//! SHA-256, by which everything that is kept is named and checked. It is `ring`'s: where a processor has no instruction
//! for it, a portable one takes more than twice as long, a quarter of the time in which a night's files are taken in.

use ring::digest;

/// Bytes of a file that are hashed at once.
const READ_AT_ONCE: usize = 256 * 1024;

/// A hash that takes its bytes piece by piece.
#[derive(Clone)]
pub(crate) struct Sha256(digest::Context);

impl Sha256 {
    pub(crate) fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Of bytes that are all there.
    pub(crate) fn digest(bytes: impl AsRef<[u8]>) -> [u8; 32] {
        let mut hash = Self::new();
        hash.update(bytes);
        hash.finalize()
    }

    pub(crate) fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes.as_ref());
    }

    pub(crate) fn finalize(self) -> [u8; 32] {
        self.0.finish().as_ref().try_into().expect("a SHA-256 has 32 bytes")
    }
}

/// SHA-256 of bytes, in hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a file of this machine, in hex.
pub(crate) fn sha256_of(file: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read;
    let (mut file, mut hash, mut part) = (std::fs::File::open(file)?, Sha256::new(), vec![0; READ_AT_ONCE]);
    loop {
        match file.read(&mut part)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&part[..n]),
        }
    }
}

/// Bytes in hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of FIPS 180-2, and one taken in pieces.
    #[test]
    fn published_examples() {
        for (text, hash) in [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ] {
            assert_eq!(sha256_hex(text.as_bytes()), hash);
            let mut pieces = Sha256::new();
            text.as_bytes().chunks(5).for_each(|piece| pieces.update(piece));
            assert_eq!(hex(&pieces.finalize()), hash);
        }
    }
}

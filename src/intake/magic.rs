//! What the first bytes of a file say that it is.

/// How bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// Whether a file's first bytes say that it is text and not packed.
pub(super) fn is_plain_text(first: &[u8]) -> bool {
    packing_of(first) == Packing::Plain && is_text(first)
}

/// How the file is packed.
pub(super) fn packing_of(first: &[u8]) -> Packing {
    match first {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
        _ => Packing::Plain,
    }
}

/// Whether the bytes are none of the formats that are not ours to read.
pub(super) fn is_text(first: &[u8]) -> bool {
    !matches!(first, [b'P', b'K', 3, 4, ..] | [b'P', b'A', b'R', b'1', ..] | [0xd0, 0xcf, 0x11, 0xe0, ..])
}

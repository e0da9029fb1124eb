//! Bytes of any encoding become UTF-8 while they are read. Nothing is replaced silently: where the encoding
//! has no such bytes, their place is remembered and the record that holds them is refused.

use std::io::{self, Read};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::block::{Step, Stop, refuse};
use super::open::stop_of;

/// Places of undecodable bytes that are remembered; a file with more is read by the wrong encoding.
const MALFORMED_MAX: usize = 10_000;
const INPUT: usize = 64 * 1024;
/// Stands for undecodable bytes.
const MARK: &[u8] = "\u{fffd}".as_bytes();

/// Undecodable bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed {
    /// Where the replacement stands in the decoded text.
    pub decoded_at: u64,
    /// Where the bytes stand in the unpacked file.
    pub byte: u64,
}

/// Reads UTF-8 out of bytes of some encoding.
pub(super) struct Decoder {
    inner: Box<dyn Read>,
    encoding: Option<(&'static Encoding, encoding_rs::Decoder)>,
    input: Vec<u8>,
    from: usize,
    to: usize,
    ended: bool,
    finished: bool,
    consumed: u64,
    decoded: u64,
    /// Undecodable bytes found so far, in order.
    pub malformed: Vec<Malformed>,
}

impl Decoder {
    /// With an encoding, undecodable bytes are remembered; without one the text is taken for UTF-8 and
    /// [`Stop::NotUtf8`] says that it is not. `skip` bytes (a byte order mark) are passed over.
    pub(super) fn new(inner: Box<dyn Read>, encoding: Option<&'static Encoding>, skip: u64) -> Self {
        Self {
            inner,
            encoding: encoding.map(|encoding| (encoding, encoding.new_decoder_without_bom_handling())),
            // of UTF-8 it holds no more than a character that a read has cut
            input: vec![0; if encoding.is_some() { INPUT } else { 8 }],
            from: 0,
            to: 0,
            ended: false,
            finished: false,
            consumed: skip,
            decoded: 0,
            malformed: Vec::new(),
        }
    }

    /// Fills `out` from its start and gives the number of bytes; 0 is the end. `out` must hold 16 bytes.
    pub(super) fn read(&mut self, out: &mut [u8]) -> Step<usize> {
        let written = if self.encoding.is_some() { self.transcode(out)? } else { self.check(out)? };
        self.decoded += written as u64;
        Ok(written)
    }

    fn check(&mut self, out: &mut [u8]) -> Step<usize> {
        loop {
            // up to three bytes of a character that the last read cut
            let carried = self.to - self.from;
            out[..carried].copy_from_slice(&self.input[self.from..self.to]);
            let read = read_some(&mut self.inner, &mut out[carried..])?;
            let filled = carried + read;
            if filled == 0 {
                return Ok(0);
            }
            let valid = match std::str::from_utf8(&out[..filled]) {
                Ok(_) => filled,
                Err(err) if err.error_len().is_none() && read > 0 => err.valid_up_to(),
                Err(_) => return Err(Stop::NotUtf8),
            };
            let rest = filled - valid;
            self.input[..rest].copy_from_slice(&out[valid..filled]);
            (self.from, self.to) = (0, rest);
            if valid > 0 {
                return Ok(valid);
            }
        }
    }

    fn transcode(&mut self, out: &mut [u8]) -> Step<usize> {
        let mut written = 0;
        // a mark for undecodable bytes always fits behind the room
        let room = out.len() - MARK.len();
        loop {
            if self.finished {
                return Ok(written);
            }
            if self.from == self.to && !self.ended {
                self.to = read_some(&mut self.inner, &mut self.input)?;
                self.from = 0;
                self.ended = self.to == 0;
            }
            let Some((encoding, decoder)) = self.encoding.as_mut() else { return Ok(written) };
            let source = &self.input[self.from..self.to];
            let (result, read, wrote) =
                decoder.decode_to_utf8_without_replacement(source, &mut out[written..room], self.ended);
            self.from += read;
            self.consumed += read as u64;
            written += wrote;
            match result {
                DecoderResult::InputEmpty => {
                    self.finished = self.ended;
                    if written > 0 {
                        return Ok(written);
                    }
                }
                DecoderResult::OutputFull => return Ok(written),
                DecoderResult::Malformed(length, after) => {
                    let back = u64::from(length) + u64::from(after);
                    let byte = self.consumed.saturating_sub(back);
                    if self.malformed.len() >= MALFORMED_MAX {
                        return refuse(format!(
                            "the file cannot be read as {}: more than {MALFORMED_MAX} places do not decode, the first at byte {}",
                            encoding.name(),
                            self.malformed.first().map_or(byte, |first| first.byte)
                        ));
                    }
                    self.malformed.push(Malformed { decoded_at: self.decoded + written as u64, byte });
                    out[written..written + MARK.len()].copy_from_slice(MARK);
                    written += MARK.len();
                    if written >= room {
                        return Ok(written);
                    }
                }
            }
        }
    }
}

/// One read that is not interrupted.
fn read_some(inner: &mut Box<dyn Read>, out: &mut [u8]) -> Step<usize> {
    loop {
        match inner.read(out) {
            Ok(read) => return Ok(read),
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(stop_of(err)),
        }
    }
}

/// What the first bytes say about the encoding.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    /// The encoding; `None` reads as UTF-8 until that proves wrong.
    pub encoding: Option<&'static Encoding>,
    /// Length of the byte order mark.
    pub bom: usize,
    /// What should be said.
    pub warning: Option<String>,
}

/// Declared encoding, else byte order mark, else UTF-16 without one, else UTF-8 until it proves wrong.
/// A mark that contradicts the declaration wins, with a warning.
pub(super) fn choose(declared: Option<&'static Encoding>, head: &[u8]) -> Chosen {
    if let Some((marked, bom)) = Encoding::for_bom(head) {
        let warning = declared.filter(|declared| *declared != marked).map(|declared| {
            format!(
                "declared as {} but marked as {} by its first bytes; read as {}",
                declared.name(),
                marked.name(),
                marked.name()
            )
        });
        return Chosen { encoding: Some(marked), bom, warning };
    }
    if declared.is_some() {
        return Chosen { encoding: declared, bom: 0, warning: None };
    }
    let nuls = |odd: usize| head.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    let half = head.len() / 2;
    let wide = match half {
        0 => None,
        _ if odd * 10 > half * 3 && even * 20 < half => Some(UTF_16LE),
        _ if even * 10 > half * 3 && odd * 20 < half => Some(UTF_16BE),
        _ => None,
    };
    let warning = wide.map(|encoding| format!("encoding not declared; read as {} by detection", encoding.name()));
    Chosen { encoding: wide, bom: 0, warning }
}

/// Lines that hold bytes which are not UTF-8.
#[derive(Debug, Default)]
struct Damaged {
    lines: usize,
    all: usize,
    in_line: bool,
    in_header: bool,
}

impl Damaged {
    fn pass(&mut self, text: &str) {
        let ends = text.bytes().filter(|byte| *byte == b'\n').count();
        if ends == 0 {
            return;
        }
        self.lines += usize::from(self.in_line);
        self.in_header |= self.in_line && self.all == 0;
        self.in_line = false;
        self.all += ends;
    }

    /// Whether so few lines are that their bytes are damage and no other encoding. A header says how its names are written.
    fn are_few(&self) -> bool {
        !self.in_header && self.lines <= (self.all / 1000).max(3) && self.lines * 10 <= self.all
    }
}

/// Finds the encoding of a file that is not UTF-8, from up to 16 MiB of it. A file that is UTF-8 but for a
/// few damaged bytes stays UTF-8, so that only the damaged records are refused.
pub(super) fn detect(mut bytes: Box<dyn Read>) -> Step<&'static Encoding> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let mut chunk = vec![0; INPUT];
    let (mut seen, mut good, mut bad, mut carried) = (0_usize, 0_usize, 0_usize, 0_usize);
    let mut lines = Damaged::default();
    while seen < 16 << 20 {
        let read = read_some(&mut bytes, &mut chunk[carried..])?;
        detector.feed(&chunk[carried..carried + read], read == 0);
        seen += read;
        let filled = carried + read;
        carried = 0;
        let mut at = 0;
        for part in chunk[..filled].utf8_chunks() {
            good += part.valid().chars().filter(|char| !char.is_ascii()).count();
            lines.pass(part.valid());
            at += part.valid().len() + part.invalid().len();
            let cut = at == filled
                && read > 0
                && std::str::from_utf8(part.invalid()).is_err_and(|err| err.error_len().is_none());
            if cut {
                carried = part.invalid().len();
            } else {
                bad += usize::from(!part.invalid().is_empty());
                lines.in_line |= !part.invalid().is_empty();
            }
        }
        chunk.copy_within(filled - carried..filled, 0);
        if read == 0 {
            break;
        }
    }
    lines.pass("\n");
    if bad * 20 <= good || lines.are_few() {
        return Ok(UTF_8);
    }
    let guess = detector.guess(None, Utf8Detection::Deny);
    Ok(if guess == encoding_rs::GBK { encoding_rs::GB18030 } else { guess })
}

#[cfg(test)]
mod tests;

//! What tells the parts of a segment apart, as an ISA, a UNA and a UNB say it, and what their texts are written in.

use encoding_rs::Encoding;

/// Bytes of an ISA with its terminator: every element has a fixed width.
pub(super) const ISA_BYTES: usize = 106;
/// Bytes of a UNA: three letters and six characters.
pub(super) const UNA_BYTES: usize = 9;

/// Which of the two families an interchange is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::intake) enum Syntax {
    X12,
    Edifact,
}

/// What tells the parts of a segment apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Separators {
    pub syntax: Syntax,
    pub element: u8,
    pub component: u8,
    pub terminator: u8,
    /// Takes the meaning from the separator behind it.
    pub release: Option<u8>,
    /// Between repetitions of one element.
    pub repetition: Option<u8>,
}

impl Separators {
    /// Those of an EDIFACT interchange without UNA.
    pub(super) const EDIFACT: Self = Self {
        syntax: Syntax::Edifact,
        element: b'+',
        component: b':',
        terminator: b'\'',
        release: Some(b'?'),
        repetition: None,
    };

    /// By position from the 106 bytes of an ISA. Element 11 is a separator only from version 00402 on: before, it is the
    /// code `U`.
    pub(super) fn of_isa(isa: &[u8]) -> Result<Self, String> {
        let (element, component, terminator) = (isa[3], isa[104], isa[105]);
        // 16 elements of fixed width: the separator stands in front of each
        let starts = [3, 6, 17, 20, 31, 34, 50, 53, 69, 76, 81, 83, 89, 99, 101, 103];
        if let Some(at) = starts.into_iter().position(|at| isa[at] != element) {
            return Err(format!(
                "element {} of the ISA does not have the width that the standard gives it; is the file changed by an editor?",
                at.max(1)
            ));
        }
        let named = [("element", element), ("component", component), ("segment", terminator)];
        if let Some((what, found)) = named.into_iter().find(|(_, byte)| !separates(*byte)) {
            return Err(format!("the ISA gives {} as {what} separator; expected a sign", shown(&[found])));
        }
        if element == component || element == terminator || component == terminator {
            return Err("the ISA gives the same sign for two separators".into());
        }
        let repeats = &isa[84..89] >= b"00402".as_slice();
        let repetition = repeats.then_some(isa[82]);
        if let Some(found) = repetition.filter(|byte| !separates(*byte)) {
            return Err(format!("ISA11 is {}, which is no repetition separator", shown(&[found])));
        }
        Ok(Self { syntax: Syntax::X12, element, component, terminator, release: None, repetition })
    }

    /// From the nine bytes of a UNA. A blank in place 4 says that there is no release character.
    pub(super) fn of_una(una: &[u8]) -> Result<Self, String> {
        let [component, element, _, release, repetition, terminator] = una[3..UNA_BYTES] else {
            return Err("the UNA is cut off".into());
        };
        let all = [component, element, terminator];
        if all.iter().any(|byte| !separates(*byte))
            || component == element
            || component == terminator
            || element == terminator
        {
            return Err(format!("the UNA gives {} as separators", shown(&una[3..])));
        }
        let release = Some(release).filter(|byte| *byte != b' ');
        let repetition = Some(repetition).filter(|byte| separates(*byte));
        Ok(Self { syntax: Syntax::Edifact, element, component, terminator, release, repetition })
    }
}

/// Whether a byte can be a separator: no letter, digit or blank.
fn separates(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric() && byte != b' ' && byte != 0
}

/// Bytes as people are shown them.
pub(super) fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect()
}

/// What UNB S001 says that the texts of an interchange are written in; `None` for what allows ASCII alone.
pub(super) fn charset(unb: &[u8], separators: Separators) -> Option<&'static Encoding> {
    let code = unb.split(|byte| *byte == separators.element).nth(1)?;
    let label: &[u8] = match code.get(..4)? {
        b"UNOC" => b"iso-8859-1",
        b"UNOD" => b"iso-8859-2",
        b"UNOE" => b"iso-8859-5",
        b"UNOF" => b"iso-8859-7",
        b"UNOG" => b"iso-8859-3",
        b"UNOH" => b"iso-8859-4",
        b"UNOI" => b"iso-8859-6",
        b"UNOJ" => b"iso-8859-8",
        b"UNOK" => b"iso-8859-9",
        b"UNOW" | b"UNOY" => b"utf-8",
        _ => return None,
    };
    Encoding::for_label(label)
}

/// The repetition separator, which there is from syntax 4 on.
pub(super) fn repetition(unb: &[u8], separators: Separators) -> Option<u8> {
    let syntax = unb.split(|byte| *byte == separators.element).nth(1)?;
    let version = syntax.split(|byte| *byte == separators.component).nth(1)?;
    (version >= b"4".as_slice()).then_some(separators.repetition.unwrap_or(b'*'))
}

//! Where something stands in a TOML file that people wrote, so that a fault names its line.

use toml::de::{DeTable, DeValue};

/// The line of `key` (`section.name`) in `text`, counted from 1: of the key itself where it stands there, else of the
/// nearest section above it. None where nothing of it does.
pub(crate) fn line_of(text: &str, key: &str) -> Option<usize> {
    let (document, _) = DeTable::parse_recoverable(text);
    let mut table = document.get_ref();
    let mut found = None;
    for part in key.split('.') {
        let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref().as_ref() == part) else { break };
        found = Some(name.span().start);
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    found.map(|at| line_at(text, at))
}

/// The line, counted from 1, of the byte `at`.
pub(crate) fn line_at(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

//! Texts as people type them: full-width letters and digits mean the same as their ASCII twins.

use std::borrow::Cow;

/// Full-width letters, digits and signs as their ASCII twins, and the minus sign as hyphen.
pub fn fold_width(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let fold = |char: char| match char {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(char) - 0xfee0).unwrap_or(char),
        '\u{3000}' | '\u{a0}' => ' ',
        '\u{2212}' => '-',
        other => other,
    };
    Cow::Owned(text.chars().map(fold).collect())
}

/// A code with full-width letters and digits as their ASCII twins; other characters stay.
pub fn fold_code(text: Cow<'_, str>) -> Cow<'_, str> {
    let wide = |char: char| matches!(char, '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ');
    if text.is_ascii() || !text.chars().any(wide) {
        return text;
    }
    let fold = |char: char| if wide(char) { char::from_u32(u32::from(char) - 0xfee0).unwrap_or(char) } else { char };
    Cow::Owned(text.chars().map(fold).collect())
}

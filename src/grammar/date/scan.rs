//! The pieces that dates are written in: digits, offsets, names of months, halves of a day.

use super::DateFault;

/// A text, and how far it has been read.
pub(super) struct Scan<'a> {
    pub(super) text: &'a [u8],
    pub(super) pos: usize,
}

impl Scan<'_> {
    #[inline]
    pub(super) fn byte(&mut self, wanted: u8) -> Result<(), DateFault> {
        if self.text.get(self.pos) == Some(&wanted) {
            self.pos += 1;
            Ok(())
        } else {
            Err(DateFault::Malformed)
        }
    }

    pub(super) fn literal(&mut self, literal: &[u8]) -> Result<(), DateFault> {
        if self.text[self.pos..].starts_with(literal) {
            self.pos += literal.len();
            Ok(())
        } else {
            Err(DateFault::Malformed)
        }
    }

    pub(super) fn spaces(&mut self) {
        while self.text.get(self.pos) == Some(&b' ') {
            self.pos += 1;
        }
    }

    #[inline]
    pub(super) fn two_digits(&mut self) -> Result<i64, DateFault> {
        match self.text.get(self.pos..self.pos + 2) {
            Some(&[tens @ b'0'..=b'9', ones @ b'0'..=b'9']) => {
                self.pos += 2;
                Ok(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
            }
            _ => Err(DateFault::Malformed),
        }
    }

    pub(super) fn number(&mut self, width: usize, exactly: bool) -> Result<i64, DateFault> {
        let rest = &self.text[self.pos..];
        let digits = rest.iter().take(width).take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || exactly && digits != width {
            return Err(DateFault::Malformed);
        }
        self.pos += digits;
        Ok(rest[..digits].iter().fold(0, |value, byte| value * 10 + i64::from(byte - b'0')))
    }

    pub(super) fn signed(&mut self) -> Result<i64, DateFault> {
        let rest = std::str::from_utf8(&self.text[self.pos..]).map_err(|_| DateFault::Malformed)?;
        self.pos = self.text.len();
        rest.parse().map_err(|_| DateFault::Malformed)
    }

    /// `.123456`; nothing at all is no fraction.
    pub(super) fn fraction(&mut self) -> Result<i64, DateFault> {
        if self.byte(b'.').is_err() {
            return Ok(0);
        }
        let (mut micros, mut digits) = (0_i64, 0);
        while let Some(byte @ b'0'..=b'9') = self.text.get(self.pos) {
            digits += 1;
            if digits <= 6 {
                micros = micros * 10 + i64::from(byte - b'0');
            } else if *byte != b'0' {
                return Err(DateFault::ExcessPrecision);
            }
            self.pos += 1;
        }
        if digits == 0 {
            return Err(DateFault::Malformed);
        }
        for _ in digits..6 {
            micros *= 10;
        }
        Ok(micros)
    }

    /// `Z`, `+08:00`, `+0800` or `+08`.
    pub(super) fn offset(&mut self) -> Result<i32, DateFault> {
        self.spaces();
        if self.byte(b'Z').is_ok() || self.byte(b'z').is_ok() {
            return Ok(0);
        }
        let sign = match self.text.get(self.pos) {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Err(DateFault::Malformed),
        };
        self.pos += 1;
        let hours = self.two_digits()?;
        let colon = self.byte(b':').is_ok();
        let minutes = if colon || self.pos < self.text.len() { self.two_digits()? } else { 0 };
        if hours > 15 || minutes > 59 {
            return Err(DateFault::Malformed);
        }
        Ok(sign * i32::try_from(hours * 3600 + minutes * 60).map_err(|_| DateFault::Malformed)?)
    }

    /// A month by its name in one of the languages of [`MONTHS`], or the first three letters or more of it.
    pub(super) fn month_name(&mut self) -> Result<i64, DateFault> {
        let rest = std::str::from_utf8(&self.text[self.pos..]).map_err(|_| DateFault::Malformed)?;
        let letters: usize = rest.chars().take_while(|char| char.is_alphabetic()).map(char::len_utf8).sum();
        let word = rest[..letters].to_lowercase();
        let begins = |names: &&[&str]| names.iter().any(|name| word.chars().count() >= 3 && name.starts_with(&word));
        let mut months = (1..).zip(MONTHS).filter(|(_, names)| begins(names));
        // of a beginning that two months share nobody can tell which is meant
        let (Some((found, _)), None) = (months.next(), months.next()) else { return Err(DateFault::Malformed) };
        self.pos += letters;
        // an abbreviation may end in a point
        if word.chars().count() < 5 && self.text.get(self.pos) == Some(&b'.') {
            self.pos += 1;
        }
        Ok(found)
    }

    /// The name of a zone that stands for one offset.
    pub(super) fn zone_name(&mut self) -> Result<i32, DateFault> {
        let letters = self.text[self.pos..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let name = self.text[self.pos..self.pos + letters].to_ascii_uppercase();
        let found = ZONES.iter().find(|(known, _)| known.as_bytes() == name);
        let (_, hours) = found.ok_or(DateFault::Malformed)?;
        self.pos += letters;
        Ok(hours * 3600)
    }

    pub(super) fn am_pm(&mut self) -> Result<bool, DateFault> {
        const WORDS: [(&str, bool); 8] = [
            ("AM", false),
            ("PM", true),
            ("am", false),
            ("pm", true),
            ("a.m.", false),
            ("p.m.", true),
            ("上午", false),
            ("下午", true),
        ];
        for (word, afternoon) in WORDS {
            if self.literal(word.as_bytes()).is_ok() {
                return Ok(afternoon);
            }
        }
        Err(DateFault::Malformed)
    }

    pub(super) fn end(&self) -> Result<(), DateFault> {
        if self.pos == self.text.len() { Ok(()) } else { Err(DateFault::Malformed) }
    }
}

/// Months in English, German, French, Spanish, Italian, Portuguese and Dutch.
const MONTHS: [&[&str]; 12] = [
    &["january", "januar", "jänner", "janvier", "enero", "gennaio", "janeiro", "januari"],
    &["february", "februar", "feber", "février", "fevrier", "febrero", "febbraio", "fevereiro", "februari"],
    &["march", "märz", "maerz", "mrz", "mars", "marzo", "março", "marco", "maart", "mrt"],
    &["april", "avril", "abril", "aprile"],
    &["may", "mai", "mayo", "maggio", "maio", "mei"],
    &["june", "juni", "juin", "junio", "giugno", "junho"],
    &["july", "juli", "juillet", "julio", "luglio", "julho"],
    &["august", "août", "aout", "agosto", "augustus"],
    &["september", "septembre", "septiembre", "setiembre", "settembre", "setembro", "sept"],
    &["october", "oktober", "octobre", "octubre", "ottobre", "outubro"],
    &["november", "novembre", "noviembre", "novembro"],
    &["december", "dezember", "décembre", "decembre", "diciembre", "dicembre", "dezembro"],
];

/// Names of zones and their hours east of UTC; those that stand for several, such as CST, are none.
const ZONES: [(&str, i32); 20] = [
    ("UTC", 0),
    ("GMT", 0),
    ("Z", 0),
    ("WET", 0),
    ("WEST", 1),
    ("CET", 1),
    ("CEST", 2),
    ("MEZ", 1),
    ("MESZ", 2),
    ("EET", 2),
    ("EEST", 3),
    ("EST", -5),
    ("EDT", -4),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
    ("JST", 9),
    ("KST", 9),
    ("HKT", 8),
];

//! How a text is laid out, as far as its first lines show: what stands between its fields and around them.

use std::collections::BTreeMap;

/// Lines that are looked at.
const LINES: usize = 200;
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// As a mapping names it.
    pub delimiter: String,
    /// Another one that splits the lines nearly as well, or that nothing does.
    pub doubt: Option<String>,
    /// Around texts, where it is not `"`.
    pub quote: Option<char>,
    /// In front of quotes within texts.
    pub escape: Option<char>,
}

impl Layout {
    /// Looks at the first lines of a text.
    pub(super) fn of(head: &str) -> Self {
        let lines: Vec<&str> = head.lines().filter(|line| !line.trim().is_empty()).take(LINES).collect();
        let mut scores: Vec<(usize, char)> = DELIMITERS.map(|delimiter| (score(&lines, delimiter), delimiter)).to_vec();
        scores.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        let (best, delimiter) = scores[0];
        let blanks = agreement(lines.iter().map(|line| line.split_whitespace().count()));
        if best == 0 && blanks.1 > 1 && blanks.0 * 10 >= lines.len() * 9 {
            return Self { delimiter: "blanks".into(), ..Self::default() };
        }
        let next = scores[1];
        let doubt = if best == 0 {
            Some("no delimiter splits the lines into the same number of fields".to_string())
        } else {
            let first = lines.first().is_some_and(|line| line.contains(next.1));
            let close = first && next.0 / 100 * 10 >= best / 100 * 8;
            close.then(|| format!("{:?} splits the lines nearly as evenly", next.1))
        };
        let quote = single_quotes(&lines, delimiter).then_some('\'');
        let mark = quote.unwrap_or('"');
        let escaped = head.contains(&format!("\\{mark}")) && !head.contains(&format!("\\{mark}{delimiter}"));
        Self { delimiter: delimiter.to_string(), doubt, quote, escape: escaped.then_some('\\') }
    }
}

/// How many lines a delimiter splits alike, and into how many fields.
fn score(lines: &[&str], delimiter: char) -> usize {
    let fields = lines.iter().map(|line| unquoted(line, delimiter)).filter(|fields| *fields > 0);
    let (lines, fields) = agreement(fields);
    lines * 100 + fields.min(99)
}

/// Delimiters of a line that stand outside of quotes.
fn unquoted(line: &str, delimiter: char) -> usize {
    let mut quoted = false;
    let outside = line.chars().filter(|char| {
        quoted ^= *char == '"';
        !quoted && *char == delimiter
    });
    outside.count()
}

/// The number that most have, and how many do.
fn agreement(numbers: impl Iterator<Item = usize>) -> (usize, usize) {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for number in numbers {
        *counts.entry(number).or_default() += 1;
    }
    counts.into_iter().map(|(number, count)| (count, number)).max().unwrap_or_default()
}

/// Whether fields begin and end with `'`, and not as words do that hold one.
fn single_quotes(lines: &[&str], delimiter: char) -> bool {
    let fields = lines.iter().flat_map(|line| line.split(delimiter)).map(str::trim);
    let (mut both, mut one) = (0, 0);
    for field in fields.filter(|field| field.contains('\'')) {
        let around = field.len() > 1 && field.starts_with('\'') && field.ends_with('\'');
        both += usize::from(around);
        one += usize::from(!around);
    }
    both > 1 && both > one * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (String, bool, Option<char>, Option<char>) {
        let found = Layout::of(text);
        (found.delimiter, found.doubt.is_some(), found.quote, found.escape)
    }

    #[test]
    fn what_stands_between_fields_and_around_them() {
        for (text, expected) in [
            ("a,b,c\n1,2,3\n", (",", false, None, None)),
            ("a;b\n1,5;2,5\n1,7;2,8\n1,7;2,8\n1,7;2,8\n1,7;2,8\n", (";", false, None, None)),
            ("a;b,c\n1;2,3\n4;5,6\n", (",", true, None, None)),
            ("a,b\n\"x;y;z\",1\n\"x;y;z\",2\n", (",", false, None, None)),
            ("'a','b'\n'S1','x y'\n'S2','it'\n", (",", false, Some('\''), None)),
            ("a,b\nMen's,x\nKids' hat,y\n", (",", false, None, None)),
            ("a,b\n\"Pad 5\\\" wide\",1\n", (",", false, None, Some('\\'))),
            ("order_id sku qty\n1 A 2\n2  B 3\n", ("blanks", false, None, None)),
            ("one\ntwo words\n", (",", true, None, None)),
        ] {
            let (delimiter, doubt, quote, escape) = expected;
            assert_eq!(of(text), (delimiter.to_string(), doubt, quote, escape), "{text}");
        }
    }
}

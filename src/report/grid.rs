//! Rows for a terminal: a table where it fits, else one column a line. Chinese takes two places a character.

use unicode_width::UnicodeWidthStr;

/// Rows of text under the names of their columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grid {
    /// Names of the columns.
    pub names: Vec<String>,
    /// Columns of figures stand to the right.
    pub figures: Vec<bool>,
    /// Cells; none where there is no value.
    pub rows: Vec<Vec<Option<String>>>,
}

/// Between two columns.
const GAP: usize = 2;
/// Where there is no value.
const NOTHING: &str = "-";
/// Columns under this width are not worth cutting further.
const CUT_MIN: usize = 12;

impl Grid {
    /// A table of texts.
    pub fn texts(names: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Self {
        let rows = rows.into_iter().map(|row| row.into_iter().map(Some).collect()).collect();
        Self { names: names.iter().map(ToString::to_string).collect(), figures: vec![false; names.len()], rows }
    }

    /// As it fits on a screen of `width`; as a table whatever its width without one.
    pub fn render(&self, width: Option<usize>) -> String {
        let widths = self.widths();
        let whole = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        match width {
            Some(width) if whole > width => self.records(width),
            _ => self.table(&widths),
        }
    }

    /// As a table in any case: the last column of texts is cut to what is left of the screen.
    pub fn list(&self, width: Option<usize>) -> String {
        let mut widths = self.widths();
        let last = widths.len().saturating_sub(1);
        let before = widths[..last].iter().sum::<usize>() + GAP * last;
        if let (Some(width), Some(own)) = (width, widths.get_mut(last)) {
            *own = (*own).min(width.saturating_sub(before).max(CUT_MIN));
        }
        self.table(&widths)
    }

    fn widths(&self) -> Vec<usize> {
        let cells = |at: usize| self.rows.iter().map(move |row| text(row, at).width());
        self.names.iter().enumerate().map(|(at, name)| cells(at).chain([name.width()]).max().unwrap_or(0)).collect()
    }

    fn table(&self, widths: &[usize]) -> String {
        let line = |cells: Vec<&str>| {
            let padded = cells.iter().zip(widths).zip(&self.figures).map(|((cell, width), figure)| {
                let cell = cut(cell, *width);
                let pad = " ".repeat(width.saturating_sub(cell.width()));
                if *figure { format!("{pad}{cell}") } else { format!("{cell}{pad}") }
            });
            format!("{}\n", padded.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end())
        };
        let mut out = line(self.names.iter().map(String::as_str).collect());
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        out.push_str(&line(rule.iter().map(String::as_str).collect()));
        for row in &self.rows {
            out.push_str(&line((0..self.names.len()).map(|at| text(row, at)).collect()));
        }
        out
    }

    /// One column a line, a line between rows.
    fn records(&self, width: usize) -> String {
        let names = self.names.iter().map(|name| name.width()).max().unwrap_or(0);
        let room = width.saturating_sub(names + GAP).max(CUT_MIN);
        let mut out = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            let title = format!("-- row {} ", number + 1);
            out.push_str(&format!("{title}{}\n", "-".repeat(width.min(names + 20).saturating_sub(title.width()))));
            for (at, name) in self.names.iter().enumerate() {
                let pad = " ".repeat(names - name.width() + GAP);
                for (line, part) in wrap(text(row, at), room).into_iter().enumerate() {
                    let left = if line == 0 { format!("{name}{pad}") } else { " ".repeat(names + GAP) };
                    out.push_str(&format!("{left}{part}\n"));
                }
            }
        }
        out
    }
}

fn text(row: &[Option<String>], at: usize) -> &str {
    row.get(at).and_then(Option::as_deref).unwrap_or(NOTHING)
}

/// The beginning of a text that takes at most `width` places; `…` says that there is more.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_string();
    }
    let mut out = String::new();
    for c in text.chars() {
        if out.width() + c.to_string().width() + 1 > width {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// A text in pieces of at most `width` places, broken at spaces where there are any.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    let words = text.split_inclusive([' ', '\n']);
    for word in words {
        if !line.is_empty() && line.width() + word.trim_end().width() > width {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            if c == '\n' || line.width() + c.to_string().width() > width && c != ' ' {
                lines.push(std::mem::take(&mut line));
            }
            if c != '\n' {
                line.push(c);
            }
        }
    }
    lines.push(line);
    lines.into_iter().map(|line| line.trim_end().to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        Grid {
            names: vec!["channel".into(), "net_sales".into()],
            figures: vec![false, true],
            rows: vec![vec![Some("直播".into()), Some("1234.50".into())], vec![Some("store".into()), None]],
        }
    }

    #[test]
    fn a_table_where_it_fits_and_lines_where_not() {
        let table = "channel  net_sales\n-------  ---------\n直播       1234.50\nstore            -\n";
        assert_eq!(grid().render(None), table);
        assert_eq!(grid().render(Some(18)), table);
        let records = "-- row 1 --------\nchannel    直播\nnet_sales  1234.50\n-- row 2 --------\nchannel    store\nnet_sales  -\n";
        assert_eq!(grid().render(Some(17)), records);
    }

    #[test]
    fn no_line_is_wider_than_the_screen() {
        let long =
            "一个很长的说明 with some words that go on and on, and averyveryverylongwordthatmustbebroken at last";
        let grid = Grid::texts(&["name", "说明"], vec![vec!["a".into(), long.into()]]);
        for width in [40, 60, 80] {
            for text in [grid.render(Some(width)), grid.list(Some(width))] {
                assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
            }
            let said: String = grid.render(Some(width)).split_whitespace().collect();
            let whole: String = long.split_whitespace().collect();
            assert!(said.ends_with(&whole), "nothing is lost: {said}");
        }
    }
}

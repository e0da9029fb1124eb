//! Tags become tables.

use super::super::block::{Cell, Step, refuse};

/// A table of a page, or a sheet of an XML workbook.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub name: String,
    pub hidden: bool,
    /// Row number and cells.
    pub rows: Vec<(i64, Vec<(String, Cell)>)>,
    /// Columns that a cell of a row above still covers, and for how many rows.
    covered: Vec<usize>,
    row: Option<Vec<(String, Cell)>>,
    next_row: i64,
}

impl Table {
    fn new(number: usize) -> Self {
        Self { name: format!("table {number}"), next_row: 1, ..Self::default() }
    }

    fn end_row(&mut self) {
        let Some(row) = self.row.take() else { return };
        for rows in self.covered.iter_mut().skip(row.len()) {
            *rows = rows.saturating_sub(1);
        }
        self.rows.push((self.next_row, row));
        self.next_row = self.next_row.saturating_add(1);
    }

    /// Moves to the next column that no cell above covers.
    fn pass_covered(&mut self) {
        let row = self.row.get_or_insert_default();
        while let Some(rows) = self.covered.get_mut(row.len()).filter(|rows| **rows > 0) {
            *rows -= 1;
            row.push((String::new(), Cell::Text));
        }
    }

    fn push(&mut self, cell: &Open, columns_max: usize) {
        self.pass_covered();
        let row = self.row.get_or_insert_default();
        if let Some(index) = cell.index {
            while row.len() + 1 < index.min(columns_max) {
                row.push((String::new(), Cell::Text));
            }
        }
        let text = cell.text.split_whitespace().collect::<Vec<_>>().join(" ");
        for at in 0..cell.across.min(columns_max) {
            let place = row.len();
            row.push(if at == 0 { (text.clone(), cell.kind) } else { (String::new(), Cell::Text) });
            if cell.down > 1 {
                if self.covered.len() <= place {
                    self.covered.resize(place + 1, 0);
                }
                self.covered[place] = cell.down - 1;
            }
        }
    }
}

/// A cell whose end has not come yet.
#[derive(Debug)]
struct Open {
    text: String,
    kind: Cell,
    index: Option<usize>,
    across: usize,
    down: usize,
}

impl Open {
    fn of(tag: &Tag<'_>) -> Self {
        let spans = |html: &str, xml: &str| {
            tag.number(html).or_else(|| Some(tag.number(xml)?.saturating_add(1))).unwrap_or(1).max(1)
        };
        Self {
            text: String::new(),
            kind: Cell::Text,
            index: tag.number("index"),
            across: spans("colspan", "mergeacross"),
            down: spans("rowspan", "mergedown"),
        }
    }
}

/// All tables of a text, in the order in which they begin.
pub(super) fn tables(text: &str, columns_max: usize, cells_max: u64) -> Step<Vec<Table>> {
    let mut found: Vec<Table> = Vec::new();
    // tables within tables: the innermost takes what comes
    let mut within: Vec<usize> = Vec::new();
    let mut cells: Vec<Option<Open>> = Vec::new();
    let (mut rest, mut count, mut sheet) = (text, 0_u64, None);
    while let Some(at) = rest.find('<') {
        add_text(&mut cells, &rest[..at]);
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        if let Some(data) = rest.strip_prefix("<![CDATA[") {
            let end = data.find("]]>").unwrap_or(data.len());
            if let Some(Some(cell)) = cells.last_mut() {
                cell.text.push_str(&data[..end]);
            }
            rest = data.get(end + 3..).unwrap_or("");
            continue;
        }
        let Some(tag) = Tag::at(rest) else {
            add_text(&mut cells, "<");
            rest = &rest[1..];
            continue;
        };
        rest = &rest[tag.length..];
        match (tag.name.as_str(), tag.closes) {
            ("script" | "style", false) if !tag.empty => {
                rest = behind(rest, &tag.name);
            }
            ("worksheet", false) => sheet = tag.value("name"),
            ("visible", false) if rest.starts_with("SheetHidden") || rest.starts_with("SheetVeryHidden") => {
                if let Some(table) = found.last_mut() {
                    table.hidden = true;
                }
            }
            ("table", false) => {
                let mut table = Table::new(found.len() + 1);
                table.name = sheet.take().unwrap_or(table.name);
                within.push(found.len());
                found.push(table);
                cells.push(None);
            }
            ("table", true) => {
                end_cell(&mut found, &within, &mut cells, columns_max);
                if let Some(table) = within.pop().and_then(|at| found.get_mut(at)) {
                    table.end_row();
                }
                cells.pop();
            }
            ("tr" | "row", closes) => {
                end_cell(&mut found, &within, &mut cells, columns_max);
                let Some(table) = within.last().and_then(|at| found.get_mut(*at)) else { continue };
                table.end_row();
                if !closes {
                    if let Some(index) = tag.number("index").and_then(|index| i64::try_from(index).ok()) {
                        table.next_row = table.next_row.max(index);
                    }
                    table.row = Some(Vec::new());
                }
            }
            ("td" | "th" | "cell", false) => {
                end_cell(&mut found, &within, &mut cells, columns_max);
                count += 1;
                if count > cells_max {
                    return refuse(format!("the page has more than {cells_max} cells"));
                }
                if let Some(cell) = cells.last_mut() {
                    *cell = Some(Open::of(&tag));
                }
                if tag.empty {
                    end_cell(&mut found, &within, &mut cells, columns_max);
                }
            }
            ("td" | "th" | "cell", true) => end_cell(&mut found, &within, &mut cells, columns_max),
            ("data", false) => {
                if let Some(Some(cell)) = cells.last_mut() {
                    cell.kind = match tag.value("type").as_deref() {
                        Some("Number") => Cell::Number,
                        Some("DateTime" | "Boolean") => Cell::Canonical,
                        Some("Error") => Cell::Error,
                        _ => Cell::Text,
                    };
                }
            }
            ("br" | "p" | "div", _) => add_text(&mut cells, " "),
            _ => {}
        }
        let inner = within.last().and_then(|at| found.get(*at)?.row.as_ref());
        if inner.is_some_and(|row| row.len() > columns_max) {
            return refuse(format!("a row of the page has more than {columns_max} cells"));
        }
    }
    // a page that is cut off may lack what closes its rows
    for at in within {
        if found[at].row.as_ref().is_some_and(|row| !row.is_empty()) {
            return refuse("the page is cut off: its table does not end; send the file again");
        }
    }
    Ok(found)
}

fn end_cell(found: &mut [Table], within: &[usize], cells: &mut [Option<Open>], columns_max: usize) {
    let cell = cells.last_mut().and_then(Option::take);
    if let (Some(cell), Some(table)) = (cell, within.last().and_then(|at| found.get_mut(*at))) {
        table.push(&cell, columns_max);
    }
}

fn add_text(cells: &mut [Option<Open>], text: &str) {
    if let Some(Some(cell)) = cells.last_mut() {
        unescape(text, &mut cell.text);
    }
}

/// What follows from the closing tag of that name on.
fn behind<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some(at) = rest.find("</") {
        rest = &rest[at..];
        if rest[2..].get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            return rest;
        }
        rest = &rest[2..];
    }
    ""
}

/// A tag: its name in small letters without a prefix, and what stands in it.
struct Tag<'a> {
    name: String,
    inside: &'a str,
    closes: bool,
    empty: bool,
    length: usize,
}

impl<'a> Tag<'a> {
    /// The tag at the start of a text; `None` where a `<` stands for itself.
    fn at(text: &'a str) -> Option<Self> {
        let (closes, bare) = match text[1..].strip_prefix('/') {
            Some(bare) => (true, bare),
            None => (false, &text[1..]),
        };
        if !bare.starts_with(|first: char| first.is_ascii_alphabetic() || first == '?' || first == '!') {
            return None;
        }
        let mut quote = None;
        let end = bare.bytes().position(|byte| match (quote, byte) {
            (None, b'>') => true,
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                false
            }
            (Some(open), byte) if open == byte => {
                quote = None;
                false
            }
            _ => false,
        })?;
        let inside = &bare[..end];
        let name = inside.split(|char: char| char.is_ascii_whitespace() || char == '/').next().unwrap_or_default();
        let name = name.rsplit(':').next().unwrap_or(name).to_ascii_lowercase();
        let length = text.len() - bare.len() + end + 1;
        Some(Self { name, inside, closes, empty: inside.ends_with('/'), length })
    }

    /// The value of an attribute, whatever its prefix.
    fn value(&self, wanted: &str) -> Option<String> {
        let mut rest = self.inside;
        while let Some(at) = rest.find('=') {
            let key = rest[..at].trim_end().rsplit(|char: char| char.is_ascii_whitespace()).next().unwrap_or_default();
            let key = key.rsplit(':').next().unwrap_or(key);
            let after = rest[at + 1..].trim_start();
            let (value, left) = if let Some(quote @ ('"' | '\'')) = after.chars().next() {
                let end = after[1..].find(quote).map_or(after.len(), |end| end + 1);
                (&after[1..end], after.get(end + 1..).unwrap_or(""))
            } else {
                let end = after.find(|char: char| char.is_ascii_whitespace()).unwrap_or(after.len());
                (&after[..end], &after[end..])
            };
            if key.eq_ignore_ascii_case(wanted) {
                let mut text = String::new();
                unescape(value, &mut text);
                return Some(text);
            }
            rest = left;
        }
        None
    }

    fn number(&self, wanted: &str) -> Option<usize> {
        self.value(wanted)?.trim().parse().ok()
    }
}

/// Adds a text with its entities as the characters that they stand for.
fn unescape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.char_indices().take(12).find(|(_, char)| *char == ';').map(|(end, _)| end);
        let char = end.and_then(|end| entity(&rest[1..end]));
        if let (Some(char), Some(end)) = (char, end) {
            out.push(char);
            rest = &rest[end + 1..];
        } else {
            out.push('&');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "yen" => '¥',
        "euro" => '€',
        "pound" => '£',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<String>> {
        let found = tables(text, 100, 1000).unwrap();
        found[0].rows.iter().map(|(_, row)| row.iter().map(|(text, _)| text.clone()).collect()).collect()
    }

    #[test]
    fn cells_keep_their_columns() {
        let page = "<!-- <table><tr><td>no --><table border=1><tr><td colspan=2>a &amp; b<th>c</tr>\
            <tr><td rowspan=\"2\">x<br>y</td><td>1 &lt; 2</td><td></td></tr><tr><td>3<td>4</table>";
        assert_eq!(rows(page), [vec!["a & b", "", "c"], vec!["x y", "1 < 2", ""], vec!["", "3", "4"]]);
    }

    #[test]
    fn xml_workbooks_skip_cells_and_rows_and_say_their_types() {
        let book = r#"<?xml version="1.0"?><Workbook><Worksheet ss:Name="A &amp; B"><Table>
            <Row><Cell><Data ss:Type="String">a</Data></Cell><Cell ss:Index="3"><Data ss:Type="Number">7</Data></Cell></Row>
            <Row ss:Index="4"><Cell ss:MergeAcross="1"><Data ss:Type="DateTime">2026-11-22T00:00:00.000</Data></Cell><Cell/></Row>
            </Table><WorksheetOptions><Visible>SheetHidden</Visible></WorksheetOptions></Worksheet></Workbook>"#;
        let found = tables(book, 100, 1000).unwrap();
        assert_eq!((found[0].name.as_str(), found[0].hidden), ("A & B", true));
        let (text, number) =
            (|text: &str| (text.to_string(), Cell::Text), |text: &str| (text.to_string(), Cell::Number));
        assert_eq!(found[0].rows[0], (1, vec![text("a"), text(""), number("7")]));
        let day = ("2026-11-22T00:00:00.000".to_string(), Cell::Canonical);
        assert_eq!(found[0].rows[1], (4, vec![day, text(""), text("")]));
    }

    #[test]
    fn a_page_that_is_cut_off_is_refused() {
        assert!(tables("<table><tr><td>a</td></tr><tr><td>b</td><td>", 100, 1000).is_err());
    }
}

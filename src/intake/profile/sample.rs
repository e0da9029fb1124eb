//! A look at the head of a file: how it is written, which row is its header, what its columns hold.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::block::{Block, Cell, Source, Stop};
use super::super::decode::{self, Decoder};
use super::super::header::Wanted;
use super::super::open::{self, Content, Part};
use super::super::spool::Spool;
use super::super::text::TextSource;
use super::super::{columnar, edi, json, markup, sheet};
use super::guess::{self, Values};
use super::layout::Layout;
use super::words::{self, quoted};
use crate::config::Config;
use crate::contract::{Contract, Contracts};
use crate::error::Error;
use crate::grammar::number;
use crate::sender::Sender;

/// Rows that are looked at.
const SAMPLE_ROWS: usize = 2_000;
/// Bytes of a text that are looked at for its encoding.
const SAMPLE_BYTES: usize = 8 << 20;

/// A look at the head of a file.
pub(super) struct Sample {
    pub(super) encoding: Option<&'static str>,
    pub(super) layout: Option<Layout>,
    pub(super) preamble: usize,
    /// Whether the first row is data already.
    pub(super) headless: bool,
    /// Whether it is not certain that the header is one.
    pub(super) doubted: bool,
    pub(super) names: Vec<String>,
    pub(super) columns: Vec<Values>,
    pub(super) totals: BTreeSet<String>,
    pub(super) end: Option<&'static str>,
    /// In front of every value.
    pub(super) prefix: Option<char>,
    /// The rows themselves, without totals.
    pub(super) rows: Vec<Vec<String>>,
    /// What lines begin with that are no data.
    pub(super) comment: bool,
    /// Whether values have the types of a workbook or of Parquet.
    pub(super) typed: bool,
    pub(super) sheet: Option<String>,
    /// `x12` or `edifact`.
    pub(super) edi: Option<&'static str>,
}

/// Looks at the first rows of a file.
pub(super) fn look(
    path: &Path,
    name: &str,
    contract: &Contract,
    contracts: &Contracts,
    config: &Config,
    scratch: &Path,
) -> Result<Sample, Stop> {
    let parts = open::open(&Spool::Disk(path.to_path_buf()), name, &config.intake, scratch)?;
    let part = parts.first().ok_or_else(|| Stop::Refused("the file has no parts".into()))?;
    let mut encoding = None;
    let (mut source, layout) = reader_of(part, name, (contract, contracts), config, &mut encoding)?;
    let mut block = Block::default();
    let mut rows: Vec<Vec<(String, Cell)>> = Vec::new();
    let mut lines = Vec::new();
    while rows.len() < SAMPLE_ROWS && source.next(&mut block)? {
        for row in block.rows.iter().filter(|row| !block.is_blank(row) && row.flaw.is_none()) {
            let cells = (0..row.fields).map(|field| block.cell(row, field));
            rows.push(block.fields(row).into_iter().map(|text| text.trim().to_string()).zip(cells).collect());
            lines.push(row.line);
        }
    }
    // payment platforms put such lines in front of the header and behind the rows
    let marked = |row: &Vec<(String, Cell)>| row.first().is_some_and(|(text, _)| text.starts_with('#'));
    let comment = matches!(part.content, Content::Text) && rows.first().is_some_and(marked);
    if comment {
        let kept: Vec<bool> = rows.iter().map(|row| !marked(row)).collect();
        let mut keep = kept.iter();
        rows.retain(|_| *keep.next().unwrap_or(&true));
        lines = lines.into_iter().zip(kept).filter_map(|(line, kept)| kept.then_some(line)).collect();
    }
    let known = guess::known(contract);
    let texts = |row: &[(String, Cell)]| row.iter().map(|(text, _)| text.clone()).collect::<Vec<_>>();
    let certain = rows.iter().take(200).position(|row| known.fits(&texts(row)));
    let header = certain.or_else(|| header_of(&rows));
    if rows.is_empty() {
        return Err(Stop::Refused("the file has no rows".into()));
    }
    let names = match header {
        Some(header) => texts(&rows[header]),
        None => (1..=rows.iter().map(Vec::len).max().unwrap_or(0)).map(|number| number.to_string()).collect(),
    };
    let body = header.map_or(0, |header| header + 1);
    let prefix = prefix_of(&rows[body..]);
    if let Some(prefix) = prefix {
        for (text, _) in rows[body..].iter_mut().flatten() {
            *text = text.strip_prefix(prefix).unwrap_or(text).to_string();
        }
    }
    let mut columns = vec![Values::default(); names.len()];
    let (mut totals, mut kept, mut end) = (BTreeSet::new(), Vec::new(), None);
    for row in &rows[body..] {
        let first = row.iter().map(|(text, _)| text.as_str()).find(|text| !text.is_empty()).unwrap_or_default();
        end = words::ENDS.into_iter().find(|end| first.starts_with(end));
        if end.is_some() {
            break;
        }
        // a header that comes again is told from data by itself
        if header.is_some() && texts(row) == names {
            continue;
        }
        if let Some(prefix) = words::TOTALS.iter().find(|prefix| first.starts_with(**prefix)) {
            totals.insert((*prefix).to_string());
            continue;
        }
        for (values, (text, cell)) in columns.iter_mut().zip(row) {
            values.add(text, *cell);
        }
        kept.push(row.iter().map(|(text, _)| text.clone()).collect());
    }
    let above = header.map_or(0, |header| lines[header].saturating_sub(1));
    let preamble = if comment { 0 } else { usize::try_from(above).unwrap_or(0) };
    Ok(Sample {
        encoding,
        layout,
        preamble,
        headless: header.is_none(),
        doubted: header.is_some() && certain.is_none(),
        names,
        columns,
        totals,
        end,
        prefix,
        rows: kept,
        comment,
        typed: !matches!(part.content, Content::Text),
        sheet: source.sheet(),
        edi: if part.content == Content::Edi { Some(edi::family(part)?) } else { None },
    })
}

/// A reader of the file, and how a text is laid out.
fn reader_of(
    part: &Part,
    name: &str,
    (contract, contracts): (&Contract, &Contracts),
    config: &Config,
    encoding: &mut Option<&'static str>,
) -> Result<(Box<dyn Source>, Option<Layout>), Stop> {
    Ok(match part.content {
        Content::Parquet => (Box::new(columnar::open(part, &config.intake)?), None),
        Content::Xlsx | Content::Ods | Content::Xls => {
            (Box::new(sheet::open(part, None, guess::known(contract), &config.intake)?), None)
        }
        Content::Edi => (Box::new(edi::open(part, None, contract, &config.intake)?), None),
        Content::Markup => (Box::new(markup::open(part, (None, None), &guess::known(contract), &config.intake)?), None),
        Content::Text if name.to_ascii_lowercase().contains("json") => {
            (Box::new(json::JsonSource::open(decoder_of(part, encoding)?, &config.intake)), None)
        }
        Content::Text => {
            let mut head = vec![0; 64 * 1024];
            let length = decoder_of(part, encoding)?.read(&mut head)?;
            let layout = Layout::of(&String::from_utf8_lossy(&head[..length]));
            let plain = format!("[feeds.{}]\n{}", contract.name, layout_lines(&layout, true).join("\n"));
            let plain = Sender::parse("profile", &plain, contracts).map_err(Stop::Failed)?;
            let feed = plain.feeds.get(&contract.name);
            let feed = feed.ok_or_else(|| Stop::Failed(Error::bug("the plain mapping has no feed")))?;
            let decoder = decoder_of(part, encoding)?;
            let text = TextSource::open(decoder, feed, &config.intake, &Wanted::default())?;
            (Box::new(text), Some(layout))
        }
    })
}

/// A sign that stands in front of nearly every value: exports have it so that a spreadsheet takes texts for texts.
fn prefix_of(rows: &[Vec<(String, Cell)>]) -> Option<char> {
    let filled = || rows.iter().flatten().map(|(text, _)| text.as_str()).filter(|text| !text.is_empty());
    ['`', '\''].into_iter().find(|sign| {
        let with = filled().filter(|text| text.starts_with(*sign) && !text[1..].ends_with(*sign)).count();
        with > 1 && with * 10 >= filled().count() * 8
    })
}

/// What a mapping says of a layout; all of it, or only what is not found without being said.
pub(super) fn layout_lines(layout: &Layout, all: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if all || layout.delimiter != "," {
        lines.push(format!("delimiter = {}", quoted(&layout.delimiter)));
    }
    lines.extend(layout.quote.map(|quote| format!("quote = {}", quoted(&quote.to_string()))));
    lines.extend(layout.escape.map(|escape| format!("escape = {}", quoted(&escape.to_string()))));
    lines
}

fn decoder_of(part: &Part, found: &mut Option<&'static str>) -> Result<Decoder, Stop> {
    let head = open::head(&mut part.open()?, 64 * 1024)?;
    let chosen = decode::choose(None, &head);
    let mut encoding = chosen.encoding;
    if encoding.is_none() {
        let mut trial = Decoder::new(part.open()?, None, 0);
        let mut out = vec![0; 64 * 1024];
        let mut seen = 0;
        while seen < SAMPLE_BYTES {
            match trial.read(&mut out) {
                Ok(0) => break,
                Ok(read) => seen += read,
                Err(Stop::NotUtf8) => {
                    encoding = Some(decode::detect(part.open()?)?);
                    break;
                }
                Err(other) => return Err(other),
            }
        }
    }
    *found = encoding.filter(|_| chosen.bom == 0).map(encoding_rs::Encoding::name);
    let mut bytes = part.open()?;
    open::head(&mut bytes, chosen.bom)?;
    Ok(Decoder::new(bytes, encoding, chosen.bom as u64))
}

/// The first row as wide as most rows whose cells are filled and mostly no numbers.
fn header_of(rows: &[Vec<(String, Cell)>]) -> Option<usize> {
    let width = |row: &Vec<(String, Cell)>| row.iter().filter(|(text, _)| !text.is_empty()).count();
    let mut widths: Vec<usize> = rows.iter().take(200).map(width).collect();
    widths.sort_unstable();
    let usual = widths.get(widths.len() / 2).copied()?;
    let plain = |text: &str| number::Exact::parse(text).is_none();
    rows.iter().position(|row| {
        let filled: Vec<&str> = row.iter().map(|(text, _)| text.as_str()).filter(|text| !text.is_empty()).collect();
        filled.len() * 10 >= usual * 8 && filled.iter().filter(|text| plain(text)).count() * 10 >= filled.len() * 8
    })
}

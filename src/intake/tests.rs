//! Whole files through intake: every fixture of fixtures/bad with its exact words, the formats and encodings,
//! and the law that no row is lost.

use std::io::Write;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};

use super::*;
use crate::config::Config;
use crate::contract::Contracts;
use crate::grammar::date::date_of;
use crate::sender::Sender;

mod bad;
mod containers;
mod days;
mod dialects;
mod drift;
mod edi;
mod encodings;
mod formats;
mod hostile;
mod json;
mod laws;
mod mapping;
mod rows;
mod shapes;
mod sheets;

/// A sender whose headers are the canonical names.
const PLAIN: &str = "[feeds.sales]\n[feeds.inventory]\n[feeds.products]\n";
const HEADER: &str = "partner_id,order_id,line_no,channel_id,sold_at,sku,quantity,unit_price\n";

/// What a test looks at.
struct Seen {
    outcome: Outcome,
    /// Staged rows.
    rows: Option<RecordBatch>,
    /// line, column, reason, found, expected, raw
    rejects: Vec<(i64, String, String, String, String, String)>,
}

impl Seen {
    fn reason(&self) -> &str {
        self.outcome.quarantined.as_deref().unwrap_or_else(|| panic!("not quarantined: {:?}", self.outcome))
    }

    /// `line column reason: found -> expected` of every reject.
    fn listed(&self) -> Vec<String> {
        (self.rejects.iter())
            .map(|(line, column, reason, found, expected, _)| {
                format!("{line} {column} {reason}: {found} -> {expected}")
            })
            .collect()
    }

    fn texts(&self, column: &str) -> Vec<Option<String>> {
        let rows = self.rows.as_ref().unwrap();
        let values = rows.column_by_name(column).unwrap().as_string::<i32>();
        (0..values.len()).map(|row| values.is_valid(row).then(|| values.value(row).to_string())).collect()
    }

    fn whole(&self, column: &str) -> Vec<i64> {
        self.rows.as_ref().unwrap().column_by_name(column).unwrap().as_primitive::<Int64Type>().values().to_vec()
    }

    fn money(&self, column: &str) -> Vec<i128> {
        self.rows.as_ref().unwrap().column_by_name(column).unwrap().as_primitive::<Decimal128Type>().values().to_vec()
    }

    fn days(&self, column: &str) -> Vec<String> {
        let rows = self.rows.as_ref().unwrap();
        let days = rows.column_by_name(column).unwrap().as_primitive::<Date32Type>();
        days.values().iter().map(|day| date_of(*day).to_string()).collect()
    }

    fn instants(&self, column: &str) -> Vec<String> {
        let rows = self.rows.as_ref().unwrap();
        let instants = rows.column_by_name(column).unwrap().as_primitive::<TimestampMicrosecondType>();
        instants.values().iter().map(|at| DateTime::from_timestamp_micros(*at).unwrap().to_rfc3339()).collect()
    }
}

struct World {
    contracts: Contracts,
    config: Config,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self {
            contracts: Contracts::load(&root.join("jobs")).unwrap(),
            config: Config::parse("", root).unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Stages bytes under a key `d01/<feed>/<name>`.
    fn stage(&self, feed: &str, name: &str, bytes: &[u8], sender: &str) -> Seen {
        let sender = Sender::parse("d01", sender, &self.contracts).unwrap();
        self.stage_as(&sender, feed, name, bytes)
    }

    /// Stages bytes of a sender that has been read.
    fn stage_as(&self, sender: &Sender, feed: &str, name: &str, bytes: &[u8]) -> Seen {
        let path = self.folder.path().join("raw");
        std::fs::write(&path, bytes).unwrap();
        let seen = self.stage_from(Spool::Disk(path), sender, feed, name, bytes.len());
        // What a small text becomes is the same wherever its bytes are.
        if let Some(held) = Spool::held(&bytes::Bytes::copy_from_slice(bytes)) {
            let again = self.stage_from(held, sender, feed, name, bytes.len());
            let account = |seen: &Seen| Outcome { staged: None, rejects: None, ..seen.outcome.clone() };
            assert_eq!(account(&again), account(&seen));
            assert_eq!((again.rows, again.rejects), (seen.rows.clone(), seen.rejects.clone()));
        }
        seen
    }

    fn stage_from(&self, content: Spool, sender: &Sender, feed: &str, name: &str, size: usize) -> Seen {
        let contract = self.contracts.get(feed).unwrap();
        let raw = RawFile {
            sender: "d01".into(),
            feed: feed.into(),
            key: format!("d01/{feed}/{name}"),
            content,
            bytes: size as u64,
            version: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef".into(),
            last_modified: "2026-11-23T01:00:00Z".parse().unwrap(),
        };
        let (limits, zone) = (&self.config.intake, self.config.company.time_zone);
        let out = tempfile::tempdir().unwrap();
        let outcome = stage_file(&raw, &sender.feeds[feed], contract, limits, zone, "CNY", out.path()).unwrap();
        assert_eq!(outcome.rows_read, outcome.rows_clean + outcome.rows_rejected, "{outcome:?}");
        let rows = outcome.staged.as_ref().map(read);
        assert_eq!(rows.as_ref().map_or(0, RecordBatch::num_rows) as u64, outcome.rows_clean);
        if let Some(rows) = &rows {
            let plain = |schema: &arrow::datatypes::Schema| -> Vec<_> {
                schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
            };
            assert_eq!(plain(&rows.schema()), plain(&contract.staged_schema()));
        }
        let rejects = outcome.rejects.as_ref().map(read);
        let text = |column: &str, row: usize| {
            rejects.as_ref().unwrap().column_by_name(column).unwrap().as_string::<i32>().value(row).to_string()
        };
        let rejects = (0..rejects.as_ref().map_or(0, RecordBatch::num_rows))
            .map(|row| {
                let lines = rejects.as_ref().unwrap().column_by_name("line").unwrap().as_primitive::<Int64Type>();
                let [column, reason, found, expected, raw] =
                    ["column", "reason", "found", "expected", "raw"].map(|name| text(name, row));
                (lines.value(row), column, reason, found, expected, raw)
            })
            .collect::<Vec<_>>();
        assert_eq!(rejects.len() as u64, outcome.rejects_rows);
        assert_eq!(outcome.reasons.values().sum::<u64>(), outcome.rejects_rows);
        let on_disk = |spool: &Option<Spool>| usize::from(matches!(spool, Some(Spool::Disk(_))));
        let expected_files = on_disk(&outcome.staged) + on_disk(&outcome.rejects);
        assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), expected_files, "nothing else stays behind");
        Seen { outcome, rows, rejects }
    }

    /// Stages sales of 2026-11-22 by canonical headers.
    fn sales(&self, bytes: &[u8]) -> Seen {
        self.stage("sales", "2026-11-22.csv", bytes, PLAIN)
    }
}

fn read(spool: &Spool) -> RecordBatch {
    let batches: Vec<_> = spool.rows(1024, None).unwrap().collect::<Result<_, _>>().unwrap();
    arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// A plain sales row.
fn row(number: usize) -> String {
    format!("P001,O{number},{number},ch_shop,2026-11-22 10:00:00,00012,1,9.90\n")
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, ::zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A cell of a workbook that holds a text of its own.
fn text_cell(column: char, row: u32, text: &str) -> String {
    format!(r#"<c r="{column}{row}" t="inlineStr"><is><t>{text}</t></is></c>"#)
}

/// The smallest workbook that holds this sheet XML.
fn xlsx(sheet: &str) -> Vec<u8> {
    xlsx_with(sheet, "", &[])
}

/// A workbook whose style 1 is a date, counted from 1904 or from 1900.
fn dated_xlsx(sheet: &str, from_1904: bool) -> Vec<u8> {
    let styles = r#"<?xml version="1.0" encoding="UTF-8"?><styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>"#;
    xlsx_with(sheet, &format!(r#"<workbookPr date1904="{from_1904}"/>"#), &[("xl/styles.xml", styles.as_bytes())])
}

/// A workbook with properties and further parts.
fn xlsx_with(sheet: &str, properties: &str, parts: &[(&str, &[u8])]) -> Vec<u8> {
    let types = r#"<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>"#;
    let rels = r#"<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
    let book = r#"<?xml version="1.0" encoding="UTF-8"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">PROPERTIES<sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
    let book = book.replace("PROPERTIES", properties);
    let book_rels = r#"<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/><Relationship Id="rId3" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>"#;
    let sheet = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{sheet}</sheetData></worksheet>"#
    );
    let own: [(&str, &[u8]); 5] = [
        ("[Content_Types].xml", types.as_bytes()),
        ("_rels/.rels", rels.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", book_rels.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ];
    zip(&[&own[..], parts].concat())
}

/// A cell of an ODS sheet: its type, the attribute that holds its value, and the text that people see.
fn ods_cell(kind: &str, value: &str, text: &str) -> String {
    format!(r#"<table:table-cell office:value-type="{kind}"{value}><text:p>{text}</text:p></table:table-cell>"#)
}

/// The smallest ODS workbook that holds these rows.
fn ods(rows: &str) -> Vec<u8> {
    let content = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet><table:table table:name="Sales">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"#
    );
    let manifest = r#"<?xml version="1.0" encoding="UTF-8"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>"#;
    zip(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("content.xml", content.as_bytes()),
        ("META-INF/manifest.xml", manifest.as_bytes()),
    ])
}

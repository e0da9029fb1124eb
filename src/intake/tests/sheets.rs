//! Which sheet of a workbook is read and what its cells mean; what the columns of a Parquet file mean.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Int32Array, ListArray, StringArray};
use arrow::datatypes::Int32Type;
use parquet::arrow::ArrowWriter;
use parquet::data_type::{ByteArrayType, Int96, Int96Type};
use parquet::file::metadata::{ParquetMetaDataReader, ParquetMetaDataWriter};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use super::*;

/// A workbook of these sheets: name, whether it is hidden, lines of cells.
fn book(sheets: &[(&str, bool, &[&str])]) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    for (name, hidden, lines) in sheets {
        let sheet = book.add_worksheet();
        sheet.set_name(*name).unwrap().set_hidden(*hidden).set_active(!hidden && *name != "Shop2" && *name != "Data");
        for (row, line) in (0..).zip(*lines) {
            for (column, cell) in (0..).zip(line.trim_end().split(',')) {
                sheet.write_string(row, column, cell).unwrap();
            }
        }
    }
    book.save_to_buffer().unwrap()
}

fn xls(bytes: &[u8]) -> Seen {
    World::new().stage("sales", "2026-11-22.xlsx", bytes, PLAIN)
}

#[test]
fn the_sheet_that_people_see_and_that_fits() {
    let (old, new) = (row(1).replace("00012", "OLD"), row(2).replace("00012", "NEW"));
    let seen = xls(&book(&[
        ("Old", true, &[HEADER, &old]),
        ("Cover", false, &["Monthly report"]),
        ("Data", false, &[HEADER, &new]),
    ]));
    assert_eq!(seen.texts("sku"), [Some("NEW".into())]);
    assert_eq!(seen.outcome.warnings, ["the workbook has 3 sheets: Old (hidden), Cover, Data; read: Data"]);
    let seen = xls(&book(&[("Shop1", false, &[HEADER, &old]), ("Shop2", false, &[HEADER, &new])]));
    assert_eq!(seen.texts("sku"), [Some("OLD".into())]);
    assert_eq!(
        seen.outcome.warnings[1],
        "the sheets Shop1, Shop2 all hold what is wanted, and only the first of them was read: name it by `sheet`, or have \
         them put into one"
    );
    let seen = xls(&book(&[("Empty", false, &[]), ("Old", true, &[HEADER, &old])]));
    assert_eq!(seen.reason(), "the sheet \"Empty\" is empty; the workbook also has: Old");
}

#[test]
fn results_that_wait_for_a_calculation_are_none() {
    let cells: String = "partner_id,order_id,line_no,channel_id,sold_at,sku,quantity"
        .split(',')
        .zip('A'..)
        .map(|(name, column)| text_cell(column, 1, name))
        .collect();
    let values: String = "P001,O1,1,ch,2026-11-22,A,1"
        .split(',')
        .zip('A'..)
        .map(|(value, column)| text_cell(column, 2, value))
        .collect();
    let sheet = format!(
        "<row r=\"1\">{cells}{}</row><row r=\"2\">{values}<c r=\"H2\"><f>20-0.01</f><v>0</v></c></row>",
        text_cell('H', 1, "unit_price")
    );
    let seen = World::new().stage("sales", "2026-11-22.xlsx", &xlsx(&sheet), "[feeds.sales]\nreject_limit = 1.0\n");
    assert_eq!(seen.money("unit_price"), [0], "a stored result is one");
    let stale =
        xlsx_with(&sheet, "", &[("xl/extra/workbook.xml", br#"<workbook><calcPr fullCalcOnLoad="1"/></workbook>"#)]);
    let seen = World::new().stage("sales", "2026-11-22.xlsx", &stale, "[feeds.sales]\nreject_limit = 1.0\n");
    assert_eq!(
        seen.listed(),
        [
            "2 unit_price error_cell: formula whose result waits for a calculation -> a value, not an error of the workbook"
        ]
    );
}

#[test]
fn an_indented_ods_and_a_formula_of_it_without_result() {
    let names = "partner_id,order_id,line_no,channel_id,sold_at,sku,quantity,unit_price";
    let line = |cells: &str| -> String {
        let cells: Vec<String> =
            cells.split(',').map(|cell| format!("\n   {}", ods_cell("string", "", cell))).collect();
        format!("\n  <table:table-row>{}\n  </table:table-row>", cells.concat())
    };
    let bare = line("P001,O2,2,ch,2026-11-22,A,1,X")
        .replace(&ods_cell("string", "", "X"), r#"<table:table-cell table:formula="of:=[.A1]"/>"#);
    let bytes = ods(&format!("{}{}{bare}\n ", line(names), line("P001,O1,1,ch,2026-11-22,A,1,5.00")));
    let seen = World::new().stage("sales", "2026-11-22.ods", &bytes, "[feeds.sales]\nreject_limit = 1.0\n");
    assert_eq!(seen.money("unit_price"), [50_000]);
    assert_eq!(
        seen.listed(),
        ["3 unit_price error_cell: formula without a stored result -> a value, not an error of the workbook"]
    );
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn parquet_of(sku: ArrayRef, properties: Option<WriterProperties>) -> Vec<u8> {
    let same = |value: &str| texts(&[value, value]);
    let batch = RecordBatch::try_from_iter(vec![
        ("partner_id", same("P001")),
        ("order_id", texts(&["O1", "O2"])),
        ("line_no", Arc::new(Int32Array::from(vec![1, 2])) as ArrayRef),
        ("channel_id", same("c")),
        ("sold_at", same("2026-11-22")),
        ("quantity", Arc::new(Int32Array::from(vec![1, 1]))),
        ("unit_price", same("9.90")),
        ("sku", sku),
    ])
    .unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), properties).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn parquet(bytes: &[u8]) -> Seen {
    World::new().stage("sales", "2026-11-22.parquet", bytes, "[feeds.sales]\nreject_limit = 1.0\n")
}

#[test]
fn bytes_are_text_where_they_are_and_lists_are_named() {
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec!["上1".as_bytes(), b"\xff\xfe\x00\x01"]));
    let seen = parquet(&parquet_of(bytes, None));
    assert_eq!(seen.texts("sku"), [Some("上1".into())]);
    assert_eq!(
        seen.listed(),
        [
            "2 sku binary_value: 4 bytes that are no text, beginning with fffe0001 -> text, or numbers and dates of their own types"
        ]
    );
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)]), Some(vec![Some(2)])]);
    let seen = parquet(&parquet_of(Arc::new(lists), None));
    assert_eq!(seen.listed()[0], "1 sku nested_value: a list -> one plain value a row");
}

/// Puts a checksum into the header of the last column's page, which the writer does not do.
fn with_checksum(bytes: &[u8]) -> Vec<u8> {
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes::Bytes::copy_from_slice(bytes)).unwrap();
    let group = metadata.row_group(0);
    let mut columns = group.columns().to_vec();
    let last = columns.pop().unwrap();
    let (start, length) = last.byte_range();
    let (start, length) = (usize::try_from(start).unwrap(), usize::try_from(length).unwrap());
    let page = &bytes[start..start + length];
    // fields 1 to 3, each an integer: kind of the page, its size, its size as stored
    let (mut at, mut stored) = (0, 0_usize);
    for _ in 0..3 {
        assert_eq!(page[at], 0x15);
        at += 1;
        let (mut value, mut shift) = (0_usize, 0);
        loop {
            value |= usize::from(page[at] & 0x7f) << shift;
            (shift, at) = (shift + 7, at + 1);
            if page[at - 1] & 0x80 == 0 {
                break;
            }
        }
        stored = value / 2;
    }
    assert_eq!(page[at], 0x2c, "field 5 follows, which says what kind of page it is");
    let mut crc = flate2::Crc::new();
    crc.update(&page[length - stored..]);
    let sum = crc.sum().cast_signed();
    let mut zigzag = ((sum << 1) ^ (sum >> 31)).cast_unsigned();
    let mut out = [&bytes[..start + at], &[0x15]].concat();
    while zigzag >= 0x80 {
        out.push(zigzag.to_le_bytes()[0] | 0x80);
        zigzag >>= 7;
    }
    out.extend([zigzag.to_le_bytes()[0], 0x1c]);
    out.extend_from_slice(&page[at + 1..]);
    let size = i64::try_from(out.len() - start).unwrap();
    columns.push(last.into_builder().set_total_compressed_size(size).build().unwrap());
    let group = group.clone().into_builder().set_column_metadata(columns).build().unwrap();
    let metadata = metadata.into_builder().set_row_groups(vec![group]).build();
    ParquetMetaDataWriter::new(&mut out, &metadata).finish().unwrap();
    out
}

#[test]
fn one_byte_of_a_page_that_is_not_what_was_written() {
    let properties = WriterProperties::builder()
        .set_compression(parquet::basic::Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .build();
    let mut bytes = with_checksum(&parquet_of(texts(&["KEEP-ME-1", "KEEP-ME-2"]), Some(properties)));
    assert_eq!(parquet(&bytes).texts("sku"), [Some("KEEP-ME-1".into()), Some("KEEP-ME-2".into())]);
    let at = bytes.windows(9).position(|window| window == b"KEEP-ME-2").unwrap();
    bytes[at + 8] = b'7';
    assert_eq!(
        parquet(&bytes).reason(),
        "the Parquet file is damaged: the checksum of a page is not that of its bytes; send the file again"
    );
}

/// `SheetJS` counts from 1899, when Shanghai was 8:05:43 ahead, in minutes.
#[test]
fn dates_that_sheetjs_wrote_in_china() {
    let head: String = HEADER.trim().split(',').zip('A'..).map(|(name, column)| text_cell(column, 1, name)).collect();
    let line = |at: u32, serial: &str| -> String {
        let cells = ["P001", "O1", "1", "ch", "", "A", "1", "9.90"].into_iter().zip('A'..);
        let cells: String = cells
            .map(|(text, column)| match column {
                'B' | 'C' => text_cell(column, at, &text.replace('1', &at.to_string())),
                'E' => format!("<c r=\"E{at}\" s=\"1\"><v>{serial}</v></c>"),
                _ => text_cell(column, at, text),
            })
            .collect();
        format!("<row r=\"{at}\">{cells}</row>")
    };
    // 2026-11-22 and 2026-11-22 10:30, 43 seconds early, and a time that is none of the two
    let sheet = format!(
        "<row r=\"1\">{head}</row>{}{}{}",
        line(2, "46347.99950231481"),
        line(3, "46348.43700231481"),
        line(4, "46348.5")
    );
    let styles = r#"<?xml version="1.0" encoding="UTF-8"?><styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>"#;
    let app = |name: &str| format!("<Properties><Application>{name}</Application></Properties>");
    let seen = |name: &str| {
        let parts = [("xl/styles.xml", styles.to_string()), ("docProps/app.xml", app(name))];
        let parts: Vec<(&str, &[u8])> = parts.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
        xls(&xlsx_with(&sheet, "", &parts))
    };
    let sheetjs = seen("SheetJS");
    assert_eq!(sheetjs.days("business_date"), ["2026-11-22"; 3].map(str::to_string));
    assert_eq!(sheetjs.instants("sold_at")[1], "2026-11-22T02:29:17+00:00");
    assert_eq!(
        sheetjs.outcome.warnings,
        [
            "SheetJS wrote this workbook, which in China puts every time 43 seconds early: 1 dates at 23:59:17 were read as the \
          day after, other times were left as they are; SheetJS 0.20 writes them right"
        ]
    );
    let other = seen("Microsoft Excel");
    assert_eq!((other.days("business_date")[0].as_str(), other.outcome.warnings.len()), ("2026-11-21", 0));
}

/// INT96 of two days: one that nanoseconds hold, and the end of time that they do not.
#[test]
fn stamps_of_twelve_bytes_reach_every_year() {
    let schema = "message m { required binary partner_id (UTF8); required binary order_id (UTF8); required binary line_no (UTF8);\
        required binary channel_id (UTF8); required int96 sold_at; required binary sku (UTF8); required binary quantity (UTF8);\
        required binary unit_price (UTF8); required int96 promised_on; }";
    let schema = Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = 0;
    let stamp = |day: u32, nanos: u64| {
        let mut stamp = Int96::new();
        stamp.set_data(u32::try_from(nanos & 0xffff_ffff).unwrap(), u32::try_from(nanos >> 32).unwrap(), day);
        stamp
    };
    while let Some(mut next) = group.next_column().unwrap() {
        let text = |value: &str| vec![value.into(); 2];
        let values = ["P001", "O1", "", "c", "", "A", "1", "9.90", ""];
        match column {
            // 2026-11-22 is Julian day 2,461,367
            4 => drop(
                next.typed::<Int96Type>()
                    .write_batch(&[stamp(2_461_367, 1_000), stamp(2_461_367, 1)], None, None)
                    .unwrap(),
            ),
            8 => drop(
                next.typed::<Int96Type>().write_batch(&[stamp(5_373_484, 0), stamp(5_373_484, 0)], None, None).unwrap(),
            ),
            2 => drop(next.typed::<ByteArrayType>().write_batch(&["1".into(), "2".into()], None, None).unwrap()),
            other => drop(next.typed::<ByteArrayType>().write_batch(&text(values[other]), None, None).unwrap()),
        }
        next.close().unwrap();
        column += 1;
    }
    group.close().unwrap();
    let seen = parquet(&writer.into_inner().unwrap());
    assert_eq!(seen.days("promised_on"), ["9999-12-31"]);
    assert_eq!(seen.instants("sold_at"), ["2026-11-21T16:00:00.000001+00:00"]);
    assert_eq!(
        seen.listed(),
        ["2 sold_at excess_precision: 2026-11-22T00:00:00.000000001 -> a time no finer than a microsecond"]
    );
}

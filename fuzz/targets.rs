//! What is fuzzed: one function for each way in which strangers' bytes reach us. Each holds what must be true of
//! any bytes whatever: nothing panics, every row is accounted for, and what people are told is short and harmless.

use std::path::Path;
use std::sync::OnceLock;

use tributary::config::Config;
use tributary::contract::Contracts;
use tributary::grammar::date::Pattern;
use tributary::grammar::number::{Negative, NumberStyle, show};
use tributary::intake::{Outcome, RawFile, Spool, stage_file};
use tributary::sender::Sender;

/// A target and its name.
pub type Target = (&'static str, fn(&[u8]));

/// Every target by name.
pub const ALL: [Target; 8] = [
    ("csv", csv),
    ("json", json),
    ("edi", edi),
    ("parquet", parquet),
    ("workbook", workbook),
    ("packed", packed),
    ("mapping", mapping),
    ("values", values),
];

/// Bounds so small that a few bytes reach them.
const LIMITS: &str = "[intake]\nline_bytes_max = 4096\nfield_bytes_max = 1024\ncolumns_max = 32\nrows_max = 2000\n\
     unpacked_bytes_max = 4194304\nmembers_max = 4\ncells_max = 5000\n";

/// How many of the mappings are of delimited text.
const TEXTS: usize = 8;

/// Mappings that use every way of reading; a file's first byte chooses one.
const SENDERS: [&str; 10] = [
    "[feeds.sales]\n",
    "[feeds.sales]\nreject_limit = 1.0\ndrift = \"evolve\"\n",
    r##"
[feeds.sales]
encoding = "gb18030"
missing = ["", "-", "无"]
preamble_lines = 1
total_prefixes = ["合计"]
thousands = ","
symbols = ["¥", "元"]
reject_limit = 1.0
[feeds.sales.columns]
partner_id = { constant = "P007" }
channel_id = { column = ["渠道名称", "渠道"], map = { "抖音" = "ch_douyin" }, default = "ch" }
order_id = "订单号"
line_no = { row_number = true }
sold_at = { column = "销售时间", formats = ["%Y年%m月%d日 %H:%M", "excel"] }
sku = { column = "货号", width = 5, strip_prefix = "#" }
quantity = { column = "数量", negate_if = { column = "类型", equals = "退货" } }
unit_price = { column = "单价(万元)", scale = 10000 }
discount_amount = { from_net = "实付金额" }
sale_type = { column = "类型", map = { "销售" = "sale", "退货" = "return" }, strict = true }
"##,
    r#"
[feeds.sales]
delimiter = ";"
quote = "'"
escape = "\\"
decimal_comma = true
thousands = "."
negative = "parentheses"
round = true
header_rows = 2
reject_limit = 1.0
"#,
    r#"
[feeds.sales]
quote = ""
header_rows = 0
period = "rows"
reject_limit = 1.0
[feeds.sales.columns]
partner_id = "1"
order_id = { column = "2", prefixes = { R = "x" } }
line_no = "3"
channel_id = "4"
sold_at = "5"
sku = "6"
quantity = "7"
unit_price = "8"
"#,
    "[feeds.sales]\nencoding = \"utf-16le\"\nreject_limit = 1.0\n",
    r##"
[feeds.sales]
comment = "#"
total_patterns = ["[0-9]+ rows"]
end_marks = ["END"]
skip_if = { column = "status", equals = ["void"], carry_down = true }
unfold = [["SKU#1", "Qty#1"], ["SKU#2", "Qty#2"]]
strip_prefix = "`"
time_zone = "UTC"
reject_limit = 1.0
[feeds.sales.columns]
partner_id = { constant = "P007" }
channel_id = { constant = "ch" }
order_id = { columns = ["till", "no"], join = "-" }
line_no = { row_number = true }
sold_at = { column = "at", format = "%d. %b %Y %H:%M %Z", carry_down = true }
sku = "SKU"
quantity = "Qty"
unit_price = { from_total = "total" }
currency = { column = "currency", carry_down = true }
"##,
    "[feeds.sales]\nwidths = [4, 4, 4, 4, 12, 6, 4, 6]\nreject_limit = 1.0\n",
    X12,
    EDIFACT,
];

const X12: &str = r#"
[feeds.sales]
format = "x12"
reject_limit = 1.0
edi = { sales = "gross", period_day = "spread", packs = { "012345678905" = 12 } }
[feeds.sales.columns]
partner_id = { columns = ["place_kind", "place"], default = "P" }
channel_id = { constant = "ch" }
sku = "article"
unit_price = { column = "unit_price", default = 0 }
"#;

const EDIFACT: &str = r#"
[feeds.sales]
format = "edifact"
reject_limit = 1.0
edi = { later = "add", prices = ["AAA", "AAE"] }
[feeds.sales.columns]
partner_id = "place"
channel_id = { constant = "ch" }
sku = "article"
unit_price = { column = "unit_price", default = 0 }
"#;

struct World {
    contracts: Contracts,
    config: Config,
    senders: Vec<Sender>,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let jobs = [concat!(env!("CARGO_MANIFEST_DIR"), "/../jobs"), concat!(env!("CARGO_MANIFEST_DIR"), "/jobs")];
        let jobs =
            jobs.into_iter().map(Path::new).find(|jobs| jobs.join("feeds").is_dir()).expect("the project's jobs");
        let contracts = Contracts::load(jobs).expect("the project's contracts");
        let senders = SENDERS.iter().map(|text| Sender::parse("d01", text, &contracts).expect("a mapping")).collect();
        let config = Config::parse(LIMITS, Path::new(".")).expect("settings");
        World { contracts, config, senders }
    })
}

/// A foreign reader that gives up on its own thread is caught by intake and is no finding.
pub fn quiet_readers() {
    std::panic::set_hook(Box::new(|panic| {
        if std::thread::current().name() != Some("intake") {
            use std::io::Write;
            // the process ends here either way
            writeln!(std::io::stderr(), "{panic}").ok();
            std::process::abort();
        }
    }));
}

/// Delimited text; the first byte chooses the mapping.
pub fn csv(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    read("2026-11-22.csv", bytes, usize::from(*choice) % TEXTS);
}

/// JSON, one object a line or an array.
pub fn json(bytes: &[u8]) {
    read("2026-11-22.json", bytes, 1);
}

/// X12 and EDIFACT, as the first byte says: what is read of it never is more than its messages hold.
pub fn edi(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    read("2026-11-22.edi", bytes, TEXTS + usize::from(choice % 2));
}

/// Parquet: any bytes between its marks.
pub fn parquet(bytes: &[u8]) {
    read("2026-11-22.parquet", bytes, 1);
    read("2026-11-22.parquet", &[b"PAR1", bytes, b"PAR1"].concat(), 1);
}

/// XLSX, XLS and ODS, as their content says.
pub fn workbook(bytes: &[u8]) {
    read("2026-11-22.xlsx", bytes, 1);
}

/// Packed and archived files.
pub fn packed(bytes: &[u8]) {
    read("2026-11-22.zip", bytes, 1);
}

/// A sender's mapping: a slip is an error in words.
pub fn mapping(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Sender::parse("d01", text, &world().contracts) {
        Ok(sender) => assert!(!sender.feeds.is_empty()),
        Err(err) => assert!(!err.to_string().is_empty()),
    }
}

/// Numbers, dates and their formats.
pub fn values(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let style = NumberStyle {
        decimal_comma: choice & 1 != 0,
        thousands: (choice & 2 != 0).then_some('\''),
        symbols: if choice & 4 != 0 { vec!["￥".into(), "元".into()] } else { Vec::new() },
        negative: [None, Some(Negative::Parentheses), Some(Negative::Trailing), None][usize::from(choice >> 3 & 3)],
        percent: choice & 32 != 0,
        round: choice & 64 != 0,
        ..NumberStyle::plain(18, 4)
    };
    if let Ok(digits) = style.read(text.as_bytes()) {
        let plain = NumberStyle::plain(18, 4);
        assert_eq!(plain.read(show(digits, 4).as_bytes()), Ok(digits), "what was read can be written and read again");
    }
    let (format, text) = text.split_once('\n').unwrap_or(("%Y-%m-%d", text));
    if let Ok(pattern) = Pattern::compile(format)
        && let Ok(moment) = pattern.read(text.as_bytes())
    {
        assert!((0..86_400_000_000).contains(&moment.micros), "{format}: {text}");
    }
}

/// Reads a file, and checks what holds for any.
fn read(name: &str, bytes: &[u8], mapping: usize) -> Outcome {
    let World { contracts, config, senders } = world();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("raw");
    std::fs::write(&path, bytes).expect("a file");
    let out = folder.path().join("out");
    std::fs::create_dir(&out).expect("a folder");
    let raw = RawFile {
        sender: "d01".into(),
        feed: "sales".into(),
        key: format!("d01/sales/{name}"),
        content: Spool::Disk(path),
        bytes: bytes.len() as u64,
        version: "0".repeat(64),
        last_modified: chrono::DateTime::from_timestamp(1_795_395_600, 0).expect("an instant"),
    };
    let sender = &senders[mapping % senders.len()];
    let contract = contracts.get("sales").expect("the sales contract");
    let zone = config.company.time_zone;
    let outcome =
        stage_file(&raw, &sender.feeds["sales"], contract, &config.intake, zone, "CNY", &out).expect("a machine");
    assert_eq!(outcome.rows_read, outcome.rows_clean + outcome.rows_rejected, "{outcome:?}");
    let files = usize::from(outcome.staged.is_some()) + usize::from(outcome.rejects.is_some());
    assert_eq!(std::fs::read_dir(&out).expect("the folder").count(), files, "nothing else stays behind: {outcome:?}");
    for text in outcome.quarantined.iter().chain(&outcome.warnings).chain(&outcome.drift) {
        assert!(!text.is_empty() && text.chars().count() < 8_000, "{} characters are no message", text.len());
        assert!(!text.chars().any(char::is_control), "a message acts on the terminal: {text:?}");
    }
    outcome
}

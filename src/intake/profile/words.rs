//! What is written in the wild, as tables: headers by column, words by meaning, date formats, signs of money.

/// First words of total lines.
pub(super) const TOTALS: [&str; 12] = [
    "合计",
    "总计",
    "小计",
    "Total",
    "TOTAL",
    "Grand total",
    "Subtotal",
    "Sub-total",
    "Summe",
    "Gesamt",
    "Zwischensumme",
    "共计",
];
/// First words below which nothing is data.
pub(super) const ENDS: [&str; 3] = ["总交易单数", "总笔数", "以下无数据"];
/// Headers of a line's net amount.
pub(super) const NET: [&str; 14] = [
    "实付金额",
    "实收金额",
    "成交金额",
    "net",
    "net amount",
    "net sales",
    "net value",
    "line total",
    "amount paid",
    "netto",
    "nettobetrag",
    "nettoumsatz",
    "sales value",
    "应结订单金额",
];
/// Headers of a line's amount before discount.
pub(super) const GROSS: [&str; 18] = [
    "gross sales",
    "gross",
    "gross amount",
    "sales amount",
    "amount",
    "value",
    "total",
    "total price",
    "sales",
    "umsatz",
    "brutto",
    "bruttoumsatz",
    "betrag",
    "gesamtpreis",
    "金额",
    "销售额",
    "销售金额",
    "总价",
];
/// Headers of a time of day beside a date.
pub(super) const CLOCK: [&str; 6] = ["time", "uhrzeit", "zeit", "时间", "时刻", "hour"];
/// Words at the end of a header that say little alone.
pub(super) const VAGUE: [&str; 22] = [
    "date", "time", "item", "type", "row", "count", "name", "id", "no", "line", "order", "state", "status", "datum",
    "preis", "price", "时间", "日期", "类型", "业务", "名称", "行",
];
/// Words that stand for no value.
pub(super) const MISSING: [&str; 10] = ["-", "--", "N/A", "n/a", "#N/A", "NULL", "null", "无", "/", "None"];
/// Signs around amounts.
pub(super) const SYMBOLS: [char; 6] = ['¥', '￥', '$', '€', '£', '元'];

/// Date formats that are tried, besides ISO. Ambiguous ones follow each other.
pub(super) const FORMATS: [&str; 36] = [
    "%Y-%m-%dT%H:%M:%S%:z",
    "%Y-%m-%d %H:%M:%S%:z",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y.%m.%d",
    "%Y.%m.%d %H:%M",
    "%Y%m%d",
    "%Y%m%d%H%M%S",
    "%Y年%m月%d日",
    "%Y年%m月%d日 %H:%M",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日%H时%M分",
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
    "%d/%m/%Y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%Y-%m-%d %I:%M %p",
    "%Y-%m-%d %I:%M:%S %p",
    "%d.%m.%Y %H:%M:%S",
    "%Y-%m-%d %H:%M:%S %z",
    "%d/%m/%y %H:%M",
    "%d.%m.%y",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d-%b-%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d/%m/%y",
];

/// What words of sale types and other lists mean.
pub(super) const MEANINGS: [(&str, &str); 28] = [
    ("销售", "sale"),
    ("交易", "sale"),
    ("消费", "sale"),
    ("verkauf", "sale"),
    ("order", "sale"),
    ("retoure", "return"),
    ("gutschrift", "return"),
    ("正常", "sale"),
    ("sales", "sale"),
    ("退货", "return"),
    ("退款", "return"),
    ("refund", "return"),
    ("returned", "return"),
    ("调整", "adjustment"),
    ("直营", "direct"),
    ("经销", "distribution"),
    ("代理", "agency"),
    ("加盟", "franchise"),
    ("候选", "candidate"),
    ("合作中", "active"),
    ("已终止", "ended"),
    ("线上", "online"),
    ("电话", "phone"),
    ("门店", "store"),
    ("售前", "pre_sale"),
    ("购买", "purchase"),
    ("使用", "use"),
    ("售后", "after_sale"),
];

/// How headers name currencies.
pub(super) const CURRENCIES: [(&str, &str); 14] = [
    ("usd", "USD"),
    ("美元", "USD"),
    ("eur", "EUR"),
    ("欧元", "EUR"),
    ("gbp", "GBP"),
    ("英镑", "GBP"),
    ("jpy", "JPY"),
    ("日元", "JPY"),
    ("hkd", "HKD"),
    ("港币", "HKD"),
    ("sgd", "SGD"),
    ("krw", "KRW"),
    ("twd", "TWD"),
    ("cny", "CNY"),
];

/// A TOML string.
pub(super) fn quoted(text: &str) -> String {
    let plain = !text.contains(['"', '\\']) && !text.chars().any(char::is_control);
    if plain { format!("\"{text}\"") } else { toml::Value::String(text.to_string()).to_string() }
}

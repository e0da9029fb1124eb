//! What headers are called in the wild and what their values look like.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::super::block::Cell;
use super::super::header::normal;
use crate::contract::{Column, ColumnType};
use crate::grammar::date::{Pattern, read_iso};
use crate::grammar::number::Exact;
use crate::grammar::text::fold_width;

/// First words of total lines.
pub(super) const TOTALS: [&str; 6] = ["合计", "总计", "小计", "Total", "TOTAL", "Grand total"];
/// Headers of a line's net amount.
pub(super) const NET: [&str; 8] =
    ["实付金额", "实收金额", "成交金额", "net", "net amount", "line total", "net_amount", "amount paid"];
/// Words that stand for no value.
const MISSING: [&str; 10] = ["-", "--", "N/A", "n/a", "#N/A", "NULL", "null", "无", "/", "None"];
/// Signs around amounts.
const SYMBOLS: [char; 6] = ['¥', '￥', '$', '€', '£', '元'];

/// Headers that partners use, by canonical column.
const ALIASES: [(&str, &[&str]); 40] = [
    (
        "partner_id",
        &[
            "partner",
            "partner code",
            "store id",
            "shop id",
            "dealer",
            "dealer code",
            "经销商编号",
            "门店编号",
            "店铺编号",
            "客户代码",
            "agent",
            "shop",
            "store",
            "终端",
            "门店",
            "门店编码",
            "店铺",
            "加盟店",
            "经销商",
        ],
    ),
    (
        "order_id",
        &[
            "order",
            "order no",
            "order number",
            "invoice",
            "invoiceno",
            "invoice no",
            "receipt",
            "订单号",
            "订单编号",
            "单号",
            "小票号",
            "訂單編號",
            "orderno",
            "doc no",
            "document no",
            "单据号",
            "流水号",
        ],
    ),
    ("line_no", &["line", "line number", "item no", "row", "行号", "明细行", "序号", "行"]),
    ("channel_id", &["channel", "渠道", "渠道编号", "渠道名称", "平台"]),
    (
        "sold_at",
        &[
            "date",
            "time",
            "sale date",
            "sales date",
            "order date",
            "invoicedate",
            "invoice date",
            "datetime",
            "销售时间",
            "下单时间",
            "订单时间",
            "销售日期",
            "交易时间",
            "成交时间",
            "日期",
            "时间",
            "支付时间",
            "付款时间",
            "paid at",
            "posted",
            "posting date",
        ],
    ),
    (
        "customer_id",
        &[
            "customer",
            "customerid",
            "customer no",
            "member",
            "member id",
            "card no",
            "会员",
            "会员号",
            "会员卡号",
            "客户编号",
            "买家",
            "buyer",
            "用户",
            "会员编号",
        ],
    ),
    (
        "sku",
        &[
            "item",
            "article",
            "product",
            "product code",
            "stockcode",
            "stock code",
            "item code",
            "barcode",
            "货号",
            "商品编码",
            "商品编号",
            "产品编码",
            "款号",
            "条码",
            "貨號",
        ],
    ),
    ("quantity", &["qty", "units", "pieces", "count", "数量", "销量", "件数", "销售数量", "發貨數量"]),
    ("unit_price", &["price", "unitprice", "unit price", "单价", "售价", "成交价", "零售价", "單價"]),
    ("discount_amount", &["discount", "rebate", "优惠", "优惠金额", "折扣", "折扣金额", "折扣额", "折让"]),
    ("currency", &["ccy", "currency code", "币种", "货币"]),
    ("ship_to_region", &["ship to", "region", "country", "province", "收货地区", "收货省份", "省份", "收货地"]),
    ("promotion_id", &["promotion", "campaign", "促销", "促销编号", "活动编号", "活动"]),
    ("promised_on", &["promised", "promise date", "承诺送达", "预计送达"]),
    ("delivered_on", &["delivered", "delivery date", "实际送达", "送达日期", "签收日期"]),
    ("sale_type", &["type", "transaction type", "类型", "业务类型", "销售类型", "业务"]),
    ("counted_on", &["date", "count date", "stock date", "snapshot date", "盘点日期", "库存日期", "日期"]),
    (
        "on_hand_quantity",
        &["stock", "on hand", "qty", "balance", "closing stock", "库存", "库存数量", "在库数量", "可用库存"],
    ),
    ("on_order_quantity", &["on order", "in transit", "在途", "在途数量", "在途库存", "已订未到"]),
    ("unit_cost", &["cost", "cost price", "成本", "成本单价", "单位成本", "进价"]),
    ("oldest_receipt_on", &["oldest receipt", "oldest", "最早入库", "最早入库日", "最早入库日期"]),
    ("shipment_id", &["shipment", "delivery note", "发货单号", "出库单号"]),
    ("shipped_on", &["ship date", "shipped", "发货日期", "出库日期"]),
    ("received_on", &["received", "receipt date", "收货日期", "到货日期", "签收日期"]),
    ("name", &["title", "description", "名称", "商品名称", "姓名"]),
    ("category", &["group", "product group", "品类", "类别", "分类"]),
    ("list_price", &["msrp", "retail price", "建议零售价", "吊牌价", "零售价"]),
    ("floor_price", &["minimum price", "最低限价", "最低价"]),
    ("lead_time_days", &["lead time", "提前期", "补货周期"]),
    ("launched_on", &["launch date", "上市日期", "上市日"]),
    ("joined_on", &["join date", "member since", "入会日期", "注册日期", "加入日期"]),
    ("birth_date", &["birthday", "date of birth", "生日", "出生日期"]),
    ("gender", &["sex", "性别"]),
    ("region", &["area", "province", "地区", "区域", "省份"]),
    ("manager", &["owner", "account manager", "负责人", "客户经理", "经理"]),
    ("status", &["state", "状态"]),
    ("period", &["month", "quarter", "期间", "月份"]),
    ("target", &["goal", "plan", "目标", "销售目标"]),
    ("amount", &["value", "sum", "金额"]),
    ("comment", &["remark", "note", "备注", "评语"]),
];

/// Date formats that are tried, besides ISO. Ambiguous ones follow each other.
const FORMATS: [&str; 26] = [
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
    "%m/%d/%Y %I:%M:%S %p",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d-%b-%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d/%m/%y",
];

/// What words of sale types and other lists mean.
const MEANINGS: [(&str, &str); 22] = [
    ("销售", "sale"),
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

/// The delimiter that splits the most lines into the same number of fields; commas where none does.
pub(super) fn delimiter(head: &str) -> char {
    let score = |delimiter: char| {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for line in head.lines().take(100).filter(|line| line.contains(delimiter)) {
            *counts.entry(line.matches(delimiter).count()).or_default() += 1;
        }
        counts.into_iter().map(|(fields, lines)| lines * 100 + fields).max().unwrap_or(0)
    };
    let best = [',', ';', '\t', '|'].map(|delimiter| (score(delimiter), delimiter));
    best.into_iter().rev().max_by_key(|(score, _)| *score).map_or(',', |(_, delimiter)| delimiter)
}

/// Every name, in comparable form, by which a column is known.
fn alike(column: &Column) -> Vec<String> {
    let aliases = ALIASES.iter().find(|(name, _)| *name == column.name).map_or(&[] as &[&str], |(_, names)| names);
    let own = [column.name.clone(), column.name.replace('_', " "), column.name.replace('_', "")];
    own.iter().map(String::as_str).chain(aliases.iter().copied()).map(normal).collect()
}

/// How sure it is that a header with these values is the column.
pub(super) fn score(column: &Column, header: &str, values: &Values) -> f64 {
    let name = bare(header);
    if name.is_empty() {
        return 0.0;
    }
    let named = (alike(column).iter())
        .map(|known| match strsim::jaro_winkler(known, &name) {
            _ if *known == name => 0.97,
            near if near > 0.92 => 0.75,
            _ if known.chars().count() > 1 && (name.contains(known.as_str()) || known.contains(&name)) => 0.6,
            _ => 0.0,
        })
        .fold(0.0, f64::max);
    named * values.fit(column.column_type)
}

/// What a word means among the words that the contract takes.
pub(super) fn meaning<'a>(word: &str, accepted: &'a [String]) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let known = MEANINGS.iter().find(|(said, _)| *said == lower).map(|(_, means)| *means);
    accepted.iter().map(String::as_str).find(|accepted| Some(*accepted) == known || *accepted == lower)
}

/// Chinese words that mean one of the words that the contract takes.
pub(super) fn chinese(accepted: &[String]) -> impl Iterator<Item = (&'static str, &'static str)> {
    let known = MEANINGS.iter().filter(|(said, _)| !said.is_ascii()).copied();
    known.filter(move |(_, means)| accepted.iter().any(|word| word == means))
}

/// A header that names money of one unit or line.
pub(super) fn is_price(header: &str) -> bool {
    let name = normal(header);
    ["price", "单价", "售价", "amount", "金额"].iter().any(|word| name.contains(word))
}

/// How headers name currencies.
const CURRENCIES: [(&str, &str); 14] = [
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

/// The currency that a header names: `price_usd`, `单价(USD)`, `金额（美元）`.
pub(super) fn currency(header: &str) -> Option<&'static str> {
    let name = normal(header);
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
    let says = |word: &str| words.contains(&word) || !word.is_ascii() && name.contains(word);
    CURRENCIES.iter().find(|(word, _)| says(word)).map(|(_, code)| *code)
}

/// A header in comparable form without what it says of units: `Price_USD` and `Price (USD)` are `price`.
fn bare(header: &str) -> String {
    let folded = fold_width(header);
    let name = normal(folded.split(['(', '[']).next().unwrap_or(&folded)).replace('_', " ");
    let words = name.split(' ').filter(|word| !CURRENCIES.iter().any(|(currency, _)| currency == word));
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a word marks a return.
pub(super) fn is_return(word: &str) -> bool {
    MEANINGS.iter().any(|(said, means)| *means == "return" && *said == word.to_lowercase())
        || word.eq_ignore_ascii_case("return")
}

/// The values of one column of the sample.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    words: BTreeMap<String, usize>,
    count: usize,
    typed: usize,
    numbers: usize,
    dates: usize,
    missing: BTreeSet<&'static str>,
    /// Currency signs seen.
    pub symbols: BTreeSet<char>,
    /// Thousands separators seen.
    pub thousands: bool,
    /// Decimal commas seen.
    pub decimal_comma: bool,
    /// Percent signs seen.
    pub percent: bool,
    /// Negative numbers seen.
    pub negative: bool,
}

impl Values {
    pub(super) fn add(&mut self, text: &str, cell: Cell) {
        if text.is_empty() {
            return;
        }
        if let Some(word) = MISSING.iter().find(|word| **word == text) {
            self.missing.insert(word);
            return;
        }
        self.count += 1;
        self.typed += usize::from(cell != Cell::Text);
        if self.words.len() < 500 || self.words.contains_key(text) {
            *self.words.entry(text.to_string()).or_default() += 1;
        }
        self.number(text);
        self.dates += usize::from(is_date(text));
    }

    fn number(&mut self, text: &str) {
        let folded = fold_width(text);
        let mut bare = folded.trim().to_string();
        let signs: BTreeSet<char> = text.chars().filter(|char| SYMBOLS.contains(char)).collect();
        bare.retain(|char| !SYMBOLS.contains(&char) && char != '\u{a5}' && char != '\u{ffe5}');
        let percent = bare.ends_with('%');
        let digits = bare.trim().trim_end_matches('%').trim();
        // the later of comma and point is the decimal sign; a lone comma before three digits groups
        let comma_last = match (digits.rfind(','), digits.rfind('.')) {
            (Some(comma), Some(point)) => comma > point,
            (Some(comma), None) => digits.len() - comma != 4 && digits.matches(',').count() == 1,
            (None, _) => false,
        };
        let plain = if comma_last { digits.replace('.', "").replace(',', ".") } else { digits.replace(',', "") };
        let Some(value) = Exact::parse(&plain) else { return };
        self.numbers += 1;
        self.negative |= value.digits < 0;
        self.percent |= percent;
        self.symbols.extend(signs);
        self.decimal_comma |= comma_last;
        self.thousands |= digits.contains(',') && !comma_last || comma_last && digits.contains('.');
    }

    /// Whether no value was typed by the file.
    pub(super) fn all_text(&self) -> bool {
        self.typed == 0
    }

    /// Words for no value that were seen.
    pub(super) fn missing(&self) -> impl Iterator<Item = &'static str> {
        self.missing.iter().copied()
    }

    /// Values, if there are few different ones.
    pub(super) fn distinct(&self) -> impl Iterator<Item = &str> {
        let few = self.words.len() <= 20;
        self.words.keys().map(String::as_str).filter(move |_| few)
    }

    /// Every different value, as far as they were kept.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.words.keys().map(String::as_str)
    }

    /// The three most frequent values.
    pub(super) fn examples(&self) -> Vec<String> {
        let mut words: Vec<(&String, &usize)> = self.words.iter().collect();
        words.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        words.into_iter().take(3).map(|(word, _)| word.clone()).collect()
    }

    /// How well the values fit a type, from 0 to 1.
    fn fit(&self, column_type: ColumnType) -> f64 {
        if self.count == 0 {
            // an empty column is judged by its name alone
            return 0.85;
        }
        #[expect(clippy::cast_precision_loss, reason = "a share of a small sample")]
        let share = |part: usize| part as f64 / self.count as f64;
        match column_type {
            ColumnType::Text | ColumnType::Boolean | ColumnType::Period => 1.0,
            ColumnType::Date | ColumnType::Timestamp => share(self.dates).max(share(self.typed) * 0.9),
            ColumnType::BigInt | ColumnType::Decimal(..) | ColumnType::Double => share(self.numbers),
        }
    }
}

fn is_date(text: &str) -> bool {
    read_iso(text.as_bytes()).is_ok() || PATTERNS.iter().any(|(_, pattern)| pattern.read(text.as_bytes()).is_ok())
}

/// The formats, compiled once.
static PATTERNS: LazyLock<Vec<(&str, Pattern)>> =
    LazyLock::new(|| FORMATS.into_iter().filter_map(|format| Some((format, Pattern::compile(format).ok()?))).collect());

/// Formats that read every value; `iso` where none need be declared.
pub(super) fn date_formats(values: &Values) -> Vec<&'static str> {
    if values.words.keys().all(|word| read_iso(word.as_bytes()).is_ok()) {
        return vec!["iso"];
    }
    (PATTERNS.iter())
        .filter(|(_, pattern)| values.words.keys().all(|word| pattern.read(word.as_bytes()).is_ok()))
        .map(|(format, _)| *format)
        .collect()
}

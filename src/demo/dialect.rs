//! How senders write their files: what they call the columns, how they write numbers and days, in
//! which format and encoding. The mapping in jobs/senders comes from the same table.

use super::partners::{Partner, Sender};
use super::trade::Kind;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Partner,
    PartnerName,
    ChannelName,
    Order,
    Line,
    SoldAt,
    Customer,
    Sku,
    Quantity,
    /// Without its sign: the kind says what it is.
    QuantityAbs,
    Price,
    Discount,
    DiscountAbs,
    /// What the buyer paid for the line.
    Net,
    ShipTo,
    ShipToName,
    Promotion,
    Promised,
    Delivered,
    Kind(&'static [&'static str; 3]),
    CountedOn,
    OnHand,
    OnOrder,
    UnitCost,
    Oldest,
}

/// How values are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) number: Number,
    pub(crate) day: Day,
    /// What stands where there is nothing.
    pub(crate) nothing: &'static str,
}

/// How money is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    /// 1299.00
    Plain,
    /// 1,299.00
    Thousands,
    /// 1299,00
    Comma,
    /// 0.129900, in 万元
    TenThousands,
}

/// How days and moments are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Day {
    /// 2026-11-22 and 2026-11-22 18:30:05
    Iso,
    /// 2026/11/22 and 2026/11/22 18:30
    Slash,
    /// 22.11.2026 and 22.11.2026 18:30
    Dot,
    /// 20261122 and 20261122183005
    Compact,
    /// 2026-11-22 and 2026-11-22T18:30:05+08:00
    Offset,
}

/// The kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Lines of text; the extension and the delimiter.
    Text(&'static str, u8),
    Ndjson,
    Xlsx,
    Parquet,
}

/// How bytes stand for text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf8Bom,
    Gb18030,
}

/// A column: what it is called and what it holds.
pub(crate) type Column = (&'static str, Field);

/// One way of writing files.
pub(crate) struct Dialect {
    pub(crate) id: &'static str,
    pub(crate) format: Format,
    pub(crate) inventory_format: Format,
    pub(crate) encoding: Encoding,
    /// Packed every night; history always is.
    pub(crate) gz: bool,
    pub(crate) style: Style,
    /// Lines above the header of a sales file, and the word that begins the total below.
    pub(crate) preamble: &'static [&'static str],
    pub(crate) total: Option<&'static str>,
    pub(crate) sales: &'static [Column],
    pub(crate) inventory: &'static [Column],
    mapping: &'static str,
}

const CANONICAL_KIND: [&str; 3] = ["sale", "return", "adjustment"];
const CHINESE_KIND: [&str; 3] = ["销售", "退货", "调整"];
const PLAIN: Style = Style { number: Number::Plain, day: Day::Iso, nothing: "" };
const CSV: Format = Format::Text("csv", b',');

const CANONICAL_SALES: &[Column] = &[
    ("order_id", Field::Order),
    ("line_no", Field::Line),
    ("sold_at", Field::SoldAt),
    ("customer_id", Field::Customer),
    ("sku", Field::Sku),
    ("quantity", Field::Quantity),
    ("unit_price", Field::Price),
    ("discount_amount", Field::Discount),
    ("ship_to_region", Field::ShipTo),
    ("promotion_id", Field::Promotion),
    ("promised_on", Field::Promised),
    ("delivered_on", Field::Delivered),
    ("sale_type", Field::Kind(&CANONICAL_KIND)),
];
const CANONICAL_INVENTORY: &[Column] = &[
    ("sku", Field::Sku),
    ("counted_on", Field::CountedOn),
    ("on_hand_quantity", Field::OnHand),
    ("on_order_quantity", Field::OnOrder),
    ("unit_cost", Field::UnitCost),
    ("oldest_receipt_on", Field::Oldest),
];

/// All ways of writing. `plain` and `jiangnan` also serve invented partners.
pub(crate) const DIALECTS: [Dialect; 11] = [
    Dialect {
        id: "plain",
        format: CSV,
        inventory_format: CSV,
        encoding: Encoding::Utf8,
        gz: false,
        style: PLAIN,
        preamble: &[],
        total: None,
        sales: CANONICAL_SALES,
        inventory: CANONICAL_INVENTORY,
        mapping: include_str!("dialects/plain.toml"),
    },
    Dialect {
        id: "own_shops",
        format: CSV,
        inventory_format: CSV,
        encoding: Encoding::Utf8Bom,
        gz: false,
        style: PLAIN,
        preamble: &[],
        total: None,
        sales: &[
            ("门店编码", Field::Partner),
            ("小票号", Field::Order),
            ("行号", Field::Line),
            ("销售时间", Field::SoldAt),
            ("会员号", Field::Customer),
            ("商品编码", Field::Sku),
            ("数量", Field::Quantity),
            ("单价", Field::Price),
            ("折扣额", Field::Discount),
            ("促销编号", Field::Promotion),
            ("类型", Field::Kind(&CHINESE_KIND)),
        ],
        inventory: &[
            ("门店编码", Field::Partner),
            ("商品编码", Field::Sku),
            ("盘点日期", Field::CountedOn),
            ("库存数量", Field::OnHand),
            ("在途数量", Field::OnOrder),
            ("成本单价", Field::UnitCost),
            ("最早入库日", Field::Oldest),
        ],
        mapping: include_str!("dialects/own_shops.toml"),
    },
    Dialect {
        id: "jiangnan",
        format: CSV,
        inventory_format: CSV,
        encoding: Encoding::Gb18030,
        gz: false,
        style: Style { number: Number::Plain, day: Day::Slash, nothing: "" },
        preamble: &[],
        total: Some("合计"),
        sales: &[
            ("订单号", Field::Order),
            ("行号", Field::Line),
            ("销售时间", Field::SoldAt),
            ("会员卡号", Field::Customer),
            ("货号", Field::Sku),
            ("数量", Field::QuantityAbs),
            ("单价", Field::Price),
            ("优惠金额", Field::DiscountAbs),
            ("收货省份", Field::ShipToName),
            ("促销编号", Field::Promotion),
            ("承诺送达", Field::Promised),
            ("实际送达", Field::Delivered),
            ("类型", Field::Kind(&CHINESE_KIND)),
        ],
        inventory: &[
            ("货号", Field::Sku),
            ("盘点日期", Field::CountedOn),
            ("库存", Field::OnHand),
            ("在途", Field::OnOrder),
            ("最早入库", Field::Oldest),
        ],
        mapping: include_str!("dialects/jiangnan.toml"),
    },
    Dialect {
        id: "yuefeng",
        format: Format::Xlsx,
        inventory_format: CSV,
        encoding: Encoding::Utf8,
        gz: false,
        style: Style { number: Number::TenThousands, day: Day::Iso, nothing: "" },
        preamble: &["粤丰电器贸易有限公司 销售明细表", "金额单位：万元"],
        total: Some("合计"),
        sales: &[
            ("单据号", Field::Order),
            ("行号", Field::Line),
            ("销售时间", Field::SoldAt),
            ("会员", Field::Customer),
            ("商品编码", Field::Sku),
            ("数量", Field::Quantity),
            ("单价(万元)", Field::Price),
            ("优惠(万元)", Field::Discount),
            ("收货省份", Field::ShipToName),
            ("促销", Field::Promotion),
            ("业务类型", Field::Kind(&CHINESE_KIND)),
        ],
        inventory: &[
            ("商品编码", Field::Sku),
            ("盘点日期", Field::CountedOn),
            ("库存数量", Field::OnHand),
            ("在途数量", Field::OnOrder),
            ("成本单价(万元)", Field::UnitCost),
            ("最早入库日", Field::Oldest),
        ],
        mapping: include_str!("dialects/yuefeng.toml"),
    },
    Dialect {
        id: "beifang",
        format: Format::Text("tsv", b'\t'),
        inventory_format: Format::Text("tsv", b'\t'),
        encoding: Encoding::Utf8,
        gz: false,
        style: Style { number: Number::Thousands, day: Day::Dot, nothing: "-" },
        preamble: &[],
        total: None,
        sales: &[
            ("Doc No", Field::Order),
            ("Line", Field::Line),
            ("Posted", Field::SoldAt),
            ("Member", Field::Customer),
            ("Item", Field::Sku),
            ("Qty", Field::Quantity),
            ("Unit Price", Field::Price),
            ("Rebate", Field::Discount),
            ("Ship To", Field::ShipTo),
            ("Promotion", Field::Promotion),
            ("Promised", Field::Promised),
            ("Delivered", Field::Delivered),
            ("Type", Field::Kind(&["S", "R", "A"])),
        ],
        inventory: &[
            ("Item", Field::Sku),
            ("Count Date", Field::CountedOn),
            ("On Hand", Field::OnHand),
            ("On Order", Field::OnOrder),
            ("Unit Cost", Field::UnitCost),
            ("Oldest", Field::Oldest),
        ],
        mapping: include_str!("dialects/beifang.toml"),
    },
    Dialect {
        id: "agents",
        format: Format::Ndjson,
        inventory_format: Format::Ndjson,
        encoding: Encoding::Utf8,
        gz: false,
        style: Style { number: Number::Plain, day: Day::Offset, nothing: "" },
        preamble: &[],
        total: None,
        sales: &[
            ("agent", Field::Partner),
            ("orderNo", Field::Order),
            ("lineNo", Field::Line),
            ("soldAt", Field::SoldAt),
            ("member", Field::Customer),
            ("sku", Field::Sku),
            ("qty", Field::Quantity),
            ("price", Field::Price),
            ("discount", Field::Discount),
            ("shipTo", Field::ShipTo),
            ("promotion", Field::Promotion),
            ("promised", Field::Promised),
            ("delivered", Field::Delivered),
            ("type", Field::Kind(&CANONICAL_KIND)),
        ],
        inventory: &[],
        mapping: include_str!("dialects/agents.toml"),
    },
    Dialect {
        id: "franchise",
        format: CSV,
        inventory_format: CSV,
        encoding: Encoding::Utf8,
        gz: true,
        style: PLAIN,
        preamble: &[],
        total: None,
        sales: &[
            ("加盟店", Field::PartnerName),
            ("订单编号", Field::Order),
            ("序号", Field::Line),
            ("下单时间", Field::SoldAt),
            ("会员编号", Field::Customer),
            ("商品编号", Field::Sku),
            ("数量", Field::Quantity),
            ("单价", Field::Price),
            ("实付金额", Field::Net),
            ("活动编号", Field::Promotion),
            ("业务", Field::Kind(&CHINESE_KIND)),
        ],
        inventory: &[
            ("加盟店", Field::PartnerName),
            ("商品编号", Field::Sku),
            ("日期", Field::CountedOn),
            ("可用库存", Field::OnHand),
            ("在途库存", Field::OnOrder),
        ],
        mapping: include_str!("dialects/franchise.toml"),
    },
    Dialect {
        id: "tianhe",
        format: Format::Parquet,
        inventory_format: Format::Parquet,
        encoding: Encoding::Utf8,
        gz: false,
        style: PLAIN,
        preamble: &[],
        total: None,
        sales: CANONICAL_SALES,
        inventory: CANONICAL_INVENTORY,
        mapping: include_str!("dialects/tianhe.toml"),
    },
    Dialect {
        id: "jingxuan",
        format: CSV,
        inventory_format: CSV,
        encoding: Encoding::Utf8,
        gz: false,
        style: PLAIN,
        preamble: &[],
        total: None,
        sales: &[
            ("order_id", Field::Order),
            ("line_no", Field::Line),
            ("paid_at", Field::SoldAt),
            ("buyer", Field::Customer),
            ("sku", Field::Sku),
            ("quantity", Field::Quantity),
            ("price_usd", Field::Price),
            ("discount_usd", Field::Discount),
            ("province", Field::ShipTo),
            ("campaign", Field::Promotion),
            ("promised_on", Field::Promised),
            ("delivered_on", Field::Delivered),
        ],
        inventory: CANONICAL_INVENTORY,
        mapping: include_str!("dialects/jingxuan.toml"),
    },
    Dialect {
        id: "xingmei",
        format: CSV,
        inventory_format: CSV,
        encoding: Encoding::Utf8,
        gz: false,
        style: PLAIN,
        preamble: &[],
        total: None,
        sales: &[
            ("店铺", Field::Partner),
            ("渠道", Field::ChannelName),
            ("订单号", Field::Order),
            ("行号", Field::Line),
            ("支付时间", Field::SoldAt),
            ("用户", Field::Customer),
            ("商品编码", Field::Sku),
            ("件数", Field::Quantity),
            ("单价", Field::Price),
            ("优惠", Field::Discount),
            ("收货地区", Field::ShipToName),
            ("活动", Field::Promotion),
            ("承诺送达", Field::Promised),
            ("签收日期", Field::Delivered),
            ("类型", Field::Kind(&CHINESE_KIND)),
        ],
        inventory: &[
            ("店铺", Field::Partner),
            ("商品编码", Field::Sku),
            ("盘点日期", Field::CountedOn),
            ("库存", Field::OnHand),
            ("在途", Field::OnOrder),
            ("成本", Field::UnitCost),
            ("最早入库", Field::Oldest),
        ],
        mapping: include_str!("dialects/xingmei.toml"),
    },
    Dialect {
        id: "retail",
        format: Format::Text("csv", b';'),
        inventory_format: Format::Text("csv", b';'),
        encoding: Encoding::Utf8,
        gz: false,
        style: Style { number: Number::Comma, day: Day::Compact, nothing: "" },
        preamble: &[],
        total: None,
        sales: &[
            ("终端", Field::Partner),
            ("流水号", Field::Order),
            ("行", Field::Line),
            ("时间", Field::SoldAt),
            ("会员", Field::Customer),
            ("条码", Field::Sku),
            ("数量", Field::Quantity),
            ("售价", Field::Price),
            ("折让", Field::Discount),
            ("促销", Field::Promotion),
            ("类型", Field::Kind(&CHINESE_KIND)),
        ],
        inventory: &[
            ("终端", Field::Partner),
            ("条码", Field::Sku),
            ("日期", Field::CountedOn),
            ("库存", Field::OnHand),
            ("在途", Field::OnOrder),
            ("成本", Field::UnitCost),
        ],
        mapping: include_str!("dialects/retail.toml"),
    },
];

/// The way of writing called `id`.
pub(crate) fn dialect(id: &str) -> &'static Dialect {
    DIALECTS.iter().find(|dialect| dialect.id == id).expect("a dialect of the list above")
}

/// The word that stands for a line's kind.
pub(crate) fn word(words: &'static [&'static str; 3], kind: Kind) -> &'static str {
    match kind {
        Kind::Sale => words[0],
        Kind::Return => words[1],
        Kind::Adjustment => words[2],
    }
}

impl Dialect {
    /// The sender's mapping. Files are expected every night from `nightly_from` on.
    pub(crate) fn mapping(&self, sender: &Sender, partners: &[Partner], nightly_from: chrono::NaiveDate) -> String {
        let first = &partners[sender.partners[0]];
        let named: Vec<String> =
            sender.partners.iter().map(|at| format!("\"{}\" = \"{}\"", partners[*at].name, partners[*at].id)).collect();
        let regions: Vec<String> =
            super::company::REGIONS.iter().map(|region| format!("\"{}\" = \"{}\"", region.name, region.id)).collect();
        let channels: Vec<String> = super::company::CHANNELS
            .iter()
            .map(|channel| format!("\"{}\" = \"{}\"", channel.name, channel.id))
            .collect();
        self.mapping
            .replace("@NAME@", &sender.name)
            .replace("@SENDER@", &sender.id)
            .replace("@PARTNER@", &first.id)
            .replace("@CHANNEL@", super::company::CHANNELS[first.channel].id)
            .replace("@PARTNERS@", &named.join(", "))
            .replace("@REGIONS@", &regions.join(", "))
            .replace("@CHANNELS@", &channels.join(", "))
            .replace("@EXPECTED@", &expected(nightly_from))
    }
}

/// Head office's mapping.
pub(crate) fn head_office(nightly_from: chrono::NaiveDate) -> String {
    include_str!("dialects/hq.toml").replace("@EXPECTED@", &expected(nightly_from))
}

/// Every night, half an hour after half past one at the latest.
fn expected(from: chrono::NaiveDate) -> String {
    format!("{{ by = \"01:30\", days = \"all\", lag_days = 1, grace_minutes = 30, from = \"{from}\" }}")
}

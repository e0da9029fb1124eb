//! Who the demo company is: its channels, regions, products and people. All names are invented.

use super::calendar::Rhythm;

/// A way to the consumer.
pub(crate) struct Channel {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) mode: &'static str,
    pub(crate) manager: &'static str,
    pub(crate) rhythm: Rhythm,
    /// Growth of a whole year: places the channel in its BCG class together with `rows`.
    pub(crate) growth: f64,
    /// Share of the company's sales lines, in percent.
    pub(crate) rows: f64,
    /// Smallest and largest quantity of a line.
    pub(crate) quantity: (i64, i64),
    /// Shelf price against list price.
    pub(crate) price_level: f64,
    /// Share of orders with a known customer.
    pub(crate) identified: f64,
    pub(crate) return_rate: f64,
    /// Goods are sent to the buyer, so that a line has a region, a promised and a delivered day.
    pub(crate) ships: bool,
    /// Share of orders that end in a complaint, and in a survey.
    pub(crate) complaint_rate: f64,
    pub(crate) survey_rate: f64,
    /// Monthly cost in percent of net sales: platform fee or commission, logistics, marketing, salary.
    pub(crate) costs: [(&'static str, f64); 3],
}

const SHOP: (i64, i64) = (1, 2);

/// The nine channels, one of each type.
#[rustfmt::skip]
pub(crate) const CHANNELS: [Channel; 9] = [
    Channel { id: "ch_direct", name: "直营门店", kind: "direct", mode: "direct", manager: "chen.jing@demo.example", rhythm: Rhythm::Shop, growth: 0.01, rows: 8.5, quantity: SHOP, price_level: 0.99, identified: 0.65, return_rate: 0.015, ships: false, complaint_rate: 0.006, survey_rate: 0.03, costs: [("salary", 9.0), ("marketing", 2.0), ("training", 0.5)] },
    Channel { id: "ch_distributor", name: "经销", kind: "distributor", mode: "distribution", manager: "wang.lei@demo.example", rhythm: Rhythm::Shop, growth: 0.0, rows: 10.0, quantity: (2, 8), price_level: 0.95, identified: 0.25, return_rate: 0.01, ships: true, complaint_rate: 0.008, survey_rate: 0.02, costs: [("logistics", 3.0), ("marketing", 1.5), ("training", 0.6)] },
    Channel { id: "ch_agent", name: "代理", kind: "agent", mode: "agency", manager: "wang.lei@demo.example", rhythm: Rhythm::Shop, growth: -0.50, rows: 3.0, quantity: (1, 5), price_level: 0.96, identified: 0.40, return_rate: 0.01, ships: true, complaint_rate: 0.02, survey_rate: 0.03, costs: [("commission", 8.0), ("logistics", 2.0), ("training", 0.5)] },
    Channel { id: "ch_franchise", name: "加盟", kind: "franchise", mode: "franchise", manager: "chen.jing@demo.example", rhythm: Rhythm::Shop, growth: 0.04, rows: 16.0, quantity: SHOP, price_level: 0.97, identified: 0.55, return_rate: 0.012, ships: false, complaint_rate: 0.006, survey_rate: 0.03, costs: [("training", 1.2), ("marketing", 1.5), ("logistics", 1.0)] },
    Channel { id: "ch_platform", name: "平台电商", kind: "platform_ecommerce", mode: "direct", manager: "li.na@demo.example", rhythm: Rhythm::Web, growth: 0.18, rows: 31.0, quantity: SHOP, price_level: 0.93, identified: 0.85, return_rate: 0.04, ships: true, complaint_rate: 0.010, survey_rate: 0.05, costs: [("platform_fee", 5.0), ("logistics", 4.0), ("marketing", 6.0)] },
    Channel { id: "ch_social", name: "社交电商", kind: "social_ecommerce", mode: "distribution", manager: "zhao.min@demo.example", rhythm: Rhythm::Web, growth: 0.35, rows: 7.0, quantity: (1, 2), price_level: 0.92, identified: 0.85, return_rate: 0.05, ships: true, complaint_rate: 0.012, survey_rate: 0.03, costs: [("commission", 10.0), ("logistics", 4.0), ("marketing", 3.0)] },
    Channel { id: "ch_live", name: "直播", kind: "livestream", mode: "agency", manager: "zhao.min@demo.example", rhythm: Rhythm::Live, growth: 0.45, rows: 18.0, quantity: SHOP, price_level: 0.90, identified: 0.80, return_rate: 0.09, ships: true, complaint_rate: 0.016, survey_rate: 0.03, costs: [("commission", 15.0), ("logistics", 4.0), ("marketing", 4.0)] },
    Channel { id: "ch_private", name: "私域社群", kind: "private_community", mode: "direct", manager: "zhao.min@demo.example", rhythm: Rhythm::Web, growth: 0.60, rows: 4.5, quantity: SHOP, price_level: 0.94, identified: 1.0, return_rate: 0.02, ships: true, complaint_rate: 0.006, survey_rate: 0.08, costs: [("salary", 4.0), ("marketing", 3.0), ("logistics", 4.0)] },
    Channel { id: "ch_retail", name: "零售终端", kind: "retail_terminal", mode: "distribution", manager: "liu.yang@demo.example", rhythm: Rhythm::Shop, growth: 0.01, rows: 6.0, quantity: SHOP, price_level: 0.98, identified: 0.30, return_rate: 0.01, ships: false, complaint_rate: 0.007, survey_rate: 0.02, costs: [("logistics", 3.0), ("marketing", 4.0), ("training", 0.3)] },
];

/// People who look after customers.
pub(crate) const CUSTOMER_MANAGERS: [&str; 3] =
    ["sun.hao@demo.example", "zhou.ting@demo.example", "wu.fang@demo.example"];

/// A province: id, name, parent, city tier, population, neighbours, share of web buyers.
pub(crate) struct Region {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) parent: &'static str,
    pub(crate) tier: &'static str,
    pub(crate) population: u64,
    pub(crate) adjacent: &'static str,
    pub(crate) buyers: f64,
}

/// Larger areas: parents of the provinces.
pub(crate) const AREAS: [(&str, &str); 6] = [
    ("huabei", "华北"),
    ("huadong", "华东"),
    ("huanan", "华南"),
    ("huazhong", "华中"),
    ("xinan", "西南"),
    ("xibei", "西北"),
];

/// The provinces the company sells in.
#[rustfmt::skip]
pub(crate) const REGIONS: [Region; 19] = [
    Region { id: "beijing", name: "北京", parent: "huabei", tier: "1", population: 21_830_000, adjacent: "tianjin;hebei", buyers: 9.0 },
    Region { id: "tianjin", name: "天津", parent: "huabei", tier: "2", population: 13_640_000, adjacent: "beijing;hebei", buyers: 3.0 },
    Region { id: "hebei", name: "河北", parent: "huabei", tier: "3", population: 73_930_000, adjacent: "beijing;tianjin;shandong;henan", buyers: 4.0 },
    Region { id: "shandong", name: "山东", parent: "huadong", tier: "2", population: 101_230_000, adjacent: "hebei;henan;anhui;jiangsu", buyers: 7.0 },
    Region { id: "shanghai", name: "上海", parent: "huadong", tier: "1", population: 24_870_000, adjacent: "jiangsu;zhejiang", buyers: 10.0 },
    Region { id: "jiangsu", name: "江苏", parent: "huadong", tier: "2", population: 85_260_000, adjacent: "shanghai;zhejiang;anhui;shandong", buyers: 9.0 },
    Region { id: "zhejiang", name: "浙江", parent: "huadong", tier: "2", population: 66_270_000, adjacent: "shanghai;jiangsu;anhui;fujian;jiangxi", buyers: 10.0 },
    Region { id: "anhui", name: "安徽", parent: "huadong", tier: "3", population: 61_210_000, adjacent: "jiangsu;zhejiang;jiangxi;hubei;henan;shandong", buyers: 4.0 },
    Region { id: "fujian", name: "福建", parent: "huadong", tier: "2", population: 41_830_000, adjacent: "zhejiang;jiangxi;guangdong", buyers: 4.0 },
    Region { id: "jiangxi", name: "江西", parent: "huadong", tier: "3", population: 45_150_000, adjacent: "anhui;zhejiang;fujian;guangdong;hunan;hubei", buyers: 2.0 },
    Region { id: "guangdong", name: "广东", parent: "huanan", tier: "1", population: 127_060_000, adjacent: "fujian;jiangxi;hunan;guangxi;hainan", buyers: 13.0 },
    Region { id: "guangxi", name: "广西", parent: "huanan", tier: "3", population: 50_270_000, adjacent: "guangdong;hunan", buyers: 2.0 },
    Region { id: "hainan", name: "海南", parent: "huanan", tier: "3", population: 10_430_000, adjacent: "guangdong", buyers: 1.0 },
    Region { id: "henan", name: "河南", parent: "huazhong", tier: "3", population: 98_150_000, adjacent: "hebei;shandong;anhui;hubei;shaanxi", buyers: 5.0 },
    Region { id: "hubei", name: "湖北", parent: "huazhong", tier: "2", population: 58_380_000, adjacent: "henan;anhui;jiangxi;hunan;chongqing;shaanxi", buyers: 5.0 },
    Region { id: "hunan", name: "湖南", parent: "huazhong", tier: "2", population: 65_680_000, adjacent: "hubei;jiangxi;guangdong;guangxi;chongqing", buyers: 4.0 },
    Region { id: "sichuan", name: "四川", parent: "xinan", tier: "2", population: 83_680_000, adjacent: "chongqing;shaanxi", buyers: 6.0 },
    Region { id: "chongqing", name: "重庆", parent: "xinan", tier: "2", population: 31_910_000, adjacent: "sichuan;hubei;hunan;shaanxi", buyers: 3.0 },
    Region { id: "shaanxi", name: "陕西", parent: "xibei", tier: "2", population: 39_530_000, adjacent: "henan;hubei;chongqing;sichuan", buyers: 3.0 },
];

/// The position of region `id`.
pub(crate) fn region(id: &str) -> u8 {
    let at = REGIONS.iter().position(|region| region.id == id).expect("a region of the list above");
    u8::try_from(at).expect("few regions")
}

/// A product. Prices are in fen (1/100 CNY).
pub(crate) struct Product {
    pub(crate) sku: &'static str,
    pub(crate) name: &'static str,
    pub(crate) category: usize,
    pub(crate) list_price: i64,
    /// How often it is bought, against the others.
    pub(crate) weight: f64,
    pub(crate) lead_time_days: i64,
}

impl Product {
    /// Lowest price that partners may take.
    pub(crate) fn floor_price(&self) -> i64 {
        self.list_price * 7 / 10
    }

    /// What a unit costs the brand.
    pub(crate) fn unit_cost(&self) -> i64 {
        self.list_price * 42 / 100
    }

    /// What a partner pays the brand for a unit.
    pub(crate) fn sell_in_price(&self) -> i64 {
        self.list_price * 62 / 100
    }
}

/// Categories and their growth of a whole year beyond that of the channels.
pub(crate) const CATEGORIES: [(&str, f64); 5] =
    [("口腔护理", 0.05), ("美发护理", 0.00), ("厨房小电", -0.15), ("家居清洁", 0.15), ("个人护理", 0.00)];

/// The product that was launched a few days ago.
pub(crate) const NEW_PRODUCT: u16 = 11;

macro_rules! product {
    ($sku:literal, $name:literal, $category:literal, $price:literal, $weight:literal, $lead:literal) => {
        Product {
            sku: $sku,
            name: $name,
            category: $category,
            list_price: $price * 100,
            weight: $weight,
            lead_time_days: $lead,
        }
    };
}

/// The assortment; skus begin with zeros that are data.
pub(crate) const PRODUCTS: [Product; 30] = [
    product!("001011", "声波电动牙刷", 0, 199, 5.0, 10),
    product!("001012", "声波电动牙刷Pro", 0, 399, 3.0, 10),
    product!("001013", "儿童电动牙刷", 0, 149, 3.0, 10),
    product!("001014", "台式冲牙器", 0, 299, 2.5, 14),
    product!("001015", "便携冲牙器", 0, 219, 3.0, 14),
    product!("001016", "牙刷替换刷头四支装", 0, 79, 5.0, 7),
    product!("002011", "高速吹风机", 1, 599, 4.0, 14),
    product!("002012", "负离子吹风机", 1, 259, 4.0, 10),
    product!("002013", "直发梳", 1, 189, 2.0, 10),
    product!("002014", "自动卷发棒", 1, 169, 2.0, 10),
    product!("002015", "折叠旅行吹风机", 1, 139, 2.5, 10),
    product!("002016", "头皮按摩仪", 1, 329, 2.5, 14),
    product!("003011", "电饭煲3L", 2, 359, 3.5, 14),
    product!("003012", "可视空气炸锅", 2, 429, 4.0, 14),
    product!("003013", "静音破壁机", 2, 499, 2.0, 21),
    product!("003014", "多功能养生壶", 2, 159, 3.0, 10),
    product!("003015", "电热水壶", 2, 119, 3.5, 7),
    product!("003016", "三合一早餐机", 2, 229, 1.5, 14),
    product!("004011", "无线吸尘器", 3, 899, 3.0, 21),
    product!("004012", "除螨仪", 3, 349, 3.0, 14),
    product!("004013", "手持挂烫机", 3, 239, 2.5, 14),
    product!("004014", "蒸汽拖把", 3, 459, 2.0, 14),
    product!("004015", "空气净化器", 3, 999, 2.0, 21),
    product!("004016", "净化器滤芯", 3, 129, 3.0, 7),
    product!("005011", "旋转剃须刀", 4, 269, 4.0, 10),
    product!("005012", "往复剃须刀Pro", 4, 549, 2.5, 14),
    product!("005013", "家用理发器", 4, 129, 3.0, 10),
    product!("005014", "射频美容仪", 4, 799, 2.0, 21),
    product!("005015", "声波洁面仪", 4, 199, 2.5, 10),
    product!("005016", "毛球修剪器", 4, 59, 3.0, 7),
];

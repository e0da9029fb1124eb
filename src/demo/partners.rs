//! The partners and the senders that report for them. The first seventeen are written by hand,
//! because the planted stories need them; any number more is invented after their pattern.

use super::company::{CHANNELS, PRODUCTS, REGIONS, region};
use super::random::Stream;

/// Partners that every demo company has.
pub(crate) const CORE: usize = CORE_PARTNERS.len();

/// A partner that sells to consumers.
pub(crate) struct Partner {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Position in [`CHANNELS`].
    pub(crate) channel: usize,
    /// Positions in [`REGIONS`]; empty for who sells everywhere.
    pub(crate) territory: Vec<u8>,
    pub(crate) manager: &'static str,
    /// Sales lines of an average day.
    pub(crate) rows_per_day: f64,
    /// Growth of a whole year.
    pub(crate) growth: f64,
    /// Products kept, as positions in [`PRODUCTS`].
    pub(crate) assortment: Vec<u16>,
    /// Agents sell the brand's stock and have none.
    pub(crate) has_stock: bool,
    /// Sells in US dollars.
    pub(crate) in_dollars: bool,
    /// Weekday of ordering, 0 = Monday.
    pub(crate) review_weekday: u32,
    pub(crate) industry_years: i64,
    pub(crate) registered_capital: i64,
    pub(crate) team: i64,
    pub(crate) training_hours: i64,
}

/// Who puts files into the inbox: one partner, or a house that reports for several.
pub(crate) struct Sender {
    /// Folder in the inbox and name of the mapping.
    pub(crate) id: String,
    /// What people call it.
    pub(crate) name: String,
    /// Name of its way of writing files.
    pub(crate) dialect: &'static str,
    /// Positions of its partners.
    pub(crate) partners: Vec<usize>,
}

struct Core {
    id: &'static str,
    name: &'static str,
    channel: usize,
    territory: &'static [&'static str],
    /// Share of the channel's lines.
    share: f64,
    assortment: usize,
}

const CORE_PARTNERS: [Core; 17] = [
    Core {
        id: "D001", name: "清禾上海直营店", channel: 0, territory: &["shanghai"], share: 0.55, assortment: 16
    },
    Core {
        id: "D002", name: "清禾北京直营店", channel: 0, territory: &["beijing"], share: 0.45, assortment: 14
    },
    Core {
        id: "P101",
        name: "江南百汇商贸",
        channel: 1,
        territory: &["zhejiang", "jiangsu", "shanghai"],
        share: 0.38,
        assortment: 12,
    },
    Core {
        id: "P102",
        name: "粤丰电器贸易",
        channel: 1,
        territory: &["guangdong", "hainan"],
        share: 0.32,
        assortment: 10,
    },
    Core {
        id: "P103",
        name: "北方家电批发",
        channel: 1,
        territory: &["beijing", "tianjin", "hebei"],
        share: 0.30,
        assortment: 10,
    },
    Core {
        id: "A201",
        name: "川渝清洁电器代理",
        channel: 2,
        territory: &["sichuan", "chongqing"],
        share: 0.55,
        assortment: 10,
    },
    Core {
        id: "A202", name: "两湖小家电代理", channel: 2, territory: &["hubei", "hunan"], share: 0.45, assortment: 8
    },
    Core {
        id: "F301", name: "成都春熙加盟店", channel: 3, territory: &["sichuan"], share: 0.55, assortment: 14
    },
    Core {
        id: "F302", name: "西安钟楼加盟店", channel: 3, territory: &["shaanxi"], share: 0.45, assortment: 12
    },
    Core { id: "E401", name: "天禾商城旗舰店", channel: 4, territory: &[], share: 0.65, assortment: 22 },
    Core { id: "E402", name: "京选全球购专营店", channel: 4, territory: &[], share: 0.35, assortment: 16 },
    Core { id: "S501", name: "拼友优品小店", channel: 5, territory: &[], share: 1.0, assortment: 10 },
    Core { id: "L601", name: "小鹿直播间", channel: 6, territory: &[], share: 0.60, assortment: 10 },
    Core { id: "L602", name: "星选生活直播间", channel: 6, territory: &[], share: 0.40, assortment: 9 },
    Core { id: "C701", name: "暖家私域社群", channel: 7, territory: &[], share: 1.0, assortment: 9 },
    Core { id: "R801", name: "惠民生活超市", channel: 8, territory: &["shanghai"], share: 0.55, assortment: 8 },
    Core { id: "R802", name: "南北便利", channel: 8, territory: &["guangdong"], share: 0.45, assortment: 8 },
];

/// (sender, name, dialect, partners)
const CORE_SENDERS: [(&str, &str, &str, &[&str]); 10] = [
    ("own_shops", "直营零售部", "own_shops", &["D001", "D002"]),
    ("jiangnan", "江南百汇商贸", "jiangnan", &["P101"]),
    ("yuefeng", "粤丰电器贸易", "yuefeng", &["P102"]),
    ("beifang", "北方家电批发", "beifang", &["P103"]),
    ("southwest_agents", "西南华中代理", "agents", &["A201", "A202"]),
    ("franchise", "加盟事业部", "franchise", &["F301", "F302"]),
    ("tianhe", "天禾商城", "tianhe", &["E401"]),
    ("jingxuan", "京选全球购", "jingxuan", &["E402"]),
    ("xingmei", "星媒机构", "xingmei", &["S501", "L601", "L602", "C701"]),
    ("retail", "零售终端", "retail", &["R801", "R802"]),
];

const PLACES: [&str; 12] =
    ["东海", "金桥", "长岭", "青川", "南湖", "嘉和", "瑞安", "云台", "明江", "百川", "恒源", "新城"];
const TRADES: [&str; 9] =
    ["直营店", "商贸", "电器代理", "加盟店", "旗舰店", "优品小店", "直播间", "会员社群", "生活超市"];
const MODES_OF_WRITING: [&str; 3] = ["plain", "jiangnan", "plain"];

/// The company's partners: the core and as many more as it takes to be `count`.
pub(crate) fn partners(seed: u64, count: usize, rows_per_day: f64) -> Vec<Partner> {
    let mut made: Vec<Partner> = CORE_PARTNERS.iter().map(|core| from_core(seed, core)).collect();
    made.extend((CORE..count).map(|number| invented(seed, number)));
    let total: f64 = made.iter().map(|partner| partner.rows_per_day).sum();
    for partner in &mut made {
        partner.rows_per_day *= rows_per_day / total;
    }
    made
}

/// The position of the core partner `id`.
pub(crate) fn core(id: &str) -> usize {
    CORE_PARTNERS.iter().position(|partner| partner.id == id).expect("a partner of the list above")
}

/// Who reports for `partners`.
pub(crate) fn senders(partners: &[Partner]) -> Vec<Sender> {
    let mut made: Vec<Sender> = CORE_SENDERS
        .iter()
        .map(|&(id, name, dialect, own)| Sender {
            id: id.into(),
            name: name.into(),
            dialect,
            partners: own.iter().map(|id| core(id)).collect(),
        })
        .collect();
    made.extend(partners.iter().enumerate().skip(CORE).map(|(at, partner)| Sender {
        id: partner.id.to_lowercase(),
        name: partner.name.clone(),
        dialect: MODES_OF_WRITING[at % MODES_OF_WRITING.len()],
        partners: vec![at],
    }));
    made
}

fn from_core(seed: u64, core: &Core) -> Partner {
    let mut rng = Stream::new(seed, &["partner", core.id]);
    let channel = &CHANNELS[core.channel];
    Partner {
        id: core.id.into(),
        name: core.name.into(),
        channel: core.channel,
        territory: core.territory.iter().map(|id| region(id)).collect(),
        manager: manager(core.channel),
        rows_per_day: channel.rows * core.share,
        growth: channel.growth + rng.within(-0.01, 0.01),
        assortment: assortment(&mut rng, core.assortment),
        has_stock: channel.kind != "agent",
        in_dollars: core.id == "E402",
        review_weekday: u32::try_from(rng.below(5)).unwrap_or(0),
        industry_years: rng.between(4, 18),
        registered_capital: rng.between(20, 200) * 50_000,
        team: rng.between(4, 40),
        training_hours: rng.between(8, 80),
    }
}

fn invented(seed: u64, number: usize) -> Partner {
    let id = format!("X{:04}", number + 1);
    let mut rng = Stream::new(seed, &["partner", &id]);
    let at = number % CHANNELS.len();
    let channel = &CHANNELS[at];
    let everywhere = channel.rhythm != super::calendar::Rhythm::Shop;
    let territory = if everywhere { Vec::new() } else { vec![u8::try_from(rng.below(REGIONS.len())).unwrap_or(0)] };
    let name = format!("{}{}{}号", rng.pick(&PLACES), TRADES[at], number + 1);
    let kept = 8 + rng.below(12);
    Partner {
        name,
        channel: at,
        territory,
        manager: manager(at),
        rows_per_day: channel.rows * rng.within(0.15, 0.60),
        growth: channel.growth + rng.within(-0.05, 0.05),
        assortment: assortment(&mut rng, kept),
        has_stock: channel.kind != "agent",
        in_dollars: false,
        review_weekday: u32::try_from(rng.below(5)).unwrap_or(0),
        industry_years: rng.between(1, 15),
        registered_capital: rng.between(4, 100) * 50_000,
        team: rng.between(2, 30),
        training_hours: rng.between(0, 60),
        id,
    }
}

/// Who looks after partners of a channel.
fn manager(channel: usize) -> &'static str {
    CHANNELS[channel].manager
}

/// `count` products, popular ones more likely; always with the three that the stories are about.
fn assortment(rng: &mut Stream, count: usize) -> Vec<u16> {
    let mut ranked: Vec<(f64, u16)> = (0u16..)
        .zip(&PRODUCTS)
        .map(|(at, product)| {
            let story = matches!(at, 0 | 6 | 12);
            (if story { f64::MAX } else { product.weight * rng.within(0.3, 1.0) }, at)
        })
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut kept: Vec<u16> = ranked.into_iter().take(count).map(|(_, at)| at).collect();
    kept.retain(|at| *at != super::company::NEW_PRODUCT);
    kept.push(super::company::NEW_PRODUCT);
    kept.sort_unstable();
    kept
}

/// The channel of core partner `at`, as a position in [`CHANNELS`].
pub(crate) fn channel_of(at: usize) -> usize {
    CORE_PARTNERS[at].channel
}

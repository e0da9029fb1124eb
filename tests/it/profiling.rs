//! A new partner's file becomes a mapping: for every dialect of the demo company, the draft with its questions
//! answered reads the file exactly as the mapping does that its author wrote.

use std::path::{Path, PathBuf};

use tributary::config::Config;
use tributary::contract::Contracts;
use tributary::intake::profile::{Draft, Names, profile};
use tributary::intake::rehearse::{Local, rehearse};
use tributary::intake::{RawFile, Spool, stage_file};
use tributary::sender::{Sender, Senders};

use crate::support::company::date;
use crate::support::marts::{Mart, read};
use crate::support::world::{PROJECT, World};

/// Sender, feed, file, and what its author answers to the questions: lines of the draft and their replacements.
type Case = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const PARTNER: &str = "partner_id = { constant = \"new\" }";
const CHANNEL: &str = "channel_id = { constant = \"?\" }";
const CASES: &[Case] = &[
    (
        "jiangnan",
        "sales",
        "sales_2026-10_20261031T1617.csv.gz",
        &[
            (PARTNER, "partner_id = { constant = \"P101\" }"),
            (CHANNEL, "channel_id = { constant = \"ch_distributor\" }"),
        ],
    ),
    (
        "jiangnan",
        "inventory",
        "inventory_2026-11-20_20261120T1617.csv",
        &[(PARTNER, "partner_id = { constant = \"P101\" }")],
    ),
    (
        "yuefeng",
        "sales",
        "sales_2026-10_20261031T1624.xlsx",
        &[
            (PARTNER, "partner_id = { constant = \"P102\" }"),
            (CHANNEL, "channel_id = { constant = \"ch_distributor\" }"),
        ],
    ),
    (
        "yuefeng",
        "inventory",
        "inventory_2026-11-20_20261120T1624.csv",
        &[(PARTNER, "partner_id = { constant = \"P102\" }")],
    ),
    (
        "retail",
        "sales",
        "sales_2026-10_20261031T1613.csv.gz",
        &[(CHANNEL, "channel_id = { constant = \"ch_retail\" }")],
    ),
    ("retail", "inventory", "inventory_2026-11-20_20261120T1613.csv", &[]),
    (
        "southwest_agents",
        "sales",
        "sales_2026-10_20261031T1638.ndjson.gz",
        &[(CHANNEL, "channel_id = { constant = \"ch_agent\" }")],
    ),
    ("xingmei", "sales", "sales_2026-10_20261031T1706.csv.gz", &[]),
    (
        "beifang",
        "sales",
        "sales_2026-10_20261031T1631.tsv.gz",
        &[
            (PARTNER, "partner_id = { constant = \"P103\" }"),
            (CHANNEL, "channel_id = { constant = \"ch_distributor\" }"),
            ("\"R\" = \"?\", \"S\" = \"?\"", "\"R\" = \"return\", \"S\" = \"sale\", \"A\" = \"adjustment\""),
        ],
    ),
    (
        "beifang",
        "inventory",
        "inventory_2026-11-20_20261120T1631.tsv",
        &[(PARTNER, "partner_id = { constant = \"P103\" }")],
    ),
    (
        "franchise",
        "sales",
        "sales_2026-10_20261031T1645.csv.gz",
        &[(CHANNEL, "channel_id = { constant = \"ch_franchise\" }")],
    ),
    ("franchise", "inventory", "inventory_2026-11-20_20261120T1645.csv.gz", &[]),
    (
        "own_shops",
        "sales",
        "sales_2026-10_20261031T1610.csv.gz",
        &[(CHANNEL, "channel_id = { constant = \"ch_direct\" }")],
    ),
    (
        "tianhe",
        "sales",
        "sales_2026-10_20261031T1652.parquet",
        &[(PARTNER, "partner_id = { constant = \"E401\" }"), (CHANNEL, "channel_id = { constant = \"ch_platform\" }")],
    ),
    (
        "jingxuan",
        "sales",
        "sales_2026-10_20261031T1659.csv.gz",
        &[
            (PARTNER, "partner_id = { constant = \"E402\" }"),
            (CHANNEL, "channel_id = { constant = \"ch_platform\" }"),
            (
                "currency = { constant = \"USD\" }\n",
                "currency = { constant = \"USD\" }\nsale_type = { column = \"order_id\", \
                 prefixes = { RT = \"return\", AD = \"adjustment\" }, default = \"sale\" }\n",
            ),
        ],
    ),
];

struct Desk {
    config: Config,
    contracts: Contracts,
    senders: Senders,
    names: Names,
}

impl Desk {
    fn new() -> Self {
        let root = Path::new(PROJECT);
        let config = Config::parse("", root).expect("the shipped settings");
        let contracts = Contracts::load(&config.folders.jobs).expect("contracts");
        let senders = Senders::load(&config.folders.jobs, &contracts).expect("senders");
        // What the company knows by name once its references have arrived.
        let named = |pairs: &[(&str, &str)]| {
            let both = pairs.iter().flat_map(|(key, name)| [(*key, *key), (*name, *key)]);
            both.map(|(word, key)| (word.to_string(), key.to_string())).collect()
        };
        let mut names = Names::new();
        for (feed, column) in [("channels", "channel_id"), ("regions", "ship_to_region"), ("partners", "partner_id")] {
            let mut known: Vec<(String, String)> = Vec::new();
            for sender in senders.iter() {
                let mapping = sender.feeds.get("sales").and_then(|sales| sales.columns.get(column));
                known.extend(mapping.into_iter().flat_map(|m| m.map.iter().map(|(k, v)| (v.clone(), k.clone()))));
            }
            let pairs: Vec<(&str, &str)> = known.iter().map(|(key, name)| (key.as_str(), name.as_str())).collect();
            names.insert(feed.to_string(), named(&pairs));
        }
        // Partners by key only, and the new one among them.
        let partners = names.entry("partners".to_string()).or_default();
        for key in
            ["new", "R801", "R802", "R803", "S501", "L601", "L602", "A201", "A202", "A203", "D001", "D002", "D003"]
        {
            partners.insert(key.to_string(), key.to_string());
        }
        Self { config, contracts, senders, names }
    }

    fn file(sender: &str, feed: &str, name: &str) -> Local {
        let path = PathBuf::from(PROJECT).join("fixtures/inbox").join(sender).join(feed).join(name);
        let last_modified = "2026-11-22T20:00:00Z".parse().expect("an instant");
        Local { path, key: format!("new/{feed}/{name}"), last_modified }
    }

    fn draft(&self, sender: &str, feed: &str, name: &str) -> Draft {
        let file = Self::file(sender, feed, name);
        profile(&file, "new", feed, &self.contracts, &self.config, &self.names).expect("a draft")
    }

    /// The file's rows as a mapping reads them, without what says who read them.
    fn rows(&self, sender: &Sender, feed: &str, file: &Local) -> Mart {
        let folder = tempfile::tempdir().expect("a folder");
        let raw = RawFile {
            sender: "new".into(),
            feed: feed.into(),
            key: file.key.clone(),
            content: Spool::Disk(file.path.clone()),
            bytes: file.path.metadata().expect("the file").len(),
            version: "0".repeat(64),
            last_modified: file.last_modified,
        };
        let company = &self.config.company;
        let outcome = stage_file(
            &raw,
            &sender.feeds[feed],
            self.contracts.expect(feed).expect("the contract"),
            &self.config.intake,
            company.time_zone,
            &company.base_currency,
            folder.path(),
        )
        .expect("staged");
        let Some(Spool::Disk(staged)) = outcome.staged else { panic!("no rows on disk") };
        let bytes = std::fs::read(staged).expect("the staged file");
        let mut rows = read(bytes.into());
        rows.notes.clear();
        // A file's name may carry its delivery by a rule that only its author knows.
        let delivered = rows.column("_delivered_at");
        rows.rows.iter_mut().for_each(|row| row[delivered].clear());
        rows
    }
}

#[test]
fn every_dialect_is_read_as_its_author_reads_it() {
    let desk = Desk::new();
    for (sender, feed, name, answers) in CASES {
        let draft = desk.draft(sender, feed, name);
        let mut toml = draft.toml.clone();
        for (line, answer) in *answers {
            assert!(toml.contains(line), "{sender} {feed}: no {line:?} in\n{toml}");
            toml = toml.replace(line, answer);
        }
        assert!(draft.questions.len() <= 7, "{sender} {feed} asks too much: {:#?}", draft.questions);
        let drafted = Sender::parse("new", &toml, &desk.contracts).unwrap_or_else(|err| panic!("{err}\n{toml}"));
        let file = Desk::file(sender, feed, name);
        let tried = rehearse(&file, &drafted, feed, &desk.contracts, &desk.config, 5).expect("a rehearsal");
        let outcome = &tried.outcome;
        assert_eq!(outcome.quarantined, None, "{sender} {feed}\n{toml}");
        assert!(outcome.rows_read > 0 && outcome.rows_clean == outcome.rows_read, "{sender} {feed}: {tried:?}\n{toml}");
        let own = desk.senders.get(sender).expect("the author's mapping");
        let (mine, theirs) = (desk.rows(&drafted, feed, &file), desk.rows(own, feed, &file));
        assert_eq!(mine.columns, theirs.columns);
        for (at, (mine, theirs)) in mine.rows.iter().zip(&theirs.rows).enumerate() {
            assert_eq!(mine, theirs, "{sender} {feed}, row {at} by\n{toml}");
        }
        assert_eq!(mine.rows.len(), theirs.rows.len());
    }
}

#[test]
fn the_path_of_the_readme_ends_in_a_night() {
    let world = World::new(&["sales_daily", "data_quality"]);
    world.deliver_history("2026-11-05");
    world.night("2026-11-05").published();
    // The partner drops a file; the folders say whose it is and what it holds.
    let text =
        "单号;日期;货号;数量;单价;渠道\nX1;2026/11/06;00017;2;49,50;直播间\nX2;2026/11/06;00018;1;60,00;直播间\n";
    world.deliver("p02_new/sales/2026-11-06.csv", text, date("2026-11-06"));
    let file = world.path("inbox/p02_new/sales/2026-11-06.csv").display().to_string();
    let now = [("TRIBUTARY_NOW", "2026-11-06T22:30:00Z")];
    let seen = world.tributary(&["profile", &file], &now).expect(&[1]);
    assert!(seen.stdout.contains("known are: p01 (华东总经销), p02 (星光直播间)"), "partners are named: {seen}");
    assert!(seen.stdout.contains("map = { \"华东分销\" = \"ch_dist\", \"直播间\" = \"ch_live\" }"), "{seen}");
    assert!(!world.path("jobs/senders/p02_new.toml").exists(), "looking writes nothing");
    let json = world.tributary(&["--output", "json", "profile", &file, "--write"], &now).expect(&[1]).json();
    assert_eq!((&json["sender"], &json["open_columns"]), (&"p02_new".into(), &1.into()), "{json}");
    let path = world.path("jobs/senders/p02_new.toml");
    let draft = std::fs::read_to_string(&path).expect("the draft");
    std::fs::write(&path, draft.replace("partner_id = { constant = \"?\" }", "partner_id = { constant = \"p02\" }"))
        .expect("answered");
    let tried = world.tributary(&["profile", &file], &now).expect(&[0]);
    assert!(tried.stdout.contains("2 rows = 2 clean + 0 refused"), "{tried}");
    world.tributary(&["check"], &[]).expect(&[0]);
    let plan = world.tributary(&["plan", "nightly", "--date", "2026-11-06"], &now).expect(&[0]);
    assert!(plan.stdout.contains("would fetch   1 file, "), "{plan}");
    assert!(plan.stdout.contains("p02_new"), "{plan}");
    world.night("2026-11-06").published();
    let sales = world.mart("sales_daily");
    let found = sales.find(&[("business_date", "2026-11-06"), ("channel_id", "ch_live"), ("partner_id", "p02")]);
    assert!(!found.is_empty(), "the new partner's day is published: {:?}", sales.rows);

    // Another feed of the same sender is added to its file; a third look at the first one overwrites nothing.
    let stock = "货号,盘点日期,库存数量\n00017,2026-11-06,12\n";
    world.deliver("p02_new/inventory/2026-11-06.csv", stock, date("2026-11-06"));
    let file = world.path("inbox/p02_new/inventory/2026-11-06.csv").display().to_string();
    world.tributary(&["profile", &file, "--write"], &now).expect(&[1]);
    let both = std::fs::read_to_string(&path).expect("the mapping");
    assert!(both.contains("[feeds.sales]") && both.contains("[feeds.inventory]"), "{both}");
}

#[test]
fn profile_says_what_it_needs_to_know() {
    let world = World::new(&["sales_daily"]);
    world.write("somewhere/a.csv", "x,y\n1,2\n");
    let file = world.path("somewhere/a.csv").display().to_string();
    let feed = world.tributary(&["profile", &file], &[]).expect(&[64]);
    assert!(feed.stderr.contains("--feed") && feed.stderr.contains("inventory"), "{feed}");
    let slip = world.tributary(&["profile", &file, "--feed", "sale"], &[]).expect(&[64]);
    assert!(slip.stderr.contains("did you mean `sales`"), "{slip}");
    let whose = world.tributary(&["profile", &file, "--feed", "sales"], &[]).expect(&[64]);
    assert!(whose.stderr.contains("--sender"), "{whose}");
    let gone = world.tributary(&["profile", "nowhere/sales/a.csv"], &[]).expect(&[64]);
    assert!(gone.stderr.contains("neither on this machine nor in the inbox"), "{gone}");
}

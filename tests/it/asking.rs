//! Commands that explain and arrange: silences, mails before they go, lineage, docs, the page of a run.

use std::path::Path;

use crate::support::world::{PROJECT, World, copy_tree};

const NIGHT: &str = "2026-11-05";
const NOW: [(&str, &str); 1] = [("TRIBUTARY_NOW", "2026-11-05T23:00:00Z")];

/// A small company in which something is found every night.
fn world() -> World {
    let world = World::small();
    world.deliver_history(NIGHT);
    world.night(NIGHT).published();
    world
}

#[test]
fn a_silence_holds_mails_back_until_it_ends() {
    let world = world();
    let run = |args: &[&str], at: &str| world.tributary(args, &[("TRIBUTARY_NOW", at), ("USER", "wang")]);
    let at = "2026-11-05T23:00:00Z";
    let none = run(&["silence", "list"], at).expect(&[0]);
    assert!(none.stdout.contains("no silence holds"), "{none}");
    for (args, words) in [
        (&["silence", "add", "big_seler", "--for", "2d"][..], "did you mean `big_seller`"),
        (&["silence", "add", "big_seller", "nothing=1", "--for", "2d"], "names label `nothing`"),
        (&["silence", "add", "big_seller"], "a silence needs an end"),
        (&["silence", "add", "big_seller", "--until", "2026-11-01"], "is past"),
        (&["silence", "add", "big_seller", "--for", "two days"], "is not an age"),
    ] {
        let wrong = run(args, at).expect(&[64]);
        assert!(wrong.stderr.contains(words), "{words}: {wrong}");
    }
    let unsigned = world.tributary(&["silence", "add", "big_seller", "--for", "2d"], &NOW).expect(&[64]);
    assert!(unsigned.stderr.contains("--author"), "{unsigned}");

    let args = ["--output", "json", "silence", "add", "big_seller", "--until", "2026-11-07", "--comment", "known"];
    let laid = run(&args, at).expect(&[0]).json();
    assert_eq!(laid["silence"]["author"], "wang");
    assert_eq!(laid["silence"]["until"], "2026-11-07T16:00:00Z", "to the end of the day in Shanghai");
    assert!(laid["findings_now"].as_u64() > Some(0), "{laid}");
    let id = laid["silence"]["id"].as_str().expect("an id").to_string();
    let kinds: Vec<String> = world.commits().iter().map(|commit| format!("{:?}", commit.kind)).collect();
    assert_eq!(kinds, ["Run", "Silence"]);
    let listed = run(&["silence", "list"], at).expect(&[0]);
    assert!(listed.stdout.contains(&id) && listed.stdout.contains("by wang  big_seller"), "{listed}");

    world.deliver_day("2026-11-06".parse().expect("a date"));
    world.night("2026-11-06").published();
    let muted = |world: &World| {
        let commits = world.commits();
        let alerts = commits.iter().rev().find_map(|commit| commit.changes.alerts.clone()).expect("alerts");
        alerts.iter().filter(|alert| alert.muted.as_deref().is_some_and(|why| why.contains("silenced by wang"))).count()
    };
    assert!(muted(&world) > 0);
    let ended = run(&["silence", "end", &id[..4]], "2026-11-06T23:00:00Z").expect(&[0]);
    assert!(ended.stdout.contains("big_seller"), "{ended}");
    run(&["silence", "end", &id], "2026-11-06T23:10:00Z").expect(&[64]);
    world.deliver_day("2026-11-07".parse().expect("a date"));
    world.night("2026-11-07").published();
    assert_eq!(muted(&world), 0);
}

#[test]
fn rules_that_no_file_holds_are_silenced_like_any_other() {
    let world = World::small();
    for rule in
        ["run_failed", "run_reduced", "master_data_missing", "mail_undelivered", "mail_unwritten", "settings_refused"]
    {
        let args = ["silence", "add", rule, "--for", "1d", "--author", "wang"];
        let laid = world.tributary(&args, &NOW).expect(&[0]);
        assert!(laid.stdout.contains(rule), "{laid}");
    }
}

#[test]
fn mails_are_previewed_and_waiting_ones_flushed() {
    let world = World::small();
    let early = world.tributary(&["mail", "preview"], &NOW).expect(&[64]);
    assert!(early.stderr.contains("no run has written a mail yet"), "{early}");
    world.deliver_history(NIGHT);
    // The folder of mails is a file: nothing can be delivered.
    world.write("mail", "in the way");
    world.night(NIGHT).expect(&[4]);
    let json = world.tributary(&["--output", "json", "mail", "preview"], &NOW).expect(&[0]).json();
    let first = &json[0];
    assert_eq!(first["outcome"], "waiting");
    assert!(first["text"].as_str().is_some_and(|text| text.contains("Test Company")), "{json}");
    assert!(first["html"].as_str().is_some_and(|html| html.contains("</html>")), "{json}");
    world.tributary(&["mail", "flush"], &NOW).expect(&[4]);
    std::fs::remove_file(world.path("mail")).expect("out of the way");
    // The pause after the last try has not passed, but a person asks.
    let flushed = world.tributary(&["mail", "flush"], &NOW).expect(&[0]);
    assert!(flushed.stdout.contains("sent") && !world.mails().is_empty(), "{flushed}");
    let none = world.tributary(&["mail", "flush"], &NOW).expect(&[0]);
    assert!(none.stdout.contains("no mail waits"), "{none}");
    let folder = world.path("pages").display().to_string();
    let saved = world.tributary(&["mail", "preview", "hq@", "--save", &folder], &NOW).expect(&[0]);
    assert!(saved.stdout.contains("sent") && saved.stdout.contains(".html"), "{saved}");
    let read = world.tributary(&["mail", "preview", "hq@"], &NOW).expect(&[0]);
    assert!(read.stdout.contains("Test Company"), "{read}");
    let nobody = world.tributary(&["mail", "preview", "nobody@"], &NOW).expect(&[64]);
    assert!(nobody.stderr.contains("mails go to hq@test.example"), "{nobody}");
}

#[test]
fn a_number_is_followed_down_to_the_feeds() {
    let world = World::new(&["sales_daily"]);
    let tree = world.tributary(&["lineage", "channel_kpis.net_sales"], &[]).expect(&[0]);
    assert!(tree.stdout.starts_with("channel_kpis.net_sales\n"), "{tree}");
    for source in ["feeds.sales.quantity", "feeds.sales.unit_price", "feeds.sales.discount_amount", "feeds.fx_rates."] {
        assert!(tree.stdout.contains(source), "{source}: {tree}");
    }
    for file in ["sql/marts/channels/channel_kpis.sql", "sql/staging/sales/stg_sales.sql"] {
        assert!(tree.stdout.lines().any(|line| line.trim() == file), "{file}: {tree}");
    }
    assert!(tree.stdout.lines().count() < 400, "a tree that a person can read: {tree}");
    let json = world.tributary(&["--output", "json", "lineage", "bcg_classes"], &[]).expect(&[0]).json();
    assert!(json["sources"].as_array().is_some_and(|all| all.contains(&"feeds.sales".into())), "{json}");
    let slip = world.tributary(&["lineage", "channel_kpis.net_sale"], &[]).expect(&[64]);
    assert!(slip.stderr.contains("did you mean `channel_kpis.net_sales`"), "{slip}");
}

#[test]
fn the_lineage_that_the_readme_shows_is_there() {
    let readme = std::fs::read_to_string(Path::new(PROJECT).join("README.md")).expect("the README");
    let shown: Vec<&str> = readme
        .split("tributary lineage ")
        .skip(1)
        .filter_map(|rest| rest.split(['`', '\n']).next())
        // What the README lays down itself is asked where its company is built.
        .filter(|target| target.split_once('.').is_some_and(|(model, _)| !readme.contains(&format!("/{model}.sql`"))))
        .collect();
    assert!(!shown.is_empty(), "the README shows lineage");
    let world = World::new(&["sales_daily"]);
    for target in shown {
        world.tributary(&["lineage", target], &[]).expect(&[0]);
    }
}

#[test]
fn docs_and_the_page_of_a_run_hold_what_there_is() {
    let world = world();
    let docs = world.tributary(&["docs"], &[]).expect(&[0]);
    for words in
        ["### partner_totals", "| `sold_at` | timestamp |", "`min_by(value, order)", "`overstock_limit`", "### [mail]"]
    {
        assert!(docs.stdout.contains(words), "{words}: {docs}");
    }
    let out = world.path("run.html").display().to_string();
    world.tributary(&["report", "--out", &out], &NOW).expect(&[0]);
    let page = std::fs::read_to_string(&out).expect("the page");
    for words in ["nightly · 2026年11月5日", "partner_totals", "hq@test.example", "检查", "</html>"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    // In English where the company is; alone, it names no other page and fetches nothing.
    let config = std::fs::read_to_string(world.path("config.toml")).expect("settings");
    world.write("config.toml", &config.replace("[company]\n", "[company]\nlocale = \"en\"\n"));
    world.tributary(&["report", "--out", &out], &NOW).expect(&[0]);
    let page = std::fs::read_to_string(&out).expect("the page");
    for words in
        ["nightly · 5 Nov 2026", "Files that need somebody", "checks were asked", "The last 30 nights", "<rect "]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    for reach in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(reach), "{reach}");
    }
    world.tributary(&["report", "no-such-run"], &NOW).expect(&[64]);
}

#[test]
fn the_site_holds_runs_columns_lineage_and_what_was_set() {
    let world = world();
    let dir = world.path("site").display().to_string();
    let written = world.tributary(&["--output", "json", "site", &dir], &NOW).expect(&[0]).json();
    assert_eq!(written["pages"], written["written"]);
    let page = |name: &str| std::fs::read_to_string(world.path("site").join(name)).expect(name);
    for (name, words) in [
        ("index.html", "href=\"mart-partner_totals.html\""),
        ("runs.html", "2026-11-05"),
        ("columns.html", "href=\"mart-partner_totals.html#net_sales\""),
        ("lineage.html", "data-from=\"sales_daily\" data-to=\"partner_totals\""),
        ("settings.html", "overstock_limit"),
        ("feeds.html", "sold_at"),
        ("senders.html", "p01.toml"),
        // The column, what it is made from, and a value that the mart holds.
        ("mart-partner_totals.html", "href=\"mart-sales_daily.html#net_sales\""),
        ("mart-partner_totals.html", "<code>2026-11-05</code>"),
        ("mart-sales_daily.html", "partner_totals.net_sales"),
    ] {
        assert!(page(name).contains(words), "{name} lacks {words}");
    }
    let run = world.commits()[0].run_id.clone();
    assert!(page(&format!("run-{run}.html")).contains(&run), "where mail.report_url leads to");
    // The page of an earlier night stays as it was, so that its mails lead to what they told.
    world.deliver_day("2026-11-06".parse().expect("a date"));
    world.night("2026-11-06").published();
    world.write(&format!("site/run-{run}.html"), "as it was");
    world.tributary(&["site", &dir], &NOW).expect(&[0]);
    assert_eq!(page(&format!("run-{run}.html")), "as it was");
    assert!(page("index.html").contains("11月6日"));
}

#[test]
fn check_knows_the_columns_of_alerts() {
    let world = World::new(&["sales_daily"]);
    let sql = world.path("sql");
    crate::support::world::copy_tree(&std::path::Path::new(crate::support::world::PROJECT).join("sql"), &sql);
    let sidecar = sql.join("alerts/stock/overstock.toml");
    let text = std::fs::read_to_string(&sidecar).expect("the sidecar");
    std::fs::write(&sidecar, text.replace("{{ partner_name }}", "{{ partner_nam }}")).expect("a slip");
    let config = std::fs::read_to_string(world.path("config.toml")).expect("settings");
    let line = config.lines().find(|line| line.starts_with("sql = ")).expect("the folder").to_string();
    world.write("config.toml", &config.replace(&line, "sql = \"sql\""));
    let check = world.tributary(&["check"], &[]).expect(&[64]);
    assert!(check.stderr.contains("names column `partner_nam`"), "{check}");
    assert!(check.stderr.contains("did you mean `partner_name`"), "{check}");
}

#[test]
fn a_mail_given_up_is_told_in_the_next_run() {
    let world = world();
    let commits = world.commits();
    let owed = &commits.last().expect("a commit").changes.owed;
    let lost = owed.iter().find(|mail| mail.recipient == "sales@test.example").expect("a mail");
    // What the postman leaves behind when a server refuses an address for good.
    let outbox = world.path("lake/outbox").join(&lost.run_id);
    std::fs::remove_file(outbox.join(format!("{}.sent.json", lost.recipient_hash))).expect("no receipt");
    let dead = serde_json::json!({
        "run_id": lost.run_id, "recipient_hash": lost.recipient_hash, "outcome": "dead", "transport": "smtp",
        "at": "2026-11-05T22:31:00Z", "detail": "550 no such user",
    });
    std::fs::write(outbox.join(format!("{}.dead.json", lost.recipient_hash)), dead.to_string()).expect("a dead letter");
    let preview = world.tributary(&["mail", "preview", "sales@"], &NOW).expect(&[0]);
    assert!(preview.stdout.starts_with("dead"), "{preview}");

    world.deliver_day("2026-11-06".parse().expect("a date"));
    world.night("2026-11-06").published();
    let told = |world: &World| {
        let commits = world.commits();
        let alerts = commits.iter().rev().find_map(|commit| commit.changes.alerts.clone()).expect("alerts");
        alerts.into_iter().find(|alert| alert.rule == "mail_undelivered")
    };
    let alert = told(&world).expect("it is told");
    assert_eq!((alert.labels["recipient"].as_str(), alert.severity.as_str()), ("sales@test.example", "critical"));
    assert_eq!(alert.row["error"], "550 no such user");
    // The next mail to that address went through: it is over.
    world.deliver_day("2026-11-07".parse().expect("a date"));
    world.night("2026-11-07").published();
    assert_eq!(told(&world).map(|alert| format!("{:?}", alert.phase)), Some("Resolved".to_string()));
}

/// The models of the small company with one that asks who manages which partner, and an alert that tells them.
fn with_managers(world: &World) {
    copy_tree(&Path::new(PROJECT).join("fixtures/small/sql"), &world.path("sql"));
    let config = std::fs::read_to_string(world.path("config.toml")).expect("settings");
    let line = config.lines().find(|line| line.starts_with("sql = ")).expect("the folder").to_string();
    world.write("config.toml", &config.replace(&line, "sql = \"sql\""));
    world.write(
        "sql/staging/partners_current.sql",
        "select partner_id, name, manager from feeds.partners_versions where valid_to > $as_of_date\n",
    );
    world.write(
        "sql/staging/partners_current.toml",
        "grain = \"partner\"\nkey = [\"partner_id\"]\nmaterialised = \"view\"\n\
         [description]\nen = \"Partners\"\nzh = \"伙伴\"\n",
    );
    world.write("sql/alerts/managed.sql", "select partner_id, name, manager from partners_current\n");
    world.write(
        "sql/alerts/managed.toml",
        "grain = \"partner\"\nkey = [\"partner_id\"]\nmaterialised = \"table\"\n\
         [description]\nen = \"Partners\"\nzh = \"伙伴\"\n\
         [alert]\nseverity = \"warning\"\nlabels = [\"partner_id\"]\nowners = [\"manager\"]\n\
         [alert.title]\nen = \"{{ name }} is managed\"\nzh = \"{{ name }}有人管\"\n",
    );
}

#[test]
fn a_manager_to_whom_no_mail_can_be_written_costs_nobody_else_theirs() {
    let world = World::small();
    with_managers(&world);
    world.deliver_history(NIGHT);
    world.deliver(
        "hq/partners/2026-11-05.csv",
        "partner_id,name,channel_id,cooperation_mode,territory,status,joined_on,manager\n\
         p01,华东总经销,ch_dist,distribution,Shanghai;Jiangsu,active,2024-03-01,x@[127.0.0.1]\n\
         p02,星光直播间,ch_live,agency,,active,2025-05-10,live@test.example\n",
        NIGHT.parse().expect("a date"),
    );
    world.night(NIGHT).published();
    let commits = world.commits();
    let commit = commits.last().expect("a commit");
    let people: Vec<&str> = commit.changes.owed.iter().map(|mail| mail.recipient.as_str()).collect();
    assert_eq!(people, ["hq@test.example", "live@test.example", "sales@test.example"]);
    let alerts = commit.changes.alerts.as_deref().unwrap_or_default();
    let told = alerts.iter().find(|alert| alert.rule == "mail_unwritten").expect("it is told");
    assert_eq!(told.owners, ["hq@test.example"]);
    let read = world.tributary(&["mail", "preview", "hq@"], &NOW).expect(&[0]);
    for part in ["x@[127.0.0.1]", "华东总经销", "hq/partners/2026-11-05.csv", "华东总经销有人管"] {
        assert!(read.stdout.contains(part), "{part}: {read}");
    }
}

#[test]
fn a_mail_given_up_stays_in_the_status_until_somebody_has_seen_to_it() {
    let world = world();
    world.tributary(&["status"], &NOW).expect(&[0]);
    let commits = world.commits();
    let owed = &commits.last().expect("a commit").changes.owed;
    let lost = owed.iter().find(|mail| mail.recipient == "sales@test.example").expect("a mail");
    // What the postman leaves behind when a server refuses an address for good.
    let give_up = || {
        let receipt = format!("lake/outbox/{}/{}.sent.json", lost.run_id, lost.recipient_hash);
        std::fs::remove_file(world.path(&receipt)).expect("no receipt");
        let open = serde_json::json!({ "owed": lost, "at": "2026-11-05T22:31:00Z", "reason": "550 no such user" });
        let key = format!("lake/unseen_mails/{}/{}.json", lost.run_id, lost.recipient_hash);
        world.write(&key, &open.to_string());
        world.write(&receipt.replace(".sent.json", ".dead.json"), "{}");
    };
    give_up();
    // Ten days later, long after its tries were over.
    let later = [("TRIBUTARY_NOW", "2026-11-15T23:00:00Z")];
    let status = world.tributary(&["status"], &later).expect(&[4]);
    assert!(status.stdout.contains("MAIL GIVEN UP   sales@test.example"), "{status}");
    assert!(status.stdout.contains("550 no such user") && status.stdout.contains("mail retry"), "{status}");
    let flush = world.tributary(&["mail", "flush"], &later).expect(&[4]);
    assert!(flush.stdout.contains("dead     sales@test.example"), "{flush}");
    world.deliver_day("2026-11-06".parse().expect("a date"));
    world.night("2026-11-06").expect(&[4]);
    let slip = world.tributary(&["mail", "drop", "sale@test.example"], &later).expect(&[64]);
    assert!(slip.stderr.contains("given up are mails to sales@test.example"), "{slip}");
    // Tried again it leaves, however old it is.
    let retry = world.tributary(&["mail", "retry", "sales@test.example"], &later).expect(&[0]);
    assert!(retry.stdout.contains("sent     sales@test.example"), "{retry}");
    world.tributary(&["status"], &later).expect(&[0]);
    give_up();
    world.tributary(&["status"], &later).expect(&[4]);
    world.tributary(&["mail", "drop", "all"], &later).expect(&[0]);
    world.tributary(&["status"], &later).expect(&[0]);
    world.tributary(&["mail", "flush"], &later).expect(&[0]);
}

/// What SQL on disk would change is told by row, column and sum, and nothing of lake, marts and mails is touched.
#[test]
fn a_diff_says_what_would_change_and_changes_nothing() {
    let world = World::small();
    copy_tree(&Path::new(PROJECT).join("fixtures/small/sql"), &world.path("sql"));
    let config = std::fs::read_to_string(world.path("config.toml")).expect("the settings");
    world.write("config.toml", &config.replace(&format!("{PROJECT}/fixtures/small/sql"), "sql"));
    world.deliver_history("2026-11-01");
    world.night("2026-11-01").published();
    let same = world.tributary(&["diff"], &[]).expect(&[0]);
    assert!(same.stdout.contains("no mart would change; nothing was published"), "{same}");
    let before = world.fingerprint();
    let model = "sql/marts/partner_totals.sql";
    let sql = std::fs::read_to_string(world.path(model)).expect("the model");
    world.write(model, &sql.replace("cast(sum(units) as bigint)", "cast(sum(units) + 1 as bigint)"));
    let sidecar = "sql/marts/partner_totals.toml";
    let text = std::fs::read_to_string(world.path(sidecar)).expect("the sidecar");
    world.write(sidecar, &text.replace("unit = \"units\"\n", "unit = \"units\"\nadditive = true\n"));
    let told = world.tributary(&["--output", "json", "diff"], &[]).expect(&[0]).json();
    let marts = told["marts"].as_array().expect("marts");
    assert_eq!(marts.len(), 1, "{told}");
    let diff = &marts[0];
    assert_eq!(diff["mart"], "partner_totals", "{told}");
    for (what, rows) in [("added", 0), ("gone", 0), ("changed", 2)] {
        assert_eq!(diff[what], rows, "{what}: {told}");
    }
    assert_eq!(diff["columns"], serde_json::json!({"units": 2}), "{told}");
    let sum = |at: usize| diff["sums"]["units"][at].as_str().and_then(|sum| sum.parse::<i64>().ok()).expect("a sum");
    assert_eq!(sum(1), sum(0) + 2, "one more a partner: {told}");
    let example = &diff["examples"][0];
    let units = |when: &str| example[format!("units {when}")].as_i64().expect("units");
    assert_eq!(units("after"), units("before") + 1, "{told}");
    assert_eq!(world.fingerprint(), before, "nothing is written anywhere");
}

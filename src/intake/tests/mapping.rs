//! What a sender's mapping can say of its columns, and what it is answered when it says something else.

use super::*;

fn staged(sender: &str, name: &str, text: &str) -> Seen {
    World::new().stage("sales", name, text.as_bytes(), sender)
}

#[test]
fn the_first_header_that_the_file_has_is_taken() {
    let sender = "[feeds.sales]\n[feeds.sales.columns]\nsku = [\"货号\", \"商品编码\", \"sku\"]\n";
    let named = |names: &str, values: &str| {
        let header = HEADER.replace("sku", names);
        format!("{header}{}", row(1).replace("00012", values))
    };
    for (names, values, sku) in
        [("sku", "1", "1"), ("商品编码", "2", "2"), ("sku,商品编码", "1,2", "2"), ("商品编码,sku,货号", "2,1,3", "3")]
    {
        let seen = staged(sender, "2026-11-22.csv", &named(names, values));
        assert_eq!(seen.texts("sku"), [Some(sku.into())], "{names}");
    }
    let seen = staged(sender, "2026-11-22.csv", &named("商品码", "2"));
    assert_eq!(
        seen.reason(),
        "column `sku` (header \"货号\" or \"商品编码\" or \"sku\") is not in the file; did you mean \"商品码\"?; headers \
         found: partner_id, order_id, line_no, channel_id, sold_at, 商品码, quantity, unit_price"
    );
}

/// Each row says what it is worth in the end: quantities of 2 sold and 1 returned.
#[test]
fn returns_by_every_convention() {
    let cases = [
        // a leading minus needs no word
        ("quantity = \"quantity\"", "", "2", "-1"),
        (
            "quantity = { column = \"quantity\", negate_if = { column = \"kind\", equals = \"退货\" } }",
            "kind",
            "2",
            "1",
        ),
        (
            "quantity = { column = \"quantity\", negate_if = { column = \"kind\", equals = [\"退款\", \"退货\"] } }",
            "kind",
            "2",
            "1",
        ),
        (
            "quantity = { column = \"quantity\", negate_if = { column = \"order_id\", starts_with = [\"R\", \"C\"] } }",
            "",
            "2",
            "1",
        ),
        // accounts write sales as credits
        ("quantity = { column = \"quantity\", scale = -1 }", "", "-2", "1"),
    ];
    for (column, extra, sold, returned) in cases {
        let sender = format!("[feeds.sales]\n[feeds.sales.columns]\n{column}\n");
        let header = if extra.is_empty() { HEADER.to_string() } else { HEADER.trim_end().to_string() + ",kind\n" };
        let line = |number: usize, quantity: &str, kind: &str| {
            let line = row(number).replace(",1,9.90", &format!(",{quantity},9.90"));
            if extra.is_empty() { line } else { line.trim_end().to_string() + "," + kind + "\n" }
        };
        let text = format!("{header}{}{}", line(1, sold, "销售"), line(2, returned, "退货").replace("O2", "R2"));
        let seen = staged(&sender, "2026-11-22.csv", &text);
        assert_eq!(seen.whole("quantity"), [2, -1], "{column}");
        assert_eq!(seen.texts("sale_type"), [Some("sale".into()), Some("return".into())], "{column}");
    }
    for (negative, written) in [("parentheses", "(1)"), ("parentheses", "（１）"), ("trailing", "1-")] {
        let sender = format!("[feeds.sales]\nnegative = \"{negative}\"\n");
        let text = format!("{HEADER}{}", row(1).replace(",1,9.90", &format!(",{written},9.90")));
        assert_eq!(staged(&sender, "2026-11-22.csv", &text).whole("quantity"), [-1], "{written}");
    }
}

#[test]
fn columns_out_of_the_files_name_and_place() {
    let sender = r#"
[feeds.sales]
[feeds.sales.columns]
partner_id = { from_name = 'shop[_-](\w+?)[_/]', map = { "0042" = "P042" } }
channel_id = { constant = "ch_shop" }
"#;
    let header = HEADER.replace("partner_id,", "").replace("channel_id,", "");
    let text = format!("{header}{}", row(1).replace("P001,", "").replace("ch_shop,", ""));
    for name in ["shop_0042_2026-11-22.csv", "shop-0042/2026-11-22.csv"] {
        let seen = staged(sender, name, &text);
        assert_eq!(
            (seen.texts("partner_id"), seen.texts("channel_id")),
            (vec![Some("P042".into())], vec![Some("ch_shop".into())]),
            "{name}"
        );
    }
    // each member of an archive by its own name, else by the archive's
    let archive = zip(&[("shop_7_.csv", text.as_bytes()), ("rest.csv", text.as_bytes())]);
    let seen = World::new().stage("sales", "shop_0042_2026-11-22.zip", &archive, sender);
    assert_eq!(
        seen.texts("partner_id"),
        [Some("P042".into()), Some("7".into())],
        "members in the order of their names"
    );
    let seen = staged(sender, "2026-11-22.csv", &text);
    assert_eq!(
        seen.reason(),
        "column `partner_id` comes from the file's name, and \"2026-11-22.csv\" does not match shop[_-](\\w+?)[_/]"
    );
}

#[test]
fn a_senders_own_skus_by_a_table_beside_its_mapping() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new();
    let write = |text: &str| std::fs::write(folder.path().join("skus.csv"), text).unwrap();
    let parse = |mapping: &str| {
        let text = format!("[feeds.sales]\nreject_limit = 1.0\n[feeds.sales.columns]\nsku = {mapping}\n");
        Sender::parse_in(folder.path(), "d01", &text, &world.contracts)
    };
    let skus = ["T-1", "７", "7", "T-9"];
    let text: String = (1..).zip(skus).map(|(number, sku)| row(number).replace("00012", sku)).collect();
    let text = format!("{HEADER}{text}");

    write("\u{feff}theirs,name,ours\r\nT-1,\"杯, 大\",00012\r\n0007,碗,00013\r\n");
    let lenient =
        parse("{ column = \"sku\", map_file = \"skus.csv\", map = { \"T-2\" = \"00014\" }, width = 4 }").unwrap();
    let seen = world.stage_as(&lenient, "sales", "2026-11-22.csv", text.as_bytes());
    // what the table does not list goes through as it is; SQL holds it back until a product of that sku comes
    assert_eq!(seen.texts("sku"), ["00012", "7", "00013", "T-9"].map(|sku| Some(sku.to_string())));

    let strict = parse("{ column = \"sku\", map_file = \"skus.csv\", strict = true }").unwrap();
    let seen = world.stage_as(&strict, "sales", "2026-11-22.csv", text.as_bytes());
    assert_eq!(seen.texts("sku"), [Some("00012".into())]);
    assert_eq!(
        seen.listed(),
        [
            "3 sku unmapped_value: ７ -> one of the mapping's values: 0007, T-1",
            "4 sku unmapped_value: 7 -> one of the mapping's values: 0007, T-1",
            "5 sku unmapped_value: T-9 -> one of the mapping's values: 0007, T-1; did you mean \"T-1\"?",
        ]
    );

    // the table is part of the mapping: another row, another fingerprint
    let contract = world.contracts.get("sales").unwrap();
    let before = strict.feeds["sales"].fingerprint(contract, &world.config.company);
    write("theirs,ours\nT-1,00012\nT-9,00013\n");
    let after = parse("{ column = \"sku\", map_file = \"skus.csv\", strict = true }").unwrap();
    assert_ne!(after.feeds["sales"].fingerprint(contract, &world.config.company), before);

    let slips = [
        (
            "codes,ours\nT-1,00012\n",
            "map_file \"skus.csv\", line 1: found the columns codes, ours; expected theirs and ours",
        ),
        ("theirs,ours\nT-1,1\n\nT-1,2\n", "map_file \"skus.csv\", line 4: \"T-1\" stands for \"2\" and for \"1\""),
        ("theirs,ours\nT-1,\n", "map_file \"skus.csv\", line 2: \"T-1\" has no code of ours"),
        ("theirs,ours\n\"a\nb\",1\n,2\n", "map_file \"skus.csv\", line 4: \"2\" stands for no code of theirs"),
        ("theirs,ours\n", "map_file \"skus.csv\" has no rows"),
        ("", "map_file \"skus.csv\", line 1: found the columns ; expected theirs and ours"),
    ];
    for (table, message) in slips {
        write(table);
        let err = parse("{ column = \"sku\", map_file = \"skus.csv\" }").unwrap_err();
        assert_eq!(err.to_string(), format!("feeds.sales: columns.sku: {message}"));
    }
    let err = parse("{ column = \"sku\", map_file = \"sku.csv\" }").unwrap_err();
    assert_eq!(err.to_string(), "feeds.sales: columns.sku: map_file \"sku.csv\" cannot be read as UTF-8 text");
    assert_eq!(err.advice(), Some("put the table beside the sender's file in jobs/senders, saved as CSV UTF-8"));
}

#[test]
fn a_strict_map_names_what_is_near_and_not_thousands() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new();
    let table: String = (1000..3000).map(|code| format!("T-{code},{code}\n")).collect();
    std::fs::write(folder.path().join("skus.csv"), format!("theirs,ours\n{table}")).unwrap();
    let text =
        "[feeds.sales]\nreject_limit = 1.0\n[feeds.sales.columns]\nsku = { map_file = \"skus.csv\", strict = true }\n";
    let sender = Sender::parse_in(folder.path(), "d01", text, &world.contracts).unwrap();
    let text = format!("{HEADER}{}", row(1).replace("00012", "T2999"));
    let seen = world.stage_as(&sender, "sales", "2026-11-22.csv", text.as_bytes());
    let expected = &seen.rejects[0].4;
    assert!(expected.starts_with("one of the mapping's values: T-1000, T-1001, "), "{expected}");
    assert!(expected.ends_with("T-1009 and 1990 more; did you mean \"T-2999\"?"), "{expected}");
}

#[test]
fn zones_of_times_without_offset() {
    let of = |zone: &str, at: &str| {
        let sender = format!("time_zone = \"{zone}\"\n[feeds.sales]\nreject_limit = 1.0\n");
        staged(&sender, "2026-11-22.csv", &format!("{HEADER}{}", row(1).replace("2026-11-22 10:00:00", at)))
    };
    let cases = [
        ("Asia/Shanghai", "2026-11-22 00:30", "2026-11-21T16:30:00+00:00", "2026-11-22"),
        ("Asia/Tokyo", "2026-11-22 00:30", "2026-11-21T15:30:00+00:00", "2026-11-21"),
        ("America/New_York", "2026-11-22 00:30", "2026-11-22T05:30:00+00:00", "2026-11-22"),
        // an offset in the text is stronger; the business date is the company's whatever the clock
        ("America/New_York", "2026-11-22T00:30:00Z", "2026-11-22T00:30:00+00:00", "2026-11-22"),
        ("Asia/Shanghai", "2026-11-22T23:30:00-05:00", "2026-11-23T04:30:00+00:00", "2026-11-23"),
        // clocks went back at 02:00: of the hour that came twice the first is taken
        ("America/New_York", "2026-11-01 01:30", "2026-11-01T05:30:00+00:00", "2026-11-01"),
    ];
    for (zone, at, instant, day) in cases {
        let seen = of(zone, at);
        assert_eq!(
            (seen.instants("sold_at"), seen.days("business_date")),
            (vec![instant.into()], vec![day.into()]),
            "{zone} {at}"
        );
    }
    // clocks went forward at 02:00: that hour never was
    let sender = "time_zone = \"America/New_York\"\n[feeds.sales]\nreject_limit = 1.0\n";
    let text = format!("{HEADER}{}", row(1).replace("2026-11-22 10:00:00", "2026-03-08 02:30"));
    let seen = staged(sender, "2026-03-08.csv", &text);
    assert_eq!(
        seen.listed(),
        ["2 sold_at no_such_local_time: 2026-03-08 02:30 -> a local time that daylight saving does not skip"]
    );
}

/// A rolling export without line numbers: a line keeps its number when the file around it changes, and what both files
/// say of a day has marks in common. Late rows for a day that another file reported have none.
#[test]
fn rows_are_numbered_within_their_order_and_days_are_known_again() {
    let sender = "[feeds.sales]\n[feeds.sales.columns]\npartner_id = { constant = \"P001\" }\n\
                  channel_id = { constant = \"ch_shop\" }\norder_id = \"order\"\nline_no = { row_number = true }\n\
                  sold_at = \"time\"\nquantity = \"qty\"\nunit_price = \"price\"\n";
    let header = "order,time,sku,qty,price\n";
    let (one, two, three) =
        ("1,2026-11-20 10:00,A100,1,34.90\n", "2,2026-11-21 10:00,A200,1,20.00\n", "3,2026-11-22 10:00,A300,1,90.00\n");
    let again = "1,2026-11-20 10:01,A101,2,5.00\n";
    let first = staged(sender, "shop_2026-11-21.csv", &format!("{header}{one}{again}{two}"));
    let second = staged(sender, "shop_2026-11-22.csv", &format!("{header}{three}{two}{one}{again}"));
    let late = staged(sender, "shop_2026-11-23.csv", &format!("{header}9,2026-11-20 18:00,A100,1,34.90\n"));
    let lines =
        |seen: &Seen| seen.texts("order_id").into_iter().flatten().zip(seen.whole("line_no")).collect::<Vec<_>>();
    let pairs =
        |pairs: &[(&str, i64)]| pairs.iter().map(|(order, line)| (order.to_string(), *line)).collect::<Vec<_>>();
    assert_eq!(lines(&first), pairs(&[("1", 1), ("1", 2), ("2", 1)]));
    assert_eq!(lines(&second), pairs(&[("3", 1), ("2", 1), ("1", 1), ("1", 2)]));
    let marks = |seen: &Seen, day: &str| seen.outcome.marks.get(&day.parse().unwrap()).cloned().unwrap_or_default();
    for day in ["2026-11-20", "2026-11-21"] {
        assert!(!marks(&first, day).is_empty());
        assert_eq!(marks(&first, day), marks(&second, day), "{day}");
    }
    assert!(marks(&late, "2026-11-20").iter().all(|mark| !marks(&first, "2026-11-20").contains(mark)));
    // By its name a file without rows says that there was nothing, wherever its period comes from otherwise.
    for rule in ["", "period = \"rows\"\n"] {
        let sender = sender.replace("[feeds.sales]\n", &format!("[feeds.sales]\n{rule}"));
        let closed = staged(&sender, "shop_2026-11-22.csv", header);
        assert_eq!((closed.outcome.quarantined.clone(), closed.outcome.rows_read), (None, 0));
        assert_eq!(closed.outcome.period_start.map(|day| day.to_string()).as_deref(), Some("2026-11-22"), "{rule}");
    }
    // Where the whole key is counted, rows are counted over the file.
    let sender = sender.replace("order_id = \"order\"", "order_id = { row_number = true }");
    let plain = staged(&sender, "shop_2026-11-21.csv", &format!("{header}{one}{again}{two}"));
    assert_eq!(plain.texts("order_id"), [Some("1".into()), Some("2".into()), Some("3".into())]);
}

#[test]
fn a_dated_snapshot_says_what_it_brings_of_each_month() {
    let world = World::new();
    let rates = "[feeds.fx_rates]\n";
    let head = "rate_date,currency,rate_to_base\n";
    let october = "2026-10-30,USD,7.1\n2026-10-31,USD,7.2\n";
    let says = |rows: String| {
        let text = format!("{head}{rows}");
        world.stage("fx_rates", "fx_rates_2026-11-22.csv", text.as_bytes(), rates).outcome.contents
    };
    let first = says(format!("{october}2026-11-01,USD,7.3\n"));
    assert_eq!(first.keys().collect::<Vec<_>>(), ["2026-10", "2026-11"]);
    let grown = says(format!("{october}2026-11-01,USD,7.3\n2026-11-02,USD,7.3\n"));
    assert_eq!(grown["2026-10"], first["2026-10"]);
    assert_ne!(grown["2026-11"], first["2026-11"]);
    let mended = says(format!("{}2026-11-01,USD,7.3\n", october.replace("7.1", "7.11")));
    assert_ne!(mended["2026-10"], first["2026-10"]);
    assert_eq!(mended["2026-11"], first["2026-11"]);
    let articles = "sku,name,category,list_price,unit_cost\n1,A,x,2,1\n";
    assert!(world.stage("products", "products.csv", articles.as_bytes(), PLAIN).outcome.contents.is_empty());
}

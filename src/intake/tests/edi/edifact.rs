//! SLSRPT and INVRPT.

use super::*;

const HEAD: [&str; 3] = ["BGM+73E::9+S1+9", "DTM+137:20261122:102", "DTM+356:2026111520261121:718"];

fn sales(edi: &str, body: &[&str]) -> Told {
    stage("sales", "edifact", edi, &edifact("SLSRPT:D:96A:UN:EAN004", &[&[&HEAD, body].concat()]))
}

fn stock(release: &str, body: &[&str]) -> Told {
    let head = ["BGM+35::9+I1+9", "DTM+366:20261121:102", "NAD+GY+4012345000009::9"];
    stage("inventory", "edifact", "", &edifact(&format!("INVRPT:{release}:UN:EAN004"), &[&[&head, body].concat()]))
}

/// Rules 21 and 22: a place with its lines, its own days before those of the heading; the message's day is no sale's.
#[test]
fn places_with_their_lines() {
    let told = sales(
        "",
        &[
            "LOC+162+5412345000099::9",
            "LIN+1++5412345000013:EN",
            "QTY+153:2",
            "LIN+2++5412345000020:EN",
            "QTY+153:3:PCE",
            "LOC+162+0005::92",
            "DTM+356:20261118:102",
            "LIN+1++5412345000013:EN",
            "QTY+153:4",
            "LOC+162+0006::92",
            "DTM+90:20261116:102",
            "DTM+91:20261117:102",
            "LIN+1++5412345000013:EN",
            "QTY+153:5",
        ],
    );
    assert_eq!(
        told.rows,
        [
            "9:5412345000099 5412345000013 11-21 2",
            "9:5412345000099 5412345000020 11-21 3",
            "92:0005 5412345000013 11-18 4",
            "92:0006 5412345000013 11-17 5",
        ]
    );
    let message = stage(
        "sales",
        "edifact",
        "",
        &edifact(
            "SLSRPT:D:96A:UN",
            &[&["BGM+73E::9+S1+9", "DTM+137:20261122:102", "LOC+162+1::92", "LIN+1++A:SA", "QTY+153:1"]],
        ),
    );
    assert!(message.refused()[0].contains("no_period"), "{:?}", message.refused());
}

/// Rule 21: from D.97A on lines may hold their places, with days and prices under the quantity; the value of a line covers
/// all its places.
#[test]
fn lines_with_their_places() {
    let body = [
        &HEAD[..],
        &[
            "LIN+1++5412345000013:EN",
            "MOA+203:100",
            "LOC+162+A::92",
            "QTY+153:1",
            "DTM+356:20261116:102",
            "LOC+162+B::92",
            "QTY+153:2",
            "LIN+2++5412345000020:EN",
            "LOC+162+A::92",
            "QTY+153:3",
            "PRI+AAA:2,5",
            "UNS+S",
        ],
    ]
    .concat();
    let told = stage("sales", "edifact", "", &edifact("SLSRPT:D:97A:UN", &[&body]));
    assert_eq!(
        told.rows,
        [
            "92:A 5412345000013 11-16 1 at 33.3333",
            "92:B 5412345000013 11-21 2 at 33.3333",
            "92:A 5412345000020 11-21 3 at 2.5000",
        ]
    );
    // to the cent
    let amounts = told.seen.money("gross_amount");
    assert_eq!((amounts[0], amounts[1]), (333_300, 666_700));
}

/// Rule 23: a line for each receipt is a sale for each receipt.
#[test]
fn receipts_of_one_article_add_up() {
    let line = ["LIN+1++5412345000013:EN", "QTY+153:1:PCE"];
    let told = sales("", &[&["LOC+162+1::92"][..], &line, &line, &line].concat());
    assert_eq!((told.seen.whole("quantity"), told.seen.whole("line_no")), (vec![1, 1, 1], vec![1, 2, 3]));
}

/// Rules 24 and 25, and the worked example of the 1997 manual: a price of 140 for 1500 units, 210000 in all. Prices of two
/// kinds are chosen by the partner, and AAF is asked for.
#[test]
fn money_as_the_manuals_have_it() {
    fn line<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["LOC+162+1::92", "LIN+1++5412345000013:EN"], more].concat()
    }
    let example = sales("", &line(&["MOA+203:210000", "PRI+AAA:140:CA::1500:PCE", "QTY+153:2250000"]));
    assert_eq!(example.rows, ["92:1 5412345000013 11-21 2250000 at 0.0933"]);
    assert_eq!(example.seen.money("gross_amount"), [2_100_000_000]);
    let returned = sales("", &line(&["MOA+203:25.5", "QTY+153:3", "QTY+61:1"]));
    assert_eq!(returned.rows, ["92:1 5412345000013 11-21 3 at 8.5000", "92:1 5412345000013 11-21 -1 at 8.5000"]);
    let alone = sales("", &line(&["MOA+203:17", "QTY+210:2"]));
    assert_eq!(alone.rows, ["92:1 5412345000013 11-21 -2 at 8.5000"]);
    assert_eq!(alone.seen.money("gross_amount"), [-170_000]);
    let two = line(&["PRI+AAA:2", "PRI+AAE:3", "QTY+153:1"]);
    assert!(sales("", &two).refused()[0].contains("price_kind"));
    assert_eq!(sales("prices = [\"AAE\"]", &two).rows, ["92:1 5412345000013 11-21 1 at 3.0000"]);
    let asked = line(&["PRI+AAF:3", "QTY+153:1"]);
    assert!(sales("", &asked).refused()[0].contains("a price AAF"));
    assert_eq!(sales("prices = [\"AAF\"]", &asked).rows.len(), 1);
    let more = sales("", &line(&["QTY+153:5", "QTY+26:2", "QTY+145:9", "QTY+1:1"]));
    assert_eq!(more.rows, ["92:1 5412345000013 11-21 5"]);
    assert!(more.refused()[0].contains("code \"1\" in SLSRPT"));
    assert!(more.is_told("quantities 26 of SLSRPT"));
}

/// Rule 26: what a report does, by BGM 1225, and BGM 1001 itself.
#[test]
fn reports_and_what_they_do() {
    let report = |own: &str, purpose: &str, named: &str, units: u32| -> Vec<String> {
        let mut body = vec![format!("BGM+73E::9+{own}+{purpose}"), "DTM+356:20261121:102".into()];
        body.extend((!named.is_empty()).then(|| format!("RFF+ACW:{named}")));
        if purpose != "1" {
            body.extend(["LOC+162+1::92".into(), "LIN+1++A:SA".into(), format!("QTY+153:{units}")]);
        }
        body
    };
    let read = |reports: &[Vec<String>]| {
        let bodies: Vec<Vec<&str>> = reports.iter().map(|body| body.iter().map(String::as_str).collect()).collect();
        let bodies: Vec<&[&str]> = bodies.iter().map(Vec::as_slice).collect();
        stage("sales", "edifact", "", &edifact("SLSRPT:D:96A:UN", &bodies))
    };
    assert_eq!(read(&[report("S1", "9", "", 3), report("S2", "5", "S1", 4)]).seen.whole("quantity"), [4]);
    assert_eq!(
        read(&[report("S1", "9", "", 3), report("S2", "1", "S1", 0), report("S3", "9", "", 7)]).rows,
        ["92:1 A 11-21 7"]
    );
    assert_eq!(read(&[report("S1", "9", "", 3), report("S2", "2", "", 4)]).seen.whole("quantity"), [3, 4]);
    assert_eq!(read(&[report("S1", "9", "", 3), report("S2", "6", "", 4)]).seen.whole("quantity"), [3]);
    assert!(read(&[report("S2", "5", "S9", 4)]).refused()[0].contains("report \"S9\", which is not in this file"));
    let other = stage("sales", "edifact", "", &edifact("SLSRPT:D:96A:UN", &[&["BGM+220+S1+9"]]));
    assert!(other.refused()[0].contains("BGM 1001 is \"220\"; expected 73E for SLSRPT"));
}

/// Rules 27 and 28: the place stands behind the quantity, the reporting party's in the heading counts where there is none;
/// movements have no column.
#[test]
fn stock_and_where_it_is() {
    let told = stock(
        "D:96A",
        &[
            "LIN+1++5412345000013:EN",
            "QTY+145:30",
            "LOC+14+A::92",
            "DTM+366:20261120:102",
            "QTY+198:7",
            "LOC+14+A::92",
            "DTM+366:20261120:102",
            "QTY+66:3",
            "LIN+2++5412345000020:EN",
            "QTY+17:-4",
            "QTY+157:9",
            "QTY+999:1",
        ],
    );
    assert_eq!(
        told.rows,
        [
            "92:A 5412345000013 11-20 30",
            "9:4012345000009 5412345000020 11-21 -4",
            "9:4012345000009 5412345000020 11-20 9",
        ]
    );
    assert!(told.is_told("1 quantities 66 of INVRPT") && told.refused()[0].contains("code \"999\" in INVRPT"));
    let later = stock("D:01B", &["LIN+1++5412345000013:SRV", "INV+2", "QTY+145:30", "LOC+14+A::92"]);
    assert_eq!(later.rows, ["92:A 5412345000013 11-21 30"]);
    let body = ["BGM+78::9+I1+9", "DTM+366:20261121:102", "LIN+1++A:SA", "INV+1", "QTY+145:1"];
    let moved = stage("inventory", "edifact", "", &edifact("INVRPT:D:96A:UN", &[&body]));
    assert_eq!((moved.rows.len(), moved.seen.outcome.rows_rejected), (0, 0));
    assert!(moved.is_told("lines of movements or adjustments"));
}

/// Rule 29, and the manual's example: 300 in all, of which 150, 100 and 50; never 600.
#[test]
fn totals_are_not_added_to_their_parts() {
    let parts = ["QTY+145:150", "CPS+1", "QTY+145:100", "CPS+2", "QTY+145:50", "CPS+3"];
    let line = [&["LIN+1++5412345000013:EN", "QTY+145:300"][..], &parts].concat();
    assert_eq!(stock("D:96A", &line).rows, ["9:4012345000009 5412345000013 11-21 300"]);
    let places = ["QTY+145:150", "LOC+14+A::92", "QTY+145:100", "LOC+14+B::92", "QTY+145:50", "LOC+14+C::92"];
    let line = [&["LIN+1++5412345000013:EN", "QTY+145:300"][..], &places].concat();
    let told = stock("D:96A", &line);
    assert_eq!(told.seen.whole("on_hand_quantity"), [150, 100, 50]);
    assert!(told.is_told("1 quantities that are parts or the total"));
}

/// One interchange feeds two feeds, each with its own part.
#[test]
fn sales_and_stock_of_one_message() {
    let body = [&HEAD[..], &["LOC+162+1::92", "LIN+1++A:SA", "QTY+153:5", "QTY+145:9"]].concat();
    let bytes = edifact("SLSRPT:D:01B:UN", &[&body]);
    assert_eq!(stage("sales", "edifact", "", &bytes).rows, ["92:1 A 11-21 5"]);
    assert_eq!(stage("inventory", "edifact", "", &bytes).rows, ["92:1 A 11-21 9"]);
}

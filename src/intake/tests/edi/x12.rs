//! 852 and 867.

use super::*;

const WEEK: &str = "XQ*H*20261115*20261121";
const FLASK: &str = "LIN*1*UP*012345678905";

fn sales(edi: &str, body: &[&str]) -> Told {
    stage("sales", "x12", edi, &only("852", body))
}

fn stock(edi: &str, body: &[&str]) -> Told {
    stage("inventory", "x12", edi, &only("852", body))
}

/// Rules 8 and 5 of the issue: a week is booked on its last day, or spread exactly; without XQ03 it is one day; ZA04 007
/// dates its line alone.
#[test]
fn a_period_is_booked_as_agreed() {
    let body = [WEEK, FLASK, "CTP**RTL*2.5", "ZA*QS*9*EA", "ZA*QS*4*EA*007*20261118"];
    assert_eq!(sales("", &body).rows, ["none 012345678905 11-21 9 at 2.5000", "none 012345678905 11-18 4 at 2.5000"]);
    let spread = sales("period_day = \"spread\"", &[WEEK, FLASK, "ZA*QS*9*EA"]);
    let days: Vec<String> = [(15, 1), (16, 1), (17, 1), (18, 2), (19, 1), (20, 1), (21, 2)]
        .map(|(day, units)| format!("none 012345678905 11-{day} {units}"))
        .to_vec();
    assert_eq!(spread.rows, days);
    let returned = sales("period_day = \"spread\"", &[WEEK, FLASK, "ZA*QS*-2*EA"]);
    assert_eq!(returned.seen.whole("quantity"), [-1, -1]);
    assert_eq!(sales("", &["XQ*H*20261121", FLASK, "ZA*QS*9"]).rows, ["none 012345678905 11-21 9"]);
    let wrong = sales("", &["XQ*H*261121", FLASK, "ZA*QS*9"]);
    assert_eq!(
        wrong.refused(),
        [
            "1 bad_date: segment 4 at byte 168: element 2 \"261121\" to \"\"",
            "1 no_period: segment 6 at byte 202: no day"
        ]
    );
    assert!(sales("", &["XQ*F*20261121", FLASK, "ZA*QS*9"]).is_told("ask for an action"));
}

/// Rules 9 to 11: with stores the pairs are the numbers, of any number of segments; the kind of store in force stays; a
/// store keeps its zeros.
#[test]
fn stores_come_in_pairs() {
    let told = sales(
        "",
        &[WEEK, FLASK, "ZA*QS*10*EA", "SDQ*EA*92*0005*1*05*2*5*3", "SDQ*EA**0006*4", "ZA*QS*7*EA", "SDQ*EA**0007*6"],
    );
    let stores = ["92:0005 012345678905 11-21 1", "92:0006 012345678905 11-21 4", "92:0007 012345678905 11-21 6"];
    assert_eq!([&told.rows[0], &told.rows[1], &told.rows[2]], stores.each_ref());
    assert_eq!(told.rows[3..], ["92:05 012345678905 11-21 2", "92:5 012345678905 11-21 3"]);
    assert!(told.is_told("1 quantities (ZA02) that are not the sum"));
    // element 23 is a place inside the store, no pair
    let pairs: String = (1..=10).map(|store| format!("*S{store:02}*{store}")).collect();
    let told = sales("", &[WEEK, FLASK, "ZA*QS", &format!("SDQ*EA*92{pairs}*BACK")]);
    assert_eq!((told.rows.len(), told.seen.whole("quantity").iter().sum::<i64>()), (10, 55));
    let odd = sales("", &[WEEK, FLASK, "ZA*QS", "SDQ*EA*92*0005*1*0006"]);
    assert_eq!(odd.rows, ["92:0005 012345678905 11-21 1"]);
    assert_eq!(odd.refused(), ["1 odd_pair: segment 7 at byte 219: elements 5 and 6: store \"0006\", quantity \"\""]);
}

/// Rules 9 and 11: without stores the quantity is that of the N1 above, which may come again.
#[test]
fn a_place_may_stand_above_its_lines() {
    let told = sales(
        "",
        &[
            WEEK,
            "N1*ST*HEAD OFFICE*92*HQ",
            "N1*RL*SHOP*15*1234567",
            FLASK,
            "ZA*QS*1",
            "N1*RL*SHOP*15*7654321",
            FLASK,
            "ZA*QS*2",
        ],
    );
    assert_eq!(told.rows, ["15:1234567 012345678905 11-21 1", "15:7654321 012345678905 11-21 2"]);
    let told = sales("places = [\"ST\"]", &[WEEK, "N1*ST*X*92*HQ", "N1*RL*Y*15*1", FLASK, "ZA*QS*1"]);
    assert_eq!(told.rows, ["92:HQ 012345678905 11-21 1"]);
}

/// Rules 12 and 14: levels are those of the last day, below zero too; an opening level is the close of the day before; what
/// has no column is told, what nobody knows is refused by name.
#[test]
fn codes_mean_what_they_mean() {
    let told = stock(
        "",
        &[
            WEEK,
            FLASK,
            "ZA*QA",
            "SDQ*EA*92*1*-3*2*0",
            "ZA*OH",
            "SDQ*EA*92*1*99",
            "ZA*QB",
            "SDQ*EA*92*1*8",
            "ZA*QP",
            "SDQ*EA*92*1*40",
            "ZA*QT*5",
            "ZA*QN*0",
            "ZA*Z9*5",
            "ZA*Z9*6",
        ],
    );
    assert_eq!(told.rows, ["92:1 012345678905 11-21 -3", "92:1 012345678905 11-14 8", "92:2 012345678905 11-21 0"]);
    assert_eq!(told.seen.whole("on_order_quantity")[0], 40);
    assert_eq!(told.seen.outcome.reasons["unknown_code"], 2);
    assert!(told.refused()[0].contains("code \"Z9\" in 852"), "{:?}", told.refused());
    assert!(told.is_told("1 quantities QN of 852, for which there is no column"));
    assert!(told.is_told("levels beside another of the same place and day"));
    let own = stock("qualifiers = { Z9 = \"on_hand\" }", &[WEEK, FLASK, "ZA*Z9*5"]);
    assert_eq!(own.rows, ["none 012345678905 11-21 5"]);
    let fewer = sales("", &[WEEK, FLASK, "ZA*QS*3", "ZA*TS*2", "ZA*QA*9"]);
    assert_eq!(fewer.rows, ["none 012345678905 11-21 3"]);
    assert!(fewer.is_told("quantities TS of 852"));
}

/// Rule 13: returns are taken off where the partner says that sales are gross; net sales go before sales; a negative return
/// stays what it is, and a sender that turns signs says so.
#[test]
fn returns_are_taken_off_where_sales_are_gross() {
    let body = [WEEK, FLASK, "ZA*QS*10", "ZA*QU*3"];
    assert_eq!(sales("", &body).rows, ["none 012345678905 11-21 10"]);
    assert!(sales("", &body).is_told("1 returns beside sales that are net of them"));
    let gross = ["none 012345678905 11-21 10", "none 012345678905 11-21 -3"];
    assert_eq!(sales("sales = \"gross\"", &body).rows, gross);
    assert_eq!(sales("sales = \"gross\"", &[WEEK, FLASK, "ZA*QS*10", "ZA*QU*-3"]).rows, gross);
    assert_eq!(sales("", &[WEEK, FLASK, "ZA*QU*3"]).rows, ["none 012345678905 11-21 -3"]);
    assert_eq!(sales("", &[WEEK, FLASK, "ZA*QS*-2"]).rows, ["none 012345678905 11-21 -2"]);
    assert_eq!(sales("negate = [\"QS\"]", &[WEEK, FLASK, "ZA*QS*-2"]).rows, ["none 012345678905 11-21 2"]);
    let net = sales("", &[WEEK, FLASK, "ZA*QS*10", "ZA*Q1*7"]);
    assert_eq!(net.rows, ["none 012345678905 11-21 7"]);
    assert!(net.is_told("sales beside net sales"));
    // nothing sold is counted, and no row
    let none = sales("", &[WEEK, FLASK, "ZA*QS*0"]);
    assert_eq!((none.rows.len(), none.seen.outcome.rows_rejected), (0, 0));
    assert!(none.is_told("1 quantities of 0"));
}

/// Rule 15: a case without its pack is refused, never counted as one.
#[test]
fn cases_need_their_pack() {
    let packed = |pack: &str| sales("", &[WEEK, FLASK, pack, "ZA*QS*2*CA"]);
    assert_eq!(packed("PO4*12").rows, ["none 012345678905 11-21 24"]);
    assert_eq!(packed("PO4*12*************3").rows, ["none 012345678905 11-21 72"]);
    let bare = sales("", &[WEEK, FLASK, "ZA*QS*2*CA"]);
    assert_eq!(bare.rows.len(), 0);
    assert_eq!(bare.refused(), ["1 no_pack: segment 6 at byte 213: 2 CA of 012345678905"]);
    let listed = sales("packs = { \"012345678905\" = 6 }", &[WEEK, FLASK, "ZA*QS*2*CA"]);
    assert_eq!(listed.rows, ["none 012345678905 11-21 12"]);
    assert!(sales("", &[WEEK, FLASK, "ZA*QS*2*DS"]).refused()[0].contains("unknown_unit"));
    assert_eq!(sales("pieces = [\"DS\"]", &[WEEK, FLASK, "ZA*QS*2*DS"]).rows, ["none 012345678905 11-21 2"]);
}

/// Rule 16: pairs in any order; check digits are computed where a kind has none and tested where it has; a wrong one leaves
/// the article to another pair of the line.
#[test]
fn articles_by_their_kinds() {
    let sku = |lin: &str, edi: &str| sales(edi, &[WEEK, lin, "ZA*QS*1"]);
    let one = |article: &str| vec![format!("none {article} 11-21 1")];
    assert_eq!(sku("LIN**VN*AB-1*UI*01234567890", "").rows, one("012345678905"));
    assert_eq!(sku("LIN**UA*541234500001", "").rows, one("5412345000013"));
    assert_eq!(sku("LIN**VN*AB-1*UI*01234567890", "articles = [\"VN\"]").rows, one("AB-1"));
    assert_eq!(sku("LIN**UP*012345678904*VN*AB-1", "").rows, one("AB-1"));
    let wrong = sku("LIN**UP*012345678904", "");
    let found = "check_digit: segment 5 at byte 191: UP 012345678904 (wrong length or check digit)";
    assert_eq!(wrong.refused(), [format!("1 {found}")]);
    let none = sku("LIN**ZZ*1", "");
    assert_eq!(none.refused(), ["1 no_article: segment 5 at byte 191: ZZ 1"]);
}

/// Rules 18 to 20: the sale's day by the quantity, the line or the heading; the distributor is the place; returns by PTD01
/// and QTY01, never turned twice; SII is not added; a price may have a multiplier.
#[test]
fn a_distributor_passes_on() {
    let body = [
        "BPT*00*R1*20261122*01*DIS*0.5",
        "DTM*090*20261115",
        "DTM*091*20261121",
        "N1*DS*DISTRIBUTOR*1*123456789",
        "PTD*SD***OI*INV9",
        "DTM*003*20261117",
        "N1*ST*CUSTOMER*92*C77",
        "SII*VN*AB-1*99",
        "QTY*32*3*EA",
        "LIN**UP*012345678905",
        "UIT*EA*10",
        "QTY*76*1",
        "LIN**UP*012345678905",
        "DTM*003*20261120",
        "PTD*RB",
        "QTY*32*2",
        "LIN**VN*AB-1",
        "AMT*1*20",
        "QTY*32*-4",
        "LIN**VN*AB-2",
    ];
    let told = stage("sales", "x12", "", &only("867", &body));
    assert_eq!(
        told.rows,
        [
            "1:123456789 012345678905 11-17 3 at 5.0000",
            "1:123456789 012345678905 11-20 -1",
            "1:123456789 AB-1 11-21 -2 at 10.0000",
            "1:123456789 AB-2 11-21 -4",
        ]
    );
    assert_eq!(told.seen.money("gross_amount")[2], -200_000);
    assert!(told.is_told("1 quantities in SII"));
    let factor = ["BPT*00*R1*20261122", "DTM*003*20261121", "PTD*SD", "QTY*32*3*EA>2", "LIN**VN*A"];
    assert!(stage("sales", "x12", "", &only("867", &factor)).refused()[0].contains("unit_factor"));
    let shipped = ["BPT*00*R1*20261122", "N1*SU*B*92*P1", "PTD*SD", "DTM*011*20261120", "QTY*39*3*EA", "LIN**VN*A"];
    assert_eq!(stage("shipments", "x12", "", &only("867", &shipped)).rows, ["92:P1 A 11-20 3"]);
    assert_eq!(stage("sales", "x12", "", &only("867", &shipped)).rows.len(), 0);
}

/// Rule 18: what a report does to an earlier one.
#[test]
fn reports_replace_and_cancel_those_that_they_name() {
    let report = |purpose: &str, own: &str, named: &str, units: u32| {
        let bpt = format!("BPT*{purpose}*{own}*20261122******{named}");
        set("867", own, &[&bpt, "DTM*003*20261121", "PTD*SD", &format!("QTY*32*{units}*EA"), "LIN**VN*A"])
    };
    let read = |sets: &[String]| stage("sales", "x12", "", x12("867", sets).as_bytes());
    let told = read(&[report("00", "R001", "", 3), report("05", "R002", "R001", 4), report("07", "R003", "", 9)]);
    assert_eq!((told.seen.whole("quantity"), told.seen.outcome.rows_rejected), (vec![4], 0));
    assert!(told.is_told("1 messages replaced by a later one"));
    let told = read(&[report("00", "R001", "", 3), report("00", "R002", "", 5), report("01", "R003", "R001", 3)]);
    assert_eq!(told.seen.whole("quantity"), [5]);
    let told = read(&[report("00", "R001", "", 3), report("05", "R002", "R000", 4)]);
    assert_eq!(told.seen.whole("quantity"), [3]);
    assert!(told.refused()[0].contains("report \"R000\", which is not in this file"), "{:?}", told.refused());
    let told = read(&[report("SU", "R001", "", 3)]);
    assert!(told.refused()[0].contains("purpose \"SU\" of 867 is not known"));
}

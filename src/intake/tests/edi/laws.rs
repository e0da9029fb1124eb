//! Laws that hold for any bytes: messages in are messages taken, refused or passed over, and limits hold.

use proptest::prelude::*;

use super::*;

/// A file of which some parts are broken: each message knows whether it is.
fn interchange(faults: &[u8]) -> (String, u64) {
    let mut sets = Vec::new();
    let mut wrong = 0;
    for (at, fault) in faults.iter().enumerate() {
        let whole = set("852", &format!("{at:04}"), &["XQ*H*20261121", &format!("LIN**VN*A{at}"), "ZA*QS*3"]);
        sets.push(match fault % 4 {
            0 => whole.replace("SE*5", "SE*4"),
            1 => whole.replace(&format!("SE*5*{at:04}"), "SE*5*9999"),
            _ => whole,
        });
        wrong += u64::from(fault % 4 < 2);
    }
    (x12("852", &sets), wrong)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every message is either taken or refused, whichever are broken.
    #[test]
    fn messages_in_are_taken_or_refused(faults in proptest::collection::vec(any::<u8>(), 1..12)) {
        let (text, wrong) = interchange(&faults);
        let told = stage("sales", "x12", "", text.as_bytes());
        prop_assert_eq!(told.seen.outcome.rows_rejected, wrong);
        prop_assert_eq!(told.seen.outcome.rows_clean, faults.len() as u64 - wrong);
    }

    /// Bytes changed, taken out or cut off anywhere: no row is lost, none is invented, nothing panics (`stage` checks the
    /// account), and what is cut off gives no row of the interchange that it cuts.
    #[test]
    fn any_bytes_are_accounted_for(at in 0_usize..500, byte in any::<u8>(), way in 0_u8..3) {
        let (text, _) = interchange(&[2, 3, 2]);
        let mut bytes = text.into_bytes();
        let at = at % bytes.len();
        match way {
            0 => bytes[at] = byte,
            1 => bytes.truncate(at),
            _ => { bytes.remove(at); }
        }
        let seen = World::new().stage("sales", "2026-11-22.edi", &bytes, &sender("sales", "x12", ""));
        prop_assert!(seen.outcome.rows_clean <= 3);
        if way == 1 {
            prop_assert_eq!(seen.outcome.rows_clean, 0);
        }
    }
}

/// The same sales as CSV, as 852 and as SLSRPT are the same rows.
#[test]
fn the_same_sales_in_three_formats() {
    let sold = [("0001", "A", 3, "2.5"), ("0001", "B", 1, "10"), ("0002", "A", -2, "2.5")];
    let mut csv = HEADER.to_string();
    let (mut x12, mut slsrpt) = (vec!["XQ*H*20261121".to_string()], vec![]);
    slsrpt.extend(["BGM+73E::9+S1+9".to_string(), "DTM+356:20261121:102".into()]);
    for (at, (place, sku, units, price)) in sold.iter().enumerate() {
        csv.push_str(&format!("92:{place},O{at},1,c,2026-11-21,{sku},{units},{price}\n"));
        x12.extend([format!("LIN**VN*{sku}"), format!("CTP**RTL*{price}"), "ZA*QS".into()]);
        x12.push(format!("SDQ*EA*92*{place}*{units}"));
        slsrpt.extend([format!("LOC+162+{place}::92"), format!("LIN+1++{sku}:SA"), format!("PRI+AAA:{price}")]);
        slsrpt.push(format!("QTY+153:{units}"));
    }
    let csv = rows_of("sales", &World::new().stage("sales", "2026-11-22.csv", csv.as_bytes(), PLAIN));
    assert_eq!(csv.len(), 3);
    let x12: Vec<&str> = x12.iter().map(String::as_str).collect();
    assert_eq!(stage("sales", "x12", "", &only("852", &x12)).rows, csv);
    let slsrpt: Vec<&str> = slsrpt.iter().map(String::as_str).collect();
    assert_eq!(stage("sales", "edifact", "", &edifact("SLSRPT:D:96A:UN", &[&slsrpt])).rows, csv);
}

/// A segment longer than a line may be refuses the rest; an element longer than a field refuses its segment.
#[test]
fn limits_hold() {
    let mut world = World::new();
    (world.config.intake.line_bytes_max, world.config.intake.field_bytes_max) = (4096, 200);
    let read = |article: &str| {
        let bytes = only("852", &["XQ*H*20261121", &format!("LIN**VN*{article}"), "ZA*QS*3"]);
        world.stage("sales", "2026-11-22.edi", &bytes, &sender("sales", "x12", ""))
    };
    assert_eq!(read(&"A".repeat(200)).outcome.rows_clean, 1);
    assert!(read(&"A".repeat(300)).rejects[0].3.contains("element 3 is longer than 200 bytes"));
    let long = read(&"A".repeat(5000));
    assert_eq!(long.outcome.rows_clean, 0);
    assert!(long.rejects[0].3.contains("the segment is longer than 4096 bytes"), "{:?}", long.rejects);
}

/// Rows of one line of text differ by where their number stands, so that each can be found and set aside.
#[test]
fn a_row_is_where_its_number_stands() {
    let bytes =
        only("852", &["XQ*H*20261121", "LIN**VN*A", "ZA*QS", "SDQ*EA*92*1*5*2*6", "ZA*QA", "SDQ*EA*92*1*7*2*8"]);
    let text = String::from_utf8(bytes.clone()).unwrap();
    for (feed, numbers) in [("sales", ["5*2*6", "6~ZA*QA"]), ("inventory", ["7*2*8", "8~SE"])] {
        let places = numbers.map(|number| i64::try_from(text.find(number).unwrap()).unwrap());
        assert_eq!(stage(feed, "x12", "", &bytes).seen.whole("_line"), places, "{feed}");
    }
}

/// A large interchange in one line is read block by block.
#[test]
fn a_large_message_streams() {
    let lines: Vec<String> =
        (0..20_000).flat_map(|at| [format!("LIN**VN*A{at}"), "ZA*QS*1".into(), "SDQ*EA*92*1*1*2*2".into()]).collect();
    let body: Vec<&str> = ["XQ*H*20261121"].into_iter().chain(lines.iter().map(String::as_str)).collect();
    let told = stage("sales", "x12", "", &only("852", &body));
    assert_eq!((told.rows.len(), told.seen.whole("quantity").iter().sum::<i64>()), (40_000, 60_000));
}

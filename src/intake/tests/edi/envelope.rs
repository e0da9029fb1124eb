//! What holds messages together: separators, counts, references, and what is left of a file that is broken.

use super::*;

const BODY: [&str; 3] = ["XQ*H*20261121", "LIN**VN*A", "ZA*QS*3"];

fn good(reference: &str, units: u32) -> String {
    set("852", reference, &["XQ*H*20261121", &format!("LIN**VN*A{units}"), &format!("ZA*QS*{units}")])
}

fn sales(text: &str) -> Told {
    stage("sales", "x12", "", text.as_bytes())
}

fn units(told: &Told) -> Vec<i64> {
    if told.seen.rows.is_some() { told.seen.whole("quantity") } else { Vec::new() }
}

/// Rule 1: the separators by position, line ends as terminators or behind them, `]` and control characters.
#[test]
fn separators_stand_where_the_isa_says() {
    let text = x12("852", &[good("0001", 3)]);
    for terminator in ["~", "\n", "\r", "]", "\u{15}", "\u{1c}", "~\r\n", "]\n", "~\n"] {
        let told = sales(&text.replace('~', terminator));
        assert_eq!(units(&told), [3], "{terminator:?}: {:?}", told.seen.outcome);
    }
    let other = text.replace('*', "|").replace('>', "\\");
    assert_eq!(units(&sales(&other)), [3]);
    assert_eq!(units(&sales(&format!("\u{feff}\r\n{text}"))), [3]);
    // an editor that takes blanks away
    let narrow = text.replace("RETAILER       ", "RETAILER");
    assert!(sales(&narrow).seen.reason().contains("does not have the width"), "{}", sales(&narrow).seen.reason());
    assert!(sales(&text.replace('>', "A")).seen.reason().contains("gives A as component separator"));
}

/// Rule 2: ISA11 is a separator from 00402 on, and the code U before; a letter is none.
#[test]
fn repetition_is_a_matter_of_the_version() {
    let body = ["XQ*H*20261121", "LIN**VN*AUU", "ZA*QS*3"];
    let told = sales(&x12("852", &[set("852", "0001", &body)]));
    assert_eq!(told.rows, ["none AUU 11-21 3"]);
    let later = |repetition: &str, article: &str| {
        let text = x12("852", &[set("852", "0001", &["XQ*H*20261121", &format!("LIN**VN*{article}"), "ZA*QS*3"])]);
        sales(&text.replace("*U*00401*", &format!("*{repetition}*00501*")))
    };
    assert_eq!(later("^", "A^B").rows, ["none A 11-21 3"]);
    assert!(later("U", "A").seen.reason().contains("ISA11 is U, which is no repetition separator"));
}

/// Rule 3: days follow GS08, separators ISA12; what release is not read is said.
#[test]
fn days_follow_the_group() {
    let text = x12("852", &[set("852", "0001", &["XQ*H*261121", "LIN**VN*A", "ZA*QS*3"])]);
    assert_eq!(units(&sales(&text.replace("004010VICS", "003050"))), [3]);
    assert_eq!(sales(&text).refused().len(), 2);
    let told = sales(&x12("852", &[good("0001", 3)]).replace("004010VICS", "006030"));
    assert!(told.refused()[0].contains("its group is of release 006030; releases 003050 to 005010 are read"));
}

/// Rule 4: a set whose count or reference is wrong is refused by its reference, and the others live.
#[test]
fn a_wrong_set_is_refused_alone() {
    let wrong = good("0002", 4).replace("SE*5*", "SE*6*");
    let told = sales(&x12("852", &[good("0001", 3), wrong, good("0003", 5)]));
    assert_eq!(units(&told), [3, 5]);
    assert_eq!(told.refused().len(), 1);
    assert!(told.refused()[0].contains("segment 8 at byte"), "{:?}", told.refused());
    assert!(told.refused()[0].contains("message 852 0002: its end counts \"6\" segments, and 5 are there"));
    assert!(told.is_told("3 messages: 2 taken, 1 refused, 0 passed over"));
    let named = sales(&x12("852", &[good("0001", 3).replace("SE*5*0001", "SE*5*0009"), good("0002", 4)]));
    assert_eq!(units(&named), [4]);
    assert!(named.refused()[0].contains("its end names \"0009\", its beginning \"0001\""));
    let endless = sales(&x12("852", &[good("0001", 3).replace("SE*5*0001~", ""), good("0002", 4)]));
    assert_eq!(units(&endless), [4]);
    assert!(endless.refused()[0].contains("it has no end (SE or UNT)"));
    let lines = set("852", "0001", &[BODY.as_slice(), &["CTT*2"]].concat());
    let counted = sales(&x12("852", &[lines, good("0002", 4)]));
    assert_eq!(units(&counted), [4]);
    assert!(counted.refused()[0].contains("CTT01 says 2 lines and 1 are there"));
}

/// Rule 4: a wrong group refuses the group, a wrong interchange the interchange, whole; the one before it lives.
#[test]
fn a_wrong_end_refuses_all_that_it_ends() {
    let whole = x12("852", &[good("0001", 3)]);
    let second = whole.replace("000000101", "000000102").replace("A3", "A7").replace("ZA*QS*3", "ZA*QS*7");
    let broken = [
        ("GE*1*1", "GE*2*1", "the end of group 1 counts \"2\" messages, and 1 are there"),
        ("GE*1*1", "GE*1*2", "the end of group 1 names \"2\""),
        ("IEA*1*", "IEA*2*", "counts \"2\" groups, and 1 are there"),
        ("IEA*1*000000102", "IEA*1*000000103", "the end of interchange 000000102 names \"000000103\""),
        ("IEA*1*000000102~", "", "the file is cut off: interchange 000000102 has no IEA"),
        ("~IEA*1*000000102~", "~IEA*1*0000", "the file is cut off in line 1, segment 18"),
        ("ZA*QS*7~SE*5*0001~GE*1*1~IEA*1*000000102~", "ZA*Q", "the file is cut off in line 1"),
    ];
    for (from, to, reason) in broken {
        let told = sales(&format!("{whole}{}", second.replace(from, to)));
        assert_eq!(units(&told), [3], "{to}");
        assert!(told.refused().len() == 1 && told.refused()[0].contains(reason), "{to}: {:?}", told.refused());
    }
    assert_eq!(units(&sales(&format!("{whole}\n{second}"))), [3, 7]);
    // an interchange sent again after it was cut off is no repeat of anything
    let cut = &whole[..whole.len() - 30];
    assert_eq!(units(&sales(&format!("{cut}~{whole}"))), [3]);
    let two = whole.replace(
        "IEA*1*",
        "GS*PD*R*B*20261122*0130*2*X*004010~ST*852*0001~XQ*H*20261121~LIN**VN*B~ZA*QS*8~SE*5*0001~GE*1*2~IEA*2*",
    );
    assert_eq!(units(&sales(&two)), [3, 8]);
    assert_eq!(sales("hello").seen.reason(), "the file is declared as X12 and holds something else");
}

/// Rule 17: the same references with the same content are a repeat, with other content they are refused aloud.
#[test]
fn a_set_seen_before_is_a_repeat() {
    let whole = x12("852", &[good("0001", 3)]);
    let told = sales(&format!("{whole}{whole}"));
    assert_eq!(units(&told), [3]);
    assert!(told.is_told("1 messages seen before with the same references and the same content"));
    let told = sales(&format!("{whole}{}", whole.replace("ZA*QS*3", "ZA*QS*4")));
    assert_eq!(units(&told), [3]);
    assert!(told.refused()[0].contains("the same references and another content"), "{:?}", told.refused());
    // another set that names the cell again is refused within one file, and adds where the partner's later sets add
    let again = x12("852", &[good("0001", 3), good("0002", 4).replace("A4", "A3")]);
    assert_eq!(sales(&again).seen.outcome.reasons.get("duplicate_key"), Some(&2));
    assert_eq!(units(&stage("sales", "x12", "later = \"add\"", again.as_bytes())), [3, 4]);
}

/// Rule 5: only PD with 852 and PT with 867; other messages are told; the power market's meters are refused.
#[test]
fn what_is_no_report_of_sales_is_not_taken() {
    let told = sales(&x12("852", &[good("0001", 3)]).replace("GS*PD", "GS*PT"));
    assert!(told.refused()[0].contains("GS01 is \"PT\"; expected PD for 852"));
    let other = sales(&x12("852", &[set("997", "0002", &["AK1*PD*1"]), good("0001", 3)]));
    assert_eq!((units(&other), other.seen.outcome.rows_rejected), (vec![3], 0));
    assert!(other.is_told("1 messages 997, which are not read here"));
    let meter = |body: &[&str]| stage("sales", "x12", "", &only("867", &[&["BPT*00*R1*20261122"], body].concat()));
    assert!(meter(&["PTD*PM", "QTY*QD*3*KH"]).refused()[0].contains("it reports a meter (QTY01 = QD)"));
    assert!(meter(&["PTD*PM", "QTY*32*3", "MEA*AA*PRQ*1*KH"]).refused()[0].contains("it reports a meter (MEA in KH)"));
}

/// Rule 6: UNA or none, a blank in place 4 is no release character, separators of each interchange by its own UNA.
#[test]
fn edifact_separators() {
    let body: [&str; 5] =
        ["BGM+73E::9+S1+9", "DTM+356:20261121:102", "LOC+162+A?+B ?'C::92", "LIN+1++X Y:SA", "QTY+153:3"];
    let sold = |bytes: &[u8]| stage("sales", "edifact", "", bytes);
    let whole = edifact("SLSRPT:D:96A:UN", &[&body]);
    let text = String::from_utf8(whole.clone()).unwrap();
    assert_eq!(sold(&whole).rows, ["92:A+B 'C X Y 11-21 3"]);
    assert_eq!(sold(text.replace("UNA:+.? '", "").as_bytes()).rows, ["92:A+B 'C X Y 11-21 3"]);
    let plain = text.replace("A?+B ?'C", "A? B");
    assert_eq!(sold(plain.replace("UNA:+.? '", "UNA:+.  '").as_bytes()).rows, ["92:A? B X Y 11-21 3"]);
    let other =
        plain.replace("A? B", "A").replace("UNA:+.? '", "").replace('+', "*").replace(':', "|").replace('\'', "~");
    let other = format!("UNA|*.? ~{}", other.replace("REF1", "REF2").replace("153|3", "153|4"));
    let both = sold(format!("{text}{other}").as_bytes());
    assert_eq!(both.rows, ["92:A+B 'C X Y 11-21 3", "92:A X Y 11-21 4"]);
    // behind an own UNA the usual separators come again
    let usual = text.replace("UNA:+.? '", "").replace("REF1", "REF3").replace("A?+B ?'C", "D");
    assert_eq!(sold(format!("{other}\r\n {usual}").as_bytes()).rows, ["92:A X Y 11-21 4", "92:D X Y 11-21 3"]);
}

/// Rule 4: the counts and references of EDIFACT, whose references are texts.
#[test]
fn edifact_ends() {
    let body: [&str; 5] = ["BGM+73E::9+S1+9", "DTM+356:20261121:102", "LOC+162+A::92", "LIN+1++X:SA", "QTY+153:3"];
    let text = String::from_utf8(edifact("SLSRPT:D:96A:UN", &[&body])).unwrap();
    let cases = [
        ("UNT+7+1", "UNT+8+1", "its end counts \"8\" segments, and 7 are there"),
        ("UNT+7+1", "UNT+7+01", "its end names \"01\", its beginning \"1\""),
        ("UNZ+1+REF1", "UNZ+2+REF1", "the end of interchange REF1 counts \"2\" messages"),
        ("UNZ+1+REF1", "UNZ+1+REF2", "the end of interchange REF1 names \"REF2\""),
        ("UNZ+1+REF1'", "", "the file is cut off: interchange REF1 has no IEA or UNZ"),
    ];
    for (from, to, reason) in cases {
        let told = stage("sales", "edifact", "", text.replace(from, to).as_bytes());
        assert!(told.refused()[0].contains(reason), "{to}: {:?}", told.refused());
    }
    let grouped =
        text.replace("UNH+1+", "UNG+SLSRPT+A+B+261122:0130+G1+UN+D:96A'UNH+1+").replace("UNZ+1", "UNE+1+G1'UNZ+1");
    assert_eq!(stage("sales", "edifact", "", grouped.as_bytes()).rows, ["92:A X 11-21 3"]);
    let wrong = grouped.replace("UNE+1+G1", "UNE+2+G1");
    let told = stage("sales", "edifact", "", wrong.as_bytes());
    assert!(told.refused()[0].contains("the end of group G1 counts \"2\" messages, and 1 are there"));
}

/// Rule 7: texts by the character set of the interchange; what is none of it is refused, unless the sender's file says what
/// it is.
#[test]
fn character_sets() {
    let body: [&str; 5] =
        ["BGM+73E::9+S1+9", "DTM+356:20261121:102", "LOC+162+CAF\u{e9}::92", "LIN+1++X:SA", "QTY+153:3"];
    let text = String::from_utf8(edifact("SLSRPT:D:96A:UN", &[&body])).unwrap();
    let bytes: Vec<u8> = text.chars().map(|char| u8::try_from(char).unwrap()).collect();
    assert_eq!(stage("sales", "edifact", "", &bytes).rows, ["92:CAFé X 11-21 3"]);
    let utf8 = text.replace("UNOC:3", "UNOY:4");
    assert_eq!(stage("sales", "edifact", "", utf8.as_bytes()).rows, ["92:CAFé X 11-21 3"]);
    let ascii: Vec<u8> = text.replace("UNOC", "UNOA").chars().map(|char| u8::try_from(char).unwrap()).collect();
    let told = stage("sales", "edifact", "", &ascii);
    assert!(told.refused()[0].contains("holds bytes that are no text in the character set of its interchange"));
    let declared =
        sender("sales", "edifact", "").replace("[feeds.sales]\n", "[feeds.sales]\nencoding = \"iso-8859-1\"\n");
    let seen = World::new().stage("sales", "2026-11-22.edi", &ascii, &declared);
    assert_eq!(seen.texts("partner_id"), [Some("92:CAFé".to_string())]);
}

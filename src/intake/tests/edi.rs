//! X12 and EDIFACT: interchanges of our own making for each rule of what a reader must do. Rows are told in one line each.

use super::*;

mod edifact;
mod envelope;
mod laws;
mod x12;

/// How a test's partner is mapped: the place as kind and number, so that nothing of it is lost.
fn sender(feed: &str, format: &str, edi: &str) -> String {
    let columns = match feed {
        "inventory" => "",
        _ => "unit_price = { column = \"unit_price\", default = \"0\" }\n",
    };
    let channel = if feed == "sales" { "channel_id = { constant = \"c\" }\n" } else { "" };
    format!(
        "[feeds.{feed}]\nformat = \"{format}\"\nreject_limit = 1.0\nedi = {{ {edi} }}\n[feeds.{feed}.columns]\n\
         partner_id = {{ columns = [\"place_kind\", \"place\"], join = \":\", default = \"none\" }}\nsku = \"article\"\n{channel}{columns}"
    )
}

/// Reads bytes as a feed: its rows, its refused rows, and what is told.
fn stage(feed: &str, format: &str, edi: &str, bytes: &[u8]) -> Told {
    let seen = World::new().stage(feed, "2026-11-22.edi", bytes, &sender(feed, format, edi));
    Told { rows: rows_of(feed, &seen), seen }
}

/// Partner, article, day, pieces and price of every row.
fn rows_of(feed: &str, seen: &Seen) -> Vec<String> {
    if seen.rows.is_none() {
        return Vec::new();
    }
    let (partners, skus, days) = (seen.texts("partner_id"), seen.texts("sku"), seen.days("business_date"));
    let counts = seen.whole(if feed == "inventory" { "on_hand_quantity" } else { "quantity" });
    let prices = if feed == "inventory" { vec![0; counts.len()] } else { seen.money("unit_price") };
    let text = |texts: &[Option<String>], at: usize| texts[at].clone().unwrap_or_default();
    let told = |(at, count): (usize, &i64)| {
        let row = format!("{} {} {} {count}", text(&partners, at), text(&skus, at), &days[at][5..]);
        match prices[at] {
            0 => row,
            price => format!("{row} at {}", crate::grammar::number::show(price, 4)),
        }
    };
    counts.iter().enumerate().map(told).collect()
}

struct Told {
    rows: Vec<String>,
    seen: Seen,
}

impl Told {
    /// Reason and what was found of each refused row.
    fn refused(&self) -> Vec<String> {
        self.seen.rejects.iter().map(|(line, _, reason, found, ..)| format!("{line} {reason}: {found}")).collect()
    }

    fn is_told(&self, what: &str) -> bool {
        self.seen.outcome.warnings.iter().any(|warning| warning.contains(what))
    }
}

/// An ISA of 106 bytes.
fn isa(control: &str, version: &str, repetition: &str) -> String {
    format!(
        "ISA*00*          *00*          *ZZ*RETAILER       *ZZ*BRAND          *261122*0130*{repetition}*{version}*{control}*0*P*>~"
    )
}

/// A message with its own counts right.
fn set(kind: &str, reference: &str, body: &[&str]) -> String {
    format!("ST*{kind}*{reference}~{}~SE*{}*{reference}~", body.join("~"), body.len() + 2)
}

/// One interchange of one group.
fn x12(kind: &str, sets: &[String]) -> String {
    let functional = if kind == "852" { "PD" } else { "PT" };
    format!(
        "{}GS*{functional}*RETAILER*BRAND*20261122*0130*1*X*004010VICS~{}GE*{}*1~IEA*1*000000101~",
        isa("000000101", "00401", "U"),
        sets.concat(),
        sets.len()
    )
}

/// The only message of an interchange.
fn only(kind: &str, body: &[&str]) -> Vec<u8> {
    x12(kind, &[set(kind, "0001", body)]).into_bytes()
}

/// One EDIFACT interchange of messages of one kind.
fn edifact(kind: &str, messages: &[&[&str]]) -> Vec<u8> {
    let mut text = "UNA:+.? 'UNB+UNOC:3+4012345000009:14+4098765000007:14+261122:0130+REF1'\n".to_string();
    for (at, body) in messages.iter().enumerate() {
        let at = at + 1;
        text.push_str(&format!("UNH+{at}+{kind}'\n"));
        body.iter().for_each(|segment| text.push_str(&format!("{segment}'\n")));
        text.push_str(&format!("UNT+{}+{at}'\n", body.len() + 2));
    }
    text.push_str(&format!("UNZ+{}+REF1'\n", messages.len()));
    text.into_bytes()
}

//! The messages of X12: 852, what was sold and what is in stock by store and article, and 867, what a distributor passed on.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::codes::Numbers;
use super::line::{Found, Line, NOTHING, Price, Quantity, To, concerns, levels, sold, tell};
use super::rows::{About, Entry, Heading, Rows, Site};
use super::segments::Segment;
use super::separators::Syntax;
use super::values::{Number, Span, x12_day};
use crate::sender::{Meaning, Sales};

/// Quantities that one line may hold: a line is held until its end.
const QUANTITIES_MAX: usize = 1 << 16;

/// Reads the body of a message, segment by segment.
#[derive(Debug, Default)]
pub(super) struct X12 {
    pub heading: Heading,
    /// Whether days have four digits of year.
    long: bool,
    span: Option<Span>,
    site: Site,
    site_rank: usize,
    site_name: String,
    ship_to: Site,
    line: Line,
    /// The kind of store number that is in force.
    store_kind: String,
    // 867: what PTD says of all its quantities
    transfer: String,
    line_day: Option<Span>,
    quantity_day: Option<Span>,
    document: String,
    line_site: Option<(usize, Site)>,
    in_transfer: bool,
    /// What BPT06 and PTD03 multiply prices by, as they stand there.
    factors: [String; 2],
}

impl X12 {
    /// A message begins.
    pub(super) fn new(heading: Heading) -> Self {
        let long = heading.release.get(..6).is_some_and(|six| six >= "004010");
        Self { heading, long, site_rank: usize::MAX, ..Self::default() }
    }

    pub(super) fn take(&mut self, segment: &Segment<'_>, rows: &mut Rows<'_>) {
        if self.heading.kind == "852" { self.activity(segment, rows) } else { self.transfer(segment, rows) }
    }

    fn day(&self, text: &str) -> Option<chrono::NaiveDate> {
        x12_day(text, self.long)
    }

    /// A day that cannot be read is a refused row.
    fn span_of(&self, segment: &Segment<'_>, from: usize, to: Option<usize>, rows: &mut Rows<'_>) -> Option<Span> {
        let (first, last) = (segment.text(from), to.map(|to| segment.text(to)).unwrap_or_default());
        let start = self.day(&first);
        let end = if last.is_empty() { start } else { self.day(&last) };
        let span = start.zip(end).filter(|(start, end)| start <= end);
        if span.is_none() {
            let expected = if self.long { "a day CCYYMMDD, the first before the last" } else { "a day YYMMDD" };
            rows.refuse(
                segment.place,
                "bad_date",
                &format!("element {from} {first:?} to {last:?}"),
                expected,
                &segment.shown(),
            );
        }
        span
    }

    /// 852.
    fn activity(&mut self, segment: &Segment<'_>, rows: &mut Rows<'_>) {
        match segment.tag() {
            b"XQ" => {
                if matches!(&*segment.text(1), "F" | "G") {
                    rows.state.tell("messages that ask for an action (XQ01 F or G): the data alone is read");
                }
                self.span = self.span_of(segment, 2, Some(3), rows);
            }
            b"N1" => self.party(segment, &["RL", "ST"], rows),
            b"CUR" => self.heading.currency = segment.text(2).into_owned(),
            b"LIN" => {
                self.finish(rows);
                self.line.begin(segment);
                pairs(segment, &mut self.line.numbers);
            }
            b"PO4" => self.line.pack = Some((segment.text(1).into_owned(), segment.text(14).into_owned())),
            b"CTP" => self.line.prices.push(Price {
                kind: segment.text(2).into_owned(),
                value: segment.text(3).into_owned(),
                basis: String::new(),
            }),
            b"AMT" => rows.state.tell("amounts (AMT) of an 852, which are not read"),
            b"ZA" => self.activity_of(segment, rows),
            b"SDQ" => self.stores(segment, rows),
            _ => {}
        }
    }

    /// ZA: what happened to how many.
    fn activity_of(&mut self, segment: &Segment<'_>, rows: &mut Rows<'_>) {
        if !self.line.open {
            return rows.refuse(
                segment.place,
                "no_line",
                "ZA without LIN",
                "the article before its activity",
                &segment.shown(),
            );
        }
        let code = segment.text(1);
        let span = if &*segment.text(4) == "007" { self.span_of(segment, 5, None, rows) } else { self.span };
        self.line.quantities.push(Quantity {
            code: code.into(),
            unit: segment.text(3).into(),
            value: segment.text(2).into_owned(),
            site: None,
            span,
            place: segment.place_of(2),
            element: 2,
            raw: segment.shown().into(),
        });
        self.line.activity = Some(self.line.quantities.len() - 1);
    }

    /// SDQ: stores and their part, in pairs.
    fn stores(&mut self, segment: &Segment<'_>, rows: &mut Rows<'_>) {
        let Some(activity) = self.line.activity.map(|at| self.line.quantities[at].clone()) else {
            return rows.refuse(
                segment.place,
                "no_line",
                "SDQ without ZA",
                "the activity before its stores",
                &segment.shown(),
            );
        };
        if !segment.text(2).is_empty() {
            self.store_kind = segment.text(2).into_owned();
        }
        let (raw, unit): (Rc<str>, Rc<str>) = (segment.shown().into(), segment.text(1).into());
        for at in (3..=segment.elements().min(22)).step_by(2) {
            let (store, value) = (segment.text(at), segment.text(at + 1));
            if store.is_empty() && value.is_empty() {
                continue;
            }
            if store.is_empty() || value.is_empty() || at + 1 > 22 {
                let found = format!("elements {at} and {}: store {store:?}, quantity {value:?}", at + 1);
                rows.refuse(segment.place, "odd_pair", &found, "a store with its quantity", &raw);
                continue;
            }
            if self.line.quantities.len() >= QUANTITIES_MAX {
                rows.refuse(
                    segment.place,
                    "too_many_places",
                    "more places than a line may have",
                    "65536 at most",
                    &raw,
                );
                return;
            }
            self.line.quantities.push(Quantity {
                unit: Rc::clone(&unit),
                value: value.into_owned(),
                site: Some(Site { kind: self.store_kind.clone(), number: store.into_owned() }),
                place: segment.place_of(at + 1),
                element: at + 1,
                raw: Rc::clone(&raw),
                ..activity.clone()
            });
        }
    }

    /// N1: a party; of those that make the place, the most wanted counts.
    fn party(&mut self, segment: &Segment<'_>, usual: &[&str], rows: &mut Rows<'_>) {
        let role = segment.text(1);
        let own: Vec<&str> = rows.state.edi.places.iter().map(String::as_str).collect();
        let wanted = if own.is_empty() { usual } else { own.as_slice() };
        let rank = wanted.iter().position(|wanted| *wanted == role);
        let site = Site { kind: segment.text(3).into_owned(), number: segment.text(4).into_owned() };
        if self.heading.kind == "867" && role == "ST" {
            self.ship_to = site.clone();
        }
        let Some(rank) = rank else { return };
        if self.in_transfer {
            if self.line_site.as_ref().is_none_or(|(known, _)| rank <= *known) {
                self.line_site = Some((rank, site));
            }
            return;
        }
        // a store behind lines begins a new part of the message
        if self.line.open || rank <= self.site_rank {
            self.finish(rows);
            (self.site, self.site_rank) = (site, rank);
            self.site_name = segment.text(2).into_owned();
        }
    }

    /// The rows of the line that ends here.
    pub(super) fn finish(&mut self, rows: &mut Rows<'_>) {
        let line = std::mem::take(&mut self.line);
        if line.open {
            if self.heading.kind == "852" { self.activities(&line, rows) } else { self.passed_on(&line, rows) }
        }
        self.line = line;
        self.line.clear();
        self.quantity_day = None;
    }

    fn activities(&mut self, line: &Line, rows: &mut Rows<'_>) {
        let about = rows.state.about;
        let price = match line.price(Syntax::X12, &rows.state.edi) {
            Ok(price) => price,
            Err(found) if about == About::Sales => {
                rows.refuse(line.place, "price_kind", &found, "one kind of price, or `prices` to choose", &line.raw);
                return;
            }
            Err(_) => None,
        };
        let Some(article) = line.article(Syntax::X12, rows) else { return };
        let mut cells: BTreeMap<(Site, Span), Vec<Found<'_>>> = BTreeMap::new();
        let mut at = 0;
        while at < line.quantities.len() {
            let activity = &line.quantities[at];
            let stores = line.quantities[at + 1..].iter().take_while(|quantity| quantity.site.is_some()).count();
            let stores = &line.quantities[at + 1..=at + stores];
            at += 1 + stores.len();
            let Some(meaning) = Line::meaning("852", activity, rows) else { continue };
            if !concerns(about, meaning) {
                tell(rows, "852", &activity.code, meaning);
                continue;
            }
            let Some(span) = activity.span else {
                rows.refuse(activity.place, "no_period", "no day", "XQ02, or ZA04 007 with ZA05", &activity.raw);
                continue;
            };
            // with stores, ZA02 is at most their total
            let own = stores.is_empty().then_some(activity);
            let mut sum = Some(Number::ZERO);
            for quantity in own.into_iter().chain(stores) {
                if quantity.value.is_empty() {
                    let found = format!("{} without a quantity", quantity.code);
                    rows.refuse(quantity.place, "no_quantity", &found, "ZA02, or stores (SDQ) under it", &quantity.raw);
                    continue;
                }
                let Some(number) = line.pieces(quantity, &article, Syntax::X12, rows) else {
                    sum = None;
                    continue;
                };
                sum = sum.and_then(|sum| sum.plus(number));
                let site = quantity.site.clone().unwrap_or_else(|| self.site.clone());
                cells.entry((site, span)).or_default().push(Found { meaning, quantity, number, price, amount: None });
            }
            if let (false, false, Some(sum)) = (stores.is_empty(), activity.value.is_empty(), sum) {
                let whole = Quantity { unit: stores[0].unit.clone(), ..activity.clone() };
                let told = Number::read(&whole.value, Syntax::X12);
                let whole = told.and_then(|_| line.pieces(&whole, &article, Syntax::X12, rows));
                if whole.is_some_and(|whole| whole != sum) {
                    rows.state.tell("quantities (ZA02) that are not the sum of their stores: the stores count");
                }
            }
        }
        for ((site, span), found) in cells {
            let name = if site == self.site { self.site_name.as_str() } else { "" };
            let to = To { heading: &self.heading, article: &article, site: &site, name };
            match about {
                About::Stock => levels(to, span, &found, rows),
                _ => sold(to, span, &found, Sales::Net, rows),
            }
        }
    }

    /// 867.
    fn transfer(&mut self, segment: &Segment<'_>, rows: &mut Rows<'_>) {
        match segment.tag() {
            b"BPT" => {
                self.heading.report = segment.text(2).into_owned();
                self.factors[0] = segment.text(6).into_owned();
            }
            b"CUR" => self.heading.currency = segment.text(2).into_owned(),
            b"PTD" => {
                self.finish(rows);
                self.factors[1] = segment.text(3).into_owned();
                self.transfer = segment.text(1).into_owned();
                self.document = match &*segment.text(4) {
                    "" => String::new(),
                    _ => segment.text(5).into_owned(),
                };
                (self.in_transfer, self.line_day, self.line_site) = (true, None, None);
            }
            b"DTM" => {
                // 003, 011 and 090 and their kin are days of the transaction; 090 and 091 open and close a period
                let span = self.span_of(segment, 2, None, rows);
                let held = if self.line.open {
                    &mut self.quantity_day
                } else if self.in_transfer {
                    &mut self.line_day
                } else {
                    &mut self.span
                };
                match (&*segment.text(1), *held, span) {
                    ("091" | "195" | "152", Some(known), Some(span)) if known.0 <= span.1 => {
                        *held = Some((known.0, span.1));
                    }
                    // the day of the document is not the day of the sale
                    ("097" | "137", ..) => {}
                    (_, None, Some(span)) => *held = Some(span),
                    _ => {}
                }
            }
            b"REF" if self.in_transfer && !self.line.open && self.document.is_empty() => {
                self.document = segment.text(2).into_owned();
            }
            b"N1" => self.party(segment, &["DS", "SE", "SU"], rows),
            b"QTY" => {
                self.finish(rows);
                self.line.begin(segment);
                let factor = |part: usize| {
                    let text = segment.part(3, part);
                    text.is_empty() || Number::read(&text, Syntax::X12) == Some(Number::of(1, 0))
                };
                if !factor(2) || !factor(3) {
                    let found = format!("element 3 is {:?} with an exponent or a multiplier", segment.text(3));
                    rows.refuse(segment.place, "unit_factor", &found, "a unit alone, or 1 behind it", &segment.shown());
                    self.line.open = false;
                    return;
                }
                self.line.quantities.push(Quantity {
                    code: segment.text(1).into(),
                    unit: segment.text(3).into(),
                    value: segment.text(2).into_owned(),
                    site: None,
                    span: None,
                    place: segment.place_of(2),
                    element: 2,
                    raw: segment.shown().into(),
                });
            }
            b"LIN" => pairs(segment, &mut self.line.numbers),
            b"PO4" => self.line.pack = Some((segment.text(1).into_owned(), segment.text(14).into_owned())),
            b"UIT" if self.line.open => self.line.prices.push(Price {
                kind: segment.text(3).into_owned(),
                value: segment.text(2).into_owned(),
                basis: String::new(),
            }),
            b"AMT" if self.line.open => {
                self.line.amount.get_or_insert_with(|| segment.text(2).into_owned());
            }
            b"ITA" => rows.state.tell("allowances and charges (ITA), which are not read"),
            b"SII" => rows.state.tell("quantities in SII beside those in QTY, which are not added"),
            _ => {}
        }
    }

    /// A price with the multipliers of the message and of PTD.
    fn multiplied(&self, price: Option<Number>) -> Result<Option<Number>, String> {
        let Some(mut price) = price else { return Ok(None) };
        for text in self.factors.iter().filter(|text| !text.is_empty()) {
            let factor = Number::read(text, Syntax::X12).and_then(|factor| price.times(factor));
            price = factor.ok_or_else(|| format!("the price multiplier {text:?}"))?;
        }
        Ok(Some(price))
    }

    fn passed_on(&mut self, line: &Line, rows: &mut Rows<'_>) {
        let Some(quantity) = line.quantities.first() else { return };
        let Some(meaning) = Line::meaning("867", quantity, rows) else { return };
        let returned = matches!(self.transfer.as_str(), "BN" | "RB" | "RP" | "RU" | "RV");
        if !concerns(rows.state.about, meaning) {
            return tell(rows, "867", &quantity.code, meaning);
        }
        let Some(article) = line.article(Syntax::X12, rows) else { return };
        let Some(span) = self.quantity_day.or(self.line_day).or(self.span) else {
            return rows.refuse(
                quantity.place,
                "no_period",
                "no day",
                "a DTM of the quantity, of PTD or of the heading",
                &quantity.raw,
            );
        };
        let Some(number) = line.pieces(quantity, &article, Syntax::X12, rows) else { return };
        let price = line.price(Syntax::X12, &rows.state.edi).and_then(|price| self.multiplied(price));
        let money = price.and_then(|price| match &line.amount {
            None => Ok((price, None)),
            Some(amount) => match Number::read(amount, Syntax::X12) {
                Some(amount) => Ok((price, Some(amount))),
                None => Err(format!("the amount {amount:?}")),
            },
        });
        let money = match money {
            Ok(money) => money,
            Err(found) => {
                return rows.refuse(
                    line.place,
                    "price_kind",
                    &found,
                    "one kind of price, or `prices` to choose",
                    &line.raw,
                );
            }
        };
        let site = self.line_site.as_ref().map_or(&self.site, |(_, site)| site);
        let number = if returned || meaning == Meaning::Return { number.returned() } else { number };
        if number.is_zero() {
            return rows.state.tell(NOTHING);
        }
        let amount = money.1.map(|amount| if number.digits < 0 { amount.returned() } else { amount });
        let price = money.0.or_else(|| amount.and_then(|amount| amount.over(number)));
        let entry = Entry {
            site: site.clone(),
            site_name: self.site_name.clone(),
            ship_to: self.ship_to.clone(),
            code: quantity.code.to_string(),
            document: self.document.clone(),
            quantity: Some(number),
            price,
            amount,
            ..Entry::default()
        };
        rows.add(quantity.place, &self.heading, &article, span, &entry);
    }
}

/// The pairs of a LIN: fifteen of them, in any order.
fn pairs(segment: &Segment<'_>, numbers: &mut Numbers) {
    for at in (2..=segment.elements().min(30)).step_by(2) {
        numbers.add(&segment.text(at), &segment.text(at + 1), Syntax::X12);
    }
}

//! The messages of EDIFACT: SLSRPT, what was sold by place and article, in either of its two forms (places with their lines,
//! and from D.97A on lines with their places), and INVRPT, what is in stock.

use std::collections::BTreeMap;

use super::codes;
use super::line::{Found, Line, Price, Quantity, To, concerns, levels, sold, tell};
use super::rows::{Heading, Rows, Site};
use super::segments::Segment;
use super::separators::Syntax;
use super::values::{Number, Span, edifact_days};
use crate::sender::{Meaning, Purpose, Sales};

/// Quantities that one line may hold.
const QUANTITIES_MAX: usize = 1 << 16;

/// A quantity and what stands under it.
#[derive(Debug)]
struct Counted {
    quantity: Quantity,
    /// Its place has a name as people write it.
    name: String,
    price: Vec<Price>,
    /// It is a part of another one.
    is_part: bool,
}

/// Reads the body of a message, segment by segment.
#[derive(Debug, Default)]
pub(super) struct Edifact {
    pub heading: Heading,
    /// BGM 1001: stock, movements or adjustments.
    kind: String,
    span: Option<Span>,
    site: Site,
    site_rank: usize,
    site_name: String,
    /// The place that the lines under it are about.
    group: Option<(Site, String)>,
    group_span: Option<Span>,
    line: Line,
    line_span: Option<Span>,
    /// The place within the line: the quantities behind it are there.
    line_site: Option<(Site, String)>,
    counted: Vec<Counted>,
}

impl Edifact {
    pub(super) fn new(heading: Heading) -> Self {
        Self { heading, site_rank: usize::MAX, ..Self::default() }
    }

    fn is_stock(&self) -> bool {
        self.heading.kind == "INVRPT"
    }

    pub(super) fn take(&mut self, segment: &Segment<'_>, rows: &mut Rows<'_>) {
        match segment.tag() {
            b"BGM" => {
                self.kind = segment.text(1).into_owned();
                self.heading.report = segment.text(2).into_owned();
                let purpose = segment.text(3);
                let own = rows.state.edi.purposes.get(&*purpose).copied();
                self.heading.adds = own == Some(Purpose::Add) || own.is_none() && &*purpose == "2";
            }
            b"CUX" if !self.line.open => self.heading.currency = segment.part(1, 2).into_owned(),
            b"NAD" if !self.line.open => self.party(segment, rows),
            b"DTM" => self.days(segment, rows),
            b"LOC" => self.place(segment, rows),
            b"LIN" => {
                self.finish(rows);
                self.line.begin(segment);
                self.line.numbers.add(&segment.part(3, 2), &segment.part(3, 1), Syntax::Edifact);
            }
            // additional numbers and the article's own; others are of substitutes
            b"PIA" if matches!(&*segment.text(1), "1" | "5" | "") => {
                for at in 2..=segment.elements().min(6) {
                    self.line.numbers.add(&segment.part(at, 2), &segment.part(at, 1), Syntax::Edifact);
                }
            }
            b"MOA" if self.line.open && &*segment.part(1, 1) == "203" => {
                self.line.amount.get_or_insert_with(|| segment.part(1, 2).into_owned());
            }
            b"PRI" if self.line.open => {
                let price = Price {
                    kind: segment.part(1, 1).into_owned(),
                    value: segment.part(1, 2).into_owned(),
                    basis: segment.part(1, 5).into_owned(),
                };
                // CA is here a catalogue's, no case's
                match self.counted.last_mut() {
                    Some(counted) => counted.price.push(price),
                    None => self.line.prices.push(price),
                }
            }
            b"CPS" => {
                if let Some(counted) = self.counted.last_mut() {
                    counted.is_part = true;
                }
            }
            b"QTY" => self.quantity(segment, rows),
            b"UNS" => self.finish(rows),
            _ => {}
        }
    }

    fn quantity(&mut self, segment: &Segment<'_>, rows: &mut Rows<'_>) {
        if !self.line.open {
            return rows.refuse(
                segment.place,
                "no_line",
                "QTY without LIN",
                "the article before its quantity",
                &segment.shown(),
            );
        }
        if self.counted.len() >= QUANTITIES_MAX {
            return rows.refuse(
                segment.place,
                "too_many_places",
                "more quantities than a line may have",
                "65536 at most",
                &segment.shown(),
            );
        }
        let (site, name) = match &self.line_site {
            Some((site, name)) => (Some(site.clone()), name.clone()),
            None => (None, String::new()),
        };
        self.counted.push(Counted {
            quantity: Quantity {
                code: segment.part(1, 1).into(),
                unit: segment.part(1, 3).into(),
                value: segment.part(1, 2).into_owned(),
                site,
                span: None,
                place: segment.place_of(1),
                element: 1,
                raw: segment.shown().into(),
            },
            name,
            price: Vec::new(),
            is_part: false,
        });
    }

    /// DTM: the days of the message, of a place, of a line or of a quantity, by where it stands.
    fn days(&mut self, segment: &Segment<'_>, rows: &mut Rows<'_>) {
        let code = segment.part(1, 1);
        // the day of the message itself is no day of a sale
        if !matches!(&*code, "356" | "366" | "90" | "91") {
            return;
        }
        let (text, format) = (segment.part(1, 2), segment.part(1, 3));
        let Some(days) = edifact_days(&text, &format) else {
            let expected = "CCYYMMDD (102), with a time (203), from and to (718), or a month (610)";
            let found = format!("{text:?} in format {format:?}");
            return rows.refuse(segment.place, "bad_date", &found, expected, &segment.shown());
        };
        let held = if let Some(counted) = self.counted.last_mut() {
            &mut counted.quantity.span
        } else if self.line.open {
            &mut self.line_span
        } else if self.group.is_some() {
            &mut self.group_span
        } else {
            &mut self.span
        };
        *held = Some(match (&*code, *held) {
            ("90", Some(known)) if days.0 <= known.1 => (days.0, known.1),
            ("91", Some(known)) if known.0 <= days.1 => (known.0, days.1),
            _ => days,
        });
    }

    /// LOC: in a SLSRPT it opens a place with its lines, or stands in a line before its quantities; in an INVRPT behind the
    /// quantity that is there.
    fn place(&mut self, segment: &Segment<'_>, rows: &mut Rows<'_>) {
        let role = segment.text(1);
        let own = &rows.state.edi.places;
        let wanted = if own.is_empty() { self.is_stock() || role == "162" } else { own.iter().any(|own| *own == role) };
        if !wanted {
            return;
        }
        let site = Site { kind: segment.part(2, 3).into_owned(), number: segment.part(2, 1).into_owned() };
        let name = segment.part(2, 4).into_owned();
        if self.is_stock() {
            match self.counted.last_mut() {
                Some(counted) if counted.quantity.site.is_none() => {
                    (counted.quantity.site, counted.name) = (Some(site), name);
                }
                Some(_) => rows.refuse(
                    segment.place,
                    "odd_pair",
                    "a second place of one quantity",
                    "one place behind each quantity",
                    &segment.shown(),
                ),
                None => (self.site, self.site_name) = (site, name),
            }
        } else if self.line.open && self.group.is_none() {
            self.line_site = Some((site, name));
        } else {
            self.finish(rows);
            (self.group, self.group_span) = (Some((site, name)), None);
        }
    }

    fn party(&mut self, segment: &Segment<'_>, rows: &mut Rows<'_>) {
        let role = segment.text(1);
        let own: Vec<&str> = rows.state.edi.places.iter().map(String::as_str).collect();
        let usual: &[&str] = if self.is_stock() { &["WH", "GY"] } else { &[] };
        let wanted = if own.is_empty() { usual } else { own.as_slice() };
        let Some(rank) = wanted.iter().position(|wanted| *wanted == role) else { return };
        if rank <= self.site_rank {
            self.site = Site { kind: segment.part(2, 3).into_owned(), number: segment.part(2, 1).into_owned() };
            self.site_rank = rank;
            self.site_name = segment.part(4, 1).into_owned();
        }
    }

    /// The rows of the line that ends here.
    pub(super) fn finish(&mut self, rows: &mut Rows<'_>) {
        let line = std::mem::take(&mut self.line);
        let counted = std::mem::take(&mut self.counted);
        if line.open {
            self.counted(&line, &counted, rows);
        }
        (self.line_span, self.line_site) = (None, None);
        self.line = line;
        self.line.clear();
    }

    fn counted(&self, line: &Line, counted: &[Counted], rows: &mut Rows<'_>) {
        let kind = self.heading.kind.as_str();
        let about = rows.state.about;
        if self.is_stock() && self.kind != "35" {
            return rows.state.tell("lines of movements or adjustments (INVRPT 78, 85E), for which there is no column");
        }
        let mut taken = Vec::new();
        for counted in counted {
            let Some(meaning) = Line::meaning(kind, &counted.quantity, rows) else { continue };
            if concerns(about, meaning) {
                taken.push((meaning, counted));
            } else {
                tell(rows, kind, &counted.quantity.code, meaning);
            }
        }
        if self.is_stock() {
            taken = without_totals(&taken, rows);
        }
        if taken.is_empty() {
            return;
        }
        let Some(article) = line.article(Syntax::Edifact, rows) else { return };
        let mut numbers = Vec::new();
        for (meaning, counted) in taken {
            let Some(number) = line.pieces(&counted.quantity, &article, Syntax::Edifact, rows) else { continue };
            let own = Line { prices: counted.price.clone(), ..Line::default() };
            let priced = if counted.price.is_empty() { line } else { &own };
            let price = match priced.price(Syntax::Edifact, &rows.state.edi) {
                Ok(price) => price,
                Err(_) if self.is_stock() => None,
                Err(found) => {
                    let expected = "one kind of price, or `prices` to choose";
                    rows.refuse(counted.quantity.place, "price_kind", &found, expected, &line.raw);
                    continue;
                }
            };
            numbers.push((meaning, counted, number, price));
        }
        let amount = match line.amount.as_deref().map(|text| (text, Number::read(text, Syntax::Edifact))) {
            Some((text, None)) => {
                let expected = "digits, with a point or comma and a leading minus where they are needed";
                return rows.refuse(line.place, "malformed_number", &format!("MOA {text:?}"), expected, &line.raw);
            }
            Some((_, amount)) => amount,
            None => None,
        };
        // the value of a line is that of what was sold in it, or returned where nothing was
        let sells = numbers.iter().any(|(meaning, _, number, _)| is_sale(*meaning) && !number.is_zero());
        let bears = |meaning: Meaning| is_sale(meaning) == sells;
        let whole = numbers
            .iter()
            .filter(|(meaning, ..)| bears(*meaning))
            .try_fold(Number::ZERO, |sum, found| sum.plus(found.2));
        let scale = numbers.iter().map(|(_, _, number, _)| number.scale).max().unwrap_or(0);
        let mut until = 0;
        let mut cells: BTreeMap<(Site, Span), (String, Vec<Found<'_>>)> = BTreeMap::new();
        for (meaning, counted, number, price) in &numbers {
            let Counted { quantity, name, .. } = counted;
            let group = self.group.as_ref();
            let (site, name) = match &quantity.site {
                Some(site) => (site, name),
                None => group.map_or((&self.site, &self.site_name), |(site, name)| (site, name)),
            };
            let span = quantity.span.or(self.line_span).or(self.group_span).or(self.span);
            let Some(span) = span.filter(|(from, to)| from <= to) else {
                let expected = "DTM 356, 90 and 91 or 366 of the quantity, the place or the heading";
                rows.refuse(quantity.place, "no_period", "no day", expected, &quantity.raw);
                continue;
            };
            let share = amount.zip(whole).filter(|_| bears(*meaning)).and_then(|(amount, whole)| {
                let (units, all, cents) = (number.at(scale)?, whole.at(scale)?, amount.scale.max(2));
                if all == 0 {
                    return None;
                }
                let before = amount.share(until, all, cents)?;
                until += units;
                Some(Number::of(amount.share(until, all, cents)? - before, cents))
            });
            let price = (*price).or_else(|| amount.zip(whole).and_then(|(amount, whole)| amount.over(whole)));
            let cell = cells.entry((site.clone(), span)).or_insert_with(|| (name.clone(), Vec::new()));
            cell.1.push(Found { meaning: *meaning, quantity, number: *number, price, amount: share });
        }
        for ((site, span), (name, found)) in &cells {
            let to = To { heading: &self.heading, article: &article, site, name };
            if about == super::rows::About::Stock {
                levels(to, *span, found, rows);
            } else {
                sold(to, *span, found, Sales::Gross, rows);
            }
        }
    }
}

fn is_sale(meaning: Meaning) -> bool {
    matches!(meaning, Meaning::Sale | Meaning::NetSale)
}

/// The same code may give a total and then its parts: those with a place count, else the first that is no part.
fn without_totals<'a>(taken: &[(Meaning, &'a Counted)], rows: &mut Rows<'_>) -> Vec<(Meaning, &'a Counted)> {
    let all = taken.len();
    let mut kept: Vec<(Meaning, &Counted)> = Vec::new();
    for (meaning, counted) in taken {
        let same = |other: &&(Meaning, &Counted)| other.1.quantity.code == counted.quantity.code;
        let placed = taken.iter().filter(same).any(|other| other.1.quantity.site.is_some());
        let counts = if placed {
            counted.quantity.site.is_some()
        } else {
            let whole = taken.iter().filter(same).find(|other| !other.1.is_part).or_else(|| taken.iter().find(same));
            whole.is_some_and(|whole| std::ptr::eq(whole.1, *counted))
        };
        if counts {
            kept.push((*meaning, counted));
        }
    }
    for _ in kept.len()..all {
        rows.state.tell("quantities that are parts or the total of others of the same line (INVRPT)");
    }
    kept.sort_by_key(|(_, counted)| codes::level_rank(&counted.quantity.code));
    kept
}

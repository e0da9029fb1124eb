//! What the lines of all messages share: an article, its quantities, its prices, and the rows that they come to.

use std::rc::Rc;

use super::codes::{self, Numbers, Unit};
use super::rows::{About, Article, Entry, Heading, Rows, Site, day_before};
use super::segments::{Place, Segment};
use super::separators::Syntax;
use super::values::{Number, Span};
use crate::sender::{Edi, Meaning, Sales};

/// A quantity as it stands in the file.
#[derive(Debug, Clone)]
pub(super) struct Quantity {
    pub code: Rc<str>,
    pub unit: Rc<str>,
    pub value: String,
    pub site: Option<Site>,
    pub span: Option<Span>,
    pub place: Place,
    /// The element that holds the number.
    pub element: usize,
    pub raw: Rc<str>,
}

/// A quantity that a feed has a column for, in pieces, with its money.
#[derive(Debug, Clone)]
pub(super) struct Found<'a> {
    pub meaning: Meaning,
    pub quantity: &'a Quantity,
    pub number: Number,
    pub price: Option<Number>,
    pub amount: Option<Number>,
}

/// A price and how many units it is for.
#[derive(Debug, Clone)]
pub(super) struct Price {
    pub kind: String,
    pub value: String,
    pub basis: String,
}

/// What every kind of line has.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub numbers: Numbers,
    pub quantities: Vec<Quantity>,
    pub prices: Vec<Price>,
    pub amount: Option<String>,
    pub pack: Option<(String, String)>,
    /// The quantity whose stores follow.
    pub activity: Option<usize>,
    pub open: bool,
    pub place: Place,
    pub raw: String,
}

impl Line {
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.quantities.clear();
        self.prices.clear();
        (self.amount, self.pack, self.activity, self.open) = (None, None, None, false);
    }

    pub(super) fn begin(&mut self, segment: &Segment<'_>) {
        self.clear();
        (self.open, self.place) = (true, segment.place);
        self.raw = segment.shown();
    }

    /// The article of the line, or a refused row.
    pub(super) fn article(&self, syntax: Syntax, rows: &mut Rows<'_>) -> Option<Article> {
        match self.numbers.article(syntax, &rows.state.edi) {
            Ok(article) => {
                if self.numbers.has_wrong() {
                    rows.state.tell("article numbers whose check digit is wrong, beside another of the same line");
                }
                Some(article)
            }
            Err(found) => {
                let reason = if self.numbers.has_wrong() { "check_digit" } else { "no_article" };
                let expected = "an article number of a kind that `articles` names, with its check digit";
                rows.refuse(self.place, reason, &found, expected, &self.raw);
                None
            }
        }
    }

    /// The price of one piece, by the kinds that are wanted. `Err` says why none can be chosen.
    pub(super) fn price(&self, syntax: Syntax, edi: &Edi) -> Result<Option<Number>, String> {
        let chosen = if edi.prices.is_empty() {
            let mut kinds: Vec<&str> = self.prices.iter().map(|price| price.kind.as_str()).collect();
            kinds.dedup();
            if kinds.len() > 1 {
                return Err(format!("prices of the kinds {}", kinds.join(", ")));
            }
            if kinds.first() == Some(&"AAF") {
                return Err("a price AAF, which means one thing in 1997 and another in 2002".into());
            }
            self.prices.first()
        } else {
            edi.prices.iter().find_map(|kind| self.prices.iter().find(|price| price.kind == *kind))
        };
        let Some(Price { value, basis, .. }) = chosen else { return Ok(None) };
        let price = Number::read(value, syntax).ok_or_else(|| format!("the price {value:?}"))?;
        if basis.is_empty() {
            return Ok(Some(price));
        }
        let count = Number::read(basis, syntax).filter(|count| count.digits > 0);
        let count = count.ok_or_else(|| format!("a price for {basis:?} units"))?;
        Ok(if count == Number::of(1, 0) { Some(price) } else { price.over(count) })
    }

    /// A quantity in pieces, its sign turned where the settings say so; a refused row where it is none.
    pub(super) fn pieces(
        &self,
        quantity: &Quantity,
        article: &Article,
        syntax: Syntax,
        rows: &mut Rows<'_>,
    ) -> Option<Number> {
        let Quantity { code, unit, value, place, element, raw, .. } = quantity;
        let Some(number) = Number::read(value, syntax) else {
            let expected = match syntax {
                Syntax::X12 => "digits, with a point and a leading minus where they are needed",
                Syntax::Edifact => "digits, with a point or comma and a leading minus where they are needed",
            };
            rows.refuse(*place, "malformed_number", &format!("element {element} is {value:?}"), expected, raw);
            return None;
        };
        let number = if rows.state.edi.negate.contains(&**code) { number.negated() } else { number };
        match codes::unit(unit, &rows.state.edi) {
            Unit::Pieces | Unit::Measure => Some(number),
            Unit::Unknown => {
                let expected = "EA, UN or PCE, a case with its pack, or a unit that `pieces` names";
                rows.refuse(*place, "unknown_unit", &format!("unit {unit:?}"), expected, raw);
                None
            }
            Unit::Case => {
                let pack = self.pack(syntax).or_else(|| {
                    let own = [&article.number, &article.gtin]
                        .into_iter()
                        .find_map(|number| rows.state.edi.packs.get(number));
                    own.map(|pack| Number::of(i128::from(*pack), 0))
                });
                let pieces = pack.filter(|pack| pack.digits > 0).and_then(|pack| number.times(pack));
                if pieces.is_none() {
                    let expected = "how many pieces a case holds: PO401 of the line, or `packs` of the sender";
                    rows.refuse(*place, "no_pack", &format!("{value} {unit} of {}", article.number), expected, raw);
                }
                pieces
            }
        }
    }

    fn pack(&self, syntax: Syntax) -> Option<Number> {
        let (outer, inner) = self.pack.as_ref()?;
        let outer = Number::read(outer, syntax)?;
        if inner.is_empty() { Some(outer) } else { outer.times(Number::read(inner, syntax)?) }
    }

    /// What a code means; a refused row where nobody knows.
    pub(super) fn meaning(message: &str, quantity: &Quantity, rows: &mut Rows<'_>) -> Option<Meaning> {
        let meaning = codes::meaning(message, &quantity.code, &rows.state.edi);
        if meaning.is_none() {
            let found = format!("code {:?} in {message}", quantity.code);
            let expected = "a code that is known, or that `qualifiers` gives a meaning";
            rows.refuse(quantity.place, "unknown_code", &found, expected, &quantity.raw);
        }
        meaning
    }
}

/// What is told of a reported nothing.
pub(super) const NOTHING: &str =
    "quantities of 0: nothing was sold, and what an earlier file said of the same cell stands";

/// Whether a feed has a column for what a quantity means.
pub(super) fn concerns(about: About, meaning: Meaning) -> bool {
    match about {
        About::Sales => matches!(meaning, Meaning::Sale | Meaning::NetSale | Meaning::Return),
        About::Stock => matches!(meaning, Meaning::OnHand | Meaning::Opening | Meaning::OnOrder | Meaning::InTransit),
        About::Shipments => meaning == Meaning::Shipment,
    }
}

/// Tells of a code without a column; what is another feed's is not told here.
pub(super) fn tell(rows: &mut Rows<'_>, message: &str, code: &str, meaning: Meaning) {
    if meaning == Meaning::Told {
        rows.state.tell(format!("quantities {code} of {message}, for which there is no column"));
    } else if meaning == Meaning::Shipment {
        rows.state.tell(format!(
            "quantities {code} of {message}, which are shipments: say sale in `qualifiers` where they are sales"
        ));
    }
}

/// Whose quantities they are.
#[derive(Clone, Copy)]
pub(super) struct To<'a> {
    pub heading: &'a Heading,
    pub article: &'a Article,
    pub site: &'a Site,
    pub name: &'a str,
}

/// The rows of what was sold and returned in one cell.
pub(super) fn sold(to: To<'_>, span: Span, found: &[Found<'_>], usual: Sales, rows: &mut Rows<'_>) {
    let sales = rows.state.edi.sales.unwrap_or(usual);
    let has = |wanted: Meaning| found.iter().any(|found| found.meaning == wanted);
    let (net, sale) = (has(Meaning::NetSale), has(Meaning::Sale));
    for Found { meaning, quantity, number, price, amount } in found {
        let number = match meaning {
            Meaning::Sale if net => {
                rows.state.tell("sales beside net sales of the same line: the net ones count");
                continue;
            }
            Meaning::Return if net || sale && sales == Sales::Net => {
                rows.state
                    .tell("returns beside sales that are net of them already (`sales = \"gross\"` takes them off)");
                continue;
            }
            Meaning::Return => number.returned(),
            _ => *number,
        };
        if number.is_zero() {
            rows.state.tell(NOTHING);
            continue;
        }
        let amount = amount.map(|amount| if number.digits < 0 { amount.returned() } else { amount });
        let entry = Entry {
            site: to.site.clone(),
            site_name: to.name.to_string(),
            code: quantity.code.to_string(),
            quantity: Some(number),
            price: price.or_else(|| amount.and_then(|amount| amount.over(number))),
            amount,
            ..Entry::default()
        };
        rows.add(quantity.place, to.heading, to.article, span, &entry);
    }
}

/// The row of the levels of one place at the end of the period, and that of its beginning.
pub(super) fn levels(to: To<'_>, (from, until): Span, found: &[Found<'_>], rows: &mut Rows<'_>) {
    let best = |wanted: Meaning| {
        let own = found.iter().filter(|found| found.meaning == wanted);
        own.min_by_key(|found| codes::level_rank(&found.quantity.code))
    };
    let entry =
        Entry { site: to.site.clone(), site_name: to.name.to_string(), code: "stock".into(), ..Entry::default() };
    for _ in 1..found.iter().filter(|found| found.meaning == Meaning::OnHand).count() {
        rows.state.tell("levels beside another of the same place and day: available before on hand before closing");
    }
    let number = |found: Option<&Found<'_>>| found.map(|found| found.number);
    if let Some(on_hand) = best(Meaning::OnHand) {
        let level = Entry {
            on_hand: Some(on_hand.number),
            on_order: number(best(Meaning::OnOrder)),
            in_transit: number(best(Meaning::InTransit)),
            ..entry.clone()
        };
        rows.add(on_hand.quantity.place, to.heading, to.article, (until, until), &level);
    } else if found.iter().any(|found| found.meaning != Meaning::Opening) {
        rows.state.tell("quantities on order or in transit of a place without its stock");
    }
    if let Some(opening) = best(Meaning::Opening) {
        let day = day_before(from);
        let level = Entry { on_hand: Some(opening.number), ..entry };
        rows.add(opening.quantity.place, to.heading, to.article, (day, day), &level);
    }
}

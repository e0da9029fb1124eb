//! How figures and dates are written for people, in Chinese and English: 万 and 亿, K and M, percent,
//! money, days. Nothing here rounds what is computed with; it is for reading only.

use chrono::{Datelike as _, NaiveDate, NaiveDateTime};
use minijinja::{Environment, UndefinedBehavior, Value};

/// Language of mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locale {
    /// Chinese, simplified.
    Zh,
    /// English.
    En,
}

type Write = fn(&Words, f64) -> String;

/// What is written for a figure that is not known.
const UNKNOWN: &str = "—";

/// A writer of figures in one language and currency.
#[derive(Debug, Clone)]
pub struct Words {
    locale: Locale,
    sign: String,
    year: Option<i32>,
}

/// Writes a text of a row, such as a date, as this language has it.
type AsText = fn(&Words, &str) -> String;

impl Words {
    /// Words in `locale` (`zh`, else English) with amounts in `currency` (ISO code).
    pub fn new(locale: &str, currency: &str) -> Self {
        let sign = match currency {
            "CNY" => "¥".to_string(),
            "USD" => "$".to_string(),
            "EUR" => "€".to_string(),
            "GBP" => "£".to_string(),
            other => format!("{other} "),
        };
        Self { locale: if locale == "zh" { Locale::Zh } else { Locale::En }, sign, year: None }
    }

    /// The same words for readers of this day: dates of another year say so.
    #[must_use]
    pub fn read_on(self, day: NaiveDate) -> Self {
        Self { year: Some(day.year()), ..self }
    }

    /// The language.
    pub fn locale(&self) -> Locale {
        self.locale
    }

    /// One of two texts.
    pub fn pick<T>(&self, zh: T, en: T) -> T {
        match self.locale {
            Locale::Zh => zh,
            Locale::En => en,
        }
    }

    /// A fraction as percent with one decimal: 0.234 is `23.4%`.
    pub fn percent(&self, fraction: f64) -> String {
        if !fraction.is_finite() {
            return UNKNOWN.to_string();
        }
        format!("{}%", grouped(fraction * 100.0, 1))
    }

    /// As [`Words::percent`] with its sign: `+23.4%`.
    pub fn signed_percent(&self, fraction: f64) -> String {
        let text = self.percent(fraction);
        if fraction > 0.0 && text.starts_with(|c: char| c.is_ascii_digit()) { format!("+{text}") } else { text }
    }

    /// A difference of two shares in percentage points: 0.329 is `32.9 个百分点`, `32.9 points`.
    pub fn points(&self, difference: f64) -> String {
        if !difference.is_finite() {
            return UNKNOWN.to_string();
        }
        let figure = grouped(difference * 100.0, 1);
        self.pick(format!("{figure} 个百分点"), format!("{figure} points"))
    }

    /// As [`Words::points`] with its sign.
    pub fn signed_points(&self, difference: f64) -> String {
        let text = self.points(difference);
        if difference > 0.0 && difference.is_finite() { format!("+{text}") } else { text }
    }

    /// An amount in base currency, short: `¥125.6 万`, `$1.26M`.
    pub fn money(&self, amount: f64) -> String {
        if !amount.is_finite() {
            return UNKNOWN.to_string();
        }
        let text = self.short(amount.abs(), 2);
        let minus = if amount < 0.0 && text.contains(|c: char| ('1'..='9').contains(&c)) { "-" } else { "" };
        format!("{minus}{}{text}", self.sign)
    }

    /// A count or quantity, short when large: `1,234`, `12.3 万`.
    pub fn number(&self, number: f64) -> String {
        if !number.is_finite() {
            return UNKNOWN.to_string();
        }
        let decimals = if number.fract() == 0.0 { 0 } else { 2 };
        let text = self.short(number.abs(), decimals);
        let minus = if number < 0.0 && text.contains(|c: char| ('1'..='9').contains(&c)) { "-" } else { "" };
        format!("{minus}{text}")
    }

    /// A span in days: `12 天`, `12.5 days`.
    pub fn days(&self, days: f64) -> String {
        if !days.is_finite() {
            return UNKNOWN.to_string();
        }
        let figure = grouped(days, usize::from(days.fract() != 0.0));
        match self.locale {
            Locale::Zh => format!("{figure} 天"),
            Locale::En if figure == "1" => "1 day".to_string(),
            Locale::En => format!("{figure} days"),
        }
    }

    /// A date, without its year where the reader knows it: `11月22日`, `22 Nov`; of another year `2025年11月22日`,
    /// `22 Nov 2025`.
    pub fn date(&self, date: NaiveDate) -> String {
        if self.year.is_some_and(|year| year != date.year()) {
            return date.format(self.pick("%Y年%-m月%-d日", "%-d %b %Y")).to_string();
        }
        match self.locale {
            Locale::Zh => format!("{}月{}日", date.month(), date.day()),
            Locale::En => date.format("%-d %b").to_string(),
        }
    }

    /// A weekday: `周日`, `Sun`.
    pub fn weekday(&self, date: NaiveDate) -> String {
        let names = self.pick(
            ["周一", "周二", "周三", "周四", "周五", "周六", "周日"],
            ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
        );
        names[date.weekday().num_days_from_monday() as usize].to_string()
    }

    /// A month `2026-11`: `11月`, `Nov`; of another year `2025年11月`, `Nov 2025`. What is none stays as it is.
    pub fn month(&self, text: &str) -> String {
        let Ok(first) = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d") else { return text.to_string() };
        if self.year == Some(first.year()) {
            return first.format(self.pick("%-m月", "%b")).to_string();
        }
        first.format(self.pick("%Y年%-m月", "%b %Y")).to_string()
    }

    /// A quarter `2026-Q3`: `2026年三季度`, `Q3 2026`. What is none stays as it is.
    pub fn quarter(&self, text: &str) -> String {
        let Some((year, quarter)) = text.split_once("-Q") else { return text.to_string() };
        let names = [("1", "一"), ("2", "二"), ("3", "三"), ("4", "四")];
        let Some((_, name)) = names.iter().find(|(number, _)| *number == quarter) else { return text.to_string() };
        self.pick(format!("{year}年{name}季度"), format!("Q{quarter} {year}"))
    }

    /// An instant `2026-11-23 01:30` of the clock on the wall: its date as all others, and the time.
    pub fn instant(&self, text: &str) -> String {
        match NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M") {
            Ok(instant) => format!("{} {}", self.date(instant.date()), instant.format("%H:%M")),
            Err(_) => text.to_string(),
        }
    }

    /// A list that SQL has written, `Fan (002) +94; Pot (003) +15`, with the marks of the language: `Fan（002）+94；Pot（003）+15`.
    pub fn listed(&self, text: &str) -> String {
        let marks = [("; ", "；"), (" (", "（"), (") ", "）"), (")", "）")];
        match self.locale {
            Locale::Zh => marks.iter().fold(text.to_string(), |text, (en, zh)| text.replace(en, zh)),
            Locale::En => text.to_string(),
        }
    }

    /// A figure in the format that a rule names: `percent`, `points`, `money`, `number`, `days`; else as it is.
    pub fn figure(&self, value: f64, format: &str) -> String {
        match format {
            "percent" => self.percent(value),
            "points" => self.points(value),
            "money" => self.money(value),
            "number" => self.number(value),
            "days" => self.days(value),
            _ => grouped(value, usize::from(value.fract() != 0.0) * 2),
        }
    }

    /// A figure with its scale word; a figure that rounds up to the next scale takes that one.
    fn short(&self, figure: f64, decimals: usize) -> String {
        let scales: &[(f64, &str)] = match self.locale {
            Locale::Zh => &[(1e8, " 亿"), (1e4, " 万")],
            Locale::En => &[(1e9, "B"), (1e6, "M"), (1e3, "K")],
        };
        // English keeps thousands readable as they are; Chinese readers expect 万 from 10,000 on.
        let least = 1e4;
        let mut shown = (grouped(figure, decimals), figure);
        if figure < least && rounded(figure, decimals) < least {
            return shown.0;
        }
        for (scale, word) in scales {
            let part = figure / scale;
            if rounded(part, 2) >= 1.0 {
                let decimals = if part < 10.0 { 2 } else { usize::from(part < 1000.0) };
                shown.0 = format!("{}{word}", grouped(part, decimals));
                break;
            }
        }
        shown.0
    }

    /// A template environment with the filters that rule texts may use.
    pub fn environment(&self) -> Environment<'static> {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        let figures: [(&'static str, Write); 7] = [
            ("percent", Self::percent),
            ("signed_percent", Self::signed_percent),
            ("points", Self::points),
            ("signed_points", Self::signed_points),
            ("money", Self::money),
            ("number", Self::number),
            ("days", Self::days),
        ];
        for (name, write) in figures {
            let words = self.clone();
            env.add_filter(name, move |value: Value| as_figure(&value, |figure| write(&words, figure)));
        }
        let words = self.clone();
        env.add_filter("date", move |value: Value| as_date(&value, |date| words.date(date)));
        let texts: [(&'static str, AsText); 4] =
            [("month", Self::month), ("quarter", Self::quarter), ("instant", Self::instant), ("listed", Self::listed)];
        for (name, write) in texts {
            let words = self.clone();
            env.add_filter(name, move |value: Value| match value.as_str() {
                Some(text) => write(&words, text),
                None if value.is_none() || value.is_undefined() => UNKNOWN.to_string(),
                None => value.to_string(),
            });
        }
        let words = self.clone();
        env.add_filter("counted", move |value: Value, one: String, many: String| {
            let written = as_figure(&value, |figure| words.number(figure));
            format!("{written} {}", if written == "1" { one } else { many })
        });
        env
    }
}

/// Figures may be numbers or, from decimals, text; anything else is shown as it is.
fn as_figure(value: &Value, write: impl Fn(f64) -> String) -> String {
    if value.is_none() || value.is_undefined() {
        return UNKNOWN.to_string();
    }
    let figure = match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None => f64::try_from(value.clone()).ok(),
    };
    figure.map_or_else(|| value.to_string(), write)
}

fn as_date(value: &Value, write: impl Fn(NaiveDate) -> String) -> String {
    if value.is_none() || value.is_undefined() {
        return UNKNOWN.to_string();
    }
    let text = value.to_string();
    let date = text.get(..10).and_then(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").ok());
    date.map_or(text, write)
}

/// Half away from zero, as people round.
fn rounded(figure: f64, decimals: usize) -> f64 {
    let scale = [1.0, 10.0, 100.0][decimals.min(2)];
    (figure * scale).round() / scale
}

/// A figure with thousands separated by commas.
fn grouped(figure: f64, decimals: usize) -> String {
    if !figure.is_finite() {
        return UNKNOWN.to_string();
    }
    let text = format!("{:.decimals$}", rounded(figure, decimals).abs());
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(w, f)| (w, Some(f)));
    let mut out = String::new();
    if figure < 0.0 && text.contains(|c: char| ('1'..='9').contains(&c)) {
        out.push('-');
    }
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_money_counts_in_ten_thousands() {
        let zh = Words::new("zh", "CNY");
        for (amount, text) in [
            (0.0, "¥0.00"),
            (9_876.5, "¥9,876.50"),
            (9_999.996, "¥1.00 万"),
            (12_345.0, "¥1.23 万"),
            (1_256_000.0, "¥125.6 万"),
            (12_560_000.0, "¥1,256 万"),
            (99_999_999.0, "¥1.00 亿"),
            (123_456_789.0, "¥1.23 亿"),
            (-1_256_000.0, "-¥125.6 万"),
            (f64::NAN, "—"),
        ] {
            assert_eq!(zh.money(amount), text, "{amount}");
        }
    }

    #[test]
    fn english_money_counts_in_thousands() {
        let en = Words::new("en", "USD");
        for (amount, text) in [
            (9_876.5, "$9,876.50"),
            (12_345.0, "$12.3K"),
            (999_999.0, "$1.00M"),
            (1_256_000.0, "$1.26M"),
            (2_500_000_000.0, "$2.50B"),
            (-0.001, "$0.00"),
        ] {
            assert_eq!(en.money(amount), text, "{amount}");
        }
        assert_eq!(Words::new("en", "AUD").money(5.0), "AUD 5.00");
    }

    #[test]
    fn percent_days_and_numbers() {
        let zh = Words::new("zh", "CNY");
        let en = Words::new("en", "CNY");
        assert_eq!(zh.percent(0.2345), "23.5%");
        assert_eq!(zh.signed_percent(0.2345), "+23.5%");
        assert_eq!(zh.signed_percent(-0.234), "-23.4%");
        assert_eq!(zh.signed_percent(0.0), "0.0%");
        assert_eq!(zh.signed_percent(-0.0001), "0.0%");
        assert_eq!(zh.percent(f64::INFINITY), "—");
        assert_eq!((zh.points(0.3286), en.points(-0.462)), ("32.9 个百分点".into(), "-46.2 points".into()));
        assert_eq!((en.signed_points(0.1), en.signed_points(f64::NAN)), ("+10.0 points".into(), "—".into()));
        assert_eq!(zh.days(12.0), "12 天");
        assert_eq!(en.days(1.0), "1 day");
        assert_eq!(en.days(12.5), "12.5 days");
        assert_eq!(zh.number(1234.0), "1,234");
        assert_eq!(zh.number(123_400.0), "12.3 万");
        assert_eq!(en.number(1.5), "1.50");
        let day = NaiveDate::from_ymd_opt(2026, 11, 22).expect("date");
        assert_eq!((zh.date(day), zh.weekday(day)), ("11月22日".into(), "周日".into()));
        assert_eq!((en.date(day), en.weekday(day)), ("22 Nov".into(), "Sun".into()));
        let (year, later) = ("2026-01-01", "2027-01-01");
        let on = |words: &Words, reader: &str| words.clone().read_on(reader.parse().expect("date")).date(day);
        assert_eq!((on(&zh, year), on(&en, year)), ("11月22日".into(), "22 Nov".into()));
        assert_eq!((on(&zh, later), on(&en, later)), ("2026年11月22日".into(), "22 Nov 2026".into()));
    }

    #[test]
    fn filters_take_numbers_decimals_as_text_and_nothing() {
        let env = Words::new("en", "USD").environment();
        let render = |text: &str, value: serde_json::Value| {
            env.render_str(text, serde_json::json!({ "x": value })).expect("renders")
        };
        assert_eq!(render("{{ x | percent }}", serde_json::json!(0.5)), "50.0%");
        assert_eq!(render("{{ x | money }}", serde_json::json!("1250000.0000")), "$1.25M");
        assert_eq!(render("{{ x | money }}", serde_json::Value::Null), "—");
        assert_eq!(render("{{ x | date }}", serde_json::json!("2026-11-22")), "22 Nov");
        assert_eq!(render("{{ x | date }}", serde_json::json!("soon")), "soon");
        assert_eq!(render("{{ x | month }}", serde_json::json!("2026-11")), "Nov 2026");
        assert_eq!(render("{{ x | quarter }}", serde_json::json!("2026-Q3")), "Q3 2026");
        assert_eq!(render("{{ x | instant }}", serde_json::json!("2026-11-23 01:30")), "23 Nov 01:30");
        assert_eq!(render("{{ x | instant }}", serde_json::Value::Null), "—");
        for (count, text) in [(0, "0 days"), (1, "1 day"), (2, "2 days")] {
            assert_eq!(render("{{ x | counted('day', 'days') }}", serde_json::json!(count)), text);
        }
        let zh = Words::new("zh", "CNY").read_on("2026-11-22".parse().expect("date"));
        assert_eq!((zh.month("2026-11"), zh.month("2025-11")), ("11月".into(), "2025年11月".into()));
        assert_eq!((zh.quarter("2026-Q3"), zh.quarter("soon")), ("2026年三季度".into(), "soon".into()));
        assert_eq!(zh.listed("Fan (002) +94; Pot (003) +15"), "Fan（002）+94；Pot（003）+15");
        assert_eq!(render("{{ x | listed }}", serde_json::json!("Fan (002) +94; Pot")), "Fan (002) +94; Pot");
        assert_eq!(render("{{ x | number }}", serde_json::json!(12)), "12");
    }
}

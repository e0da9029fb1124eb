//! Small pictures for mails: drawn at twice their size on an opaque ground, so that they are sharp on a phone and stay as
//! they are where a mail program turns everything dark. They hold shapes alone. Every word and figure stands beside them in
//! the page, where it can be read aloud, searched and turned dark, and where no font can lack a partner's name: no glyph is
//! drawn, so none is ever missing.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::Deserialize;

use crate::error::Result;

/// Pixels of the picture for one of the page.
const SCALE: f64 = 2.0;
const GROUND: Colour = Colour(255, 255, 255);
const BAND: Colour = Colour(226, 232, 240);
const QUIET: Colour = Colour(150, 163, 179);
const LINE: Colour = Colour(63, 116, 184);
const SURPLUS: Colour = Colour(217, 134, 43);
/// Tones of things that a legend names, told apart also by who sees no red.
const TONES: [&str; 6] = ["#3f74b8", "#d9862b", "#2a8656", "#a05fb4", "#c0504d", "#5f6b7a"];

/// What a rule draws, and from which columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Chart {
    /// The past beside its usual range; lists with `;` between, as long as the rule's `history`.
    Band {
        /// Lower ends.
        lower: String,
        /// Upper ends.
        upper: String,
    },
    /// What was reached, how far it should be by now, and the target.
    Bullet {
        /// Reached.
        actual: String,
        /// Due by now, as a share of the target.
        due: String,
        /// Aim.
        target: String,
    },
    /// Bars of what is needed and what is there beyond: `name|needed|surplus` with `;` between.
    Stock {
        /// The column.
        bars: String,
    },
    /// Units by growth and share, as large as their sales; one a finding of the rule.
    Bubbles {
        /// To the right.
        growth: String,
        /// Upwards.
        share: String,
        /// Area.
        size: String,
        /// Who it is.
        name: String,
    },
}

impl Chart {
    /// The columns it reads.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::Band { lower, upper } => vec![lower, upper],
            Self::Bullet { actual, due, target } => vec![actual, due, target],
            Self::Stock { bars } => vec![bars],
            Self::Bubbles { growth, share, size, name } => vec![growth, share, size, name],
        }
    }
}

/// A picture in a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width on the page, in its pixels.
    pub width: u32,
    /// Height.
    pub height: u32,
    /// The file.
    pub png: Vec<u8>,
}

/// A unit in the growth and share matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Bubble {
    /// To the right.
    pub growth: f64,
    /// Upwards.
    pub share: f64,
    /// Area.
    pub size: f64,
}

/// The tone of the n-th thing of a legend.
pub fn tone(place: usize) -> &'static str {
    TONES[place % TONES.len()]
}

/// A line through the days, the last of them marked. None for less than two.
pub fn sparkline(values: &[f64], colour: &str) -> Result<Option<Picture>> {
    let Some(scale) = Axis::of(values.iter().copied(), 4.0, 28.0) else { return Ok(None) };
    let mut canvas = Canvas::new(200, 32);
    draw_line(&mut canvas, values, &scale, LINE, Colour::parse(colour));
    canvas.picture().map(Some)
}

/// The days beside their usual range, the last of them marked.
pub fn band(values: &[f64], lower: &[f64], upper: &[f64], colour: &str) -> Result<Option<Picture>> {
    if values.len() != lower.len() || values.len() != upper.len() {
        return sparkline(values, colour);
    }
    let all = values.iter().chain(lower).chain(upper).copied();
    let Some(scale) = Axis::of(all, 6.0, 78.0) else { return Ok(None) };
    let mut canvas = Canvas::new(300, 84);
    let across = canvas.across(values.len());
    for place in 1..values.len() {
        let ends = |list: &[f64]| (scale.at(list[place - 1]), scale.at(list[place]));
        canvas.ribbon(across(place - 1), across(place), ends(upper), ends(lower), BAND);
    }
    draw_line(&mut canvas, values, &scale, LINE, Colour::parse(colour));
    canvas.picture().map(Some)
}

fn draw_line(canvas: &mut Canvas, values: &[f64], scale: &Axis, line: Colour, last: Colour) {
    let across = canvas.across(values.len());
    for place in 1..values.len() {
        let ends = [(place - 1), place].map(|place| (across(place), scale.at(values[place])));
        canvas.line(ends[0], ends[1], 1.6, line);
    }
    let end = values.len() - 1;
    canvas.disc((across(end), scale.at(values[end])), 3.2, last, 1.0);
}

/// What was reached as a bar, over the whole target; a mark where it should be by now.
pub fn bullet(actual: f64, due: f64, target: f64, colour: &str) -> Result<Option<Picture>> {
    if !(target > 0.0 && actual.is_finite() && due.is_finite()) {
        return Ok(None);
    }
    let mut canvas = Canvas::new(300, 22);
    let most = 1.0_f64.max(actual / target);
    let across = |share: f64| 2.0 + 296.0 * (share / most).clamp(0.0, 1.0);
    canvas.rect((2.0, 5.0), (across(1.0), 17.0), BAND);
    canvas.rect((2.0, 8.0), (across(actual / target), 14.0), Colour::parse(colour));
    canvas.rect((across(due) - 1.25, 2.0), (across(due) + 1.25, 20.0), Colour(38, 49, 61));
    canvas.picture().map(Some)
}

/// What is needed and what is there beyond it, a bar a product.
pub fn stock(bars: &[(f64, f64)]) -> Result<Option<Picture>> {
    let most = bars.iter().map(|(needed, surplus)| needed + surplus).fold(0.0, f64::max);
    if most <= 0.0 || bars.iter().any(|(needed, surplus)| *needed < 0.0 || *surplus < 0.0) {
        return Ok(None);
    }
    let rows = u32::try_from(bars.len()).unwrap_or(1);
    let mut canvas = Canvas::new(300, 18 * rows + 4);
    let mut top = 4.0;
    for (needed, surplus) in bars {
        let across = |amount: f64| 2.0 + 296.0 * amount / most;
        canvas.rect((2.0, top), (across(*needed), top + 12.0), LINE);
        canvas.rect((across(*needed), top), (across(needed + surplus), top + 12.0), SURPLUS);
        top += 18.0;
    }
    canvas.picture().map(Some)
}

/// Units by growth (to the right) and share (upwards), with the lines between the classes.
pub fn bubbles(units: &[Bubble], growth_cut: f64, share_cut: f64) -> Result<Option<Picture>> {
    let known = |unit: &&Bubble| [unit.growth, unit.share, unit.size].iter().all(|figure| figure.is_finite());
    let shown: Vec<&Bubble> = units.iter().filter(known).collect();
    let growths = shown.iter().map(|unit| unit.growth).chain([growth_cut]);
    let shares = shown.iter().map(|unit| unit.share).chain([share_cut]);
    let (Some(x), Some(y)) = (Axis::of(growths, 28.0, 272.0), Axis::of(shares, 24.0, 136.0)) else { return Ok(None) };
    let mut canvas = Canvas::new(300, 160);
    // An axis runs downwards: growth is to grow to the right.
    let right = |growth: f64| 300.0 - x.at(growth);
    canvas.rect((right(growth_cut) - 0.5, 2.0), (right(growth_cut) + 0.5, 158.0), QUIET);
    canvas.rect((2.0, y.at(share_cut) - 0.5), (298.0, y.at(share_cut) + 0.5), QUIET);
    let largest = shown.iter().map(|unit| unit.size).fold(0.0, f64::max);
    for (place, unit) in units.iter().enumerate().filter(|(_, unit)| known(unit)) {
        let radius = 5.0 + 15.0 * if largest > 0.0 { (unit.size / largest).max(0.0).sqrt() } else { 0.0 };
        canvas.disc((right(unit.growth), y.at(unit.share)), radius, Colour::parse(tone(place)), 0.75);
    }
    canvas.picture().map(Some)
}

/// A colour of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Colour(u8, u8, u8);

impl Colour {
    /// `#rrggbb`; what is none is grey.
    fn parse(text: &str) -> Self {
        let part = |at: usize| text.get(at..at + 2).and_then(|part| u8::from_str_radix(part, 16).ok());
        match (part(1), part(3), part(5)) {
            (Some(red), Some(green), Some(blue)) => Self(red, green, blue),
            _ => QUIET,
        }
    }
}

/// Where a value lies: the largest at the top, the least at the bottom.
struct Axis {
    least: f64,
    span: f64,
    top: f64,
    bottom: f64,
}

impl Axis {
    /// None for less than two values, or one that is none.
    fn of(values: impl Iterator<Item = f64>, top: f64, bottom: f64) -> Option<Self> {
        let values: Vec<f64> = values.collect();
        if values.len() < 2 || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(Self { least, span: most - least, top, bottom })
    }

    fn at(&self, value: f64) -> f64 {
        if self.span == 0.0 {
            return f64::midpoint(self.top, self.bottom);
        }
        self.bottom - (self.bottom - self.top) * (value - self.least) / self.span
    }
}

/// Pixels, row by row. Places are those of the page; edges are smoothed by how much of a pixel a shape covers.
struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Colour>,
}

impl Canvas {
    fn new(width: usize, height: u32) -> Self {
        let height = height as usize * 2;
        Self { width: width * 2, height, pixels: vec![GROUND; width * 2 * height] }
    }

    /// Where the n-th of so many days stands, with room for its mark.
    fn across(&self, days: usize) -> impl Fn(usize) -> f64 + use<> {
        #[expect(clippy::cast_precision_loss, reason = "a few hundred pixels and days")]
        let (room, days) = (self.width as f64 / SCALE - 10.0, days.saturating_sub(1).max(1) as f64);
        #[expect(clippy::cast_precision_loss, reason = "a few hundred days")]
        move |place| 5.0 + room * place as f64 / days
    }

    /// Lays a colour over the pixels from one corner to another, as much as `covered` says for the middle of each.
    fn paint(&mut self, from: (f64, f64), to: (f64, f64), colour: Colour, covered: impl Fn(f64, f64) -> f64) {
        let (columns, rows) = (cells(from.0, to.0, self.width), cells(from.1, to.1, self.height));
        for row in rows {
            for column in columns.clone() {
                #[expect(clippy::cast_precision_loss, reason = "a few hundred pixels")]
                let part = covered(column as f64 + 0.5, row as f64 + 0.5).clamp(0.0, 1.0);
                let pixel = &mut self.pixels[row * self.width + column];
                *pixel =
                    Colour(mix(pixel.0, colour.0, part), mix(pixel.1, colour.1, part), mix(pixel.2, colour.2, part));
            }
        }
    }

    fn rect(&mut self, from: (f64, f64), to: (f64, f64), colour: Colour) {
        let within = |at: f64, from: f64, to: f64| ((at + 0.5).min(to) - (at - 0.5).max(from)).clamp(0.0, 1.0);
        let ((x0, y0), (x1, y1)) = (scaled(from), scaled(to));
        self.paint((x0, y0), (x1, y1), colour, |x, y| within(x, x0, x1) * within(y, y0, y1));
    }

    /// The room between two lines, from one place to the next.
    fn ribbon(&mut self, left: f64, right: f64, above: (f64, f64), below: (f64, f64), colour: Colour) {
        let (x0, x1) = (left * SCALE, right * SCALE);
        let (above, below) = ((above.0 * SCALE, above.1 * SCALE), (below.0 * SCALE, below.1 * SCALE));
        let between = |(start, end): (f64, f64), x: f64| start + (end - start) * ((x - x0) / (x1 - x0)).clamp(0.0, 1.0);
        let (top, bottom) = (above.0.min(above.1), below.0.max(below.1));
        self.paint((x0, top), (x1, bottom), colour, |x, y| {
            let across = ((x + 0.5).min(x1) - (x - 0.5).max(x0)).clamp(0.0, 1.0);
            across * ((y + 0.5).min(between(below, x)) - (y - 0.5).max(between(above, x))).clamp(0.0, 1.0)
        });
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), width: f64, colour: Colour) {
        let ((x0, y0), (x1, y1), half) = (scaled(from), scaled(to), width * SCALE / 2.0);
        let (dx, dy) = (x1 - x0, y1 - y0);
        let length = dx.mul_add(dx, dy * dy).max(f64::MIN_POSITIVE);
        let corner = |a: f64, b: f64, sign: f64| if sign < 0.0 { a.min(b) - half - 1.0 } else { a.max(b) + half + 1.0 };
        let (low, high) = ((corner(x0, x1, -1.0), corner(y0, y1, -1.0)), (corner(x0, x1, 1.0), corner(y0, y1, 1.0)));
        self.paint(low, high, colour, |x, y| {
            let along = (((x - x0) * dx + (y - y0) * dy) / length).clamp(0.0, 1.0);
            half + 0.5 - (x - x0 - along * dx).hypot(y - y0 - along * dy)
        });
    }

    fn disc(&mut self, at: (f64, f64), radius: f64, colour: Colour, density: f64) {
        let ((x0, y0), radius) = (scaled(at), radius * SCALE);
        let reach = radius + 1.0;
        self.paint((x0 - reach, y0 - reach), (x0 + reach, y0 + reach), colour, |x, y| {
            (radius + 0.5 - (x - x0).hypot(y - y0)).clamp(0.0, 1.0) * density
        });
    }

    fn picture(&self) -> Result<Picture> {
        let half = |pixels: usize| u32::try_from(pixels / 2).unwrap_or(u32::MAX);
        Ok(Picture { width: half(self.width), height: half(self.height), png: self.png()? })
    }

    /// PNG (ISO 15948): eight bits a colour, no filter, no transparency.
    fn png(&self) -> Result<Vec<u8>> {
        let mut rows = Vec::with_capacity(self.pixels.len() * 3 + self.height);
        for row in self.pixels.chunks(self.width) {
            rows.push(0);
            rows.extend(row.iter().flat_map(|pixel| [pixel.0, pixel.1, pixel.2]));
        }
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&rows)?;
        let edge = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX).to_be_bytes();
        let head = [&edge(self.width)[..], &edge(self.height)[..], &[8, 2, 0, 0, 0]].concat();
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, bytes) in [(b"IHDR", head), (b"IDAT", packed.finish()?), (b"IEND", Vec::new())] {
            file.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
            let mut sum = flate2::Crc::new();
            sum.update(name);
            sum.update(&bytes);
            file.extend_from_slice(name);
            file.extend(bytes);
            file.extend(sum.sum().to_be_bytes());
        }
        Ok(file)
    }
}

fn scaled((x, y): (f64, f64)) -> (f64, f64) {
    (x * SCALE, y * SCALE)
}

/// The pixels from one place to another that there are.
fn cells(from: f64, to: f64, count: usize) -> std::ops::Range<usize> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what there is")]
    let cell = |place: f64| place.clamp(0.0, 1e6) as usize;
    cell(from.floor()).min(count)..cell(to.ceil()).min(count)
}

fn mix(under: u8, over: u8, part: f64) -> u8 {
    let mixed = f64::from(under) + (f64::from(over) - f64::from(under)) * part;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two bytes")]
    let mixed = mixed.round() as u8;
    mixed
}

#[cfg(test)]
mod tests;

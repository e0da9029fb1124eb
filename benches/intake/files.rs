//! The files of a case: plain sales CSVs of as many partners as files, the same bytes every time.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::Failure;

/// One kind of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// Nothing is wrong.
    Clean,
    /// Every hundredth row has a number or a date that is none.
    Dirty,
    /// Clean, compressed.
    Gzip,
    /// Clean, in many files of 40 rows.
    Small,
}

/// Partners among whom the small files are spread.
const PARTNERS: u64 = 200;
/// Skus that are sold.
const SKUS: u64 = 4_000;

impl Case {
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        let all = [Self::Clean, Self::Dirty, Self::Gzip, Self::Small];
        all.into_iter().find(|case| case.name() == name).ok_or_else(|| format!("unknown case {name}"))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Dirty => "dirty",
            Self::Gzip => "gzip",
            Self::Small => "small",
        }
    }

    /// How its files end.
    pub(super) fn extension(self) -> &'static str {
        if self == Self::Gzip { "csv.gz" } else { "csv" }
    }
}

/// Writes `inbox/shops/sales/` below `folder`.
pub(super) fn write(folder: &Path, case: Case, files: u64, rows: u64) -> Result<(), Failure> {
    let inbox = folder.join("inbox/shops/sales");
    std::fs::create_dir_all(&inbox)?;
    for at in 0..files {
        let (partner, day) = (at % PARTNERS, at / PARTNERS);
        let date = chrono::NaiveDate::from_ymd_opt(2025, 1, 1).ok_or("a date")? + chrono::Days::new(day);
        let name = format!("{date}_p{partner:03}.{}", case.extension());
        let mut out = BufWriter::new(File::create(inbox.join(name))?);
        if case == Case::Gzip {
            let mut out = flate2::write::GzEncoder::new(out, flate2::Compression::new(6));
            rows_of(&mut out, case, at, partner, date, rows)?;
            out.finish()?.flush()?;
        } else {
            rows_of(&mut out, case, at, partner, date, rows)?;
            out.flush()?;
        }
    }
    Ok(())
}

fn rows_of(
    out: &mut impl Write,
    case: Case,
    file: u64,
    partner: u64,
    date: chrono::NaiveDate,
    rows: u64,
) -> std::io::Result<()> {
    writeln!(
        out,
        "partner_id,order_id,line_no,channel_id,sold_at,customer_id,sku,quantity,unit_price,discount_amount,currency,\
         ship_to_region,sale_type"
    )?;
    let mut chance = file.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for row in 0..rows {
        // xorshift: fast, and the same on every machine
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let (cents, pieces) = (100 + chance % 90_000, 1 + (chance >> 20) % 9);
        let (order, line) = (row / 2 + 1, row % 2 + 1);
        let bad = case == Case::Dirty && row % 100 == 99;
        let (quantity, time) = match (bad, row / 100 % 2) {
            (true, 0) => (format!("{pieces}x"), format!("{:02}:{:02}:{:02}", row / 3600 % 24, row / 60 % 60, row % 60)),
            (true, _) => (pieces.to_string(), "25:61:00".to_string()),
            _ => (pieces.to_string(), format!("{:02}:{:02}:{:02}", row / 3600 % 24, row / 60 % 60, row % 60)),
        };
        writeln!(
            out,
            "P{partner:03},{date}-{file}-{order},{line},ch_retail,{date} {time},C{:06},{:05},{quantity},{}.{:02},0.00,CNY,\
             上海,sale",
            (chance >> 24) % 300_000,
            (chance >> 40) % SKUS,
            cents / 100,
            cents % 100,
        )?;
    }
    Ok(())
}

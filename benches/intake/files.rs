//! The files of a case: plain sales CSVs of the demo company, the same bytes every time.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use tributary::demo::PlainSales;

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

/// Partners among whom the files are spread.
const PARTNERS: usize = 200;
const SEED: u64 = 7;

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
pub(super) fn write(folder: &Path, case: Case, files: usize, rows: u64) -> Result<(), Failure> {
    let inbox = folder.join("inbox/shops/sales");
    std::fs::create_dir_all(&inbox)?;
    let company = PlainSales::new(SEED, PARTNERS);
    for at in 0..files {
        let day = chrono::Days::new((at / PARTNERS) as u64);
        let date = chrono::NaiveDate::from_ymd_opt(2025, 1, 1).ok_or("a date")? + day;
        let name = format!("{date}_p{:03}.{}", at % PARTNERS, case.extension());
        let mut out = BufWriter::new(File::create(inbox.join(name))?);
        if case == Case::Gzip {
            let mut out = flate2::write::GzEncoder::new(out, flate2::Compression::new(6));
            company.write(&mut out, at, date, rows, false)?;
            out.finish()?.flush()?;
        } else {
            company.write(&mut out, at, date, rows, case == Case::Dirty)?;
            out.flush()?;
        }
    }
    Ok(())
}

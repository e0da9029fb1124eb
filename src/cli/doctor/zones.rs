//! Which release of the time zone database the program knows, and where the machine's own says otherwise: whatever else runs
//! there (cron, a database, a person's clock) then goes by other hours than tributary does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::Found;
use crate::error::Result;
use crate::job::Job;
use crate::pipeline::Company;
use crate::zone::{Tz, release};

/// Changes of the clock that are further off than this will be told in time.
const DAYS_AHEAD: i64 = 400;

/// Every zone that settings, jobs and senders name.
pub(super) fn used(company: &Company) -> Result<BTreeSet<Tz>> {
    let mut zones = BTreeSet::from([company.config.company.time_zone]);
    for name in Job::names(&company.config.folders.jobs)? {
        // A job that cannot be read is told as what it is.
        zones.extend(Job::load(&company.config.folders.jobs, &name).ok().and_then(|job| job.time_zone));
    }
    for sender in company.senders.iter() {
        zones.extend(sender.time_zone);
        for feed in sender.feeds.values() {
            zones.extend(feed.time_zone.iter().chain(&feed.business_time_zone).chain(&feed.delivered_time_zone));
            zones.extend(feed.columns.values().filter_map(|mapping| mapping.time_zone));
        }
    }
    Ok(zones)
}

/// Where the machine keeps its table.
pub(super) fn folder() -> PathBuf {
    std::env::var_os("TZDIR").map_or_else(|| "/usr/share/zoneinfo".into(), PathBuf::from)
}

/// What is to be said of `zones` beside the table in `folder`.
pub(super) fn look(zones: &BTreeSet<Tz>, folder: &Path, now: DateTime<Utc>) -> Found {
    let ours = release();
    let names = zones.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let Some(machine) = machine_release(folder) else {
        return format!("release {ours} of the time zone database ({names})").into();
    };
    let known = format!("release {ours} of the time zone database, the machine has {machine}");
    let differ: Vec<String> = zones
        .iter()
        .filter_map(|zone| {
            let (at, here, there) = zone.differs(folder, now, DAYS_AHEAD)?;
            let since = if at <= now { "today".to_string() } else { format!("from {}", at.format("%Y-%m-%d")) };
            Some(format!("{zone} is {} here and {} there {since}", hours(here), hours(there)))
        })
        .collect();
    if differ.is_empty() {
        return format!("{known}: alike for {names}").into();
    }
    let help = if machine.as_str() < ours {
        "update the machine's tzdata; tributary goes by its own table, other programs there by that one"
    } else {
        "the machine's table is newer: take a newer tributary, or jobs, deadlines and business days there are off"
    };
    Found { text: format!("{known}: {}", differ.join("; ")), help: Some(help.to_string()) }
}

/// `2026f`, as the first line of `tzdata.zi` or the file `+VERSION` says.
fn machine_release(folder: &Path) -> Option<String> {
    let zi = std::fs::read_to_string(folder.join("tzdata.zi")).ok();
    let first = zi.as_deref().and_then(|text| text.lines().next()?.strip_prefix("# version "));
    let named = first.map(str::to_string).or_else(|| std::fs::read_to_string(folder.join("+VERSION")).ok())?;
    Some(named.trim().to_string()).filter(|named| !named.is_empty())
}

fn hours(seconds: i32) -> String {
    let (sign, seconds) = if seconds < 0 { ('-', -seconds) } else { ('+', seconds) };
    format!("{sign}{:02}:{:02}", seconds / 3600, seconds % 3600 / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones(names: &[&str]) -> BTreeSet<Tz> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn a_machine_with_an_old_table_is_warned_of_the_zones_in_use() {
        let now = "2026-11-29T12:00:00Z".parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let found = look(&zones(&["UTC"]), folder.path(), now);
        assert!(found.text.contains(release()) && found.help.is_none(), "{}", found.text);
        std::fs::write(folder.path().join("tzdata.zi"), "# version 2025b\nR A 1916 o\n").unwrap();
        // A zone as a machine of 2025 has it: eight hours behind in winter. Any that is will do.
        std::fs::create_dir(folder.path().join("America")).unwrap();
        let angeles = crate::zone::table("America/Los_Angeles").unwrap();
        std::fs::write(folder.path().join("America/Vancouver"), angeles).unwrap();
        std::fs::write(folder.path().join("America/Los_Angeles"), angeles).unwrap();
        let found = look(&zones(&["America/Los_Angeles", "America/Vancouver", "UTC"]), folder.path(), now);
        assert!(found.text.ends_with("the machine has 2025b: America/Vancouver is -07:00 here and -08:00 there today"));
        assert!(found.help.unwrap().contains("update the machine's tzdata"));
        std::fs::write(folder.path().join("tzdata.zi"), "# version 2031a\n").unwrap();
        let found = look(&zones(&["America/Vancouver"]), folder.path(), now);
        assert!(found.help.unwrap().contains("take a newer tributary"));
        let found = look(&zones(&["America/Los_Angeles"]), folder.path(), now);
        assert!(found.help.is_none() && found.text.ends_with("alike for America/Los_Angeles"), "{}", found.text);
    }
}

//! A conformance company in a temporary folder: its TOML from here, contracts and SQL as shipped.

use std::path::Path;

use crate::support::world::{Outcome, PROJECT, World, copy_tree};

/// Lays out `tests/conformance/<name>` with the shipped feed contracts and models.
pub fn lay_out(name: &str) -> World {
    let here = Path::new(PROJECT).join("tests/conformance").join(name);
    let world = World::empty();
    copy_tree(&Path::new(PROJECT).join("jobs/feeds"), &world.path("jobs/feeds"));
    copy_tree(&Path::new(PROJECT).join("sql"), &world.path("sql"));
    std::fs::create_dir_all(world.path("inbox")).expect("a folder");
    copy_tree(&here, &world.path(""));
    world
}

/// Runs a job for a date and expects marts.
pub fn run(world: &World, job: &str, day: &str) -> Outcome {
    let now = format!("{}T06:00:00Z", crate::support::company::date(day) + chrono::Days::new(1));
    world.tributary(&["run", job, "--date", day], &[("TRIBUTARY_NOW", &now)]).published()
}

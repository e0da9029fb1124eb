//! README followed to the letter: a new company made of the files that it shows, checked, tested and run.

use crate::support::company::date;
use crate::support::world::{PROJECT, World};

/// The files that README shows: the path in the line before a block, and the block.
fn shown() -> Vec<(String, String)> {
    let readme = std::fs::read_to_string(format!("{PROJECT}/README.md")).expect("README.md");
    let mut files = Vec::new();
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        let Some((path, _)) = line.strip_prefix('`').and_then(|rest| rest.split_once('`')) else { continue };
        if !line.ends_with(':') || lines.next() != Some("") {
            continue;
        }
        assert!(lines.next().is_some_and(|fence| fence.starts_with("```")), "a block follows {path}");
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        files.push((path.to_string(), block.join("\n") + "\n"));
    }
    files
}

#[test]
fn the_company_of_the_readme_gets_its_first_figures_its_kpi_and_its_alert() {
    let world = World::empty();
    let folder = world.path(".");
    world.tributary(&["init", folder.to_str().expect("a path")], &[]).expect(&[0]);
    let files = shown();
    for (path, text) in &files {
        if path == "config.toml" {
            let settings = std::fs::read_to_string(world.path(path)).expect("settings");
            world.write(path, &settings.replace("\n[settings]\n", &format!("\n[settings]\n{text}")));
        } else if let Some(key) = path.strip_prefix("inbox/") {
            world.deliver(key, text, date("2026-11-22"));
        } else {
            world.write(path, text);
        }
    }
    assert_eq!(files.len(), 12, "files that README shows");
    let checked = world.tributary(&["check"], &[]).expect(&[0]);
    assert!(!checked.stdout.contains("warning"), "nothing is left to ask: {checked}");
    let tried = world
        .tributary(&["profile", world.path("inbox/east_china/sales/2026-11-22.csv").to_str().expect("a path")], &[]);
    assert!(tried.expect(&[0]).stdout.contains("3 rows = 3 clean + 0 refused"));
    let tested = world.tributary(&["test"], &[]).expect(&[0]);
    assert!(tested.stdout.contains("2 records passed"), "{tested}");
    world.night("2026-11-22").expect(&[0]);
    // 2 × 39.90 + 128.00 + (4 × 259.00 less a discount of 103.60) = 1,140.20 in three orders, one of them of 500 or more
    let asked = world.tributary(&["query", "select * from order_sizes", "--output", "json"], &[]).expect(&[0]).json();
    let row = &asked[0];
    for (column, value) in
        [("orders", "3"), ("large_orders", "1"), ("order_amount", "1140.2"), ("average_order", "380.0667")]
    {
        assert!(row[column].to_string().starts_with(value), "{column} is {value}: {row}");
    }
    world.tributary(&["lineage", "order_sizes.average_order"], &[]).expect(&[0]);
    let manager = world.path("out/mail/2026-11-22/wang.lei@mycompany.example.eml");
    let mail = std::fs::read_to_string(manager).expect("the partner's manager is told");
    assert!(mail.contains("small_orders"), "{mail}");
}

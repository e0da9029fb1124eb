//! README in two languages: what a reader copies is the same in both, and neither forgets a chapter or a command.

use super::{clean, file};

/// The languages of README.
const READMES: [&str; 2] = ["README.md", "README.zh-CN.md"];

/// A fenced block: its language and its lines.
type Block = (String, Vec<String>);

/// What a page holds besides words: the levels of its headings, in order, and its fenced blocks.
fn skeleton(text: &str) -> (Vec<usize>, Vec<Block>) {
    let (mut headings, mut blocks, mut open) = (Vec::new(), Vec::new(), None::<Block>);
    for line in text.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            match open.take() {
                Some(block) => blocks.push(block),
                None => open = Some((language.to_string(), Vec::new())),
            }
        } else if let Some((language, lines)) = &mut open {
            let line = without_comment(language, line);
            if !line.is_empty() {
                lines.push(line.to_string());
            }
        } else if line.starts_with('#') {
            headings.push(line.chars().take_while(|char| *char == '#').count());
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    (headings, blocks)
}

/// A line without its comment: the words of a language, which the other says in its own.
fn without_comment<'a>(language: &str, line: &'a str) -> &'a str {
    let mark = if language == "sql" { "-- " } else { "# " };
    let end =
        if line.trim_start().starts_with(mark) { 0 } else { line.find(&format!("  {mark}")).unwrap_or(line.len()) };
    line[..end].trim_end()
}

#[test]
fn both_readmes_give_the_same_commands_and_chapters() {
    let [(english, blocks), (chinese, blocks_zh)] = READMES.map(|path| skeleton(&file(path)));
    assert_eq!(english, chinese, "the headings of README.md and README.zh-CN.md correspond one to one");
    // A drawing is words in a picture: each language draws its own.
    let copied = |blocks: Vec<Block>| -> Vec<Block> { blocks.into_iter().filter(|(kind, _)| kind != "text").collect() };
    let (blocks, blocks_zh) = (copied(blocks), copied(blocks_zh));
    assert!(blocks.len() > 10, "README shows commands");
    for (block, other) in blocks.iter().zip(&blocks_zh) {
        assert_eq!(block, other, "a block of README.md and the same of README.zh-CN.md, comments aside");
    }
    assert_eq!(blocks.len(), blocks_zh.len(), "README.md and README.zh-CN.md have as many blocks");
}

#[test]
fn both_readmes_list_every_command_and_nothing_else() {
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_tributary")).arg("--help").output().expect("help");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let listed =
        help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<&str> =
        listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    assert!(commands.contains(&"run"), "{help}");
    let mut findings = Vec::new();
    for path in READMES {
        let page = file(path);
        let (_, table) = page.split_once("\n## Commands").or_else(|| page.split_once("\n## 命令")).expect("a chapter");
        let table = table.split("\n## ").next().expect("the chapter");
        let rows: Vec<&str> = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        findings
            .extend(commands.iter().filter(|name| !rows.contains(name)).map(|name| format!("{path} misses {name}")));
        findings
            .extend(rows.iter().filter(|name| !commands.contains(name)).map(|name| format!("{path} invents {name}")));
    }
    clean(&findings, "the chapter of commands in both READMEs has a row for each command of `tributary --help`");
}

#[test]
fn files_that_a_readme_or_a_policy_points_to_are_there() {
    let mut findings = Vec::new();
    for path in [READMES[0], READMES[1], "SECURITY.md", "ARCHITECTURE.md"] {
        let text = file(path);
        let links = text.split("](").skip(1).chain(text.split("src=\"").skip(1));
        for link in links.filter_map(|rest| rest.split([')', '"']).next()) {
            let inside = !link.contains("://") && !link.starts_with('#');
            if inside && !std::path::Path::new(crate::support::world::PROJECT).join(link).exists() {
                findings.push(format!("{path}: {link}"));
            }
        }
    }
    clean(&findings, "a link leads nowhere");
}

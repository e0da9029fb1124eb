//! The files of `sql/`: every `sql/<layer>/<subject>/<name>.sql` with its sidecar, found recursively and not yet
//! understood. What is no model, or half of one, is named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::model::{Layer, Source};
use crate::error::{Error, Result};

/// Every model below `folder`; what is wrong with the others is added to `problems`.
pub(super) fn sources(folder: &Path, problems: &mut Vec<Error>) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    for layer in Layer::ALL {
        let folder = folder.join(layer.folder());
        if folder.is_dir() {
            sources_in(&folder, &format!("sql/{}", layer.folder()), layer, &mut found, problems)?;
        }
    }
    Ok(found)
}

/// Adds the models of one folder and of the folders in it; `shown` is the folder as messages name it.
fn sources_in(
    folder: &Path,
    shown: &str,
    layer: Layer,
    found: &mut Vec<Source>,
    problems: &mut Vec<Error>,
) -> Result<()> {
    let mut stems: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut inner = BTreeSet::new();
    for entry in std::fs::read_dir(folder).map_err(|err| Error::from(err).at(folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        if entry.path().is_dir() {
            inner.insert(name);
            continue;
        }
        match name.rsplit_once('.') {
            Some((stem, extension @ ("sql" | "toml"))) => {
                stems.entry(stem.to_string()).or_default().insert(extension.to_string());
            }
            Some((_, "md")) => {}
            _ => problems.push(
                Error::config("neither a model nor its sidecar")
                    .at(format!("{shown}/{name}"))
                    .hint("a model is <name>.sql with <name>.toml; move other files elsewhere"),
            ),
        }
    }
    for (name, extensions) in stems {
        let path = format!("{shown}/{name}");
        let read = |extension: &str| crate::text_file::read(&folder.join(format!("{name}.{extension}")));
        if !extensions.contains("sql") {
            problems.push(
                Error::config("sidecar without a model")
                    .at(format!("{path}.toml"))
                    .hint(format!("write {name}.sql beside it, or delete it")),
            );
        } else if !extensions.contains("toml") {
            problems.push(
                Error::config("model without a sidecar")
                    .at(format!("{path}.sql"))
                    .hint(format!("write {name}.toml beside it: grain, key, materialised, columns, checks")),
            );
        } else {
            match read("sql").and_then(|sql| Ok((sql, read("toml")?))) {
                Ok((sql, sidecar)) => found.push(Source { layer, name: name.clone(), path, sql, sidecar }),
                Err(err) => problems.push(err),
            }
        }
    }
    for name in inner {
        sources_in(&folder.join(&name), &format!("{shown}/{name}"), layer, found, problems)?;
    }
    Ok(())
}

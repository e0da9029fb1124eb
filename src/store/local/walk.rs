//! Goes through a folder that strangers fill, and names what is no file.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::leads_out;
use crate::error::{Error, Result};

/// Is given every file, or what is wrong with an entry; its own error ends the walk.
pub(super) type Visit<'a> = dyn FnMut(Result<Found<'_>>) -> Result<()> + 'a;

/// What a walk comes by.
pub(super) enum Found<'a> {
    File(&'a Path, &'a str),
    /// By key: nothing that can be read as a file, or a folder that looks like one, and what it is.
    Odd(&'a str, &'static str),
}

/// A folder that is still to be read.
struct Pending {
    path: PathBuf,
    key: String,
    /// Reached through a link.
    linked: bool,
}

/// Visits every file below `prefix`, without recursion: senders nest folders as deep as they like. Links
/// inside the root are followed, once; others are refused.
pub(super) fn walk(root: &Path, prefix: &str, visit: &mut Visit<'_>) -> Result<()> {
    let mut pending = vec![Pending { path: root.join(prefix), key: prefix.to_string(), linked: false }];
    while let Some(folder) = pending.pop() {
        let shown = if folder.key.is_empty() { "." } else { &folder.key };
        let entries = match fs::read_dir(&folder.path) {
            Ok(entries) => entries,
            Err(err) if err.kind() == ErrorKind::NotFound => continue,
            Err(err) => {
                let error = Error::input("the folder cannot be read").at(shown).because(err);
                // A folder further down is an entry that cannot be used; without the first one nothing is known.
                if folder.key == prefix {
                    return Err(error);
                }
                visit(Err(error))?;
                continue;
            }
        };
        for entry in entries {
            match entry.map_err(|err| Error::from(err).at(shown)).and_then(|entry| look_at(root, &folder, &entry)) {
                Ok(Entry::Folder(next)) => {
                    if named_like_a_file(&next.key) {
                        visit(Ok(Found::Odd(
                            &next.key,
                            "a folder named like a file: what lies in it is read as files of its own",
                        )))?;
                    }
                    pending.push(next);
                }
                Ok(Entry::File(path, key)) => visit(Ok(Found::File(&path, &key)))?,
                Ok(Entry::Other(key)) => {
                    visit(Ok(Found::Odd(&key, "no file but a pipe, a socket or a device: nothing is read from it")))?;
                }
                Err(error) => visit(Err(error))?,
            }
        }
    }
    Ok(())
}

enum Entry {
    Folder(Pending),
    File(PathBuf, String),
    /// A device, a pipe, a socket: nothing that holds data.
    Other(String),
}

/// Endings by which people know files of data.
const FILE_ENDINGS: [&str; 12] =
    ["csv", "tsv", "txt", "xlsx", "xlsm", "xls", "ods", "parquet", "json", "ndjson", "zip", "gz"];

fn named_like_a_file(key: &str) -> bool {
    let ending = Path::new(key).extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| FILE_ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}

fn look_at(root: &Path, folder: &Pending, entry: &fs::DirEntry) -> Result<Entry> {
    let name = entry.file_name();
    let shown = |name: &str| if folder.key.is_empty() { name.to_string() } else { format!("{}/{name}", folder.key) };
    let Some(name) = name.to_str() else {
        return Err(Error::input("its name is not UTF-8")
            .at(format!("{:?}", shown(&name.to_string_lossy())))
            .hint("rename the file"));
    };
    let key = shown(name);
    if name.chars().any(char::is_control) {
        return Err(Error::input("its name has a control character").at(format!("{key:?}")).hint("rename the file"));
    }
    let path = entry.path();
    let kind = entry.file_type()?;
    let mut is_folder = kind.is_dir();
    if kind.is_symlink() {
        let real = fs::canonicalize(&path).map_err(|_| leads_out(&key))?;
        is_folder = real.is_dir();
        if !real.starts_with(root) || (is_folder && (folder.linked || folder.path.starts_with(&real))) {
            return Err(leads_out(&key));
        }
    }
    Ok(if is_folder {
        Entry::Folder(Pending { path, key, linked: folder.linked || kind.is_symlink() })
    } else if path.is_file() {
        Entry::File(path, key)
    } else {
        Entry::Other(key)
    })
}

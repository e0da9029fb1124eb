//! What a folder needs beside the object store's interface: durable writes, a listing that refuses to
//! leave the folder, and the leftovers of uploads that died.

mod walk;

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;

use super::at_hand::AtHand;
use super::requests::Requests;
use super::{Object, Put, Retry, Store, Survey, keys, modes};
use crate::error::{Error, Result};
use crate::secret::Secrets;
use walk::{Found, walk};

/// Opens a folder as a store.
pub(super) fn open(folder: &Path, create: bool, retry: Retry) -> Result<Store> {
    if create {
        modes::make(folder)
            .map_err(|err| Error::config("the folder cannot be made").at(folder.display()).because(err))?;
    }
    let root = fs::canonicalize(folder).map_err(|err| {
        Error::config("the folder cannot be opened")
            .at(folder.display())
            .hint("make it, or name another one in [stores] of config.toml")
            .because(err)
    })?;
    let object = LocalFileSystem::new_with_prefix(&root)
        .map_err(|err| Error::config("the folder cannot be opened").at(root.display()).because(err))?;
    let place = root.display().to_string();
    let (requests, at_hand) = (Requests::default(), AtHand::default());
    Ok(Store::assemble(Arc::new(object), place, Some(root), retry, Secrets::default(), requests, at_hand))
}

/// Whether an existing object may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Create,
    Replace,
}

/// Writes a file so that after a power loss it is there whole or not at all: synced under a passing
/// name first, then linked or renamed into place, then its folder is synced.
pub(super) async fn put(root: &Path, key: &str, bytes: Bytes, mode: Mode) -> Result<Put> {
    let (root, target) = (root.to_path_buf(), root.join(key));
    blocking(move || put_now(&root, &target, &bytes, mode)).await
}

fn put_now(root: &Path, target: &Path, bytes: &[u8], mode: Mode) -> Result<Put> {
    let folder = target.parent().unwrap_or(root);
    make_folders(root, folder)?;
    let (mut file, passing) = passing_file(target)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    drop(file);
    let placed = written.and_then(|()| match mode {
        Mode::Create => fs::hard_link(&passing, target),
        Mode::Replace => fs::rename(&passing, target),
    });
    let put = match placed {
        Ok(()) => Ok(Put::Created),
        Err(err) if mode == Mode::Create && err.kind() == ErrorKind::AlreadyExists => Ok(Put::Exists),
        Err(err) => Err(Error::from(err)),
    };
    if mode == Mode::Create || put.is_err() {
        // A leftover is swept by `clean`; failing to remove it must not hide what happened.
        if let Err(err) = fs::remove_file(&passing) {
            tracing::debug!(path = %passing.display(), %err, "passing file stays until `clean`");
        }
    }
    if matches!(put, Ok(Put::Created)) {
        sync_folder(folder)?;
    }
    put
}

/// Copies the file `from`, wherever it lies, under `key`: bytes of its own, so that whoever changes the copy changes
/// nothing that a commit names. File systems that can share blocks until one side is written do so.
pub(super) async fn copy(root: &Path, from: PathBuf, key: &str) -> Result<()> {
    let (root, target) = (root.to_path_buf(), root.join(key));
    blocking(move || {
        let folder = target.parent().unwrap_or(&root).to_path_buf();
        make_folders(&root, &folder)?;
        let mut source = File::open(&from).map_err(|err| match err.kind() {
            ErrorKind::NotFound => Error::input("there is no such object").because(err),
            _ => Error::from(err),
        })?;
        let (mut file, passing) = passing_file(&target)?;
        let placed = std::io::copy(&mut source, &mut file)
            .and_then(|_| file.set_permissions(modes::permissions(modes::IMMUTABLE, &file.metadata()?)))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&passing, &target));
        if let Err(err) = placed {
            // A leftover is swept by `clean`; failing to remove it must not hide what happened.
            fs::remove_file(&passing).ok();
            return Err(err.into());
        }
        sync_folder(&folder)
    })
    .await
}

/// Removes the folders above `key` that hold nothing any more.
pub(super) async fn prune(root: &Path, key: &str) -> Result<()> {
    let (root, path) = (root.to_path_buf(), root.join(key));
    blocking(move || {
        // One that is not empty, or just gained a file, stays: the system says so.
        for folder in path.ancestors().skip(1).take_while(|folder| *folder != root) {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    })
    .await
}

/// Tries to write a file into `folder`, or where it would be made, and removes it again.
pub(super) async fn try_writing(root: &Path, folder: &str, token: &str) -> Result<()> {
    let (root, folder, token) = (root.to_path_buf(), folder.to_string(), token.to_string());
    blocking(move || {
        let wanted = if folder.is_empty() { root.clone() } else { root.join(&folder) };
        let there = wanted.ancestors().find(|path| fs::symlink_metadata(path).is_ok()).unwrap_or(&root);
        if !there.is_dir() {
            return Err(Error::config("a folder is expected here, and something else lies in its place")
                .at(there.display())
                .hint("move it away"));
        }
        let probe = there.join(keys::probe_below("", &token));
        let written = modes::ours().write(true).create_new(true).open(&probe).and_then(|mut file| {
            file.write_all(b"probe")?;
            file.sync_all()
        });
        let removed = if probe.exists() { fs::remove_file(&probe) } else { Ok(()) };
        written
            .and(removed)
            .map_err(|err| Error::config("nothing can be written here").at(there.display()).because(err))
    })
    .await
}

/// `<name>#<n>`: the object store's own name for an unfinished upload, which no listing shows.
fn passing_file(target: &Path) -> Result<(File, PathBuf)> {
    for n in 1..10_000_u32 {
        let mut name = target.as_os_str().to_owned();
        name.push(format!("#{n}"));
        match modes::ours().write(true).create_new(true).open(&name) {
            Ok(file) => return Ok((file, PathBuf::from(name))),
            Err(err) if err.kind() == ErrorKind::AlreadyExists => {}
            Err(err) => return Err(err.into()),
        }
    }
    Err(Error::retry("too many unfinished uploads beside the file").hint("run `tributary clean`"))
}

/// Makes missing folders and syncs the parents that gained one.
pub(super) fn make_folders(root: &Path, folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let missing: Vec<&Path> = folder.ancestors().take_while(|dir| *dir != root && !dir.is_dir()).collect();
    modes::make(folder)?;
    for dir in missing.iter().rev() {
        sync_folder(dir.parent().unwrap_or(root))?;
    }
    Ok(())
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<()> {
    Ok(File::open(folder)?.sync_all()?)
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> Result<()> {
    Ok(())
}

/// Syncs written files and the folders between them and the root; from here on the files have this mode.
pub(super) async fn sync(root: &Path, keys: Vec<String>, mode: u32) -> Result<()> {
    let mut folders = std::collections::BTreeSet::new();
    for key in &keys {
        let path = root.join(key);
        folders.extend(path.ancestors().skip(1).take_while(|dir| dir.starts_with(root)).map(Path::to_path_buf));
    }
    let files = keys.into_iter().map(|key| {
        let path = root.join(&key);
        blocking(move || {
            let safe = File::open(&path).and_then(|file| {
                file.set_permissions(modes::permissions(mode, &file.metadata()?))?;
                file.sync_all()
            });
            safe.map_err(|err| match err.kind() {
                ErrorKind::NotFound => Error::bug("a file that is about to be committed is not there").at(key),
                _ => Error::from(err).at(key),
            })
        })
    });
    // In order, so that of several missing files the same one is always named.
    futures::stream::iter(files).buffered(8).try_collect::<Vec<()>>().await?;
    blocking(move || folders.iter().try_for_each(|folder| sync_folder(folder))).await
}

/// Refuses a key whose file, or the nearest existing folder above it, lies outside the root. Only a link can lead out
/// of a root without links, so only links are followed to their end: that is costly, and asked of every key.
pub(super) fn stays_inside(root: &Path, key: &str) -> Result<()> {
    if is_passing_name(key) {
        return Err(Error::input("reads like an unfinished upload (`#` and digits at its end)")
            .at(key)
            .hint("rename the file"));
    }
    let mut path = root.to_path_buf();
    for part in key.split('/') {
        path.push(part);
        match fs::symlink_metadata(&path) {
            Ok(meta) if !meta.is_symlink() => {}
            Ok(_) if fs::canonicalize(&path).is_ok_and(|real| real.starts_with(root)) => {}
            Ok(_) => return Err(leads_out(key)),
            // Nothing is there, or further down.
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}

fn leads_out(key: &str) -> Error {
    Error::input("is a link that leads out of the folder, or nowhere")
        .at(key)
        .hint("put the file itself there, or remove the link")
}

fn is_passing_name(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name);
    name.split_once('#').is_some_and(|(_, end)| !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit()))
}

/// All files below `prefix`. One entry that cannot be used fails the listing and is named.
pub(super) async fn list(root: &Path, prefix: &str) -> Result<Vec<Object>> {
    let (root, prefix) = (root.to_path_buf(), prefix.to_string());
    blocking(move || {
        let mut found = Vec::new();
        walk(&root, &prefix, &mut |entry| {
            if let Found::File(path, key) = entry?
                && !is_passing_name(key)
            {
                found.push(object(path, key)?);
            }
            Ok(())
        })?;
        Ok(found)
    })
    .await
}

/// All files below `prefix`, and beside them the entries that cannot be used.
pub(super) async fn survey(root: &Path, prefix: &str) -> Result<Survey> {
    let (root, prefix) = (root.to_path_buf(), prefix.to_string());
    blocking(move || {
        let mut found = Survey::default();
        walk(&root, &prefix, &mut |entry| {
            match entry {
                Ok(Found::File(_, key)) if is_passing_name(key) => {}
                Ok(Found::File(path, key)) => match object(path, key) {
                    Ok(file) => found.objects.push(file),
                    Err(error) => found.refuse(error),
                },
                Ok(Found::Odd(key, what)) => found.wonder(key, what),
                Err(error) => found.refuse(error),
            }
            Ok(())
        })?;
        Ok(found)
    })
    .await
}

/// Names of the folders directly below the root, sorted; those that are no text are shown as near as can be.
pub(super) async fn folders(root: &Path) -> Result<Vec<String>> {
    let root = root.to_path_buf();
    blocking(move || {
        let mut names = Vec::new();
        for entry in fs::read_dir(&root).map_err(|err| Error::from(err).at(root.display()))? {
            let entry = entry?;
            if entry.path().is_dir() {
                let name = entry.file_name().to_string_lossy().into_owned();
                names.push(if name.chars().any(char::is_control) { format!("{name:?}") } else { name });
            }
        }
        names.sort();
        Ok(names)
    })
    .await
}

/// Leftovers of uploads that died.
pub(super) async fn unfinished(root: &Path) -> Result<Vec<(PathBuf, String, DateTime<Utc>)>> {
    let root = root.to_path_buf();
    blocking(move || {
        let mut found = Vec::new();
        walk(&root, "", &mut |entry| {
            if let Found::File(path, key) = entry?
                && is_passing_name(key)
                && let Some((target, _)) = key.rsplit_once('#')
            {
                found.push((path.to_path_buf(), target.to_string(), object(path, key)?.last_modified));
            }
            Ok(())
        })?;
        Ok(found)
    })
    .await
}

/// The bytes of a file that `admit` takes, with the file as it was before and after they were read.
pub(super) fn read(path: &Path, key: &str, admit: &dyn Fn(&Object) -> Result<()>) -> Result<(Vec<u8>, Object, Object)> {
    let failed = |err: std::io::Error| {
        let error = match err.kind() {
            ErrorKind::NotFound => Error::input("there is no such object"),
            ErrorKind::PermissionDenied => Error::config("the store refuses access"),
            _ => Error::retry("the file cannot be read"),
        };
        error.at(key).because(err)
    };
    let file = File::open(path).map_err(failed)?;
    let before = described(&file.metadata().map_err(failed)?, key)?;
    admit(&before)?;
    let mut bytes = Vec::with_capacity(usize::try_from(before.size).unwrap_or_default());
    // One byte more tells that it has grown.
    (&file).take(before.size.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    let after = described(&fs::metadata(path).map_err(failed)?, key)?;
    Ok((bytes, before, after))
}

fn object(path: &Path, key: &str) -> Result<Object> {
    described(&fs::metadata(path).map_err(|err| Error::from(err).at(key))?, key)
}

/// The file as the object store itself would describe it.
fn described(meta: &fs::Metadata, key: &str) -> Result<Object> {
    let modified = meta.modified()?;
    let micros = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_micros();
    let etag = format!("{:x}-{micros:x}-{:x}", inode(meta), meta.len());
    Ok(Object { key: key.to_string(), size: meta.len(), etag: Some(etag), last_modified: modified.into() })
}

#[cfg(unix)]
fn inode(meta: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn inode(_meta: &fs::Metadata) -> u64 {
    0
}

/// Runs file work off the async threads.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|err| Error::bug("file work was cut short").because(err))?
}

//! Who may read and write the files and folders that we make: nobody but us, our group, and readers of what never changes.

use std::fs;
use std::path::Path;

/// Files that nobody changes any more, for everybody whom their folder lets in.
pub(super) const IMMUTABLE: u32 = 0o444;
/// Files of the lake and mails: for us and our group.
pub(super) const OURS: u32 = 0o640;
/// Files that are replaced, for everybody whom their folder lets in.
const READABLE: u32 = 0o644;
/// Folders, whatever they hold.
const FOLDER: u32 = 0o750;

#[cfg(unix)]
pub(super) fn permissions(mode: u32, _now: &fs::Metadata) -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(mode)
}

#[cfg(not(unix))]
pub(super) fn permissions(_mode: u32, now: &fs::Metadata) -> fs::Permissions {
    now.permissions()
}

/// Makes a folder and those above it; one that is there keeps its mode.
pub(crate) fn make(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, FOLDER);
    builder.recursive(true).create(folder)
}

/// Lets everybody read a file that its folder lets in: what a collector of another account picks up.
pub(crate) fn readable(file: &fs::File) -> std::io::Result<()> {
    file.set_permissions(permissions(READABLE, &file.metadata()?))
}

/// How a file of ours is opened, should it have to be made.
pub(crate) fn ours() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, OURS);
    options
}

//! What a listing gives.

use chrono::{DateTime, Utc};
use object_store::ObjectMeta;

use crate::error::Error;

/// One object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Key below the store's prefix.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// The store's own mark of the content, where it gives one, without the quotes of a header: a listing of Azure has none.
    pub etag: Option<String>,
    /// Last modification, by the store's clock.
    pub last_modified: DateTime<Utc>,
}

impl From<ObjectMeta> for Object {
    fn from(meta: ObjectMeta) -> Self {
        let etag = meta.e_tag.as_deref().map(bare).map(str::to_string);
        Self { key: meta.location.into(), size: meta.size, etag, last_modified: meta.last_modified }
    }
}

/// An etag without the quotes in which a header holds it. Two of one content are equal in this form, wherever they come from.
pub(crate) fn bare(etag: &str) -> &str {
    etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(etag)
}

/// A folder of the inbox as it is: what can be fetched, and what cannot and why.
#[derive(Debug, Default)]
pub struct Survey {
    /// Objects, by key.
    pub objects: Vec<Object>,
    /// One error for each entry that cannot be used, naming it; of very many only the first.
    pub refused: Vec<Error>,
    /// What lies there and is no file, or looks like one and is none, by key, with what it is; of very many only the first.
    pub odd: Vec<(String, &'static str)>,
}

impl Survey {
    /// Entries that are named one by one: a folder full of rubbish is told by its first thousand.
    const NAMED_MAX: usize = 1_000;

    /// Names an entry that cannot be used.
    pub(super) fn refuse(&mut self, error: Error) {
        if self.refused.len() < Self::NAMED_MAX {
            self.refused.push(error);
        }
    }

    /// Names an entry that is odd.
    pub(super) fn wonder(&mut self, key: &str, what: &'static str) {
        if self.odd.len() < Self::NAMED_MAX {
            self.odd.push((key.to_string(), what));
        }
    }
}

/// Object stores list the marker of an empty "folder" as an object: empty, its name without a suffix.
pub(super) fn is_folder_marker(object: &Object) -> bool {
    let name = object.key.rsplit('/').next().unwrap_or(&object.key);
    object.size == 0 && !name.contains('.')
}

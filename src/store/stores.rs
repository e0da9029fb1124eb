//! The three stores of a company, opened as config.toml says.

use std::path::Component;

use super::{Retry, Store, modes, remote};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::store::{FileRef, Home};

/// The three stores of a company.
#[derive(Debug, Clone)]
pub struct Stores {
    /// Senders' drops, read only.
    pub inbox: Store,
    /// Ours: staged rows, models, state, outbox.
    pub lake: Store,
    /// For readers.
    pub marts: Store,
}

impl Stores {
    /// Opens what `config.stores` names. Credentials, region and endpoint come from the environment
    /// variables `AWS_*`, `AZURE_*` and `GOOGLE_*`. Folders of lake and marts are made when missing.
    pub fn open(config: &Config) -> Result<Self> {
        Self::open_with(
            config,
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))),
        )
    }

    /// [`Stores::open`] with the environment given.
    pub(super) fn open_with(config: &Config, environment: impl Iterator<Item = (String, String)>) -> Result<Self> {
        let environment: Vec<(String, String)> = environment.collect();
        let open = |setting: &str, location: &str, create: bool| {
            remote::open(location, &config.root, create, &environment, Retry::of(config))
                .map_err(|err| err.at(format!("{}: stores.{setting}", config.place_of_store(setting))))
        };
        apart(config)?;
        Ok(Self {
            inbox: open("inbox", &config.stores.inbox, false)?,
            lake: open("lake", &config.stores.lake, true)?,
            marts: open("marts", &config.stores.marts, true)?,
        })
    }

    /// Any three stores, for tests and for programs that bring their own.
    pub fn from_parts(inbox: Store, lake: Store, marts: Store) -> Self {
        Self { inbox, lake, marts }
    }

    /// The same stores, with whatever is written to lake and marts kept in memory: for what is computed aside.
    #[must_use]
    pub fn aside(&self) -> Self {
        let over = |store: &Store| store.wrapped(|object| std::sync::Arc::new(super::overlay::Overlay::over(object)));
        Self { inbox: self.inbox.clone(), lake: over(&self.lake), marts: over(&self.marts) }
    }

    /// Requests that went over the network since the stores were opened.
    pub fn requests(&self) -> u64 {
        self.inbox.requests() + self.lake.requests() + self.marts.requests()
    }

    /// The store in which `home` lies.
    pub fn of(&self, home: Home) -> &Store {
        match home {
            Home::Lake => &self.lake,
            Home::Marts => &self.marts,
        }
    }

    /// Makes written objects safe against power loss, before a commit names them. Object stores
    /// are durable by themselves; folders are told to sync these files and their folders.
    pub async fn sync(&self, files: &[&FileRef]) -> Result<()> {
        for home in [Home::Lake, Home::Marts] {
            let keys = files.iter().filter(|file| file.home == home).map(|file| file.key.clone()).collect();
            // Marts are immutable for readers, too; what the lake holds is only ours.
            let mode = if home == Home::Marts { modes::IMMUTABLE } else { modes::OURS };
            self.of(home).sync(keys, mode).await?;
        }
        Ok(())
    }
}

/// Refuses stores that are one place or hold one another: what is written to one would be taken for a delivery or be
/// cleaned away in the other.
fn apart(config: &Config) -> Result<()> {
    let stores = [
        ("inbox", place(config, &config.stores.inbox)),
        ("lake", place(config, &config.stores.lake)),
        ("marts", place(config, &config.stores.marts)),
    ];
    for (at, (name, this)) in stores.iter().enumerate() {
        for (other, that) in stores.iter().skip(at + 1) {
            // Each `memory:///` is a store of its own.
            if !this.starts_with("memory:") && (this.starts_with(that) || that.starts_with(this)) {
                let how = if this == that { "are one place" } else { "lie in one another" };
                return Err(Error::config(format!("stores.{name} and stores.{other} {how}: {this} and {that}"))
                    .at(config.place_of_store(other))
                    .hint("give each a folder or prefix of its own"));
            }
        }
    }
    Ok(())
}

/// A store's place in one form, ending in `/`, so that a prefix of it is a place above it.
fn place(config: &Config, location: &str) -> String {
    if let Some((scheme, rest)) = location.split_once("://")
        && scheme != "file"
    {
        let scheme = if scheme == "s3a" { "s3" } else { scheme };
        return format!("{scheme}://{}/", rest.trim_end_matches('/'));
    }
    let path = location.strip_prefix("file://").unwrap_or(location);
    let mut parts = Vec::new();
    for part in config.root.join(path).components() {
        match part {
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            Component::ParentDir => drop(parts.pop()),
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
        }
    }
    let plain: std::path::PathBuf = std::path::Path::new("/").join(parts.join("/"));
    // Two names of one folder are one place; what is not there yet has only one.
    let real = std::fs::canonicalize(&plain).unwrap_or(plain);
    format!("{}/", real.display().to_string().trim_end_matches('/'))
}

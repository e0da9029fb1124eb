//! The three stores of a company, opened as config.toml says.

use super::{Retry, Store, remote};
use crate::config::Config;
use crate::error::Result;
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
                .map_err(|err| err.at(format!("stores.{setting}")))
        };
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
            self.of(home).sync(keys).await?;
        }
        Ok(())
    }
}

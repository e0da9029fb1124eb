//! Arguments of `mail`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Commands about mails.
#[derive(Debug, Subcommand)]
pub enum MailCommand {
    /// Show the mails of a run as they are sent.
    Preview(PreviewArgs),
    /// Send what waits now, whatever pause it is in.
    Flush,
    /// Try mails again that were given up.
    Retry(UnseenArgs),
    /// Say that mails that were given up are seen to: `status` and exit codes forget them.
    Drop(UnseenArgs),
}

/// Arguments of `mail retry` and `mail drop`.
#[derive(Debug, Args)]
pub struct UnseenArgs {
    /// The recipient, as `status` names it, or `all`.
    pub recipient: String,
    /// Only of this run: its id, or a beginning of it.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub run: String,
}

/// Arguments of `mail preview`.
#[derive(Debug, Args)]
pub struct PreviewArgs {
    /// Only to this address, or one that contains this.
    pub recipient: Option<String>,
    /// The run: its id, a beginning of it, or `last`.
    #[arg(long, default_value = "last")]
    pub run: String,
    /// Write text, web page and attachments of each into a folder.
    #[arg(long, value_name = "FOLDER")]
    pub save: Option<PathBuf>,
}

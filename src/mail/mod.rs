//! From findings to people: what a finding says ([`rule`]), one digest a recipient a run ([`digest`]),
//! the message that carries it ([`message`]) and its way to the mail server ([`deliver`]).
//!
//! Beside [`crate::address`], no other module names the mail crate. A finding's life cycle is not here: [`crate::pipeline::alert`].

pub mod words;
pub mod rule;
pub mod reduction;
pub mod edition;
pub mod digest;
pub mod refusals;
pub mod reply;
pub mod chart;
pub(crate) mod wishes;
mod evidence;
mod view;
mod render;
pub mod message;
pub mod parts;
pub mod transport;
pub mod outbox;
pub mod deliver;
#[cfg(test)]
#[path = "../../tests/it/support/smtp.rs"]
mod smtp_server;

use crate::config::Config;
use crate::error::Result;

/// Whether mails could leave now: the folder takes files, or the server takes us, our sender and the first of head office.
/// For `doctor`; sends nothing.
pub async fn check(config: &Config) -> Result<String> {
    let recipient = config.company.head_office.first().map(String::as_str);
    transport::Transport::from_environment(&config.mail)?.check(recipient).await
}

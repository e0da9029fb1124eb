//! The rules that no file of `sql/alerts` holds: about the run itself, its settings and its mails.

use super::{AlertRule, RUN_FAILED};

impl AlertRule {
    /// Those that no file holds: about the run itself.
    pub(super) fn built_in() -> impl Iterator<Item = Self> {
        [
            Self::run_failed(),
            Self::run_reduced(),
            Self::master_data_missing(),
            Self::set_aside(),
            Self::sender_left_out(),
            Self::model_left_out(),
            Self::rows_lost(),
            Self::mail_undelivered(),
            Self::mail_unwritten(),
            Self::settings_refused(),
        ]
        .into_iter()
    }

    /// The rule for runs that did not finish; columns `job`, `logical_date`, `error`, `advice`, `data_as_of`.
    pub fn run_failed() -> Self {
        built_in(RUN_FAILED, include_str!("../templates/run_failed.toml"))
    }

    /// The rule for runs that published incomplete marts; columns `job`, `logical_date`, `run_id`, `feeds`, `marts`,
    /// `causes_en`, `causes_zh`.
    pub fn run_reduced() -> Self {
        built_in("run_reduced", include_str!("../templates/run_reduced.toml"))
    }

    /// The rule for master data that is referred to and never came; columns `feed`, `marts`, `name_en`, `name_zh`,
    /// `used_en`, `used_zh`.
    pub fn master_data_missing() -> Self {
        built_in("master_data_missing", include_str!("../templates/master_data_missing.toml"))
    }

    /// The rule for a file, or a line of it, that breaks a model and does not count; columns `sender`, `feed`, `file`,
    /// `line` (none for the whole file), `model`, `error`, `since_date`, `run_id`.
    pub fn set_aside() -> Self {
        built_in("set_aside", include_str!("../templates/set_aside.toml"))
    }

    /// The rule for senders, or feeds of theirs, that are left out because of their own file; columns `sender`, `feeds`
    /// (empty: all), `file` with its line, `found`, `advice`.
    pub fn sender_left_out() -> Self {
        built_in("sender_left_out", include_str!("../templates/sender_left_out.toml"))
    }

    /// The rule for models that are left out because of a fault of theirs; columns `job`, `model`, `file` with its line,
    /// `found`, `advice`, `parts_en`, `parts_zh` (marts and alerts that are not built).
    pub fn model_left_out() -> Self {
        built_in("model_left_out", include_str!("../templates/model_left_out.toml"))
    }

    /// The rule for files whose rows were lost in the lake and that must be delivered again; columns `sender`,
    /// `sender_name`, `feed`, `files`, `rows`, `file` (the first of them).
    pub fn rows_lost() -> Self {
        built_in("rows_lost", include_str!("../templates/rows_lost.toml"))
    }

    /// The rule for mails that could not be delivered in time; columns `recipient`, `subject`, `error`.
    pub fn mail_undelivered() -> Self {
        built_in("mail_undelivered", include_str!("../templates/mail_undelivered.toml"))
    }

    /// The rule for changed settings that `serve` cannot use; columns `place`, `since`, `error`, `gone` (a job whose
    /// file is gone).
    pub fn settings_refused() -> Self {
        built_in("settings_refused", include_str!("../templates/settings_refused.toml"))
    }

    /// The rule for people to whom no mail can be written; columns `recipient`, `whose`, `file`, `error`, `run_id`.
    pub fn mail_unwritten() -> Self {
        built_in("mail_unwritten", include_str!("../templates/mail_unwritten.toml"))
    }
}

fn built_in(name: &str, text: &str) -> AlertRule {
    let sidecar: toml::Table = toml::from_str(text).expect("a shipped rule is valid TOML; a test reads each");
    AlertRule::from_sidecar(name, &format!("mail/templates/{name}.toml"), &sidecar)
        .expect("a shipped rule is valid; a test reads each")
}

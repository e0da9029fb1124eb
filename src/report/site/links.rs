//! Where each thing has its page.

use super::Site;

/// The page of a model.
pub(super) fn model(name: &str) -> String {
    format!("mart-{name}.html")
}

/// The page of a table: a model's own, or that of all feeds or settings; none for what has no page.
pub(super) fn table(site: &Site<'_>, name: &str) -> String {
    match name.strip_prefix("feeds.") {
        // What the deliveries of a feed come to stands with the feed.
        Some(feed) => format!("feeds.html#{}", feed.trim_end_matches("_versions").trim_end_matches("_newest")),
        None if name.starts_with("settings.") => "settings.html#tables".to_string(),
        None if site.around.registry.get(name).is_some() => model(name),
        None => String::new(),
    }
}

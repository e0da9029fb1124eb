use std::path::Path;

use super::*;
use crate::models::model::{Feed, FeedKind, Layer, Source};
use crate::models::system;

fn registry(config: &Config) -> Registry {
    let source = |layer: Layer, name: &str, sql: &str| Source {
        layer,
        name: name.to_string(),
        path: name.to_string(),
        sql: sql.to_string(),
        sidecar: "materialised = 'view'\n".to_string(),
    };
    let feed = Feed::new(FeedKind::Event, system::schema("rejects").unwrap());
    let sources = vec![
        source(Layer::Staging, "lines", "select sender, file, line * 2 as double_line, reason from feeds.sales"),
        source(
            Layer::Intermediate,
            "totals",
            "with one as (select sender, sum(double_line) as lines, max(reason) as worst from lines group by sender) \
             select o.sender, o.lines, rank() over (order by o.worst) as place, \
             (select max(rfm_cell) from settings.rfm_cells) as cell, s.feed as other \
             from one as o left join system.inputs as s on s.sender = o.sender where o.lines > 0 \
             union all select file, line, 1, 'x', 'y' from lines join feeds.sales using (file)",
        ),
    ];
    let feeds = std::collections::BTreeMap::from([("sales".to_string(), feed)]);
    let (registry, problems) = Registry::from_sources(config, feeds, sources).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    registry
}

fn text(origin: &Origin) -> String {
    let name = if origin.repeated { format!("{}^", origin.name()) } else { origin.name() };
    if origin.from.is_empty() {
        return name;
    }
    format!("{name}({})", origin.from.iter().map(text).collect::<Vec<_>>().join(" "))
}

#[tokio::test]
async fn columns_are_followed_to_the_feeds() {
    let config = Config::parse("", Path::new(".")).unwrap();
    let registry = registry(&config);
    let ask = async |target: &str| text(&lineage(&registry, &config, target).await.unwrap());
    assert_eq!(ask("totals.lines").await, "totals.lines(feeds.sales.line lines.double_line(feeds.sales.line))");
    assert_eq!(ask("totals.place").await, "totals.place(lines.reason(feeds.sales.reason))");
    assert_eq!(ask("totals.cell").await, "totals.cell(settings.rfm_cells.rfm_cell)");
    assert_eq!(ask("totals.other").await, "totals.other(system.inputs.feed)");
    assert_eq!(ask("totals").await, "totals(lines(feeds.sales) feeds.sales system.inputs settings.rfm_cells)");
    let lines = lineage(&registry, &config, "totals.lines").await.unwrap();
    assert_eq!(lines.tree(), ["totals.lines", "├─ feeds.sales.line", "└─ lines.double_line", "   └─ feeds.sales.line"]);
    assert_eq!(lines.sources().into_iter().collect::<Vec<_>>(), ["feeds.sales.line"]);
    let err = lineage(&registry, &config, "totals.line").await.unwrap_err();
    assert_eq!(
        (err.to_string().as_str(), err.advice()),
        ("`totals` has no column `line`", Some("did you mean `totals.lines`?"))
    );
    assert_eq!(lineage(&registry, &config, "total").await.unwrap_err().advice(), Some("did you mean `totals`?"));
}

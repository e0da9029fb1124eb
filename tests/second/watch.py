"""What the days that stand out brought. The band that says which days do is a model of its own and is judged elsewhere, on
labelled faults (benches/anomaly_methods); here each day told is measured again from the raw rows."""

from datetime import timedelta
from decimal import Decimal

from stock import Stock, in_force

ENTITIES = {"total": "'all'", "channel": "channel_id", "partner": "partner_id", "region": "region", "category": "category"}


def anomalies(world):
    """Observed values of every series and day; compared on the days that were told."""
    parts = []
    for kind, column in ENTITIES.items():
        for metric, value, missing in (
                ("net_sales", "sum(net)", "0"),
                ("units", "sum(quantity) filter (sale_type <> 'adjustment')", "0"),
                ("orders", "count(distinct order_key) filter (sale_type = 'sale')", "0")):
            parts.append(f"""
                select s.day as business_date, '{metric}' as metric, '{kind}' as entity_type, s.id as entity_id,
                    coalesce(v.value, {missing}) as observed
                from (select distinct {column} as id, d.day from lines, unnest(generate_series({{as_of}} - {{anomaly_days}} + 1,
                    {{as_of}}, interval 1 day)) as g(moment), lateral (select cast(g.moment as date) as day) d) s
                left join (select {column} as id, day, {value} as value from lines group by all) v using (id, day)""")
    world.keep("stock_days", list(stock_days(world)), decimals=["observed"])
    parts.append("select * from stock_days")
    world.sql("create table m_anomalies as " + " union all ".join(parts))


def stock_days(world):
    """Stock at cost of every day that is judged: of each partner, of its channel and first region, and of all."""
    stock = Stock(world)
    for back in range(world.settings["anomaly_days"]):
        day = world.as_of - timedelta(days=back)
        sums = {}
        for partner, sku in stock.counts:
            value = stock.value_on(partner, sku, day)
            p = in_force(stock.partners, partner, day)
            places = [("total", "all"), ("partner", partner), ("channel", p["channel_id"]),
                      ("region", (p["territory"] or "unknown").split(";")[0].strip() or "unknown")]
            for at in places if value else []:
                sums[at] = sums.get(at, Decimal(0)) + value
        for (kind, who), value in sums.items():
            yield {"business_date": day, "metric": "stock_level", "entity_type": kind, "entity_id": who, "observed": value}

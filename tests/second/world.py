"""The company as its files tell it, in DuckDB: every feed a table, references with the days on which they held, sales in base
currency. `as_of` is the last closed business day; settings are variables (`$name` in the definitions, `s('name')` here)."""

from datetime import date

import duckdb
import pyarrow as pa

from deliveries import Inbox
from feeds import FEEDS

ARROW = {"t": pa.string(), "i": pa.int64(), "d": pa.decimal128(18, 4), "D": pa.date32(), "T": pa.timestamp("us"),
         "b": pa.bool_()}
VERSIONED = ["partners", "channels", "products", "customers", "promotions", "regions"]


class World:
    def __init__(self, inbox, jobs, config, as_of):
        self.config, self.settings, self.tables, self.as_of = config, config["settings"], config["tables"], as_of
        self.inbox = Inbox(inbox, jobs, config, as_of)
        self.db = duckdb.connect()
        self.db.execute("set timezone = 'UTC'")
        self.macros()
        for feed in FEEDS:
            self.load(feed)
        for name in self.tables:
            self.table(name, self.tables[name])
        for feed in VERSIONED:
            self.versions(feed)
        self.sales()

    def sql(self, text, **values):
        """Runs a statement; `{name}` are settings or what is given. Settings are put in as literals."""
        fields = {**{k: literal(v) for k, v in self.settings.items()}, "as_of": f"date '{self.as_of}'",
                  **{k: literal(v) for k, v in values.items()}}
        for name, value in fields.items():
            text = text.replace("{" + name + "}", value)
        return self.db.execute(text)

    def rows(self, text, **values):
        """The rows of a query as dictionaries."""
        result = self.sql(text, **values)
        names = [d[0] for d in result.description]
        return [dict(zip(names, row)) for row in result.fetchall()]

    def macros(self):
        self.db.execute("""
            create macro ratio(part, whole) as case when whole > 0 then cast(part as double) / cast(whole as double) end;
            create macro growth(cur, prior) as
                case when prior > 0 then cast(cur - prior as double) / cast(prior as double) end;
            create macro growth_why(prior) as
                case when prior < 0 then 'negative_base' when prior > 0 then null else 'no_prior_period' end;
            create macro local_day(moment) as cast(timezone('""" + self.config["company"]["time_zone"] + """',
                timezone('UTC', moment)) as date);
            create macro month_of(day) as strftime(day, '%Y-%m');
            create macro quarter_of(day) as strftime(day, '%Y') || '-Q' || quarter(day);
            create macro quarter_start(day) as cast(date_trunc('quarter', day) as date);
            create macro month_start(day) as cast(date_trunc('month', day) as date);
            create macro month_end(day) as last_day(day);
            create macro period_first(period) as cast(case
                when length(period) = 4 then period || '-01-01'
                when period like '%-Q%' then period[1:4] || '-' || lpad(cast(3 * cast(period[7:7] as int) - 2 as varchar),
                    2, '0') || '-01' else period || '-01' end as date);
            create macro period_last(period) as cast(case
                when length(period) = 4 then period_first(period) + interval 1 year
                when period like '%-Q%' then period_first(period) + interval 3 month
                else period_first(period) + interval 1 month end - interval 1 day as date);
        """)

    def load(self, feed):
        columns = FEEDS[feed]["columns"]
        found = self.inbox.rows(feed)
        fields = {c: [row[c] for _, row in found] for c in columns}
        arrays = {c: pa.array(quantised(values) if columns[c][0] == "d" else values, type=wide(columns[c][0]))
                  for c, values in fields.items()}
        arrays["_delivered_at"] = pa.array([f.delivered_at for f, _ in found], type=pa.timestamp("us"))
        arrays["_snapshot"] = pa.array([f.first for f, _ in found], type=pa.date32())
        arrays["_sender"] = pa.array([f.sender for f, _ in found], type=pa.string())
        arrays["_file"] = pa.array([f"{f.sender}/{f.feed}/{f.path.name}" for f, _ in found], type=pa.string())
        arrays["_line"] = pa.array([row["_line"] for _, row in found], type=pa.int64())
        arrays["_date"] = pa.array([row.get("_date") for _, row in found], type=pa.date32())
        source = pa.table(arrays)
        self.db.register("source", source)
        self.db.execute(f"create table {feed} as select * from source")
        self.db.unregister("source")

    def keep(self, name, rows, decimals=()):
        """Rows of Python as a table; `decimals` are amounts."""
        names = list(dict.fromkeys(c for row in rows for c in row))
        columns = {}
        for c in names:
            values = [row.get(c) for row in rows]
            if c in decimals:
                columns[c] = pa.array([None if v is None else round(v, 8) for v in values], type=pa.decimal128(28, 8))
            else:
                columns[c] = pa.array(values, type=pa.string() if all(v is None for v in values) else None)
        source = pa.table(columns)
        self.db.register("source", source)
        self.db.execute(f"create or replace table {name} as select * from source")
        self.db.unregister("source")

    def table(self, name, rows):
        source = pa.Table.from_pylist(rows)
        self.db.register("source", source)
        self.db.execute(f"create table t_{name} as select * from source")
        self.db.unregister("source")

    def versions(self, feed):
        """Each version with the days on which it is the one to take: the first holds for all earlier days too."""
        key = FEEDS[feed]["key"][0]
        start = "coalesce(valid_from, _snapshot)" if feed == "products" else "_snapshot"
        self.db.execute(f"""
            create table {feed}_v as
            with every as (
                select *, {start} as starts_on,
                    row_number() over (partition by {key}, {start} order by _delivered_at desc) as newest
                from {feed}
            )
            select * exclude (newest),
                case when row_number() over same = 1 then date '0001-01-01' else starts_on end as from_day,
                coalesce(lead(starts_on) over same, date '9999-01-01') as to_day
            from every where newest = 1
            window same as (partition by {key} order by starts_on)
        """)
        self.sql(f"create table {feed}_now as select * from {feed}_v where from_day <= {{as_of}} and {{as_of}} < to_day")

    def sales(self):
        """Sale lines up to the as-of date, with their references and in base currency."""
        base = self.config["company"]["base_currency"]
        self.sql("""
            create table lines as
            with dated as (
                select *, _date as day from sales where _date <= {as_of}
            ), rated as (
                select d.*, case when d.currency = {base} then 1 else r.rate_to_base end as rate,
                    case when d.currency = {base} then d.day else r.rate_date end as rate_day
                from dated d asof left join fx_rates r on r.currency = d.currency and r.rate_date <= d.day
            ), placed as (
                select l.*, quantity * unit_price as gross_source, quantity * unit_price - discount_amount as net_source,
                    p.category, p.list_price, p.floor_price, p.unit_cost, p.launched_on,
                    a.name as partner_name, a.channel_id as home_channel, a.territory, c.channel_type,
                    nullif(trim(split_part(a.territory, ';', 1)), '') as first_region
                from rated l
                left join products_v p on p.sku = l.sku and l.day >= p.from_day and l.day < p.to_day
                left join partners_v a on a.partner_id = l.partner_id and l.day >= a.from_day and l.day < a.to_day
                left join channels_v c on c.channel_id = l.channel_id and l.day >= c.from_day and l.day < c.to_day
            )
            select *, coalesce(ship_to_region, first_region, 'unknown') as region,
                cast(round(gross_source * rate, 4) as decimal(18,4)) as gross,
                cast(round(net_source * rate, 4) as decimal(18,4)) as net, gross - net as discount,
                currency <> {base} and day - rate_day > {fx_rate_days_max} as is_stale,
                partner_id || '|' || order_id as order_key
            from placed
        """, base=base)


def literal(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, date):
        return f"date '{value}'"
    return "'" + str(value).replace("'", "''") + "'"


def wide(kind):
    return pa.decimal128(24, 8) if kind == "d" else ARROW[kind]


def quantised(values):
    return [None if v is None else round(v, 8) for v in values]

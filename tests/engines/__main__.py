"""Every model once more by DuckDB, over the very Parquet that the night read, rows compared.

    tests/engines/run --binary FILE [--root FOLDER]

A command outside CI. FILE is tributary: its `docs` hold the SQL of `feeds.<feed>_versions` and `_newest`, its `query` the rows of
`system.*`. FOLDER holds config.toml, sql/ and the lake of a company's first night. Parameters are put in as typed literals, our
functions are DuckDB macros; what has none (fits, bands, replays) is named as not runnable."""

import argparse
import json
import re
import subprocess
import tempfile
import tomllib
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

MACROS = """
    create macro ratio(part, whole) as case when whole > 0 then cast(part as double) / cast(whole as double) end;
    create macro growth(cur, prior) as case when prior > 0 then cast(cur - prior as double) / cast(prior as double) end;
    create macro growth_status(prior) as
        case when prior < 0 then 'negative_base' when prior > 0 then null else 'no_prior_period' end;
    create macro comparable(running, elapsed, all_of_it) as coalesce(case when running then elapsed else all_of_it end, 0);
    -- DuckDB divides decimals as doubles; money is divided here in whole numbers of its last place, rounded half away from 0.
    create macro in_places(amount, places) as cast(round(amount * cast(10 ** places as bigint)) as hugeint);
    create macro quotient(n, d) as cast(sign(n) as hugeint) * ((2 * abs(n) + d) // (2 * d));
    create macro per_unit(amount, quantity) as case when quantity > 0 then
        cast(cast(quotient(in_places(amount, 4), cast(quantity as hugeint)) as decimal(38, 0)) * 0.0001 as decimal(18, 4)) end;
    create macro within_reach(price, usual, reach) as cast(greatest(
        least(price, cast(usual * cast(reach as decimal(9, 4)) as decimal(18, 4))),
        cast(cast(quotient(in_places(usual, 8), in_places(cast(reach as decimal(9, 4)), 4)) as decimal(38, 0)) * 0.0001
            as decimal(18, 4))) as decimal(18, 4));
    create macro series(one, other) as generate_series(one, other), (one, other, step) as
        cast(generate_series(one, other, step) as date[]);
    create macro period_month(day) as strftime(day, '%Y-%m');
    create macro period_quarter(day) as strftime(day, '%Y') || '-Q' || quarter(day);
    create macro period_year(day) as strftime(day, '%Y');
    create macro period_start(period) as try_cast(case
        when regexp_full_match(period, '[0-9]{4}') then period || '-01-01'
        when regexp_full_match(period, '[0-9]{4}-Q[1-4]') then
            period[1:4] || '-' || lpad(cast(3 * cast(period[7:7] as int) - 2 as varchar), 2, '0') || '-01'
        when regexp_full_match(period, '[0-9]{4}-[0-9]{2}') then period || '-01' end as date);
    create macro period_end(period) as cast(case when length(period) = 4 then period_start(period) + interval 1 year
        when period like '%Q%' then period_start(period) + interval 3 month
        else period_start(period) + interval 1 month end - interval 1 day as date);
    create macro add_days(day, n) as day + cast(n as int);
    create macro add_months(day, n) as cast(day + to_months(cast(n as int)) as date);
    create macro age_years(born, at_day) as date_diff('year', born, at_day)
        - case when strftime(at_day, '%m%d') < strftime(born, '%m%d') then 1 else 0 end;
    create macro to_char(day, form) as strftime(day, form);
"""
# What DuckDB has no macro for: fits, bands and replays of our own.
OURS = ["season_band(", "sorted_rows(", "bg_nbd_", "gamma_gamma_fit(", "tier_replay(", "extra("]
SYSTEM = re.compile(r"\bsystem\.(\w+)")


class Night:
    """The lake of a first night: where every model's rows are, and the settings."""

    def __init__(self, root):
        self.config = tomllib.loads((root / "config.toml").read_text())
        lake = root / self.config["stores"]["lake"]
        marts = root / self.config["stores"]["marts"]
        commits = [json.loads(p.read_text()) for p in sorted((lake / "state/commits").glob("*.json"))]
        self.as_of = date.fromisoformat(commits[-1]["logical_date"])
        self.root, self.run_id = root, commits[-1].get("run_id", "")
        homes, files = {"lake": lake, "marts": marts}, {}
        for commit in commits:
            for p in commit["changes"].get("partitions", []):
                files[p["model"], p["partition"]] = p["file"]
        self.files = {}
        for (model, partition), file in files.items():
            if file:
                self.files.setdefault(model, {})[partition] = str(homes[file["home"]] / file["key"])
        inputs = [i for c in commits for i in c["changes"].get("inputs", [])]
        self.feeds = {i["feed"] for i in inputs if i["status"] != "quarantined"}
        self.rejects = [str(homes[i["rejects"]["home"]] / i["rejects"]["key"]) for i in inputs if i.get("rejects")]
        self.staged = {}
        for i in inputs:
            if i["status"] == "active" and i.get("staged"):
                self.staged.setdefault(i["feed"], []).append(str(homes[i["staged"]["home"]] / i["staged"]["key"]))
        sql = root / self.config["folders"]["sql"]
        self.models = {p.stem: p for p in sql.glob("*/*/*.sql")}
        self.about = {name: tomllib.loads(p.with_suffix(".toml").read_text()) for name, p in self.models.items()}


def literal(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"cast({value!r} as double)"
    if isinstance(value, date):
        return f"date '{value}'"
    return "'" + str(value).replace("'", "''") + "'"


def prepared(night, name, **more):
    """The model's text with literals for its parameters, or the reason why it cannot be run."""
    text = re.sub(r"--[^\n]*", "", night.models[name].read_text())
    for function in OURS:
        if function in text:
            return None, f"uses {function.rstrip('(_')}, which DuckDB has no macro for"
    values = {**night.config["settings"], "as_of_date": night.as_of, "base_currency": night.config["company"]["base_currency"],
              "time_zone": night.config["company"]["time_zone"], "run_id": night.run_id, **more}
    missing = [p for p in re.findall(r"\$(\w+)", text) if p not in values]
    if missing:
        return None, f"asks for ${missing[0]}"
    text = re.sub(r"\$(\w+)", lambda m: literal(values[m[1]]), text)
    # In DuckDB `system` is a catalogue of its own.
    text = SYSTEM.sub(r"known.\1", text)
    # The same things under DuckDB's names.
    text = re.sub(r"\bfirst_value\(([^()]*\border by\b)", r"first(\1", text)
    for ours, theirs in (("make_array(", "list_value("), ("to_unixtime(", "epoch("), ("median_exact(", "median("),
                         ("quantile_exact(", "quantile_cont("), ("mad_exact(", "mad(")):
        text = text.replace(ours, theirs)
    # A series of days is one of timestamps in DuckDB, a product of two decimals keeps to 18 digits as long as their places do.
    text = text.replace("generate_series(", "series(")
    text = re.sub(r"\b([\w.]+amount) \* ([\w.]*rate_to_base)\b", r"cast(\1 as decimal(28, 4)) * \2", text)
    return re.sub(r"\bleft (anti|semi) join\b", r"\1 join", text), None


def months(night, name):
    """First and last day of each partition of a model that is cut by month."""
    for partition in sorted(night.files[name]):
        first = date.fromisoformat(f"{partition}-01")
        last = date(first.year + first.month // 12, first.month % 12 + 1, 1) - timedelta(days=1)
        yield first, min(last, night.as_of)


def deliveries(db, night, docs):
    """feeds.<feed>: the staged rows of the files that stand; feeds.<feed>_versions and _newest by their published SQL."""
    db.execute("create schema feeds")
    for feed, files in night.staged.items():
        db.execute(f"create view feeds.{feed} as select * from read_parquet({files!r}, union_by_name = true)")
    for name, text in re.findall(r"`feeds\.(\w+)`: .*?```sql\n(.*?)```", docs, re.S):
        try:
            db.execute(f"create view feeds.{name} as {text}")
        except duckdb.Error:
            continue


def told(binary, night, *arguments):
    return subprocess.run([binary, "-c", night.root / "config.toml", *arguments], check=True, capture_output=True, text=True).stdout


def known(db, binary, night):
    """system.*, as far as it can be had: which feeds came, what became of each file, refused rows."""
    db.execute("create table known.feeds (feed varchar, arrived boolean, inputs bigint)")
    contracts = {p.stem for p in night.root.glob("jobs/feeds/*.toml")}
    for feed in sorted(contracts | night.feeds):
        db.execute("insert into known.feeds values (?, ?, 1)", [feed, feed in night.feeds])
    if night.rejects:
        db.execute(f"create table known.rejects as select * from read_parquet({night.rejects!r})")
    # A table of system.* is at hand where a view is asked for that reads it.
    with tempfile.NamedTemporaryFile(suffix=".parquet") as out:
        told(binary, night, "query", "select t.* from system.inputs as t cross join (select count(*) from input_days) as step",
             "--out", out.name)
        db.execute(f"create table known.inputs as select * from read_parquet('{out.name}')")


def world(night, binary):
    docs = told(binary, night, "docs")
    db = duckdb.connect()
    db.execute("set timezone = 'UTC'; create schema settings; create schema known;" + MACROS)
    for name, rows in night.config["tables"].items():
        db.register("given", pa.Table.from_pylist(rows))
        db.execute(f"create table settings.{name} as select * from given")
    known(db, binary, night)
    deliveries(db, night, docs)
    for name, parts in night.files.items():
        if name in night.models:
            db.execute(f"create view {name} as select * from read_parquet({list(parts.values())!r}, hive_partitioning = false)")
    pending = [n for n in night.models if n not in night.files]
    while pending:
        left = []
        for name in pending:
            text, why = prepared(night, name)
            try:
                if text is None:
                    continue
                db.execute(f"create view {name} as {text}")
            except duckdb.Error:
                left.append(name)
        if len(left) == len(pending):
            break
        pending = left
    return db


def judge(db, night, name):
    if night.about[name].get("materialised") == "partitioned" and "$partition_" in night.models[name].read_text():
        texts = [prepared(night, name, partition_from=a, partition_to=b) for a, b in months(night, name)]
        by = night.about[name]["partition"]["by"]
        text, why = (None, texts[0][1]) if texts[0][0] is None else (" union all ".join(
            f"(select * from ({t}) where {by} between date '{a}' and date '{b}')"
            for (t, _), (a, b) in zip(texts, months(night, name))), None)
    else:
        text, why = prepared(night, name)
    if text is None:
        return "not runnable", why
    columns = db.execute(f"describe {name}").fetchall()
    shown = ", ".join(f'round("{c}", 9) as "{c}"' if t == "DOUBLE" else f'"{c}"' for c, t, *_ in columns)
    cast = ", ".join(f'round(cast("{c}" as double), 9) as "{c}"' if t == "DOUBLE" else f'cast("{c}" as {t}) as "{c}"'
                     for c, t, *_ in columns)
    try:
        db.execute(f"create or replace temp table mine as select {cast} from ({text})")
        db.execute(f"create or replace temp table theirs as select {shown} from {name}")
    except duckdb.Error as error:
        return "not runnable", str(error).splitlines()[0][:140]
    one, two = (db.execute(f"select count(*) from (select * from {a} except all select * from {b})").fetchall()[0][0]
                for a, b in (("mine", "theirs"), ("theirs", "mine")))
    rows = db.execute("select count(*) from theirs").fetchall()[0][0]
    if one or two:
        return "differing", f"{one} rows only by DuckDB, {two} only by DataFusion, of {rows}{where(db, night, name, columns)}"
    return "equal", f"{rows} rows"


def where(db, night, name, columns):
    """The columns in which rows of one key differ."""
    key = night.about[name].get("key", [])
    if not key:
        return ""
    parts = [f'count(*) filter (mine."{c}" is distinct from theirs."{c}") as "{c}"' for c, *_ in columns if c not in key]
    on = " and ".join(f'mine."{k}" is not distinct from theirs."{k}"' for k in key)
    found = db.execute(f"select {', '.join(parts)} from mine join theirs on {on}")
    names = [d[0] for d in found.description]
    counts = dict(zip(names, found.fetchall()[0]))
    return ": " + ", ".join(f"{c} {n}" for c, n in sorted(counts.items(), key=lambda x: -x[1]) if n)


def main():
    here = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(prog="tests/engines/run", description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=here)
    parser.add_argument("--binary", type=Path, required=True, help="tributary, for what it says of the night")
    asked = parser.parse_args()
    night = Night(asked.root)
    db = world(night, asked.binary)
    found = {name: judge(db, night, name) for name in sorted(night.files) if name in night.models}
    print("| model | DuckDB | why |\n|---|---|---|")
    for name, (verdict, why) in found.items():
        print(f"| {name} | {verdict} | {why} |")
    counts = {v: sum(x[0] == v for x in found.values()) for v in ("equal", "differing", "not runnable")}
    print("\n" + ", ".join(f"{n} {v}" for v, n in counts.items()) + f", of {len(found)} models with rows of their own")


if __name__ == "__main__":
    main()

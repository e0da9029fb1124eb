"""Opens every published mart as README says, with the readers that people use, and compares what they see.

    pip install -r tests/readers-requirements.txt
    python tests/readers.py out/marts [...]

duckdb.sql is run as its readers run it; rows, the sum of every decimal column and the distinct days of every date column
of its views are what DuckDB, pyarrow, pandas, Polars, ClickHouse (chdb) and fastparquet must find in latest/: in the
file of a mart, or in its folder, whole and by a pattern, each with its defaults. Columns must have plain types and be
described. Prints a table; leaves with 1 when anything differs.
"""

import importlib.metadata
import json
import re
import sys
import tempfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

PLAIN = ("string", "large_string", "int64", "date32[day]", "bool", "double", "timestamp[us, tz=UTC]")
PINNED = Path(__file__).with_name("readers-requirements.txt")


@dataclass
class Seen:
    """What a reader finds in a mart: rows, sums of decimal columns, distinct days of date columns."""

    rows: int
    sums: dict[str, Decimal]
    days: dict[str, int]

    def differs(self, other: "Seen", exact: bool) -> str | None:
        if self.rows != other.rows:
            return f"{other.rows} rows instead of {self.rows}"
        for column, days in self.days.items():
            if other.days.get(column) != days:
                return f"{other.days.get(column)} days in {column} instead of {days}"
        for column, total in self.sums.items():
            found = other.sums.get(column)
            near = found is not None and abs(found - total) <= abs(total) * Decimal("1e-9")
            if found != total and (exact or not near):
                return f"{column} sums to {found} instead of {total}"
        return None


def exact(value) -> Decimal:
    return Decimal(0) if value is None else Decimal(str(value)).normalize() + 0


def selection(columns: dict[str, str], days: str) -> tuple[list[str], list[str], str]:
    """Decimal and date columns, and the expressions that ask for both in SQL."""
    money = [name for name, kind in columns.items() if kind.upper().startswith("DECIMAL")]
    dates = [name for name, kind in columns.items() if kind.upper() == "DATE"]
    asked = ["count(*)", *(f'sum("{name}")' for name in money), *(days.format(f'"{name}"') for name in dates)]
    return money, dates, ", ".join(asked)


def seen(row, money: list[str], dates: list[str]) -> Seen:
    rows, sums, days = row[0], row[1 : 1 + len(money)], row[1 + len(money) :]
    return Seen(int(rows), dict(zip(money, map(exact, sums))), dict(zip(dates, map(int, days))))


def of_arrow(table) -> Seen:
    import pyarrow.compute as compute
    import pyarrow.types as types

    money = [field.name for field in table.schema if types.is_decimal(field.type)]
    dates = [field.name for field in table.schema if types.is_date32(field.type)]
    return Seen(
        table.num_rows,
        {name: exact(sum((v for v in table[name].to_pylist() if v is not None), Decimal(0))) for name in money},
        {name: compute.count_distinct(table[name], mode="only_valid").as_py() for name in dates},
    )


def by_duckdb(place: str, kinds: dict[str, str]) -> Seen:
    import duckdb

    found = {name: kind for name, kind, *_ in duckdb.sql(f"describe select * from '{place}'").fetchall()}
    money, dates, asked = selection(found, "count(distinct {})")
    return seen(duckdb.sql(f"select {asked} from '{place}'").fetchall()[0], money, dates)


def by_pyarrow(place: str, kinds: dict[str, str]) -> Seen:
    import pyarrow.parquet as parquet

    return of_arrow(parquet.read_table(place))


def by_pandas(place: str, kinds: dict[str, str]) -> Seen:
    import pandas
    import pyarrow

    return of_arrow(pyarrow.Table.from_pandas(pandas.read_parquet(place, dtype_backend="pyarrow")))


def by_polars(place: str, kinds: dict[str, str]) -> Seen:
    import polars

    return of_arrow(polars.read_parquet(place).to_arrow())


def by_clickhouse(place: str, kinds: dict[str, str]) -> Seen:
    from chdb import query

    name = place if place.endswith(".parquet") else f"{place}/*/part.parquet"
    money, dates, asked = selection(kinds, "uniqExact({})")
    sql = f"select {asked} from file('{name}', 'Parquet')".replace("count(*)", "count()")
    row = query(sql, "TabSeparated").data().strip().split("\t")
    return seen([None if cell == "\\N" else cell for cell in row], money, dates)


def by_fastparquet(place: str, kinds: dict[str, str]) -> Seen:
    """Decimals are floating here: their sums are compared to nine digits."""
    import fastparquet

    files = [place] if place.endswith(".parquet") else sorted(str(path) for path in Path(place).glob("*/part.parquet"))
    money, dates, _ = selection(kinds, "")
    frame = fastparquet.ParquetFile(files).to_pandas(columns=money + dates)
    sums = {name: exact(float(frame[name].astype(float).sum())) for name in money}
    return Seen(len(frame), sums, {name: int(frame[name].nunique()) for name in dates})


READERS = {
    "duckdb": (by_duckdb, True),
    "pyarrow": (by_pyarrow, True),
    "pandas": (by_pandas, True),
    "polars": (by_polars, True),
    "chdb": (by_clickhouse, True),
    "fastparquet": (by_fastparquet, False),
}


def places(latest: Path, mart: str, reader: str) -> dict[str, str]:
    """Where README says that a mart is: one file, or a folder that is opened whole or by a pattern."""
    file, folder = latest / f"{mart}.parquet", latest / mart
    if file.exists():
        return {"file": str(file)}
    ways = {"folder": str(folder), "part": str(sorted(folder.glob("*/part.parquet"))[-1])}
    if reader in ("duckdb", "polars"):
        ways["pattern"] = str(folder / "*" / "part.parquet")
        ways["deep pattern"] = str(folder / "**" / "*.parquet")
    if reader == "duckdb":
        del ways["folder"]
    return ways


def views(marts: Path) -> tuple[dict[str, tuple[dict[str, str], dict[str, str], Seen]], list[str]]:
    """Columns with types, column comments and contents of every view that duckdb.sql makes; and what is wrong with it."""
    import duckdb

    script = (marts / "duckdb.sql").read_text(encoding="utf-8")
    connection = duckdb.connect()
    connection.execute(script)
    faults = []
    names = connection.execute("select view_name from duckdb_views() where not internal order by 1").fetchall()
    found = {}
    for (name,) in names:
        kinds = {row[0]: row[1] for row in connection.execute(f'describe "{name}"').fetchall()}
        comments = connection.execute(
            "select column_name, comment from duckdb_columns() where table_name = ?", [name]
        ).fetchall()
        money, dates, asked = selection(kinds, "count(distinct {})")
        found[name] = (
            kinds,
            {column: comment for column, comment in comments if comment},
            seen(connection.execute(f'select {asked} from "{name}"').fetchone(), money, dates),
        )
    # A line that fails leaves the night before, whole.
    broken = script.replace("\ncommit;", "\nselect * from no_such_view;\ncommit;")
    before = duckdb.connect()
    before.execute("create view sales_daily as select 'the night before' as told")
    try:
        before.execute(broken)
        faults.append("duckdb.sql goes on after a line that fails")
    except duckdb.Error:
        try:
            before.execute("rollback")
        except duckdb.Error:
            pass
        left = before.execute("select view_name from duckdb_views() where not internal").fetchall()
        if left != [("sales_daily",)] or before.execute("select told from sales_daily").fetchall() != [("the night before",)]:
            faults.append(f"duckdb.sql that fails half way leaves a mix: {left}")
    return found, faults


def night(marts: Path) -> list[str]:
    """What the view `published` says beside what latest/_run.json does; and whether the other scripts show the same rows."""
    import duckdb

    def run(script: str, before: str = ""):
        connection = duckdb.connect()
        connection.execute(before + (marts / script).read_text(encoding="utf-8"))
        return connection

    def counted(connection) -> dict[str, int]:
        names = connection.execute("select view_name from duckdb_views() where not internal").fetchall()
        return {name: connection.execute(f'select count(*) from "{name}"').fetchone()[0] for (name,) in names}

    faults, first = [], run("duckdb.sql")
    told = first.execute("select run_id, cast(as_of_date as varchar) from published").fetchall()
    shown = json.loads((marts / "latest" / "_run.json").read_text(encoding="utf-8"))
    if told != [(shown["run_id"], shown["as_of_date"])]:
        faults.append(f"published says {told}, latest/_run.json {shown['run_id']}")
    # Seen under another path, as from a container: only the scripts' own folder is told.
    with tempfile.TemporaryDirectory() as folder:
        elsewhere = Path(folder) / "mounted"
        elsewhere.symlink_to(marts)
        relative = run("duckdb.relative.sql", f"set file_search_path = '{elsewhere}';")
        if str(marts) in (marts / "duckdb.relative.sql").read_text(encoding="utf-8"):
            faults.append("duckdb.relative.sql names the folder of the marts")
        if counted(relative) != counted(first):
            faults.append("duckdb.relative.sql shows other rows than duckdb.sql")
    chinese = run("duckdb.zh.sql")
    if counted(chinese) != counted(first):
        faults.append("duckdb.zh.sql shows other rows than duckdb.sql")
    words = chinese.execute("select comment from duckdb_columns() where comment is not null and not internal").fetchall()
    faults += [f"duckdb.zh.sql says in no Chinese: {text}" for (text,) in words if " · " in text][:3]
    return faults


def described(path: Path) -> set[str]:
    """Columns of which the file says what they mean: in its own metadata, and in both languages in the Arrow schema."""
    import pyarrow.parquet as parquet

    metadata = parquet.read_metadata(path).metadata or {}
    in_file = {key.decode().removeprefix("column:") for key, text in metadata.items() if key.startswith(b"column:") and text}
    languages = (b"description_en", b"description_zh")
    schema = parquet.read_schema(path)
    in_schema = {field.name for field in schema if all((field.metadata or {}).get(language) for language in languages)}
    return in_file & in_schema


def check(marts: Path) -> list[str]:
    import pyarrow.parquet as parquet

    latest = marts / "latest"
    files: dict[str, list[Path]] = {}
    for path in sorted(latest.rglob("*.parquet")):
        files.setdefault(path.relative_to(latest).parts[0].removesuffix(".parquet"), []).append(path)
    by_view, faults = views(marts)
    if not files:
        faults.append(f"{marts}/latest holds no mart")
    # An empty mart with partitions has no file, hence no view and no folder.
    by_view.pop("published", None)
    faults += [f"{name} is in only one of latest/ and duckdb.sql" for name in sorted(set(files) ^ set(by_view))]
    faults += night(marts)
    print(f"{marts}\n{'mart':<28} {'files':>5} {'columns':>7} {'rows':>9}  readers")
    for name in sorted(set(files) & set(by_view)):
        kinds, comments, told = by_view[name]
        schemas = [parquet.read_schema(path) for path in files[name]]
        faults += [
            f"{path}: its schema differs from {files[name][0]}"
            for path, schema in zip(files[name], schemas)
            if not schema.equals(schemas[0], check_metadata=False)
        ]
        if schemas[0].names != list(kinds):
            faults.append(f"{name}: latest/ has the columns {schemas[0].names}, its view {list(kinds)}")
        same = []
        for reader, (read, is_exact) in READERS.items():
            wrong = []
            for way, place in places(latest, name, reader).items():
                try:
                    found = read(place, kinds)
                    if way == "part":
                        only = of_arrow(parquet.ParquetFile(place).read())
                        difference = only.differs(found, is_exact)
                    else:
                        difference = told.differs(found, is_exact)
                except Exception as error:  # noqa: BLE001: whatever a reader cannot do is what we want to know
                    difference = f"{type(error).__name__}: {str(error)[:200]}"
                if difference:
                    wrong.append(f"{name}: {reader}, {way}: {difference}")
            faults += wrong
            same.append(reader.upper() if wrong else reader)
        print(f"{name:<28} {len(files[name]):>5} {len(kinds):>7} {told.rows:>9}  {' '.join(same)}")
        words = described(files[name][0])
        for field in schemas[0]:
            kind = str(field.type)
            if kind not in PLAIN and not kind.startswith("decimal128("):
                faults.append(f"{name}.{field.name} is {kind}, which not every reader takes")
            if field.name not in words:
                faults.append(f"{name}.{field.name} has no description in the file")
            if field.name not in comments:
                faults.append(f"{name}.{field.name} has no comment in duckdb.sql")
    return faults


def main() -> int:
    faults = []
    for name, version in re.findall(r"^([\w-]+)==([\w.]+)$", PINNED.read_text(encoding="utf-8"), re.MULTILINE):
        found = importlib.metadata.version(name)
        if found != version:
            faults.append(f"{name} is {found}; what is compared here is {version} (pip install -r {PINNED.name})")
    for marts in sys.argv[1:] or ["out/marts"]:
        faults += check(Path(marts).resolve())
    for fault in faults[:50]:
        print(f"FAULT {fault}", file=sys.stderr)
    if len(faults) > 50:
        print(f"... and {len(faults) - 50} more", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""Opens every published mart with the readers that people use: DuckDB, pyarrow and polars.

    python tests/readers.py out/marts

Runs duckdb.sql from the marts folder, as its readers do, and compares rows, columns and types with the files under
latest/. Prints a table; leaves with 1 when two readers disagree or a column has no description.
"""

import sys
from pathlib import Path

import duckdb
import polars
import pyarrow.parquet as parquet

PLAIN = ("string", "large_string", "int64", "date32[day]", "bool", "double", "timestamp[us, tz=UTC]")


def stable_files(marts: Path) -> dict[str, list[Path]]:
    """Files under latest/, by mart."""
    files: dict[str, list[Path]] = {}
    latest = marts / "latest"
    for path in sorted(latest.rglob("*.parquet")):
        name = path.relative_to(latest).parts[0].removesuffix(".parquet")
        files.setdefault(name, []).append(path)
    return files


def views(marts: Path) -> dict[str, tuple[int, list[str], dict[str, str]]]:
    """Rows, columns and column comments of every view that duckdb.sql makes."""
    script = (marts / "duckdb.sql").read_text(encoding="utf-8")
    connection = duckdb.connect()
    connection.execute(f"set file_search_path = '{marts.resolve()}'")
    connection.execute(script)
    found = {}
    names = connection.execute("select view_name from duckdb_views() where not internal order by 1").fetchall()
    for (name,) in names:
        rows = connection.execute(f'select count(*) from "{name}"').fetchall()[0][0]
        columns = [row[0] for row in connection.execute(f'describe "{name}"').fetchall()]
        comments = connection.execute(
            "select column_name, comment from duckdb_columns() where table_name = ?", [name]
        ).fetchall()
        found[name] = (rows, columns, {column: comment for column, comment in comments if comment})
    return found


def described(path: Path) -> set[str]:
    """Columns of which the file says what they mean: in its own metadata, and in both languages in the Arrow schema."""
    metadata = parquet.read_metadata(path).metadata or {}
    in_file = {key.decode().removeprefix("column:") for key, text in metadata.items() if key.startswith(b"column:") and text}
    languages = (b"description_en", b"description_zh")
    schema = parquet.read_schema(path)
    in_schema = {field.name for field in schema if all((field.metadata or {}).get(language) for language in languages)}
    return in_file & in_schema


def main() -> int:
    marts = Path(sys.argv[1] if len(sys.argv) > 1 else "out/marts")
    files, by_view = stable_files(marts), views(marts)
    faults: list[str] = []
    if not files:
        faults.append(f"{marts}/latest holds no mart")
    for name in sorted(set(files) ^ set(by_view)):
        # An empty partitioned mart has no file, hence no view and no folder.
        faults.append(f"{name} is in only one of latest/ and duckdb.sql")
    print(f"{'mart':<28} {'files':>5} {'columns':>7} {'duckdb':>9} {'pyarrow':>9} {'polars':>9}")
    for name in sorted(set(files) & set(by_view)):
        rows_view, columns_view, comments = by_view[name]
        tables = [parquet.read_table(path) for path in files[name]]
        rows_arrow = sum(table.num_rows for table in tables)
        frame = polars.concat([polars.read_parquet(path) for path in files[name]])
        columns = tables[0].column_names
        print(f"{name:<28} {len(tables):>5} {len(columns):>7} {rows_view:>9} {rows_arrow:>9} {frame.height:>9}")
        if not rows_view == rows_arrow == frame.height:
            faults.append(f"{name}: readers count {rows_view}, {rows_arrow} and {frame.height} rows")
        if not columns == columns_view == frame.columns:
            faults.append(f"{name}: readers see different columns: {columns}, {columns_view}, {frame.columns}")
        for path, table in zip(files[name], tables):
            if not table.schema.equals(tables[0].schema, check_metadata=False):
                faults.append(f"{path}: its schema differs from {files[name][0]}")
        told = described(files[name][0])
        for field in tables[0].schema:
            kind = str(field.type)
            if kind not in PLAIN and not kind.startswith("decimal128("):
                faults.append(f"{name}.{field.name} is {kind}, which not every reader takes")
            if field.name not in told:
                faults.append(f"{name}.{field.name} has no description in the file")
            if field.name not in comments:
                faults.append(f"{name}.{field.name} has no comment in duckdb.sql")
    for fault in faults[:50]:
        print(f"FAULT {fault}", file=sys.stderr)
    if len(faults) > 50:
        print(f"... and {len(faults) - 50} more", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

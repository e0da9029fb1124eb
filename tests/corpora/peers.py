"""Files of DuckDB's, calamine's and parquet-testing's own tests, held against a peer that reads them, too.

Right is what the peer reads, cell by cell; it is told apart from what only one of the two reads, because the peer can be
wrong. A refused row says why, and so is never silently wrong.
"""

import datetime
import decimal
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import openpyxl
import pyarrow.parquet
import pyarrow.types
import xlrd

from company import Company, Seen

COLUMNS = [f"c{at}" for at in range(1, 65)]
LARGEST = 4 << 20
# A small file can unfold to more than a machine holds.
CELLS = 2_000_000


class NotRead(Exception):
    """The peer does not read the file, or it holds what cannot be compared."""


@dataclass
class Verdicts:
    """Files by what became of them."""

    corpus: str
    files: dict[str, list[str]] = field(default_factory=dict)

    def add(self, verdict: str, name: str) -> None:
        self.files.setdefault(verdict, []).append(name)


KINDS = {
    "right": "right",
    "refused, as the peer does": "refused rightly",
    "rows refused that the peer reads": "refused wrongly, or better than the peer",
    "rows taken that the peer does not have": "silently wrong, or better than the peer",
    "taken, and the peer does not read it": "taken where the peer fails",
}


def plain(cell) -> str:
    """A cell as text that does not depend on who writes it."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, bytes):
        try:
            cell = cell.decode()
        except UnicodeDecodeError as err:
            raise NotRead("bytes that are no text") from err
    if isinstance(cell, datetime.datetime):
        cell = cell.isoformat(sep=" ")
    text = str(cell).strip()
    if text.lower() in ("true", "false"):
        return text.lower()
    try:
        number = decimal.Decimal(text)
        return f"{float(number):.12g}" if number.is_finite() else text
    except decimal.InvalidOperation:
        pass
    try:
        moment = datetime.datetime.fromisoformat(text)
        return moment.replace(tzinfo=None).isoformat()
    except ValueError:
        return text


def within(rows: int, columns: int) -> None:
    if rows * columns > CELLS:
        raise NotRead(f"{rows} rows of {columns} columns")


def of_csv(file: Path) -> tuple[list[str], list[str], list[tuple]]:
    """Mapping, names and rows of a text, as DuckDB finds it to be written."""
    try:
        found = duckdb.sql(f"from sniff_csv('{file}', sample_size = -1)")
        said = dict(zip(found.columns, found.fetchall()[0]))
        unset = lambda value: "" if value in (None, "(empty)") else value
        quote, escape = unset(said["Quote"]), unset(said["Escape"])
        skip, header = int(said["SkipRows"]), bool(said["HasHeader"])
        table = duckdb.read_csv(
            str(file), all_varchar=True, sep=said["Delimiter"], quotechar=quote, escapechar=escape, header=header, skiprows=skip
        )
        names, rows = table.columns, table.fetchall()
    except duckdb.Error as err:
        raise NotRead(str(err)) from err
    mapping = ["header_rows = 0", f"preamble_lines = {skip + header}"]
    if len(said["Delimiter"]) == 1:
        mapping.append(f"delimiter = {quoted(said['Delimiter'])}")
    mapping.append(f"quote = {quoted(quote)}")
    if escape and escape != quote:
        mapping.append(f"escape = {quoted(escape)}")
    return mapping, [str(at) for at in range(1, len(names) + 1)], rows


def of_parquet(file: Path) -> tuple[list[str], list[str], list[tuple]]:
    try:
        opened = pyarrow.parquet.ParquetFile(file, page_checksum_verification=True)
        within(opened.metadata.num_rows, opened.metadata.num_columns)
        table = opened.read()
    except NotRead:
        raise
    except Exception as err:
        raise NotRead(str(err)) from err
    flat = [at for at, of in enumerate(table.schema) if not pyarrow.types.is_nested(of.type)]
    table = table.select(flat)
    try:
        rows = list(zip(*(column.to_pylist() for column in table.columns)))
    except ValueError as err:
        raise NotRead(str(err)) from err
    return ['format = "parquet"'], table.column_names, rows


def of_workbook(file: Path) -> tuple[list[str], list[str], list[tuple]]:
    try:
        if file.suffix == ".xls":
            book = xlrd.open_workbook(file)
            sheet = next(sheet for sheet in book.sheets() if not sheet.visibility)
            within(sheet.nrows, sheet.ncols)
            rows = [tuple(cell_of(book, sheet.cell(row, at)) for at in range(sheet.ncols)) for row in range(sheet.nrows)]
        elif file.suffix in (".xlsx", ".xlsm"):
            book = openpyxl.load_workbook(file, data_only=True)
            sheet = next(sheet for sheet in book.worksheets if sheet.sheet_state == "visible")
            within(sheet.max_row, sheet.max_column)
            rows = list(sheet.values)
        else:
            raise NotRead("no peer for this format")
    except NotRead:
        raise
    except Exception as err:
        raise NotRead(str(err)) from err
    width = max((len(row) for row in rows), default=0)
    rows = [row for row in rows if any(cell not in (None, "") for cell in row)]
    return ["header_rows = 0"], [str(at) for at in range(1, width + 1)], rows


def cell_of(book, cell):
    if cell.ctype == xlrd.XL_CELL_DATE:
        return xlrd.xldate_as_datetime(cell.value, book.datemode)
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return bool(cell.value)
    return cell.value


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'


SUITES = {
    "duckdb": ("DuckDB, data/csv", ("*.csv", "*.tsv", "*.txt"), of_csv, f"DuckDB {duckdb.__version__}"),
    "parquet": ("parquet-testing", ("*.parquet",), of_parquet, f"pyarrow {pyarrow.__version__}"),
    "calamine": ("calamine, tests", ("*.xls", "*.xlsx", "*.xlsm", "*.xlsb", "*.ods"), of_workbook,
                 f"openpyxl {openpyxl.__version__}, xlrd {xlrd.__VERSION__}"),
}


def run(suite: str, folder: Path, company: Company) -> Verdicts:
    """Tries every file of a suite."""
    title, patterns, read, peer = SUITES[suite]
    warnings.simplefilter("ignore")
    verdicts = Verdicts(f"{title} (beside {peer})")
    company.feed(suite, COLUMNS)
    truths: dict[str, list[tuple] | None] = {}
    for file in sorted(file for pattern in patterns for file in folder.rglob(pattern)):
        if file.stat().st_size > LARGEST:
            continue
        name = str(file.relative_to(folder)).replace("/", "__")
        try:
            mapping, names, rows = read(file)
            truth = [tuple(plain(cell) for cell in row) for row in rows]
            if len(names) > len(COLUMNS):
                continue
        except NotRead:
            mapping, names, truth = (["header_rows = 0"] if suite == "calamine" else []), [], None
        truths[name] = truth
        columns = dict(zip(COLUMNS, names)) or {"c1": "1"}
        company.add(suite, name, file.read_bytes(), mapping, columns)
    company.night()
    for name, seen in company.seen(suite, COLUMNS).items():
        verdicts.add(verdict(seen, truths[name]), name)
    return verdicts


def verdict(seen: Seen, truth: list[tuple] | None) -> str:
    if truth is None:
        return "taken, and the peer does not read it" if seen.rows else "refused, as the peer does"
    width = len(truth[0]) if truth else 0
    rows = Counter(tuple(plain(cell) for cell in row[:width]) for row in seen.rows)
    wanted = Counter(row for row in truth if any(row))
    rows = Counter({row: count for row, count in rows.items() if any(row)})
    if rows - wanted:
        return "rows taken that the peer does not have"
    if wanted - rows:
        return "rows refused that the peer reads" if seen.refused or seen.quarantined else "rows taken that the peer does not have"
    return "right"


def table(suites: list[Verdicts]) -> list[str]:
    lines = ["| suite | tried | " + " | ".join(KINDS.values()) + " |", "|---" * (len(KINDS) + 2) + "|"]
    for suite in suites:
        counts = [len(suite.files.get(kind, [])) for kind in KINDS]
        lines.append(f"| {suite.corpus} | {sum(counts)} | " + " | ".join(map(str, counts)) + " |")
    for suite in suites:
        for kind in list(KINDS)[2:]:
            if names := suite.files.get(kind):
                lines += ["", f"{suite.corpus}, {KINDS[kind]}: {', '.join(sorted(names))}"]
    return lines

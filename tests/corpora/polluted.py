"""Pollock (HPI-Information-Systems/Pollock): 2,290 versions of one table, each broken in one place, and its score.

The score is the paper's: ten means over the files (success; precision, recall and F1 of header, records and cells), so at
most 10. It joins the cells of a record without a separator and so does not see a value that moved by a column. What
counts here is therefore told besides: a row that was taken and is, cell by cell, none of the truth's.
"""

import csv
import functools
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from company import Company

COLUMNS = [f"c{at}" for at in range(1, 10)]
FILLED = tuple(COLUMNS[:8])


@dataclass
class Score:
    """What one reader makes of all files."""

    measures: list[list[float]] = field(default_factory=list)
    by_kind: dict[str, list[float]] = field(default_factory=dict)
    weighted: float = 0.0
    wrong_files: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, kind: str, weight: float, measured: list[float], wrong: int) -> None:
        self.measures.append(measured)
        self.by_kind.setdefault(kind, []).append(sum(measured))
        self.weighted += weight * sum(measured)
        if wrong:
            self.wrong_files[name] = wrong

    def simple(self) -> float:
        return sum(sum(column) for column in zip(*self.measures)) / len(self.measures)


def measured(truth: list[list[str]], loaded: list[list[str]] | None, normal) -> list[float]:
    """The ten measures of one file; `None` for a file that was not loaded."""
    if loaded is None:
        return [0.0] * 10
    if not truth:
        return [1.0] * 10

    def three(source: list, taken: list) -> list[float]:
        if not source:
            return [1.0] * 3
        common = sum((Counter(source) & Counter(taken)).values())
        if not common:
            return [0.0] * 3
        first, second = common / len(source), common / len(taken)
        return [first, second, 2 * first * second / (first + second)]

    record = lambda row: "".join(map(normal, row))
    return [
        1.0,
        *three([normal(cell) for cell in truth[0]], [normal(cell) for cell in loaded[0]] if loaded else []),
        *three([record(row) for row in truth[1:]], [record(row) for row in loaded[1:]]),
        *three([cell for row in truth for cell in row], [cell for row in loaded for cell in row]),
    ]


def kind_of(name: str) -> str:
    """The kind of a pollution by a file's name."""
    for prefix in ("row_extra_quote", "row_less_sep", "row_more_sep", "row_field_delimiter"):
        if name.startswith(prefix):
            return prefix
    return name.removesuffix(".csv")


class Pollock:
    """The corpus."""

    def __init__(self, folder: Path):
        sys.path.insert(0, str(folder))
        from pollock.data_types import normalize_cell  # the corpus's own

        self.normal = functools.cache(lambda cell: normalize_cell(cell))
        files = folder / "polluted_files"
        self.files = sorted((files / "csv").glob("*.csv"))
        self.parameters = {
            file.name: json.loads((files / "parameters" / f"{file.name}_parameters.json").read_text())
            for file in self.files
        }
        self.truth = {}
        for file in self.files:
            with open(files / "clean" / file.name, encoding="utf-8-sig", newline=None) as text:
                self.truth[file.name] = list(csv.reader(text))
        weights = json.loads((folder / "pollock_weights.json").read_text())
        weights = {file.name: weights.get(file.name, -1) for file in self.files}
        self.weights = {name: weight / sum(weights.values()) for name, weight in weights.items()}

    def names(self, file: str) -> list[str]:
        said = self.parameters[file]
        return [name.strip() for name in said["column_names"]] or [f"col_{at}" for at in range(said["n_columns"] or 1)]

    def lay_down(self, company: Company) -> None:
        """Two feeds: one whose senders declare how the file is written, one whose senders name the columns alone."""
        company.feed("declared", COLUMNS)
        # what is filled in every row of the table must be there; a header that lacks it is then not taken
        company.feed("undeclared", COLUMNS, required=FILLED)
        for file in self.files:
            said, names = self.parameters[file.name], self.names(file.name)
            quote, escape = said["quotechar"] or '"', said["escapechar"] or '"'
            mapping = [
                # blanks behind a delimiter need not be said
                f"delimiter = {json.dumps(said['delimiter'][:1] or ',')}",
                f"quote = {json.dumps(quote)}",
                f"preamble_lines = {int(said['preamble_lines']) + int(said['header_lines'])}",
                "header_rows = 0",
            ]
            if escape != quote:
                mapping.append(f"escape = {json.dumps(escape)}")
            numbers = {column: str(number) for column, number in zip(COLUMNS, range(1, len(names) + 1))}
            content = file.read_bytes()
            company.add("declared", file.name, content, mapping, numbers)
            company.add("undeclared", file.name, content, [], dict(zip(COLUMNS, names)))

    def ours(self, company: Company, feed: str) -> tuple[Score, str]:
        """The score, and how many files were taken and refused."""
        score, kinds = Score(), Counter()
        for name, seen in company.seen(feed, COLUMNS).items():
            names = self.names(name)
            rows = [list(row[: len(names)]) for row in seen.rows]
            loaded = None if seen.quarantined else [names, *rows]
            self.judge(score, name, loaded)
            kinds["tried"] += 1
            if seen.quarantined:
                kinds["refused whole"] += 1
            elif seen.refused:
                kinds["right but for refused rows"] += 1
            elif name not in score.wrong_files:
                kinds["right whole"] += 1
            if name in score.wrong_files and name not in self.not_wrong:
                kinds["silently wrong"] += 1
        kinds.setdefault("silently wrong", 0)
        return score, ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())

    # rows that the truth leaves out and that stand in the file: the first of a file without header, which the truth takes
    # for one, and those of a second table below the same header
    not_wrong = {"file_no_header.csv", "file_multitable_same.csv"}

    def explained(self) -> list[str]:
        """What of it cannot be otherwise."""
        return [
            "Taken and not in the truth, by design: the first row of `file_no_header.csv`, which the truth takes for a "
            "header, and the rows of the second table of `file_multitable_same.csv`, whose header is the first one's. Both "
            "stand in the file.",
            "A row is refused where the truth mends it by knowing where the fault was put: a delimiter too many or too few, "
            "a quote of which nothing says whether it opens. `file_no_payload.csv` has no byte and is refused; the score "
            "wants an empty table.",
        ]

    def duckdb(self, declared: bool) -> Score:
        """As the corpus runs it, one file at a time; parallel reading off, which would end some of its files."""
        score = Score()
        for file in self.files:
            options = {"strict_mode": False, "ignore_errors": True, "null_padding": True, "parallel": False}
            if declared:
                said = self.parameters[file.name]
                options |= {
                    "delimiter": said["delimiter"] or ",",
                    "quotechar": said["quotechar"] or '"',
                    "escapechar": said["escapechar"] or '"',
                    "skiprows": int(said["preamble_lines"]) + int(said["header_lines"]),
                    "header": False,
                    "columns": dict.fromkeys(self.names(file.name), "VARCHAR"),
                    "auto_detect": False,
                }
            try:
                table = duckdb.connect().read_csv(str(file), **options)
                loaded = [table.columns, *([text_of(cell) for cell in row] for row in table.fetchall())]
            except duckdb.Error:
                loaded = None
            self.judge(score, file.name, loaded)
        return score

    def judge(self, score: Score, name: str, loaded: list[list[str]] | None) -> None:
        truth = self.truth[name]
        wrong = Counter(map(tuple, (loaded or [[]])[1:])) - Counter(map(tuple, truth[1:]))
        got = measured(truth, loaded, self.normal)
        score.add(name, kind_of(name), self.weights[name], got, sum(wrong.values()))


def text_of(cell) -> str:
    return "" if cell is None else str(cell)

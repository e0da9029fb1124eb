"""Reads the files of peers' test suites as a night does, and says how many were taken rightly.

    pip install -r tests/corpora/requirements.txt
    python tests/corpora/run.py --binary target/release/tributary --pollock POLLOCK [--duckdb DUCKDB/data/csv]
        [--parquet PARQUET-TESTING] [--calamine CALAMINE/tests] [--write tests/corpora/README.md]

Each folder is a checkout of the public repository of that name; none of their files is kept here. A corpus that is not
given is not run. Leaves with 1 when a row of Pollock was taken that is none of the file's, or its score is not above
DuckDB's.
"""

import argparse
import datetime
import sys
import tempfile
from pathlib import Path

import duckdb

import peers
from company import Company
from polluted import COLUMNS, Pollock, Score

HEAD = Path(__file__).with_name("head.md")


def pollock(folder: Path, company: Company) -> tuple[list[str], bool]:
    """The table of Pollock, and whether it says what it should."""
    corpus = Pollock(folder)
    corpus.lay_down(company)
    company.night()
    lines = [
        f"| {len(corpus.files):,} files | score | weighted | files with a row taken that is none of the truth's | rows of these |",
        "|---|---|---|---|---|",
    ]
    good = True
    notes = []
    for said, feed in (("declared", "declared"), ("only columns named", "undeclared")):
        ours, kinds = corpus.ours(company, feed)
        theirs = corpus.duckdb(declared=feed == "declared")
        for name, score in (("tributary", ours), (f"DuckDB {duckdb.__version__}", theirs)):
            lines.append(
                f"| {name}, {said} | {score.simple():.3f} | {score.weighted:.3f} | {len(score.wrong_files):,} "
                f"| {sum(score.wrong_files.values()):,} |"
            )
        notes.append(f"tributary, {said}: {kinds}")
        good &= ours.simple() > theirs.simple() and not (set(ours.wrong_files) - corpus.not_wrong)
    return [*lines, "", *(f"{note}  " for note in notes), "", *corpus.explained()], good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, required=True)
    for corpus in ("pollock", "duckdb", "parquet", "calamine"):
        parser.add_argument(f"--{corpus}", type=Path)
    parser.add_argument("--write", type=Path, help="a file that the tables are written to")
    args = parser.parse_args()
    out, good = [], True
    with tempfile.TemporaryDirectory() as work:
        if args.pollock:
            table, good = pollock(args.pollock, Company(args.binary, Path(work) / "pollock"))
            out += ["## Pollock", "", *table, ""]
        rows = [
            peers.run(corpus, folder, Company(args.binary, Path(work) / corpus))
            for corpus in ("duckdb", "parquet", "calamine")
            if (folder := getattr(args, corpus))
        ]
        if rows:
            out += ["## Other suites", "", *peers.table(rows), ""]
    text = "\n".join(out)
    print(text)
    if args.write:
        today = datetime.date.today().isoformat()
        args.write.write_text(HEAD.read_text().replace("DATE", today) + "\n" + text)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

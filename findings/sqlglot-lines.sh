#!/usr/bin/env bash
# sqlglot 30.30.0: lines after a parameter `$name` are counted wrong in the DuckDB and Postgres dialects.
#
# The tokenizer first tries to read `$name` as the opening of a dollar-quoted string ($tag$ … $tag$). Finding no second `$`, it goes
# back to where it was, but not in its count of lines: it has counted those it looked at, so the token itself and all after it are
# said to stand further down, each parameter adding to it. Offsets (`start`, `end`) stay right. What is told to people is wrong too:
# an error in line 5 of six lines is reported in line 10. Dialects without dollar quoting count right.
#
# Seen on 2026-11-29:
#   duckdb: b is said to stand in line 6, y in line 11
#   postgres: b is said to stand in line 6, y in line 11
#   snowflake: b is said to stand in line 3, y in line 6
#   an error in line 5 is said to be in line 10
#
# Ends with 0 while this is so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check sqlglot==30.30.0
cat > "$folder/lines.py" <<'PY'
import re
import sys

import sqlglot

# b stands in line 3, y in line 6.
STATEMENT = "select\n  $a,\n  b\nfrom t\nwhere x > $c\n  and y\n"
SEEN = {"duckdb": (6, 11), "postgres": (6, 11), "snowflake": (3, 6)}
same = True
for dialect, expected in SEEN.items():
    lines = {token.text: token.line for token in sqlglot.tokenize(STATEMENT, read=dialect)}
    print(f"{dialect}: b is said to stand in line {lines['b']}, y in line {lines['y']}")
    same &= (lines["b"], lines["y"]) == expected
    starts = {token.text: token.start for token in sqlglot.tokenize(STATEMENT, read=dialect)}
    same &= STATEMENT.count("\n", 0, starts["y"]) + 1 == 6

# The closing parenthesis of line 5 opens nowhere.
BROKEN = "select\n  $a,\n  b\nfrom t\nwhere x > )\n  and y\n"
try:
    sqlglot.parse_one(BROKEN, read="duckdb")
    same = False
except sqlglot.errors.ParseError as error:
    line = int(re.search(r"Line (\d+)", str(error))[1])
    print(f"an error in line 5 is said to be in line {line}")
    same &= line == 10
sys.exit(0 if same else 1)
PY
"$folder/venv/bin/python" "$folder/lines.py"

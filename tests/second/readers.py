"""The raw rows of one file, as header -> value: text of any encoding and delimiter, JSON lines, workbooks, Parquet. The
mapping of a sender (jobs/senders) is read for what it says about the files."""

import csv
import gzip
import io
import json
from decimal import Decimal

import openpyxl
import pyarrow.parquet as parquet


def raw_rows(path, how):
    """Yields (line number, {header: value}) of a file. `how` is what the mapping says: encoding, delimiter, sheet ..."""
    name = path.name.removesuffix(".gz")
    if name.endswith(".xlsx"):
        yield from workbook(path, how)
    elif name.endswith(".parquet"):
        for number, row in enumerate(parquet.read_table(path).to_pylist(), start=1):
            yield number, row
    else:
        data = gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes()
        text = data.decode(how.get("encoding") or "utf-8-sig")
        if name.endswith(".ndjson"):
            for number, line in enumerate(text.splitlines(), start=1):
                if line.strip():
                    yield number, json.loads(line, parse_float=Decimal)
        else:
            yield from delimited(text, how)


def delimited(text, how):
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=how.get("delimiter", ","))
    yield from under_header(((reader.line_num, cells) for cells in reader), how)


def workbook(path, how):
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    sheet = book[how["sheet"]] if "sheet" in how else book.worksheets[0]
    rows = ((number, list(cells)) for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1))
    yield from under_header(rows, how)


def under_header(rows, how):
    """Leaves out title lines, the header, empty lines and total lines; names the cells by the header."""
    skip, header = how.get("preamble_lines", 0), None
    totals = tuple(how.get("total_prefixes", ()))
    for number, cells in rows:
        if skip:
            skip -= 1
            continue
        if header is None:
            header = [str(cell).strip() for cell in cells]
            continue
        if all(cell in (None, "") for cell in cells):
            continue
        first = next((str(cell) for cell in cells if cell not in (None, "")), "")
        if totals and first.startswith(totals):
            continue
        if len(cells) != len(header):
            yield number, {"#cells": len(cells)}
            continue
        yield number, dict(zip(header, cells))

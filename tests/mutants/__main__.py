"""Small faults put into the models' SQL one at a time, and who notices: tests of the tests.

    tests/mutants/run --binary FILE --work FOLDER [--root COMPANY] [--per-model N] [--only MODEL ...] [--again]

A command outside CI. Each fault is judged by the `.slt` that compute its model; what they let pass, with --root (a company after its
night, config.toml and all), by a night with the fault in it: by the checks of the marts, then by the second computation. What came out
is kept in FOLDER, a line a fault; --again judges only those once more that nobody had caught."""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import faults
import nights
import suite

# Who catches a fault, in the order in which they are asked. A statement that the engine refuses is no fault that anybody could ship.
JUDGES = ["slt", "check", "second", "nobody"]


def main():
    here = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(prog="tests/mutants/run", description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="a folder for the copies that faults are put into, and the results")
    parser.add_argument("--root", type=Path, help="a company after its night, for checks and the second computation")
    parser.add_argument("--per-model", type=int, default=2)
    parser.add_argument("--per-mart", type=int, default=8)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--again", action="store_true")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    kept = asked.work / "results.jsonl"
    results = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    known = {identity(r): r for r in results if not (asked.again and r["by"] in ("nobody", "slt passed"))}
    tests = suite.Suite(here, asked.binary, asked.work / "project")
    night = nights.Nights(asked.root, asked.binary, asked.work / "company", here) if asked.root else None
    found = []
    for name, path in sorted(tests.models.items(), key=lambda model: (model[1].parts[-3] != "marts", model[0])):
        if asked.only and name not in asked.only:
            continue
        text = path.read_text()
        most = asked.per_mart if path.parts[-3] == "marts" else asked.per_model
        for fault in faults.sample(text, name, most):
            row = {"model": name, "kind": fault.kind, "line": fault.line, "at": fault.start, "change": fault.words(text)}
            if identity(row) in known and not (night and known[identity(row)]["by"] == "slt passed"):
                found.append(known[identity(row)])
                continue
            row["by"], row["where"] = tests.judge(name, fault.put_into(text))
            if row["by"] == "slt passed" and night:
                row["by"], row["where"] = night.judge(path.relative_to(here / "sql"), fault.put_into(text))
            found.append(row)
            with kept.open("a") as out:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
            print(f"{name}:{row['line']} {row['kind']}: {row['change']}: {row['by']} {row['where']}", file=sys.stderr, flush=True)
    print(table(found))


def identity(row):
    return row["model"], row["kind"], row["at"], row["change"]


def table(found):
    """By model, who caught how many, and what nobody caught."""
    lines = ["| model | faults | .slt | check | second computation | nobody |", "|---|---|---|---|---|---|"]
    judged = [{**r, "by": "nobody" if r["by"] == "slt passed" else r["by"]} for r in found if r["by"] != "refused"]
    counts = Counter((r["model"], r["by"]) for r in judged)
    for name in sorted({r["model"] for r in judged}):
        by = [counts[name, judge] for judge in JUDGES]
        lines.append(f"| {name} | {sum(by)} | " + " | ".join(map(str, by)) + " |")
    by = [sum(r["by"] == judge for r in judged) for judge in JUDGES]
    lines.append(f"| all | {len(judged)} | " + " | ".join(map(str, by)) + " |")
    lines += ["", f"{len(found) - len(judged)} more were refused by the engine.", "", "Caught by nobody:", ""]
    lines += [f"* {r['model']}, line {r['line']}, {r['kind']}: {r['change']}" for r in judged if r["by"] == "nobody"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()

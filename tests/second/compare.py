"""Row by row, by key: what the second computation has and what was published."""

import math
import tomllib
from datetime import datetime, timezone
from decimal import Decimal


# Maxima are found by other steps, values discounted within a week: amounts of fitted models agree to five digits, their
# standard errors (from a curvature) to three.
FITTED = {"clv": 1e-5, "average_clv": 1e-5, "expected_purchase_value": 1e-5, "expected_purchases": 1e-5,
          "standard_error": 1e-3, "log_likelihood": 1e-8, "value": 1e-5, "probability_alive": 1e-5}

# Where the data do not tell a parameter, any point of a ridge is a maximum, and two programs end at different ones.
UNTOLD = {"model_fits": ("status", "not_identified", "value")}


class Comparison:
    """A mart beside its second computation: `rows` published, of these equal and differing, and who has more."""

    def __init__(self, mart, key, compared, left_out):
        self.mart, self.key, self.compared, self.left_out = mart, key, compared, left_out
        self.rows = self.equal = 0
        self.differing, self.only_here, self.only_there = [], [], []
        self.by_column = {}

    @property
    def is_equal(self):
        return not (self.differing or self.only_here or self.only_there)


def sidecars(sql):
    """Key and column types of every mart, from its published description."""
    return {path.stem: tomllib.loads(path.read_text()) for path in sql.glob("marts/*/*.toml")}


def same(ours, theirs, scale):
    """Money to the last place that is declared, ratios to six digits, everything else exactly."""
    if ours is None or theirs is None:
        return ours is None and theirs is None
    if isinstance(scale, float):
        least = 1e-4 if isinstance(theirs, Decimal) else 1e-9
        return math.isclose(float(ours), float(theirs), rel_tol=scale, abs_tol=least)
    if scale == "double":
        return math.isclose(float(ours), float(theirs), rel_tol=1e-6, abs_tol=1e-9)
    if scale is not None:
        return abs(float(ours) - float(theirs)) < 1.01 * 10 ** -scale
    if isinstance(theirs, datetime) and theirs.tzinfo:
        theirs = theirs.astimezone(timezone.utc).replace(tzinfo=None)
    return ours == theirs


def scale_of(kind):
    if kind.startswith("decimal"):
        return int(kind.rstrip(")").split(",")[1])
    return "double" if kind == "double" else None


def compare(world, mart, about, parquet):
    """Compares the table `m_<mart>` of the second computation with a published file."""
    key = about["key"]
    ours = [d[0] for d in world.db.execute(f"select * from m_{mart} limit 0").description]
    kinds = {c["name"]: c["type"] for c in about["columns"]}
    strangers = [c for c in ours if c not in kinds]
    if strangers:
        raise SystemExit(f"{mart}: no such columns are published: {', '.join(strangers)}")
    compared = [c for c in kinds if c in ours and c not in key]
    result = Comparison(mart, key, compared, [c for c in kinds if c not in ours])
    names = ", ".join(f'"{c}"' for c in key + compared)
    mine = by_key(world.db.execute(f"select {names} from m_{mart}").fetchall(), len(key), mart)
    theirs = by_key(world.db.execute(f"select {names} from read_parquet('{parquet}')").fetchall(), len(key), mart)
    scales = [FITTED[c] if c in FITTED and kinds[c] != "text" else scale_of(kinds[c]) for c in compared]
    result.rows = len(theirs)
    for at, published in theirs.items():
        if at not in mine:
            result.only_there.append(at)
            continue
        odd = [(c, a, b) for c, a, b, scale in zip(compared, mine[at], published, scales) if not same(a, b, scale)]
        if mart in UNTOLD:
            told, word, column = UNTOLD[mart]
            if published[compared.index(told)] == mine[at][compared.index(told)] == word:
                odd = [o for o in odd if o[0] != column]
        for column, _, _ in odd:
            result.by_column[column] = result.by_column.get(column, 0) + 1
        if odd:
            result.differing.append((at, odd))
        else:
            result.equal += 1
    result.only_here = [at for at in mine if at not in theirs]
    return result


def by_key(rows, width, mart):
    found = {row[:width]: row[width:] for row in rows}
    if len(found) != len(rows):
        raise SystemExit(f"{mart}: {len(rows) - len(found)} rows share a key")
    return found


def show(result, first=3):
    """The rows that differ, the first ones in full."""
    if result.is_equal:
        return
    print(f"\n{result.mart}: by column {dict(sorted(result.by_column.items(), key=lambda x: -x[1]))}")
    for at, odd in result.differing[:first]:
        print("  differs  ", " / ".join(map(str, at)))
        for column, ours, theirs in odd[:12]:
            print(f"             {column}: here {ours!s}, there {theirs!s}")
    for label, keys in (("only here", result.only_here), ("only there", result.only_there)):
        for at in keys[:first]:
            print(f"  {label} ", " / ".join(map(str, at)))


def table(results):
    lines = ["| mart | columns | rows | equal | differing | only here | only there |", "|---|---|---|---|---|---|---|"]
    for r in results:
        lines.append(f"| {r.mart} | {len(r.compared) + len(r.key)} of {len(r.compared) + len(r.key) + len(r.left_out)} "
                     f"| {r.rows} | {r.equal} | {len(r.differing)} | {len(r.only_here)} | {len(r.only_there)} |")
    return "\n".join(lines)

"""The BCG matrix of channels, regions, partners within their channel and categories, quarter by quarter."""

from collections import defaultdict
from decimal import Decimal

from periods import add_months, elapsed_end, first_of, name_of, periods

ADVICE = {"question_mark": "invest", "star": "hold_and_grow", "cash_cow": "milk"}


class Sales:
    """Net sales by day of every unit of a kind, and of its group."""

    def __init__(self, world, kind):
        column = {"channel": "channel_id", "region": "region", "partner": "partner_id", "category": "category"}[kind]
        self.days = defaultdict(lambda: defaultdict(Decimal))
        for r in world.rows(f"select {column} as unit, day, sum(net) as net from lines where {column} is not null group by all"):
            self.days[r["unit"]][r["day"]] = r["net"]

    def net(self, unit, first, last):
        return sum((v for d, v in self.days[unit].items() if first <= d <= last), Decimal(0))


def bcg_classes(world):
    s, as_of, out = world.settings, world.as_of, []
    begins = world.rows("select min(day) as d from lines")[0]["d"]
    for kind in ("channel", "region", "partner", "category"):
        if s[f"bcg_{kind}_share_rule"] == "off":
            continue
        sales = Sales(world, kind)
        quarters = list(periods("quarter", begins, as_of))
        history = {}
        for name, start, end in quarters:
            close = min(end, as_of)
            groups = defaultdict(list)
            for unit, days in sales.days.items():
                if min(days) <= close:
                    groups[group_of(world, kind, unit, close)].append(unit)
            for group, units in groups.items():
                for unit in units:
                    row = measure(world, kind, sales, unit, units, group, (name, start, end), begins)
                    before = history.get((unit, add_months(start, -3)))
                    row["previous_class"] = before["_closed_class"] if before else None
                    row["periods_in_class"] = 1 + (before["periods_in_class"]
                                                   if before and before["_closed_class"] == row["class"] else 0)
                    row["declining_periods"] = 0 if row["growth"] is None or row["growth"] >= 0 else \
                        1 + (before["declining_periods"] if before else 0)
                    row["_closed_class"] = row["class"]
                    row["advice"] = None if row["class"] == "unclassified" else ADVICE.get(row["class"]) or (
                        "exit" if row["declining_periods"] >= s["bcg_exit_periods"] else "harvest")
                    history[unit, start] = row
                    out.append(row)
    world.keep("m_bcg_classes", [{k: v for k, v in r.items() if not k.startswith("_")} for r in out],
               decimals=["net_sales", "base_net_sales", "competitor_sales_amount", "share_gap"])


def group_of(world, kind, unit, day):
    if kind != "partner":
        return "all"
    held = [r for r in versions_of(world, "partners", "partner_id") if r["partner_id"] == unit]
    return next((r["channel_id"] for r in held if r["from_day"] <= day < r["to_day"]), "unknown")


def versions_of(world, table, key):
    cache = world.__dict__.setdefault("version_rows", {})
    if table not in cache:
        cache[table] = world.rows(f"select * from {table}_v")
    return cache[table]


def measure(world, kind, sales, unit, units, group, period, begins):
    s, as_of = world.settings, world.as_of
    name, start, end = period
    close = min(end, as_of)
    net = sales.net(unit, start, close)
    first = min(sales.days[unit])
    # The fifth quarter of a unit is the first that can look back a year.
    age = (start.year - first.year) * 4 + (start.month - 1) // 3 - (first.month - 1) // 3
    whole_year = age >= 4 and add_months(start, -12) >= begins
    basis = "year_on_year" if whole_year else "prior_quarter" if age >= 1 else "none"
    is_part = basis == "prior_quarter" and add_months(start, -3) < begins
    months = {"year_on_year": 12, "prior_quarter": 3, "none": 3}[basis]
    prior_start = add_months(start, -months)
    prior_end = first_of(name_of("quarter", prior_start))[1]
    if end > as_of:
        prior_end = elapsed_end(start, as_of, prior_start, prior_end) if months == 3 else min(prior_end, add_months(as_of, -12))
    base = sales.net(unit, prior_start, prior_end) if basis != "none" and not is_part else None
    cut = s["bcg_growth_cut"] if basis == "year_on_year" else (1 + s["bcg_growth_cut"]) ** 0.25 - 1
    reason = "no_prior_period" if basis == "none" else "incomplete_history" if prior_start < begins else \
        "no_prior_period" if base == 0 else "negative_base" if base < 0 else None
    growth = None if reason else float((net - base) / base)
    cut_status = None
    if basis == "none":
        cut, cut_status = None, "no_prior_period"
    elif prior_start < begins:
        cut, cut_status = None, "incomplete_history"
    elif s["bcg_growth_rule"] == "weighted_average":
        everyone = [sum((sales.net(u, a, b) for u in units), Decimal(0)) for a, b in ((start, close), (prior_start, prior_end))]
        cut = float((everyone[0] - everyone[1]) / everyone[1]) if everyone[1] > 0 else None
        cut_status = None if cut is not None else "negative_base"
    rule = s[f"bcg_{kind}_share_rule"]
    nets = {u: sales.net(u, start, close) for u in units}
    total, active = sum(nets.values()), sum(v > 0 for v in nets.values())
    share = float(net / total) if total > 0 else None
    rival, source = competitor(world, kind, unit, period, nets, begins)
    relative = float(net / rival) if rival and rival > 0 else None
    alone = len(nets) == 1 and source == "none"
    high_share = None if (share is None if rule == "mean_share" else relative is None and not alone) else \
        share >= 1 / active if rule == "mean_share" and active else alone or (relative or 0) >= s["bcg_relative_cut"]
    unknown = kind == "region" and unit == "unknown"
    label = "unclassified" if unknown or growth is None or cut is None or high_share is None else {
        (True, True): "star", (False, True): "cash_cow", (True, False): "question_mark",
        (False, False): "dog"}[growth >= cut, high_share]
    return {
        "entity_type": kind, "entity_id": unit, "entity_name": entity_name(world, kind, unit, close), "share_group": group,
        "quarter": name, "quarter_start": start, "is_provisional": end > as_of, "net_sales": net, "base_net_sales": base,
        "growth": growth, "growth_status": reason, "growth_basis": "none" if is_part else basis, "growth_cut": cut, "growth_cut_status": cut_status,
        "share": share, "share_status": None if share is not None else "no_sales", "share_rule": rule,
        "share_cut": 1 / active if rule == "mean_share" and active else None, "active_units": active,
        "competitor_sales_amount": rival, "competitor_source": source, "relative_share": relative,
        "relative_share_status": None if relative is not None else "no_competitor", "class": label,
        "class_reason": "unknown_unit" if unknown else f"{'high' if growth >= cut else 'low'}_growth_"
        f"{'high' if high_share else 'low'}_share" if label != "unclassified" else reason or cut_status or "no_sales",
        "share_gap": (total / active - net if active else None) if rule == "mean_share" else
        rival - net if rival is not None else None,
        "share_gap_status": None if (active if rule == "mean_share" else rival is not None) else "no_competitor"}


def entity_name(world, kind, unit, day):
    if kind == "category":
        return unit
    table, key = {"channel": ("channels", "channel_id"), "region": ("regions", "region"),
                  "partner": ("partners", "partner_id")}[kind]
    return next((r["name"] for r in versions_of(world, table, key) if r[key] == unit and r["from_day"] <= day < r["to_day"]),
                unit)


def competitor(world, kind, unit, period, nets, begins):
    """The market feed's largest competitor at this region or category, else the largest other unit of the group."""
    name, start, end = period
    if kind in ("region", "category"):
        rows = [r for r in versions_market(world) if r[kind] == unit and r["region" if kind == "category" else "category"] is None
                and r["largest_competitor_sales_amount"] is not None]
        found = [r["largest_competitor_sales_amount"] for r in rows if r["period"] == name]
        months = [m for m, first, _ in periods("month", max(start, begins), min(end, world.as_of))]
        by_month = {r["period"]: r["largest_competitor_sales_amount"] for r in rows}
        if found:
            return found[0], "market_feed"
        if all(m in by_month for m in months):
            return sum(by_month[m] for m in months), "market_feed"
    others = [v for u, v in nets.items() if u != unit and v > 0]
    return (max(others), "largest_other_unit") if others else (None, "none")


def versions_market(world):
    cache = world.__dict__.setdefault("version_rows", {})
    if "market" not in cache:
        cache["market"] = world.rows("select * from market")
    return cache["market"]

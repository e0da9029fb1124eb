"""Conflict cases: what a partner's findings of a month come to, which cause the figures suggest, what is proposed."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from statistics import median

from conflicts import findings, severity
from periods import add_months, first_of, name_of
from stock import ONE, Stock, in_force

KINDS = {"cross_region": "cross_region", "below_floor_price": "below_floor", "unapproved_promotion": "unapproved_promotion",
         "price_war": "price_war"}


class Cover:
    """Days of inventory of a partner on a day: stock at cost over the daily cost of sales of the demand window."""

    def __init__(self, world):
        self.stock, self.seen = Stock(world), {}
        self.skus = defaultdict(set)
        for p, k in set(self.stock.counts) | set(self.stock.sold):
            self.skus[p].add(k)

    def on(self, partner, day):
        at = partner, day
        if at not in self.seen:
            self.seen[at] = self.days(partner, day)
        return self.seen[at]

    def days(self, partner, day):
        stock = self.stock
        counted = stock.last_snapshot(partner, day)
        if counted is None or (day - counted).days > stock.s["stale_count_days"]:
            return None
        window = stock.s["demand_window_days"]
        first = day - timedelta(days=window - 1)
        value = sold = Decimal(0)
        for sku in self.skus[partner]:
            units = max(stock.reported(partner, sku, counted), 0)
            value += units * (stock.cost(partner, sku, counted) or 0) if units else 0
            sold += stock.cost_of_sales(partner, sku, first, day) or 0
        return float(value * window / sold) if sold > 0 else None


def conflict_cases(world):
    s, as_of = world.settings, world.as_of
    groups = findings(world)
    book, cover = world.book_of_lines, Cover(world)
    by_case, lines_of = defaultdict(lambda: defaultdict(list)), defaultdict(dict)
    for at, found in groups.items():
        start, kind, partner = at[:3]
        by_case[start, partner][kind].append([line for line, _ in found])
        for line, _ in found:
            lines_of[start, partner][line["order_id"], line["line_no"]] = line
    rows = []
    for (start, partner), kinds in by_case.items():
        lines = sorted(lines_of[start, partner].values(), key=lambda x: (x["day"], x["sold_at"]))
        rows.append(case(world, book, cover, start, partner, kinds, lines, lines_of))
    deductions(world, rows)
    world.suspects = {r["partner_id"] for r in rows if r["is_suspected"]
                      and r["last_seen_on"] > as_of - timedelta(days=s["conflict_notice_days"])}
    money = ["conflict_value", "followed_value", "net_sales", "amount_not_judged", "last_sell_in", "usual_sell_in",
             "proposed_deduction"] + [f"{name}_value" for name in KINDS.values()]
    world.keep("m_conflict_cases", [{k: v for k, v in r.items() if not k.startswith("_")} for r in rows], decimals=money)


def case(world, book, cover, start, partner, kinds, lines, lines_of):
    s, as_of = world.settings, world.as_of
    end = add_months(start, 1) - ONE
    close = min(end, as_of)
    value = sum(x["net"] for x in lines)
    lists = [x["list_price"] and x["list_price"] * x["quantity"] for x in lines]
    list_value = None if any(v is None for v in lists) else sum(lists)
    deviation = None if not list_value else float(1 - value / list_value)
    followed = sum(x["net"] for x in lines if set(x["kinds"]) == {"price_war"} and x["kinds"]["price_war"][0] == "followed")
    net = book.net.get((partner, start))
    share = float(value / net) if net and net > 0 else None
    own_share = float((value - followed) / net) if net and net > 0 else None
    p = in_force(book.partners, partner, as_of)
    home = in_force(book.partners, partner, close)
    channel = in_force(book.channels, home["channel_id"], as_of)
    aside = [x for x in book.lines if x["partner_id"] == partner and x["day"].replace(day=1) == start
             and x["place"] not in ("inside", "outside")]
    recent = {add_months(start, -n) for n in range(s["malicious_months"])}
    months = sum((m, partner) in lines_of for m in recent)
    first = lines[0]["day"]
    at_first = cover.on(partner, first)
    before = [cover.on(partner, first - timedelta(days=n)) for n in range(1, s["overstock_cause_days"] + 1)]
    before = [d for d in before if d is not None]
    usual = median(before) if before else None
    chase = chasing(world, partner, start, close)
    only_cross = set(kinds) == {"cross_region"}
    blank = only_cross and not any(book.owners(x) for x in lines)
    adjacent = all(any(x["region"] in book.near.get(t, set()) for t in _territory(x)) for x in lines)
    spill = only_cross and adjacent and (None if share is None or deviation is None else
                                        share < s["spill_share_max"] and deviation < s["spill_deviation_max"])
    overstock = None if at_first is None or usual is None else at_first >= s["overstock_cause_factor"] * usual
    malicious = False if months < s["malicious_months_min"] else None if deviation is None else \
        deviation >= s["malicious_deviation_min"]
    if deviation is None:
        malicious = None
    cause = next((name for name, holds in (("blank_market", blank), ("border_spill", spill), (
        "overstock_driven", overstock), ("rebate_chasing", chase["suggests_rebate_chasing"]), ("malicious", malicious))
        if holds), "unclear")
    own = severity(s, own_share)
    row = {
        "month": name_of("month", start), "month_start": start, "is_provisional": end > as_of, "partner_id": partner,
        "partner_name": p["name"], "partner_manager": p["manager"], "channel_id": home["channel_id"],
        "channel_name": channel["name"], "channel_manager": channel["manager"], "first_seen_on": first,
        "last_seen_on": lines[-1]["day"], "findings": sum(len(f) for f in kinds.values()), "lines": len(lines),
        "units": sum(x["quantity"] for x in lines), "conflict_value": value, "followed_value": Decimal(followed),
        "net_sales": net, "sales_share": share, "sales_share_status": None if share is not None else "no_sales",
        "severity": severity(s, share), "severity_status": None if share is not None else "no_sales",
        "price_deviation": deviation, "price_deviation_status": None if deviation is not None else "no_list_price",
        "lines_not_judged": len(aside), "amount_not_judged": sum((x["net"] for x in aside), Decimal(0)),
        "months_with_conflicts": months, "days_of_inventory_at_first": at_first, "days_of_inventory_usual": usual,
        "stock_status": "no_stock_count" if at_first is None else "no_prior_period" if usual is None else None, **chase,
        "suggests_blank_market": blank, "suggests_border_spill": spill, "suggests_overstock": overstock,
        "suggests_malicious": malicious, "cause": cause,
        "cause_status": "suspected" if cause == "malicious" else "unclear" if cause == "unclear" else "indicated",
        "is_suspected": own not in (None, "minor") and cause not in ("blank_market", "border_spill"), "_own": own,
        "_all_followed": value == followed}
    for kind, name in KINDS.items():
        row[f"{name}_findings"] = len(kinds.get(kind, []))
        row[f"{name}_value"] = sum((x["net"] for f in kinds.get(kind, []) for x in f), Decimal(0))
    return row


def _territory(line):
    from advice import territory
    return territory(line["partner"])


def spans(kind, start):
    """The period of a plan that holds a month, and the one before it."""
    name = name_of(kind, start)
    first, _ = first_of(name)
    return [name, name_of(kind, first - ONE)]


def chasing(world, partner, start, close):
    """Whether a tier was near, or sell-in rushed at the end of the running or the last closed rebate period."""
    s, as_of = world.settings, world.as_of
    out = dict.fromkeys(("rebate_plan_id", "rebate_period", "rebate_attainment", "rebate_edge_gap", "sell_in_period",
                         "last_sell_in", "usual_sell_in", "suggests_rebate_chasing"))
    held = [r for r in world.rebates if r["partner_id"] == partner and r["period"] in spans(r["period_type"], start)]
    out["rebate_status"] = None if held else "no_rebate_plan"
    out["rebate_chasing_status"] = None if held else "no_rebate_plan"
    if not held:
        return out
    edges = [(abs(float(r["actual"] / t["from_value"]) - 1), r) for r in held if not r["reason"]
             for t in r["tiers"].rows if t["from_value"] > 0]
    if edges:
        gap, r = min(edges, key=lambda e: e[0])
        out.update(rebate_plan_id=r["plan_id"], rebate_period=r["period"], rebate_attainment=r["attainment"],
                   rebate_edge_gap=gap)
    rushes = []
    for r in held:
        if r["period_end"] > as_of:
            continue
        first = r["period_end"] - timedelta(days=s["chasing_last_days"] - 1)
        before = first - timedelta(days=s["chasing_usual_days"])
        begins = world.book.begins["sell_in"]
        last = world.book.total("sell_in", "money", partner, first, r["period_end"])
        usual = world.book.total("sell_in", "money", partner, before, first - ONE) * s["chasing_last_days"] \
            / s["chasing_usual_days"]
        if first >= begins and usual > 0:
            rushes.append((last >= usual * Decimal(str(s["chasing_sell_in_factor"])), r["period_end"], r["period"], last, usual))
    if rushes:
        is_rush, _, name, last, usual = max(rushes)
        out.update(sell_in_period=name, last_sell_in=last, usual_sell_in=usual)
    near = out["rebate_edge_gap"] is not None and out["rebate_edge_gap"] <= s["chasing_edge_gap"]
    if near or (rushes and max(rushes)[0]):
        out["suggests_rebate_chasing"] = True
    elif any(r["period_end"] > as_of for r in held):
        out["rebate_chasing_status"] = "period_running"
    else:
        out["suggests_rebate_chasing"] = False
    return out


def deductions(world, rows):
    """The measure by what the partner did itself, and what it would take from the rebates of the periods concerned."""
    s = world.settings
    measures = {m["severity"]: m for m in world.tables["conflict_measures"]}
    world.deductions = {}
    for row in rows:
        own = "followed" if row["_all_followed"] else row["_own"] or "undefined"
        m = measures[own]
        rate = Decimal(str(m["rebate_deduction_rate"]))
        held = [r for r in world.rebates if r["partner_id"] == row["partner_id"]
                and r["period"] in spans(r["period_type"], row["month_start"])]
        known = [r for r in held if r["rebate"] is not None]
        wanted = sum((r["rebate"] * rate for r in known), Decimal(0))
        deduction = min(wanted, row["conflict_value"])
        # A rebate that is not known yet may be worth a deduction: the measure stands, its amount does not.
        unknown = rate > 0 and len(known) < len(held)
        speaks = unknown or rate > 0 and wanted >= row["conflict_value"] * Decimal(str(s["conflict_deduction_min"]))
        row["proposed_measure"] = m["measure"] if rate == 0 or speaks else m["measure_without_rebate"]
        row["rebate_deduction_rate"] = float(rate) if speaks else 0.0
        row["proposed_deduction"] = None if unknown else deduction if speaks else Decimal(0)
        row["proposed_deduction_status"] = "rebate_unknown" if unknown else None
        if speaks and wanted:
            part = rate if unknown else rate * deduction / wanted
            for r in known:
                at = r["partner_id"], r["plan_id"], r["period"]
                world.deductions[at] = max(world.deductions.get(at, Decimal(0)), part)

"""The partner scorecard, quarter by quarter, and the award of the best distributor."""

from collections import defaultdict
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from advice import territory
from bcg import versions_of
from periods import add_months, first_of, growth, name_of, periods
from stock import ONE
from stock_months import Month

POINTS = {"market": "market_points", "performance": "performance_points", "stock": "stock_points", "voice": "voice_points",
          "compliance": "compliance_points", "brand": "brand_points"}


class Quarter:
    """What the company did in a quarter, by partner."""

    def __init__(self, world, name, start, end):
        self.world, self.name, self.start, self.end = world, name, start, end
        self.close = min(end, world.as_of)
        self.running = end > world.as_of
        self.prior_start = add_months(start, -12)
        self.prior_end = add_months(world.as_of, -12) if self.running else first_of(name_of("quarter", self.prior_start))[1]
        self.partners = {p["partner_id"]: p for p in versions_of(world, "partners", "partner_id")
                         if p["from_day"] <= self.close < p["to_day"]}
        span = dict(first=start, last=self.close)
        self.sales = {r["partner_id"]: r for r in world.rows("""
            select partner_id, sum(net) as net, count(distinct order_key) filter (sale_type = 'sale') as orders,
                count(distinct customer_id) filter (sale_type = 'sale') as customers,
                sum(case when sale_type <> 'adjustment' then quantity * unit_cost else 0 end) as cost,
                bool_or(unit_cost is null and sale_type <> 'adjustment') as no_cost
            from lines where day between {first} and {last} group by all""", **span)}
        self.by_region = {(r["partner_id"], r["region"]): r["net"] for r in world.rows(
            "select partner_id, region, sum(net) as net from lines where day between {first} and {last} group by all", **span)}
        self.prior = dict(world.sql("select partner_id, sum(net) from lines where day between {first} and {last} group by all",
                                    first=self.prior_start, last=self.prior_end).fetchall())
        self.voice = {r["partner_id"]: r for r in world.rows("""
            select partner_id, count(*) as n, count(*) filter (score > {dissatisfied_score_max}) as satisfied from surveys
            where _date between {first} and {last} and partner_id is not null group by all""", **span)}
        self.complaints = dict(world.sql("""select partner_id, count(*) from complaints
            where _date between {first} and {last} and partner_id is not null group by all""", **span).fetchall())
        self.conflicts = dict(world.sql("""select partner_id, sum(conflict_value) from m_conflict_cases
            where month_start between {first} and {last} group by all""", **span).fetchall())
        self.targets = {p: t for p, t in world.sql("""select scope_id, target from targets where scope = 'partner'
            and metric = 'net_sales' and period = {name}""", name=name).fetchall()}
        self.month_targets = defaultdict(dict)
        for p, month, t in world.sql("""select scope_id, period, target from targets where scope = 'partner'
                and metric = 'net_sales' and length(period) = 7 and period not like '%Q%'""").fetchall():
            self.month_targets[p][month] = t

    def cooperates(self, p, begins):
        """Whether a partner was one in the part of the quarter that the records know."""
        if p["joined_on"] and p["joined_on"] > self.close:
            return False
        return p["ended_on"] >= max(self.start, begins) if p["ended_on"] else p["status"] != "ended"


def percentile(own, everyone):
    """Place among equals: (mean rank - 0.5) / n."""
    below, same = sum(v < own for v in everyone), sum(v == own for v in everyone)
    return (below + (same + 1) / 2 - 0.5) / len(everyone)


def values(world, q, p, begins, files, stock):
    """Each metric with its value, or the reason why there is none."""
    who, s = p["partner_id"], world.settings
    sold = q.sales.get(who)
    net = sold["net"] if sold else Decimal(0)
    found = {}
    own = territory(p)
    if own:
        mine = sum((q.by_region.get((who, t), Decimal(0)) for t in own), Decimal(0))
        all_there = sum((v for (_, r), v in q.by_region.items() if r in own), Decimal(0))
    else:
        mine, all_there = net, sum(q.by_region.values(), Decimal(0))
    has_net = sold is not None and net > 0
    found["regional_share"] = (float(mine / all_there), None) if all_there > 0 and sold else (None, "no_sales")
    peers = [o for o, x in q.partners.items() if x["channel_id"] == p["channel_id"] and x["status"] != "candidate"
             and q.cooperates(x, begins)]
    customers = {o: q.sales[o]["customers"] for o in peers if o in q.sales and q.sales[o]["customers"]}
    found["customers_percentile"] = ranked(who, p, {**customers, **({who: sold["customers"]} if sold and sold["customers"]
                                                                   else {})}, "no_known_customers", peers)
    teams = {o: q.partners[o]["sales_team_size"] for o in {*peers, who} if q.partners[o]["sales_team_size"] is not None}
    found["team_percentile"] = ranked(who, p, teams, "no_team_size", peers)
    margins = {o: float((q.sales[o]["net"] - q.sales[o]["cost"]) / q.sales[o]["net"]) for o in {*peers, who}
               if o in q.sales and q.sales[o]["net"] > 0 and not q.sales[o]["no_cost"]}
    found["margin_percentile"] = ranked(who, p, margins, "no_sales" if not has_net else "no_cost", peers)
    target = q.targets.get(who)
    if target is None:
        months = [q.month_targets[who].get(m) for m, _, _ in periods("month", q.start, q.end)]
        target = sum(months) if all(m is not None for m in months) else None
    if target and q.running:
        target = target * ((q.close - q.start).days + 1) / ((q.end - q.start).days + 1)
    found["attainment"] = (None, "no_target") if not target or target <= 0 else (None, "incomplete_history") \
        if q.start < begins else (float(net / target), None)
    found["growth"] = growth(net, q.prior.get(who), q.prior_start, q.prior_end, begins)
    found["overstock_rate"], found["days_of_inventory"] = stock_values(world, q, who, stock)
    said = q.voice.get(who)
    found["satisfaction_rate"] = (said["satisfied"] / said["n"], None) \
        if said and said["n"] >= s["scorecard_responses_min"] else (None, "no_responses")
    orders = sold["orders"] if sold else 0
    found["complaint_rate"] = (q.complaints.get(who, 0) / orders, None) if orders else (None, "no_sales")
    found["conflict_share"] = (float(q.conflicts.get(who, Decimal(0)) / net), None) if has_net else (None, "no_sales")
    found["clean_file_rate"] = files.get((who, q.name), (None, "no_expected_files"))
    marks = [m for r in world.reviews if r["partner_id"] == who and in_quarter(r["period"], q)
             for m in (r["brand_alignment_score"], r["cooperation_score"]) if m is not None]
    found["review_score"] = (sum(marks) / len(marks), None) if marks else (None, "no_reviews")
    return found


def in_quarter(period, q):
    first, last = first_of(period)
    return last <= q.world.as_of and first <= q.end and last >= q.start


def ranked(who, p, everyone, reason, peers):
    if who not in everyone:
        return None, reason
    if len([o for o in everyone if o != who]) == 0:
        return None, "alone_in_channel"
    return percentile(everyone[who], list(everyone.values())), None


def stock_values(world, q, who, stock):
    if who not in stock.snapshots:
        return (None, "no_stock_data"), (None, "no_stock_data")
    rate, value, cogs, days = (None, "no_stock_data"), Decimal(0), Decimal(0), 0
    for _, start, end in periods("month", q.start, q.close):
        month = Month(stock, who, start, min(end, q.close))
        if not month.is_reporting:
            continue
        if month.sells and not month.no_cost and month.judged > 0:
            rate = float(month.over / month.judged), None
        # A month that no count opens says nothing of average stock.
        if month.has_opening and month.average is not None and month.cogs is not None:
            value += month.average * month.days
            cogs += month.cogs
            days += month.days
    cover = (float(value / cogs), None) if cogs > 0 else (None, "no_sales" if days else "no_stock_data")
    return rate, cover


def clean_files(world):
    """Of the files expected of a partner's senders, those that came in time, once and without a refused row."""
    inbox, found = world.inbox, defaultdict(lambda: [0, 0])
    reporters = defaultdict(set)
    for f in inbox.files:
        for row in f.rows:
            if row.get("partner_id") and f.sender != "hq":
                reporters[f.sender].add(row["partner_id"])
    for d in inbox.expected_files():
        for partner in reporters[d["sender"]]:
            at = partner, name_of("quarter", d["day"])
            found[at][0] += 1
            found[at][1] += d["is_clean"]
    return {at: (clean / n, None) for at, (n, clean) in found.items() if n}


def partner_scorecard(world):
    from stock import Stock
    s, as_of = world.settings, world.as_of
    begins = world.rows("select min(day) as d from lines")[0]["d"]
    world.reviews = world.rows("select * from partner_reviews")
    files, stock = clean_files(world), Stock(world)
    metrics = world.tables["scorecard_metrics"]
    history, out = {}, []
    for name, start, end in periods("quarter", begins, as_of):
        q = Quarter(world, name, start, end)
        rows = []
        for who, p in q.partners.items():
            is_candidate = p["status"] == "candidate"
            if not q.cooperates(p, begins):
                continue
            # A candidate is one from the list on that first names it.
            if is_candidate and (p["_snapshot"] > q.close):
                continue
            rows.append(card(world, q, p, values(world, q, p, begins, files, stock), metrics, history))
        places(rows)
        for r in rows:
            history[r["partner_id"], start] = r
        out += rows
    world.cards = out
    world.keep("m_partner_scorecard", [{k: v for k, v in r.items() if not k.startswith("_")} for r in out],
               decimals=["score", "weight_present", "weakest_metric_points_lost", *POINTS.values()])


def gate(value, is_passed):
    return "unknown" if value is None else "passed" if is_passed(value) else "failed"


def card(world, q, p, found, metrics, history):
    s = world.settings
    share = {}
    for m in metrics:
        value = found[m["metric"]][0]
        if value is not None:
            share[m["metric"]] = min(1.0, max(0.0, (value - m["zero_at"]) / (m["full_at"] - m["zero_at"])))
    present = sum(m["weight"] for m in metrics if m["metric"] in share)
    points = {m["metric"]: round(m["weight"] * share[m["metric"]] * 100 / present, 6) for m in metrics if m["metric"] in share}
    lost = {m["metric"]: m["weight"] * (1 - share[m["metric"]]) * 100 / present for m in metrics if m["metric"] in share}
    score = Decimal(repr(round(sum(points.values()), 9))).quantize(Decimal("0.01"), ROUND_HALF_UP) if present else None
    graded = present >= s["scorecard_weight_min"]
    grade = None if not graded else next(g for g, cut in (("A", s["scorecard_grade_a"]), ("B", s["scorecard_grade_b"]), (
        "C", s["scorecard_grade_c"]), ("D", -1)) if score >= cut)
    before = history.get((p["partner_id"], add_months(q.start, -3)))
    gates = {"licence_gate": gate(p["licence_valid_until"], lambda v: v >= q.close),
             "industry_years_gate": gate(p["industry_years"], lambda v: v >= s["scorecard_industry_years_min"]),
             "registered_capital_gate": gate(p["registered_capital"], lambda v: v >= s["scorecard_capital_min"])}
    overall = "failed" if "failed" in gates.values() else "unknown" if "unknown" in gates.values() else "passed"
    streak = {}
    for letter in ("A", "D"):
        held = before[f"_{letter}"] if before else 0
        streak[letter] = held if q.running else (held + 1 if grade == letter else 0)
    is_candidate = p["status"] == "candidate"
    weakest = max(lost, key=lambda m: (round(lost[m], 6), [x["metric"] for x in metrics][::-1].index(m))) if lost else None
    if weakest and lost[weakest] <= 1e-9:
        weakest = None
    weight = {m["metric"]: m["weight"] for m in metrics}
    missing = sorted((m for m in weight if m not in share), key=lambda m: (-weight[m], m))
    advice = None
    if not is_candidate:
        # Quarters in a row speak for one that is like them: who is no longer D in the running quarter is given its time.
        if overall == "failed" or grade == "D" and streak["D"] >= s["scorecard_terminate_quarters"]:
            advice = "terminate_review"
        elif graded:
            advice = "promote_to_regional_agent" if grade == "A" and streak["A"] >= s["scorecard_promote_quarters"] else \
                "develop" if grade in "AB" else "improve_plan"
    named = {"growth": "sales_growth"}
    row = {
        "partner_id": p["partner_id"], "partner_name": p["name"], "partner_manager": p["manager"],
        "channel_id": p["channel_id"], "cooperation_mode": p["cooperation_mode"], "partner_status": p["status"],
        "quarter": q.name, "quarter_start": q.start, "is_provisional": q.running, "licence_valid_until": p["licence_valid_until"],
        **gates, "gates": overall, "score": score, "score_status": None if present else "nothing_measured", "grade": grade,
        "grade_status": None if graded else "too_little_measured", "weight_present": Decimal(present),
        "missing_parts": ", ".join(f"{m} ({found[m][1]})" for m in missing) or None,
        "previous_grade": before["grade"] if before else None, "a_quarters": streak["A"], "d_quarters": streak["D"],
        "advice": advice, "advice_status": "candidate" if is_candidate else None if advice else "too_little_measured",
        "weakest_metric": weakest, "weakest_metric_points_lost": Decimal(repr(round(lost[weakest], 9))) if weakest else None,
        "_A": streak["A"], "_D": streak["D"]}
    for dimension, column in POINTS.items():
        own = [points[m["metric"]] for m in metrics if m["dimension"] == dimension and m["metric"] in points]
        row[column] = Decimal(repr(round(sum(own), 9))) if own else None
    for metric, (value, why) in found.items():
        row[named.get(metric, metric)], row[f"{named.get(metric, metric)}_status"] = value, why
    return row


def places(rows):
    """Place by score in the channel; candidates among themselves, who failed a gate not at all."""
    for r in rows:
        is_candidate = r["partner_status"] == "candidate"
        out = r["score"] is None or (is_candidate and r["gates"] == "failed")
        peers = [x for x in rows if x["channel_id"] == r["channel_id"] and x["score"] is not None
                 and (x["partner_status"] == "candidate") == is_candidate and not (is_candidate and x["gates"] == "failed")]
        r["score_rank_in_channel"] = None if out else 1 + sum(x["score"] > r["score"] for x in peers)
        r["score_rank_in_channel_status"] = None if not out else "nothing_measured" if r["score"] is None else "failed_gate"

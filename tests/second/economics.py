"""What partners earn and cost under their mode of cooperation, and the best distributor of the year."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

from advice import territory
from bcg import versions_of
from periods import add_months, elapsed_end, first_of, growth, name_of, periods
from stock import ONE

SUPPORTS = ("training", "logistics", "marketing")


def partner_economics(world):
    s, as_of, rows = world.settings, world.as_of, []
    begins = world.rows("select min(day) as d from lines")[0]["d"]
    firsts = dict(world.sql("select partner_id, min(day) from lines group by all").fetchall())
    net = defaultdict(dict)
    for p, d, v in world.sql("select partner_id, day, sum(net) from lines group by all").fetchall():
        net[p][d] = v
    costs = booked(world)
    accrued = defaultdict(lambda: [Decimal(0), None])
    for r in world.rebate_months:
        at = accrued[r["partner_id"], r["month"]]
        at[0] += r["rebate"] or 0
        at[1] = r["reason"] or at[1]
    for name, start, end in periods("month", begins, as_of):
        close = min(end, as_of)
        prior_start = add_months(start, -1)
        prior_end = start - ONE if end <= as_of else elapsed_end(start, as_of, prior_start, start - ONE)
        month = []
        for p in versions_of(world, "partners", "partner_id"):
            who = p["partner_id"]
            if not (p["from_day"] <= close < p["to_day"]) or firsts.get(who, as_of + ONE) > close:
                continue
            own = sum((v for d, v in net[who].items() if start <= d <= close), Decimal(0))
            was = sum((v for d, v in net[who].items() if prior_start <= d <= prior_end), Decimal(0))
            month.append(row_of(world, p, name, start, end, close, own, was, costs, accrued[who, name]))
        for r in month:
            uplift(s, r, month, prior_start, prior_end, begins)
        rows += month
    world.keep("m_partner_economics", rows, decimals=[
        "net_sales", "distribution_margin", "agency_commission", "franchise_fees", "accrued_rebates", "training_support",
        "logistics_support", "marketing_support", "other_support", "support_cost", "month_before_net_sales", "sales_uplift"])


def booked(world):
    """Costs booked on a partner by month and type, in base currency by the last rate of the month."""
    return {(p, m, t): v for p, m, t, v in world.sql("""
        select c.partner_id, c.month, c.cost_type, sum(cast(round(c.amount * case when c.currency = {base} then 1
            else r.rate_to_base end, 4) as decimal(18,4)))
        from (select *, least(period_last(month), {as_of}) as closes_on from channel_costs where partner_id is not null) c
        asof left join fx_rates r on r.currency = c.currency and r.rate_date <= c.closes_on
        group by all""", base=world.config["company"]["base_currency"]).fetchall()}


def purchase_cost(world, who, start, close):
    """Cost of the goods that a distributor sold in a month, at its average purchase price of the days before its close."""
    first = close - timedelta(days=world.settings["purchase_price_days"] - 1)
    bought = {k: (money, units) for k, money, units in world.sql("""
        select sku, sum(net), sum(quantity) from receipts where partner_id = {who} and quantity > 0
            and day between {first} and {close} group by all""", who=who, first=first, close=close).fetchall()}
    cost = Decimal(0)
    for sku, units in world.sql("""select sku, sum(quantity) from lines where partner_id = {who} and sale_type <> 'adjustment'
            and day between {start} and {close} group by all""", who=who, start=start, close=close).fetchall():
        if not units:
            continue
        if sku not in bought or not bought[sku][1]:
            return None
        cost += bought[sku][0] * int(units) / int(bought[sku][1])
    return cost


def row_of(world, p, name, start, end, close, own, was, costs, accrued):
    who, mode = p["partner_id"], p["cooperation_mode"]
    support = {t: costs.get((who, name, t), Decimal(0)) for t in SUPPORTS}
    counted = [t["cost_type"] for t in world.tables["support_cost_types"]]
    other = sum((costs.get((who, name, t), Decimal(0)) for t in counted if t not in SUPPORTS), Decimal(0))
    whole = sum((support[t] for t in SUPPORTS if t in counted), Decimal(0)) + other
    margin = margin_rate = commission = fees = None
    margin_why, commission_why, fees_why = "not_distribution", "not_agency", "not_franchise"
    rate_why = "not_distribution"
    if mode == "distribution":
        cost = purchase_cost(world, who, start, close)
        margin = None if cost is None else own - cost
        margin_why = "no_purchase_price" if cost is None else None
        margin_rate = float(margin / own) if margin is not None and own > 0 else None
        rate_why = margin_why or (None if own > 0 else "no_sales")
    if mode == "agency":
        delivered = costs.get((who, name, "commission"))
        rate = p["commission_rate"]
        commission = delivered if delivered is not None else None if rate is None else max(own, Decimal(0)) * rate
        commission_why = "no_commission_rate" if commission is None else None
    if mode == "franchise":
        fee, share = p["franchise_fee_per_month"], p["management_fee_rate"]
        fees = None if fee is None and share is None else (fee or 0) + max(own, Decimal(0)) * (share or 0)
        fees_why = "no_fee_terms" if fees is None else None
    return {
        "partner_id": who, "partner_name": p["name"], "partner_manager": p["manager"], "channel_id": p["channel_id"],
        "cooperation_mode": mode, "month": name, "month_start": start, "is_provisional": end > world.as_of, "net_sales": own,
        "distribution_margin": margin, "distribution_margin_rate": margin_rate, "distribution_margin_status": margin_why,
        "distribution_margin_rate_status": rate_why, "agency_commission": commission,
        "agency_commission_status": commission_why, "franchise_fees": fees, "franchise_fees_status": fees_why,
        "accrued_rebates": None if accrued[1] else accrued[0], "accrued_rebates_status": accrued[1],
        **{f"{t}_support": support[t] for t in SUPPORTS}, "other_support": other, "support_cost": whole,
        "support_cost_status": None,
        "is_supported": whole > 0 and (own <= 0 or whole >= own * Decimal(str(world.settings["support_share_min"]))),
        "month_before_net_sales": was}


def uplift(s, r, month, prior_start, prior_end, begins):
    peers = [x for x in month if x["channel_id"] == r["channel_id"]
             and x["cooperation_mode"] == r["cooperation_mode"] and not x["is_supported"] and x["month_before_net_sales"] > 0]
    known = prior_start >= begins
    rate = None
    if peers and known:
        before = sum(x["month_before_net_sales"] for x in peers)
        rate = sum(x["net_sales"] for x in peers) / before - 1
    early = "no_prior_period" if prior_end < begins else "incomplete_history" if not known else None
    r["comparable_partners"] = len(peers)
    r["comparable_growth"] = None if rate is None else float(rate)
    r["comparable_growth_status"] = "no_comparable_partners" if not peers else early
    why = "no_support" if not r["is_supported"] else early or (
        "no_prior_period" if r["month_before_net_sales"] <= 0 else "no_comparable_partners"
        if len(peers) < s["support_comparables_min"] else None)
    r["sales_uplift"] = None if why else r["net_sales"] - r["month_before_net_sales"] * (1 + rate)
    r["sales_uplift_status"] = r["support_return_status"] = why
    r["support_return"] = None if why else float(r["sales_uplift"] / r["support_cost"])


def partner_awards(world):
    """Ranked in all by the mean of the year's quarterly scores, in each region by what was sold there."""
    s, as_of, out = world.settings, world.as_of, []
    begins = world.rows("select min(day) as d from lines")[0]["d"]
    kinds = {t["channel_type"] for t in world.tables["award_channel_types"]}
    cards = defaultdict(list)
    for c in world.cards:
        cards[c["partner_id"], c["quarter_start"].year].append(c)
    for name, start, end in periods("year", begins, as_of):
        close = min(end, as_of)
        channel_types = {c["channel_id"]: c["channel_type"] for c in versions_of(world, "channels", "channel_id")
                         if c["from_day"] <= close < c["to_day"]}
        rows = []
        for p in versions_of(world, "partners", "partner_id"):
            held = cards.get((p["partner_id"], start.year), [])
            if not (p["from_day"] <= close < p["to_day"]) or p["status"] == "candidate" or not held \
                    or channel_types.get(p["channel_id"]) not in kinds:
                continue
            for scope in ["all"] + territory(p):
                rows.append(award(world, p, scope, held, (name, start, end, close), begins))
        for scope in {r["award_scope"] for r in rows}:
            place([r for r in rows if r["award_scope"] == scope], scope)
        out += rows
    world.keep("m_partner_awards", out, decimals=["award_score", "net_sales", "target", "target_due"])


def award(world, p, scope, held, year, begins):
    s = world.settings
    name, start, end, close = year
    who = p["partner_id"]
    scored = [c["score"] for c in held if c["score"] is not None]
    score = sum(scored) / len(scored) if scored else None
    place_filter = "" if scope == "all" else " and region = {scope}"
    net = world.sql(f"""select coalesce(sum(net), 0) from lines where partner_id = {{who}} and day between {{start}} and {{close}}
        {place_filter}""", who=who, start=start, close=close, scope=scope).fetchall()[0][0]
    failed = any(c["gates"] == "failed" for c in held)
    reason = "nothing_measured" if score is None else "failed_gate" if failed else \
        "too_few_quarters" if len(scored) < s["award_quarters_min"] else "no_sales" if scope != "all" and net <= 0 else None
    row = {"year": name, "is_provisional": end > world.as_of, "award_scope": scope, "partner_id": who, "partner_name": p["name"],
           "partner_manager": p["manager"], "channel_id": p["channel_id"], "place_status": reason, "award_score": score,
           "award_score_status": None if score is not None else "nothing_measured", "scored_quarters": len(scored),
           "net_sales": net, "sales_growth": None, "sales_growth_status": "not_by_region", "target": None, "target_due": None,
           "attainment": None, "attainment_status": "not_by_region"}
    if scope == "all":
        row.update(all_scope(world, who, held, net, year, begins))
    return row


def all_scope(world, who, held, net, year, begins):
    name, start, end, close = year
    prior_start = min(c["quarter_start"] for c in held)
    first = add_months(prior_start, -12)
    last = add_months(close, -12) if end > world.as_of else start - ONE
    was = world.sql("select sum(net) from lines where partner_id = {who} and day between {first} and {last}",
                    who=who, first=first, last=last).fetchall()[0][0]
    rate, why = growth(net, was, first, last, begins)
    # Quarter by quarter: one whose quarter before is known in part, else one that has none before.
    before = [first_of(name_of("quarter", add_months(c["quarter_start"], -12))) for c in held]
    if why == "incomplete_history" and not any(a < begins <= b for a, b in before):
        why = "no_prior_period"
    known = {(m): t for m, t in world.sql("""select period, target from targets where scope = 'partner' and scope_id = {who}
        and metric = 'net_sales'""", who=who).fetchall()}
    target = known.get(name)
    if target is None:
        for kind in ("quarter", "month"):
            parts = [known.get(n) for n, _, _ in periods(kind, start, end)]
            if all(v is not None for v in parts):
                target = sum(parts)
                break
    due = None if target is None else target * ((close - start).days + 1) / ((end - start).days + 1)
    short = start < begins
    return {"sales_growth": rate, "sales_growth_status": why, "target": target, "target_due": due,
            "attainment": float(net / due) if due and due > 0 and not short else None,
            "attainment_status": "no_target" if not due or due <= 0 else "incomplete_history" if short else None}


def place(rows, scope):
    able = [r for r in rows if r["place_status"] is None]
    able.sort(key=lambda r: (-r["award_score"], -r["net_sales"], r["partner_id"]) if scope == "all"
              else (-r["net_sales"], -r["award_score"], r["partner_id"]))
    for r in rows:
        r["place"] = able.index(r) + 1 if r in able else None
        r["is_winner"] = r["place"] == 1
        r["placed_partners"] = len(able) if r in able else 0

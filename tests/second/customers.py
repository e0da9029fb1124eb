"""Customers: recency, frequency, money, segments, ABC, lifetime value and what to do next; cohorts; referrals."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from statistics import median

import numpy as np

import lifetime
from periods import add_months, name_of

ONE = timedelta(days=1)
YEAR = 365


class Buyers:
    """Orders and lines of every identified customer up to a day."""

    def __init__(self, world):
        self.world, self.s = world, world.settings
        self.orders, self.lines = defaultdict(list), defaultdict(list)
        for r in world.rows("""
                select customer_id, order_key, any_value(channel_id) as channel_id, min(day) as day, min(sold_at) as moment
                from lines where sale_type = 'sale' and customer_id is not null group by all order by moment"""):
            self.orders[r["customer_id"]].append((r["day"], r["channel_id"], r["moment"]))
        for r in world.rows("""select customer_id, day, channel_id, category, sum(net) as net,
                sum(case when sale_type <> 'adjustment' then quantity * unit_cost else 0 end) as cost,
                bool_or(unit_cost is null and sale_type <> 'adjustment') as no_cost
                from lines where customer_id is not null group by all order by day"""):
            self.lines[r["customer_id"]].append(r)

    def net(self, customer, first, last):
        return sum((r["net"] for r in self.lines.get(customer, []) if first <= r["day"] <= last), Decimal(0))

    def cells(self, as_of):
        """The eight cells of everybody who had bought by a day."""
        found = {}
        for customer, orders in self.orders.items():
            days = [d for d, _, _ in orders if d <= as_of]
            if not days:
                continue
            last = days[-1]
            recent = [d for d in days if d > last - timedelta(days=YEAR)]
            # What came back after the last order is not money that was spent.
            value = self.net(customer, last - timedelta(days=YEAR - 1), as_of) / len(recent)
            found[customer] = [(as_of - last).days, len(recent), value]
        middle = median(v for _, _, v in found.values()) if found else None
        return {customer: ("N" if near <= self.s["near_days"] else "F")
                + ("H" if n >= self.s["high_frequency_orders"] else "L") + ("H" if value >= middle else "L")
                for customer, (near, n, value) in found.items()}


def score(value, cuts, method, reverse=False):
    if method == "quantile_plus_one":
        place = 1 + sum(c + 1 <= value for c in cuts)
    else:
        place = 1 + sum(c < value for c in cuts)
    return 6 - place if reverse else place


def cut_points(world, values, measure):
    if world.settings["score_method"] == "fixed":
        return [t["cut"] for t in sorted(world.tables["score_cuts"], key=lambda t: t["position"]) if t["measure"] == measure]
    return [float(q) for q in np.quantile([float(v) for v in values], [0.2, 0.4, 0.6, 0.8])] if values else None


def abc(world, spend):
    """A while the share before the own is under 80 %, B under 95 %, ties by id."""
    whole, before, found = sum(v for v in spend.values() if v > 0), Decimal(0), {}
    for customer in sorted(spend, key=lambda c: (-spend[c], c)):
        share = float(before / whole) if whole else 1.0
        found[customer] = "C" if spend[customer] <= 0 or share >= world.settings["abc_b_share"] else \
            "A" if share < world.settings["abc_a_share"] else "B"
        before += max(spend[customer], 0)
    return found


def best(counts):
    """The name with most orders, then money, then the latest, then by id."""
    return min(counts, key=lambda c: (-counts[c][0], -counts[c][1], -counts[c][2].timestamp(), c)) if counts else None


def customer_scores(world):
    s, as_of = world.settings, world.as_of
    world.buyers = buyers = Buyers(world)
    first = as_of - timedelta(days=s["customer_window_days"] - 1)
    on_file = {r["customer_id"]: r for r in world.rows("select * from customers_now")}
    everybody = sorted(set(on_file) | set(buyers.orders))
    frequency = {c: sum(first <= d <= as_of for d, _, _ in buyers.orders.get(c, [])) for c in everybody}
    spend = {c: buyers.net(c, first, as_of) for c in everybody}
    inside = [c for c in everybody if frequency[c]]
    recency = {c: (as_of - buyers.orders[c][-1][0]).days for c in everybody if buyers.orders.get(c)}
    cuts = {"r": cut_points(world, [recency[c] for c in inside], "recency"),
            "f": cut_points(world, [frequency[c] for c in inside], "frequency"),
            "m": cut_points(world, [spend[c] for c in inside], "monetary")}
    classes = abc(world, spend)
    names = {t["rfm_cell"]: t for t in world.tables["rfm_cells"]}
    now = buyers.cells(as_of)
    then = buyers.cells(as_of.replace(day=1) - ONE)
    values = lifetime.values(world, buyers, everybody, first)
    out = []
    for c in everybody:
        file, orders = on_file.get(c), buyers.orders.get(c, [])
        cell, before = now.get(c), then.get(c)
        segment = names[cell]["segment"] if cell else None
        scores = dict.fromkeys(("r_score", "f_score", "m_score"))
        if orders and inside:
            method = s["score_method"]
            scores = {"r_score": score(recency[c], cuts["r"], method, True), "f_score": score(frequency[c], cuts["f"], method),
                      "m_score": score(float(spend[c]), cuts["m"], method)}
        out.append({
            "as_of_date": as_of, "customer_id": c, "joined_on": file and file["joined_on"], "region": file and file["region"],
            "manager": file and file["manager"], "is_contact_allowed": bool(file and file["contact_allowed"]),
            "contact_status": "unknown" if file is None or file["contact_allowed"] is None else None,
            "first_order_on": orders[0][0] if orders else None, "last_order_on": orders[-1][0] if orders else None,
            "recency_days": recency.get(c), "frequency": frequency[c], "frequency_all_time": len(orders),
            "monetary": spend[c], "monetary_all_time": buyers.net(c, as_of - timedelta(days=99999), as_of),
            "average_order_value": spend[c] / frequency[c] if frequency[c] else None,
            "sales_status": "no_sales" if not orders else None if frequency[c] else "no_sales_in_window", **scores,
            "score_status": "no_sales" if not orders else None if inside else "no_cuts",
            "rfm_segment": rfm_segment(world, scores), "rfm_cell": cell, "segment": segment,
            "segment4": names[cell]["segment4"] or None if cell else None, "segment_status": None if cell else "no_sales",
            "abc_class": classes[c], **values[c], "preferred_channel": preferred(buyers, c, first),
            "preferred_category": category(buyers, c, first), "previous_rfm_cell": before,
            "previous_segment": names[before]["segment"] if before else None, "movement": movement(before, cell),
            "next_action": action(segment, classes[c])})
    world.scores = {r["customer_id"]: r for r in out}
    world.keep("m_customer_scores", out, decimals=["monetary", "monetary_all_time", "average_order_value", "clv",
                                                   "expected_purchase_value"])


def rfm_segment(world, scores):
    if scores["r_score"] is None:
        return None
    for t in sorted(world.tables["rfm_segments"], key=lambda t: t["position"]):
        if t["r_min"] <= scores["r_score"] <= t["r_max"] and all(
                t["fm_min"] <= scores[k] <= t["fm_max"] for k in ("f_score", "m_score")):
            return t["segment"]
    return "Others"


def preferred(buyers, c, first):
    counts = {}
    for day, channel, at in buyers.orders.get(c, []):
        if day >= first:
            n, net, latest = counts.get(channel, (0, Decimal(0), at))
            counts[channel] = (n + 1, net, max(latest, at))
    for channel, (n, _, latest) in counts.items():
        net = sum(r["net"] for r in buyers.lines[c] if r["day"] >= first and r["channel_id"] == channel)
        counts[channel] = (n, net, latest)
    return best(counts)


def category(buyers, c, first):
    net = defaultdict(Decimal)
    for r in buyers.lines.get(c, []):
        if r["day"] >= first:
            net[r["category"]] += r["net"]
    kept = {k: v for k, v in net.items() if k is not None and v > 0}
    return min(kept, key=lambda k: (-kept[k], k)) if kept else None


def movement(before, cell):
    if cell is None:
        return None
    if before is None:
        return "new"
    better = sum(a + b in ("FN", "LH") for a, b in zip(before, cell))
    worse = sum(a + b in ("NF", "HL") for a, b in zip(before, cell))
    return "mixed" if better and worse else "improved" if better else "declined" if worse else "unchanged"


def action(segment, abc_class):
    if segment in ("lost", "lost_big_spender"):
        return "win_back_coupon_and_survey"
    if segment == "at_risk_high_value":
        return "manager_call"
    if segment == "high_value" or abc_class == "A":
        return "quarterly_visit_and_exclusive_offer"
    if segment == "potential" or abc_class == "B":
        return "recommend_in_preferred_category"
    return "standard_service_and_points"


def customer_retention(world):
    """Who first bought in a month, month by month: over all, by first channel, by today's segment."""
    buyers, as_of = world.buyers, world.as_of
    firsts, active, orders_by, net = {}, defaultdict(set), defaultdict(list), defaultdict(Decimal)
    for c, orders in buyers.orders.items():
        firsts[c] = orders[0]
        for day, _, _ in orders:
            active[c].add(day.replace(day=1))
    for c, lines in buyers.lines.items():
        for r in lines:
            net[c, r["day"].replace(day=1)] += r["net"]
    groups = defaultdict(set)
    for c, (day, channel, _) in firsts.items():
        for dimension, value in (("all", "all"), ("first_channel", channel), ("segment", world.scores[c]["segment"])):
            groups[dimension, value, day.replace(day=1)].add(c)
            groups[dimension, value, None].add(c)
    begin = min(o[0] for o in firsts.values()).replace(day=1)
    out = []
    for (dimension, value, cohort), members in groups.items():
        start = cohort or min(firsts[c][0] for c in members).replace(day=1)
        clvs = [world.scores[c]["clv"] for c in members if world.scores[c]["clv"] is not None]
        while start <= as_of:
            end = add_months(start, 1) - ONE
            here = [c for c in members if firsts[c][0] <= end]
            acting = sum(start in active[c] for c in here)
            repeats = sum(sum(d <= end for d, _, _ in buyers.orders[c]) >= 2 for c in here)
            known = clvs if cohort else [world.scores[c]["clv"] for c in here if world.scores[c]["clv"] is not None]
            out.append({
                "dimension": dimension, "dimension_value": value,
                "cohort_month": name_of("month", cohort) if cohort else "all", "cohort_start": cohort,
                "month": name_of("month", start), "month_start": start,
                "months_since": (start.year - cohort.year) * 12 + start.month - cohort.month if cohort else None,
                "is_provisional": end > as_of, "cohort_customers": len(here), "active_customers": acting,
                "retention_rate": acting / len(here), "net_sales": sum((net[c, start] for c in here), Decimal(0)),
                "repeat_customers": repeats, "repeat_rate": repeats / len(here), "clv_customers": len(known),
                "clv": sum(known, Decimal(0)) if known else None,
                "average_clv": sum(known, Decimal(0)) / len(known) if known else None,
                "clv_status": None if known else "no_lifetime_value"})
            start = add_months(start, 1)
    world.keep("m_customer_retention", out, decimals=["net_sales", "clv", "average_clv"])


def referrals(world):
    s, as_of, buyers = world.settings, world.as_of, world.buyers
    on_file = {r["customer_id"]: r for r in world.rows("select * from customers_now")}
    begins = world.rows("select min(day) as d from lines")[0]["d"]
    groups = defaultdict(list)
    for c, r in on_file.items():
        if r["referred_by"] and r["referred_by"] != c:
            groups[r["referred_by"]].append(r)
    out = []
    for referrer, referred in groups.items():
        known = [r for r in referred if r["joined_on"] and r["joined_on"] >= begins]
        total = reward = Decimal(0)
        bought = 0
        for r in known:
            last = min(add_months(r["joined_on"], 12) - ONE, as_of)
            net = buyers.net(r["customer_id"], r["joined_on"], last)
            total += net
            if any(r["joined_on"] <= d <= last for d, _, _ in buyers.orders.get(r["customer_id"], [])):
                bought += 1
                # Who brought everything back has bought nothing that earns a reward.
                reward += 0 if net <= 0 else min(s["referral_bonus"] + max(net, 0) * Decimal(str(s["referral_reward_rate"])),
                              s["referral_reward_max"])
        running = sum(add_months(r["joined_on"], 12) - ONE > as_of for r in referred if r["joined_on"])
        early = len(referred) - len(known)
        status = "incomplete_history" if not known else "partly_incomplete_history" if early else \
            "provisional" if any(add_months(r["joined_on"], 12) - ONE > as_of for r in known) else None
        file = on_file.get(referrer)
        joined = [r["joined_on"] for r in referred if r["joined_on"]]
        out.append({
            "as_of_date": as_of, "referrer_id": referrer, "manager": file and file["manager"],
            "referred_customers": len(referred), "referred_before_history": early,
            "referred_buyers": bought if known else None, "referred_in_first_year": running,
            "latest_joined_on": max(joined, default=None), "first_year_net_sales": total if known else None,
            "first_year_status": status, "reward_due": reward if known and file else None,
            "reward_status": status if file else "unknown_referrer"})
    world.keep("m_referrals", out, decimals=["first_year_net_sales", "reward_due"])

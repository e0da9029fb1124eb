"""What partners have earned by the rebate plans: tiers over what they bought or sold in a period, and what was paid."""

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal

from periods import add_months, elapsed_end, first_of, growth, periods

NULL_REASONS = ("no_target", "incomplete_history", "no_plan")


class Tiers:
    """The tiers of one plan, lowest first, and what an actual earns by them."""

    def __init__(self, rows):
        self.rows = sorted(rows, key=lambda t: t["from_value"])
        head = self.rows[0]
        self.method, self.metric, self.cap = head["method"], head["metric"], head["cap"]

    def reached(self, actual):
        return sum(1 for tier in self.rows if actual >= tier["from_value"])

    def earned(self, actual, growth_rate, is_granted):
        """How many tiers count: reached, and their growth shown (or taken as shown while it is not known)."""
        best = 0
        for number, tier in enumerate(self.rows[:self.reached(actual)], start=1):
            asked = tier["min_growth"]
            shown = asked is None or (is_granted if growth_rate is None else growth_rate >= float(asked))
            best = number if shown else best
        return best

    def rebate(self, actual, tiers):
        """Marginal: each band at its own rate, in units up to one less than the next edge. Retrospective: all of it at the
        rate of the highest tier. Single: that tier's amount."""
        total = Decimal(0)
        if tiers and self.method == "marginal":
            for number, tier in enumerate(self.rows[:tiers]):
                top = self.rows[number + 1]["from_value"] if number + 1 < tiers else None
                one = 1 if self.metric == "units" else 0
                band = (actual if top is None else top - one) - tier["from_value"] + one
                total += band * (tier["rate"] or 0) + (tier["amount"] or 0)
        elif tiers:
            tier = self.rows[tiers - 1]
            total = (tier["amount"] or 0) + (actual * tier["rate"] if tier["rate"] else 0)
        return min(total, self.cap) if self.cap is not None else total


class Book:
    """Daily amounts of each partner by basis and metric, and the day with which each basis begins."""

    def __init__(self, world):
        self.days = defaultdict(lambda: defaultdict(Decimal))
        for r in world.rows("""
                select partner_id, day, sum(net) as money,
                    sum(case when sale_type <> 'adjustment' then quantity else 0 end) as units from lines group by all"""):
            self.days["sell_out", "money", r["partner_id"]][r["day"]] = r["money"]
            self.days["sell_out", "units", r["partner_id"]][r["day"]] = Decimal(int(r["units"]))
        for r in world.rows("select partner_id, day, sum(net) as money, sum(quantity) as units from receipts group by all"):
            self.days["sell_in", "money", r["partner_id"]][r["day"]] = r["money"]
            self.days["sell_in", "units", r["partner_id"]][r["day"]] = Decimal(int(r["units"]))
        self.begins = {"sell_out": world.rows("select min(day) as d from lines")[0]["d"],
                       "sell_in": world.rows("select min(day) as d from receipts")[0]["d"]}

    def total(self, basis, metric, partner, first, last):
        return sum((v for d, v in self.days[basis, metric, partner].items() if first <= d <= last), Decimal(0))


def receipts(world):
    """What partners took in, on the day of receipt, else of dispatch, in base currency."""
    world.sql("""
        create table receipts as
        with dated as (
            select *, coalesce(received_on, shipped_on) as day from shipments
        )
        select d.*, cast(round(d.quantity * d.unit_price
            * case when d.currency = {base} then 1 else r.rate_to_base end, 4) as decimal(18,4)) as net
        from dated d asof left join fx_rates r on r.currency = d.currency and r.rate_date <= d.shipped_on
        where d.day <= {as_of}
    """, base=world.config["company"]["base_currency"])


def plans(world):
    found = defaultdict(list)
    for tier in world.rows("select * from rebate_plans"):
        found[tier["plan_id"]].append(tier)
    return found


def targets(world):
    """Targets of partners by metric and period; of a longer period without one, the sum of all shorter ones."""
    return {(r["scope_id"], r["metric"], r["period"]): r["target"]
            for r in world.rows("select * from targets where scope = 'partner'")}


def target_of(known, partner, metric, kind, start, end):
    from periods import name_of
    own = known.get((partner, metric, name_of(kind, start)))
    if own is not None or kind == "month":
        return own
    for shorter in ("quarter", "month") if kind == "year" else ("month",):
        parts = [known.get((partner, metric, name)) for name, _, _ in periods(shorter, start, end)]
        if all(p is not None for p in parts):
            return sum(parts)
    return None


def accruals(world):
    """Every partner, plan and period with what it comes to; also what each month of a period added to it."""
    receipts(world)
    world.book = book = Book(world)
    known, as_of = targets(world), world.as_of
    begins_all = min(d for d in book.begins.values() if d)
    partners = world.rows("select * from partners_v")
    out, monthly = [], []
    for plan_id, rows in plans(world).items():
        head, tiers = rows[0], Tiers(rows)
        basis, metric, kind = head["basis"], head["metric"], head["period_type"]
        begins = book.begins[basis]
        for name, start, end in periods(kind, begins_all, as_of):
            if (head["valid_from"] and head["valid_from"] > end) or (head["valid_to"] and head["valid_to"] < start):
                continue
            close = min(end, as_of)
            for p in partners:
                in_scope = head["scope"] == "total" or p[{"partner": "partner_id", "channel": "channel_id"}[head["scope"]]] \
                    == head["scope_id"]
                if not (p["from_day"] <= close < p["to_day"]) or not in_scope or p["status"] == "candidate":
                    continue
                if (p["joined_on"] and p["joined_on"] > close) or (p["ended_on"] and p["ended_on"] < start):
                    continue
                first = max(start, head["valid_from"] or start)
                last = min(close, head["valid_to"] or close)
                row = measure(book, known, tiers, head, p, (name, start, end, first, last), begins, as_of)
                out.append(row)
                monthly += by_month(book, tiers, head, row, first, last)
    world.rebates, world.rebate_months = out, monthly


def measure(book, known, tiers, head, partner, period, begins, as_of):
    name, start, end, first, last = period
    basis, metric = head["basis"], head["metric"]
    who = partner["partner_id"]
    actual = book.total(basis, metric, who, first, last)
    prior_start, prior_end = add_months(start, -12), add_months(first, -12)
    prior_last = first_of(name_before(name))[1]
    prior_close = prior_last if end <= as_of else elapsed_end(start, as_of, prior_start, prior_last)
    prior = book.total(basis, metric, who, prior_end, prior_close)
    rate, rate_status = growth(actual, prior, prior_start, prior_close, begins)
    noun = {"sell_out": {"money": "net_sales", "units": "units"},
            "sell_in": {"money": "sell_in_sales", "units": "sell_in_units"}}[basis][metric]
    target = target_of(known, who, noun, head["period_type"], start, end)
    is_known = start >= begins
    reason = None if is_known else "incomplete_history"
    reached = tiers.reached(actual)
    sure, hopeful = tiers.earned(actual, rate, False), tiers.earned(actual, rate, True)
    next_tier = tiers.rows[reached]["from_value"] - actual if reached < len(tiers.rows) else None
    asks = any(t["min_growth"] is not None for t in tiers.rows[:reached])
    return {
        "partner_id": who, "partner_name": partner["name"], "partner_manager": partner["manager"],
        "channel_id": partner["channel_id"], "plan_id": head["plan_id"], "period_type": head["period_type"], "period": name,
        "period_start": start, "period_end": end, "is_provisional": end > as_of, "basis": basis, "metric": metric,
        "method": head["method"], "actual": actual, "plan_target": target,
        "attainment": float(actual / target) if is_known and target and target > 0 else None,
        "attainment_status": reason or (None if target and target > 0 else "no_target"),
        "prior_actual": None if rate_status == "incomplete_history" or prior_close < begins else prior,
        "growth": rate if is_known else None, "growth_status": reason or rate_status,
        "rebate_tier_no": (tiers.rows[sure - 1]["tier_no"] if sure else None) if is_known else None,
        "rebate_tier_no_with_growth": (tiers.rows[hopeful - 1]["tier_no"] if hopeful else None) if is_known else None,
        "rebate_tier_status": reason or (None if sure else "below_first_tier" if not reached else
                                  "growth_unknown" if rate is None else "growth_not_shown"),
        "is_growth_short": None if asks and rate is None else sure < reached,
        "missing_to_next_rebate_tier": next_tier if is_known else None,
        "missing_to_next_rebate_tier_status": reason or ("highest_tier" if next_tier is None else None),
        "is_capped": None if not is_known else tiers.cap is not None and tiers.rebate(actual, sure) >= tiers.cap,
        "rebate": tiers.rebate(actual, sure) if is_known else None,
        "rebate_with_growth": tiers.rebate(actual, hopeful) if is_known else None,
        "is_growth_unknown": is_known and sure != hopeful, "reason": reason,
        "growth_rate": rate, "tiers": tiers}


def name_before(name):
    """The same period a year before."""
    return str(int(name[:4]) - 1) + name[4:]


def by_month(book, tiers, head, row, first, last):
    """A month bears the rebate of its period by what it brought of what counts; the months add up to the cent."""
    months = [(name, max(book.total(head["basis"], head["metric"], row["partner_id"], max(start, first), min(end, last)),
                         Decimal(0)), Decimal((min(end, last) - start).days + 1))
              for name, start, end in periods("month", first, last)]
    whole = sum(weight for _, weight, _ in months)
    shares = [weight if whole > 0 else days for _, weight, days in months]
    rebate, so_far, before = row["rebate"], Decimal(0), Decimal(0)
    for (name, _, _), share in zip(months, shares):
        so_far += share
        now = None if rebate is None else cents(cents(rebate, 4) * so_far / sum(shares), 4)
        yield {"partner_id": row["partner_id"], "channel_id": row["channel_id"], "plan_id": head["plan_id"], "month": name,
               "rebate": None if rebate is None else now - before, "reason": row["reason"]}
        before = now


def cents(amount, places):
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def payouts(world):
    found = defaultdict(list)
    for r in world.rows("select * from rebate_payouts where paid_on <= {as_of}"):
        found[r["partner_id"], r["plan_id"], r["period"]].append(r)
    return found


def partner_rebates(world):
    """A row a period, and the lines behind it. `world.deductions` has the share that conflict cases propose to deduct."""
    paid, places = payouts(world), world.settings["rebate_decimals"]
    rows, lines = [], []
    for r in world.rebates:
        at = r["partner_id"], r["plan_id"], r["period"]
        payments = paid.get(at, [])
        rate = world.deductions.get(at, Decimal(0))
        deducted = None if r["rebate"] is None else r["rebate"] * rate
        due = None if r["rebate"] is None else cents(r["rebate"] - deducted, places)
        with_growth = None if due is None else cents(r["rebate_with_growth"] * (1 - rate), places)
        total = sum((p["amount"] for p in payments), Decimal(0))
        is_open = due is not None and (not r["is_provisional"] or payments)
        finality = r["reason"] or ("growth_unknown" if r["is_growth_unknown"] else "provisional" if r["is_provisional"] else
                                   "proposed" if rate else "final")
        rows.append({
            **{k: v for k, v in r.items() if k not in ("rebate", "is_growth_unknown", "reason", "growth_rate", "tiers")},
            "finality": finality, "rebate_before_deduction": r["rebate"], "deduction_rate": float(rate),
            "deducted_amount": deducted, "rebate_due": due, "rebate_due_with_growth": with_growth,
            "rebate_due_status": r["reason"], "paid_amount": total, "paid_amount_status": None,
            "open_amount": due - total if is_open else None,
            "open_amount_status": r["reason"] or (None if is_open else "provisional")})
        lines += lines_of(r, rate, due, total, payments)
    world.keep("m_partner_rebates", rows, decimals=["actual", "plan_target", "prior_actual", "missing_to_next_rebate_tier",
               "rebate_before_deduction", "rebate_with_growth", "deducted_amount", "rebate_due", "rebate_due_with_growth",
               "paid_amount", "open_amount"])
    world.keep("m_rebate_lines", lines, decimals=["earned_amount", "earned_amount_with_growth", "paid_amount",
                                                  "adjustment_amount"])


def lines_of(r, rate, due, total, payments):
    head = {k: r[k] for k in ("partner_id", "partner_name", "partner_manager", "channel_id", "plan_id", "period_type",
                              "period", "period_start", "period_end", "is_provisional")}
    empty = {"paid_on": None, "earned_amount": None, "earned_amount_with_growth": None, "paid_amount": None,
             "adjustment_amount": None}
    status = r["reason"] or ("growth_unknown" if r["is_growth_unknown"] else "provisional" if r["is_provisional"] else "computed")
    yield {**head, **empty, "line_kind": "accrual", "line_id": "accrual", "earned_amount": r["rebate"],
           "earned_amount_with_growth": r["rebate_with_growth"], "line_status": status}
    if rate and r["rebate"] is not None:
        yield {**head, **empty, "line_kind": "conflict_deduction", "line_id": "conflict_deduction",
               "earned_amount": -r["rebate"] * rate, "earned_amount_with_growth": -r["rebate_with_growth"] * rate,
               "line_status": "proposed"}
    for p in payments:
        yield {**head, **empty, "line_kind": "payout", "line_id": p["payout_id"], "paid_on": p["paid_on"],
               "paid_amount": p["amount"], "line_status": "paid"}
    if payments and (due is None or due != total):
        yield {**head, **empty, "line_kind": "adjustment", "line_id": "adjustment",
               "adjustment_amount": None if due is None else due - total,
               "line_status": "proposed" if rate and due is not None else status}

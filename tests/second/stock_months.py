"""Stock by month: turnover and cover of partners and channels, and whether counts agree with what came and went."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

from periods import add_months, name_of, periods
from stock import ONE, Stock, in_force


def overstock(stock, partner, sku, close):
    """Units above the required level at a close; None where the partner reports no sales."""
    s = stock.s
    at = stock.last_snapshot(partner, close)
    on_hand = max(stock.reported(partner, sku, at), 0)
    if partner not in stock.sellers:
        return None
    first = close - timedelta(days=s["demand_window_days"] - 1)
    sold = max(stock.units_sold(partner, sku, first, close), 0)
    if not sold:
        arrived = stock.arrived(partner, sku, close)
        return 0 if arrived and (close - arrived).days < s["new_item_days"] else on_hand
    days = stock.days_on_sale(partner, sku, first, close)
    return max(0, on_hand - -(-sold * stock.cover_days(sku) // days)) if days else on_hand


class Month:
    """What one partner's stock and sales come to in a month."""

    def __init__(self, stock, partner, start, close):
        s = stock.s
        self.days = (close - max(start, stock.snapshots[partner][0])).days + 1
        at = stock.last_snapshot(partner, close)
        reach = timedelta(days=s["stale_count_days"])
        self.reported_once = at is not None
        self.is_reporting = at is not None and at >= start - reach
        if not self.is_reporting:
            return
        opening = stock.last_snapshot(partner, start)
        self.has_opening = opening is not None
        skus = {k for p, k in set(stock.counts) | set(stock.sold) if p == partner}
        held = sorted(skus)
        self.average = total(cents(stock.average_value([(partner, k)], start, close)) for k in held)
        self.closing, self.booked, self.over, self.judged = Decimal(0), Decimal(0), Decimal(0), Decimal(0)
        self.no_cost = False
        for sku in held:
            units = stock.reported(partner, sku, at)
            if not units:
                continue
            cost = stock.cost(partner, sku, at)
            if cost is None:
                self.no_cost = True
                continue
            self.closing += max(units, 0) * cost
            self.booked += units * cost
            over = overstock(stock, partner, sku, close)
            if over is not None:
                self.over += over * cost
                self.judged += max(units, 0) * cost
        costs = [stock.cost_of_sales(partner, k, start, close) for k in held]
        self.cogs = None if any(c is None for c in costs) else sum(costs, Decimal(0))
        self.sells = partner in stock.sellers
        self.stockouts(stock, partner, held, start, close)

    def stockouts(self, stock, partner, skus, start, close):
        """Days counted as none, over the days on which products were for sale that sold in the month or not long before."""
        self.out_days = self.sale_days = 0
        window = timedelta(days=stock.s["demand_window_days"])
        known_from = add_months(start, -1) - timedelta(days=stock.s["stale_count_days"])
        covered = next(d for d in (start + timedelta(days=n) for n in range((close - start).days + 1))
                       if (stock.last_snapshot(partner, d) or known_from - ONE) >= known_from)
        for sku in skus:
            if not any(start - window < d <= close for d in stock.trade_days.get((partner, sku), [])):
                continue
            day = max(covered, stock.on_sale_since(partner, sku, close) or start)
            while day <= close:
                self.sale_days += 1
                if stock.reported(partner, sku, stock.last_snapshot(partner, day)) <= 0:
                    self.out_days += 1
                day += ONE


def inventory_kpis(world):
    stock = Stock(world)
    as_of, out = world.as_of, []
    first = min(min(days) for days in stock.snapshots.values())
    net = {(r["partner_id"], r["month"]): r["net"] for r in world.rows(
        "select partner_id, month_of(day) as month, sum(net) as net from lines group by all")}
    for name, start, end in periods("month", first, as_of):
        close = min(end, as_of)
        by_scope = defaultdict(list)
        for partner in stock.snapshots:
            month = Month(stock, partner, start, close)
            if not month.reported_once:
                continue
            p = in_force(stock.partners, partner, close)
            month.net = net.get((partner, name), Decimal(0))
            month.is_stale = not month.is_reporting and p["status"] != "ended"
            by_scope["partner", partner].append(month)
            by_scope["channel", p["channel_id"]].append(month)
        for (scope, who), months in by_scope.items():
            out.append(kpi_row(stock, scope, who, name, start, end, close, months))
    money = ["average_stock_value", "closing_value", "booked_closing_value", "net_sales", "cogs", "overstock_value"]
    world.keep("m_inventory_kpis", [r for r in out if r], decimals=money)


def kpi_row(stock, scope, who, name, start, end, close, months):
    here = [m for m in months if m.is_reporting]
    days = (close - start).days + 1
    entity = in_force(stock.partners if scope == "partner" else stock.channels, who, close)
    row = {"entity_type": scope, "entity_id": who, "entity_name": entity["name"],
           "channel_id": entity["channel_id"] if scope == "partner" else who, "month": name, "month_start": start,
           "is_provisional": end > stock.as_of, "partners": len(here), "stale_partners": sum(m.is_stale for m in months)}
    average = total(m.average for m in here) if here else None
    cogs, net = total(m.cogs for m in here) if here else None, sum((m.net for m in here), Decimal(0))
    opened = all(m.has_opening for m in here)
    base = "stale_count" if not here else "no_opening_count" if not opened else \
        "no_cost" if average is None or cogs is None else None
    turnover_status = base or ("no_stock" if average <= 0 else None)
    cover_status = base or ("no_sales" if cogs <= 0 else None)
    judged = [m for m in here if m.sells]
    over, stock_judged = sum((m.over for m in judged), Decimal(0)), sum((m.judged for m in judged), Decimal(0))
    over_status = "stale_count" if not here else "no_sales_feed" if not judged else \
        "no_cost" if any(m.no_cost for m in judged) else "no_stock" if stock_judged <= 0 else None
    out_days, sale_days = sum(m.out_days for m in here), sum(m.sale_days for m in here)
    shown = here and not any(m.no_cost for m in here)
    row.update(
        average_stock_value=average if here else None, closing_value=total(m.closing for m in here) if shown else None,
        booked_closing_value=total(m.booked for m in here) if shown else None, net_sales=net if here else None, cogs=cogs,
        inventory_turnover=float(cogs) * 365 / days / float(average) if not turnover_status else None,
        days_of_inventory=float(average) / float(cogs) * days if not cover_status else None,
        gmroi=float(net - cogs) * 365 / days / float(average) if not turnover_status else None,
        turnover_status=turnover_status, days_of_inventory_status=cover_status,
        overstock_value=over if over_status in (None, "no_stock") else None,
        overstock_rate=float(over / stock_judged) if not over_status else None, overstock_status=over_status,
        stockout_days=out_days if here else None, stockout_rate=out_days / sale_days if sale_days else None,
        stockout_status="stale_count" if not here else None if sale_days else "no_sales")
    return row


def total(values):
    found = list(values)
    return None if any(v is None for v in found) else sum(found, Decimal(0))


def cents(amount):
    return None if amount is None else round(amount, 4)


def inventory_reconciliation(world):
    stock, s, as_of = Stock(world), world.settings, world.as_of
    missing = defaultdict(set)
    for d in world.inbox.expected_partner_days(world.rows("select * from partners_v")):
        if not d["is_delivered"]:
            missing[d["partner_id"]].add(d["day"])
    shipped_to = {p for p, _ in stock.received}
    first = min(min(days) for days in stock.snapshots.values())
    rows, history = [], {}
    everything = sorted(set(stock.counts) | set(stock.sold) | set(stock.received))
    for name, start, end in periods("month", first, as_of):
        close = min(end, as_of)
        for partner, sku in everything:
            r = reconcile(stock, partner, sku, name, start, end, close, missing, shipped_to)
            if r:
                history[partner, sku, start] = r
                rows.append(r)
    stuffing(s, rows, history)
    world.keep("m_inventory_reconciliation", [{k: v for k, v in r.items() if not k.startswith("_")} for r in rows],
               decimals=["unit_cost", "variance_value"])


def reconcile(stock, partner, sku, name, start, end, close, missing, shipped_to):
    if partner not in stock.snapshots:
        return None
    s = stock.s
    closed = stock.last_snapshot(partner, close)
    opened = stock.last_snapshot(partner, start - ONE)
    if closed is None or closed < start:
        return None
    if opened is not None and (start - opened).days > s["stale_count_days"]:
        opened = None
    opening = stock.reported(partner, sku, opened) if opened else None
    closing = stock.reported(partner, sku, closed)
    after = opened or start - ONE
    came = sum(u for d, u in stock.received.get((partner, sku), []) if after < d <= closed)
    went = stock.units_sold(partner, sku, after + ONE, closed)
    moved = any(after < d <= closed for d, _ in stock.received.get((partner, sku), [])) or any(
        after < d <= closed for d in stock.sold.get((partner, sku), {}))
    counted = stock.count(partner, sku, closed) or (opened and stock.count(partner, sku, opened))
    if not moved and not counted:
        return None
    has_in, has_out = partner in shipped_to, partner in stock.sellers
    status = "no_shipments" if not has_in else "no_sales_feed" if not has_out else \
        "no_opening_count" if opening is None else "nothing_available" if opening + came <= 0 else None
    known = opening is not None and has_in and has_out
    expected = opening + came - went if known else None
    variance = closing - expected if known else None
    cost = stock.cost(partner, sku, closed)
    rate = variance / (opening + came) if known and opening + came > 0 else None
    p, product = in_force(stock.partners, partner, close), in_force(stock.products, sku, close)
    now = in_force(stock.partners, partner, stock.as_of)
    days = (closed - after).days
    return {
        "month": name, "month_start": start, "is_provisional": end > stock.as_of, "partner_id": partner,
        "partner_name": p["name"], "partner_manager": now["manager"], "channel_id": p["channel_id"], "sku": sku,
        "product_name": product["name"] if product else None, "opening_counted_on": opened, "closing_counted_on": closed,
        "opening_units": opening, "sell_in_units": came if has_in else None, "sell_out_units": went if has_out else None,
        "expected_closing_units": expected, "closing_units": closing, "unit_cost": cost, "variance_units": variance,
        "variance_value": variance * cost if variance is not None and cost is not None else None, "variance_rate": rate,
        "reconciliation_status": status,
        "sales_days_missing": sum(after < d <= closed for d in missing[partner]),
        "is_breach": None if variance is None else abs(variance) > s["reconciliation_tolerance_units"] and (
            rate is None or abs(rate) > s["reconciliation_tolerance_rate"]),
        "days_of_inventory": max(closing, 0) * days / went if went > 0 else None, "_cost": cost, "_days": days,
        "_start": start}


def stuffing(s, rows, history):
    """Sell-in far above sell-out for some months in a row, by more than a few units and little money, days of stock rising."""
    def filled(r, came, went, value):
        return came >= s["stuffing_ratio"] * went and came - went >= s["stuffing_units_min"] \
            and value >= s["stuffing_value_min"]
    whole = defaultdict(lambda: [Decimal(0), Decimal(0), Decimal(0), 0, 0, 0])
    for r in rows:
        w, cost = whole[r["partner_id"], r["_start"]], r["_cost"] or 0
        w[0] += (r["sell_in_units"] or 0) * cost
        w[1] += (r["sell_out_units"] or 0) * cost
        w[2] += max(r["closing_units"], 0) * cost
        w[3], w[4] = w[3] + (r["sell_in_units"] or 0), w[4] + (r["sell_out_units"] or 0)
        w[5] = r["_days"]
    for r in rows:
        chain = [history.get((r["partner_id"], r["sku"], add_months(r["_start"], -n))) for n in range(s["stuffing_months"])]
        known = r["sell_in_units"] is not None and r["sell_out_units"] is not None
        r["is_stuffed"] = None if not known else all(
            c is not None and filled(c, c["sell_in_units"], c["sell_out_units"],
                                     (c["sell_in_units"] - c["sell_out_units"]) * (c["_cost"] or 0)) for c in chain) \
            and rising([c["days_of_inventory"] for c in chain], [c["closing_units"] for c in chain])
        months = [whole.get((r["partner_id"], add_months(r["_start"], -n))) for n in range(s["stuffing_months"])]
        r["is_partner_stuffed"] = None if not known else all(
            m is not None and m[0] >= Decimal(str(s["stuffing_ratio"])) * m[1] and m[3] - m[4] >= s["stuffing_units_min"]
            and m[0] - m[1] >= s["stuffing_value_min"] for m in months) and rising(
            [float(m[2] * m[5] / m[1]) if m[1] > 0 else None for m in months], [m[2] for m in months])


def rising(newest_first, closing):
    """Each month's days of stock above the one before; without sales there is no end to them."""
    found = [float("inf") if d is None and c > 0 else d for d, c in zip(newest_first, closing)]
    return all(a is not None and b is not None and (a > b or a == float("inf")) for a, b in zip(found, found[1:]))

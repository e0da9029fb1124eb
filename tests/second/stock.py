"""Stock of each partner and product: what is there, how long it lasts, how old it is. A snapshot of a partner is whole: what it
leaves out is none."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal

ONE = timedelta(days=1)


class Stock:
    """Counts, sales and receipts of every partner and product by day."""

    def __init__(self, world):
        self.world, self.s, self.as_of = world, world.settings, world.as_of
        self.snapshots, self.counts = defaultdict(set), defaultdict(dict)
        for r in world.rows("select * from inventory where counted_on <= {as_of}"):
            self.snapshots[r["partner_id"]].add(r["counted_on"])
            self.counts[r["partner_id"], r["sku"]][r["counted_on"]] = r
        self.snapshots = {p: sorted(days) for p, days in self.snapshots.items()}
        self.sold, self.cogs = defaultdict(dict), defaultdict(dict)
        # Days with a sale, and days on which goods went or came back.
        self.sale_days, self.trade_days = defaultdict(list), defaultdict(list)
        for r in world.rows("""select partner_id, sku, day,
                sum(case when sale_type <> 'adjustment' then quantity else 0 end) as units, sum(net) as net,
                sum(case when sale_type <> 'adjustment' then quantity * unit_cost else 0 end) as cost,
                bool_or(unit_cost is null and sale_type <> 'adjustment') as is_unknown, bool_or(sale_type = 'sale') as has_sale,
                bool_or(sale_type in ('sale', 'return')) as has_trade
                from lines group by all order by day"""):
            self.sold[r["partner_id"], r["sku"]][r["day"]] = int(r["units"])
            self.cogs[r["partner_id"], r["sku"]][r["day"]] = None if r["is_unknown"] else r["cost"]
            if r["has_sale"]:
                self.sale_days[r["partner_id"], r["sku"]].append(r["day"])
            if r["has_trade"]:
                self.trade_days[r["partner_id"], r["sku"]].append(r["day"])
        self.sellers = {p for p, _ in self.sold}
        self.running = {at: running_sums(days, self.cogs[at]) for at, days in self.sold.items()}
        self.received = defaultdict(list)
        for r in world.rows("select partner_id, sku, day, sum(quantity) as units from receipts group by all order by day"):
            self.received[r["partner_id"], r["sku"]].append((r["day"], int(r["units"])))
        self.arrivals = {}
        self.products = versions(world, "products", "sku")
        self.partners = versions(world, "partners", "partner_id")
        self.channels = versions(world, "channels", "channel_id")

    def last_snapshot(self, partner, day):
        days = self.snapshots.get(partner, [])
        at = bisect_right(days, day)
        return days[at - 1] if at else None

    def count(self, partner, sku, day):
        """What the snapshot of that day says of a product: its row, or None where it is left out."""
        return self.counts[partner, sku].get(day) if (partner, sku) in self.counts else None

    def reported(self, partner, sku, day):
        row = self.count(partner, sku, day)
        return row["on_hand_quantity"] if row else 0

    def cost(self, partner, sku, day):
        """Cost of a unit on a day of counting: the count's, else the last known count's, else the product's."""
        row = self.count(partner, sku, day)
        if row and row["unit_cost"] is not None:
            return row["unit_cost"]
        product = in_force(self.products, sku, day)
        return product["unit_cost"] if product else None

    def between(self, partner, sku, first, last, column):
        """A running sum over a span of days: 1 units, 2 cost, 3 days with goods of unknown cost."""
        sums = self.running.get((partner, sku))
        if sums is None:
            return 0
        days, column = sums[0], sums[column]
        return column[bisect_right(days, last)] - column[bisect_left(days, first)]

    def units_sold(self, partner, sku, first, last):
        return self.between(partner, sku, first, last, 1)

    def cost_of_sales(self, partner, sku, first, last):
        return None if self.between(partner, sku, first, last, 3) else self.between(partner, sku, first, last, 2) + Decimal(0)

    def arrived(self, partner, sku, day=None):
        """The day since which a product is at a partner: its launch, or when it last came there as new."""
        day = day or self.as_of
        return max((d for d in (self.came(partner, sku, day), self.launched(sku, day)) if d), default=None)

    def on_sale_since(self, partner, sku, day):
        """The same as a day of sale: what was sold before its launch, within the window of demand, was on sale before it."""
        launched, window = self.launched(sku, day), day - timedelta(days=self.s["demand_window_days"] - 1)
        if launched:
            launched = min([launched] + [d for d in self.sale_days.get((partner, sku), []) if window <= d <= day])
        return max((d for d in (self.came(partner, sku, day), launched) if d), default=None)

    def launched(self, sku, day):
        product = in_force(self.products, sku, day)
        return product["launched_on"] if product else None

    def came(self, partner, sku, day):
        at = partner, sku
        if at not in self.arrivals:
            self.arrivals[at] = self.beginnings(partner, sku)
        return max((since for d, since in self.arrivals[at] if d <= day), default=None)

    def beginnings(self, partner, sku):
        """Days on which a product came as new, and since when: the first receipt, stock or sale after twice the window of
        demand without any. Stock or a sale is a beginning only where the partner counted in that time and the product was not
        there; a count that tells the age of its stock dates it."""
        signs, since, long = defaultdict(bool), {}, 2 * self.s["demand_window_days"]
        for d, n in self.received.get((partner, sku), []):
            if n > 0:
                signs[d] = True
        for d, r in self.counts.get((partner, sku), {}).items():
            if r["on_hand_quantity"] > 0:
                signs[d] |= False
                if r["oldest_receipt_on"]:
                    since[d] = r["oldest_receipt_on"]
        for d in self.sale_days.get((partner, sku), []):
            signs[d] |= False
        found, before = [], None
        for d in sorted(signs):
            if before is None or (d - before).days > long:
                if signs[d] or self.counted_between(partner, d - timedelta(days=long), d - ONE):
                    found.append((d, min(d, since.get(d, d))))
            before = d
        return found

    def counted_between(self, partner, first, last):
        days = self.snapshots.get(partner, [])
        return bisect_right(days, last) > bisect_left(days, first)

    def days_on_sale(self, partner, sku, first, last):
        """Days of a window since it was on sale there, without those on which it was counted as none and none was sold."""
        begin = self.on_sale_since(partner, sku, last)
        begin = max(first, begin) if begin else first
        total, day, sold = 0, begin, set(self.sale_days.get((partner, sku), []))
        came = [d for d, n in self.received.get((partner, sku), []) if n > 0]
        while day <= last:
            # A count stands until the next one or until something is received, but no longer than it says anything.
            at = self.last_snapshot(partner, day)
            is_known = at is not None and (day - at).days <= self.s["stale_count_days"]
            is_gone = is_known and self.reported(partner, sku, at) <= 0 and not any(at < d <= day for d in came)
            if not is_gone or day in sold:
                total += 1
            day += ONE
        return total

    def lead_time(self, sku):
        product = in_force(self.products, sku, self.as_of)
        return product["lead_time_days"] if product and product["lead_time_days"] is not None \
            else self.s["lead_time_default_days"]

    def cover_days(self, sku):
        return self.lead_time(sku) + self.s["review_days"] + self.s["safety_days"]

    def value_on(self, partner, sku, day):
        """Stock at cost on a day by the last snapshot before its end, as booked: negative counts lower it."""
        at = self.last_snapshot(partner, day)
        if at is None:
            return Decimal(0)
        units = self.reported(partner, sku, at)
        if units == 0:
            return Decimal(0)
        cost = self.cost(partner, sku, at)
        return None if cost is None else units * cost

    def average_value(self, pairs, first, last):
        """Average stock at cost over a span by the rule in settings; None where a cost is not known."""
        rule = self.s["inventory_averaging"]
        if rule == "two_point":
            days = [first - ONE, last]
        elif rule == "month_end":
            days = [first - ONE] + month_ends(first, last)
        else:
            days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        begins = min((self.snapshots[p][0] for p, _ in pairs if self.snapshots.get(p)), default=first)
        days = [d for d in days if d >= begins]
        if not days:
            return None
        values = [self.value_on(p, k, d) for d in days for p, k in pairs]
        return None if any(v is None for v in values) else sum(values, Decimal(0)) / len(days)

    def ageing(self, partner, sku, units, oldest):
        """What is there is what came last (FIFO); what no receipt explains is as old as the count says, else unknown."""
        buckets, left, by_fifo = defaultdict(int), units, 0
        for day, came in reversed([r for r in self.received.get((partner, sku), []) if r[0] <= self.as_of]):
            if left <= 0:
                break
            if came <= 0:
                continue
            part = min(left, came)
            buckets[bucket((self.as_of - day).days)] += part
            by_fifo += part
            left -= part
        status = "no_stock" if units <= 0 else "fifo"
        if left > 0:
            if oldest is not None:
                buckets[bucket((self.as_of - oldest).days)] += left
                status = "fifo_then_oldest" if by_fifo else "oldest_receipt"
            else:
                buckets["unknown"] += left
                status = "fifo" if by_fifo else "unknown"
        return buckets, status


def running_sums(units, costs):
    """Days, and after each of them what was sold so far: units, cost, days with an unknown cost."""
    days = sorted(units)
    sold, cost, unknown = [0], [Decimal(0)], [0]
    for day in days:
        sold.append(sold[-1] + units[day])
        cost.append(cost[-1] + (costs[day] or 0))
        unknown.append(unknown[-1] + (costs[day] is None))
    return days, sold, cost, unknown


def bucket(days):
    return "0_30" if days <= 30 else "31_60" if days <= 60 else "61_90" if days <= 90 else "91_plus"


def month_ends(first, last):
    found, day = [], first
    while day <= last:
        if (day + ONE).day == 1 or day == last:
            found.append(day)
        day += ONE
    return found


def versions(world, table, key):
    found = defaultdict(list)
    for r in world.rows(f"select * from {table}_v"):
        found[r[key]].append(r)
    return found


def in_force(table, key, day):
    return next((v for v in table.get(key, []) if v["from_day"] <= day < v["to_day"]), None)


def ceil(value):
    return int(value.to_integral_value(rounding=ROUND_CEILING))


def position(stock, partner, sku):
    """One row of inventory_health before the advice."""
    s, as_of = stock.s, stock.as_of
    counted = stock.last_snapshot(partner, as_of)
    row = stock.count(partner, sku, counted)
    reported = row["on_hand_quantity"] if row else None
    on_hand = max(reported or 0, 0)
    age = (as_of - counted).days
    product, p = in_force(stock.products, sku, as_of), in_force(stock.partners, partner, as_of)
    channel = in_force(stock.channels, p["channel_id"], as_of)
    cost = stock.cost(partner, sku, counted)
    first = as_of - timedelta(days=s["demand_window_days"] - 1)
    sells = partner in stock.sellers
    sold = max(stock.units_sold(partner, sku, first, as_of), 0) if sells else None
    days = stock.days_on_sale(partner, sku, first, as_of)
    demand = Decimal(sold) / days if sells and days else None
    shown = None if demand is None else round(demand, 4)
    value = None if cost is None and on_hand else on_hand * (cost or 0)
    lead = stock.lead_time(sku)
    cover = on_hand / demand if demand else None
    required = None if demand is None else -(-sold * stock.cover_days(sku) // days)
    arrived = stock.arrived(partner, sku)
    is_new = sells and sold == 0 and arrived is not None and (as_of - arrived).days < s["new_item_days"]
    is_stale = age > s["stale_count_days"]
    over = None if not sells else 0 if is_new else on_hand if not sold else max(0, on_hand - required)
    over_value = None if over is None or value is None else over * (cost or 0)
    shortage = None if demand is None or not sells else \
        max(0, required - on_hand - ((row and row["on_order_quantity"]) or 0))
    ages, age_status = stock.ageing(partner, sku, on_hand, row["oldest_receipt_on"] if row else None)
    begin = as_of - timedelta(days=s["turnover_window_days"] - 1)
    cogs = stock.cost_of_sales(partner, sku, begin, as_of) if sells else None
    average = stock.average_value([(partner, sku)], begin, as_of)
    opened = stock.last_snapshot(partner, begin) is not None
    turnover_status = "no_sales_feed" if not sells else "stale_count" if is_stale else \
        "no_opening_count" if not opened else "no_cost" if average is None or cogs is None else \
        "no_stock" if average <= 0 else None
    cover_status = "no_sales_feed" if not sells else "no_days_on_sale" if not days else "no_sales" if not sold else None
    return {
        "as_of_date": as_of, "partner_id": partner, "partner_name": p["name"], "partner_manager": p["manager"],
        "channel_id": p["channel_id"], "channel_name": channel["name"], "channel_manager": channel["manager"], "sku": sku,
        "product_name": product["name"], "category": product["category"], "counted_on": counted, "count_age_days": age,
        "count_status": "stale_count" if is_stale else "absent_from_snapshot" if row is None else
        "negative_count" if reported < 0 else "ok",
        "reported_quantity": reported, "on_hand_units": on_hand, "on_order_units": (row and row["on_order_quantity"]) or 0,
        "unit_cost": cost, "stock_value": value, "sell_out_units": sold, "days_on_sale": days if sells else None,
        "average_daily_sell_out": shown, "days_of_inventory": float(cover) if cover is not None else None,
        "weeks_of_supply": float(cover) / 7 if cover is not None else None, "cover_status": cover_status, "cogs": cogs,
        "average_stock_value": average if opened and not is_stale else None,
        "inventory_turnover": float(cogs) * 365 / s["turnover_window_days"] / float(average) if not turnover_status else None,
        "turnover_status": turnover_status, "lead_time_days": lead, "required_units": required, "overstock_units": over,
        "overstock_value": over_value,
        "overstock_rate": over / on_hand if over is not None and on_hand and value is not None and not is_new else None,
        "overstock_status": "no_sales_feed" if not sells else "new_item" if is_new else "no_stock" if not on_hand else
        "no_cost" if value is None else None,
        "shortage_units": shortage,
        "is_stockout_risk": None if demand is None else p["status"] != "ended" and sold > 0 and cover < lead,
        **{f"units_age_{b}": ages[b] for b in ("0_30", "31_60", "61_90", "91_plus", "unknown")},
        **{f"value_age_{b}": None if cost is None and ages[b] else ages[b] * (cost or 0)
           for b in ("0_30", "31_60", "61_90", "91_plus", "unknown")},
        "ageing_status": age_status, "_old_share": ages["91_plus"] / on_hand if on_hand else 0, "_partner": p,
        "_is_stale": is_stale, "_is_new": is_new, "_days": days, "_cover": cover}


def pairs(stock):
    """What the latest snapshot of each partner holds, and what sells there although it leaves it out."""
    since = stock.as_of - timedelta(days=stock.s["demand_window_days"] - 1)
    found = set()
    for partner in stock.snapshots:
        counted = stock.last_snapshot(partner, stock.as_of)
        found |= {(p, k) for p, k in stock.counts if p == partner and counted in stock.counts[p, k]}
        found |= {(p, k) for p, k in stock.sold if p == partner and any(
            u > 0 and since <= d <= stock.as_of for d, u in stock.sold[p, k].items())}
    return sorted(found)


def inventory_health(world):
    from advice import advise
    stock = Stock(world)
    rows = [position(stock, partner, sku) for partner, sku in pairs(stock)]
    by_partner = defaultdict(list)
    for r in rows:
        by_partner[r["partner_id"]].append(r)
    for found in by_partner.values():
        known = [r for r in found if r["stock_value"] is not None and r["overstock_value"] is not None]
        whole = sum(r["stock_value"] for r in known)
        rate = float(sum(r["overstock_value"] for r in known) / whole) if whole > 0 else None
        for r in found:
            r["partner_overstock_rate"] = rate
    advise(world, stock, rows)
    money = ["unit_cost", "stock_value", "average_daily_sell_out", "cogs", "average_stock_value", "overstock_value"]
    money += [f"value_age_{b}" for b in ("0_30", "31_60", "61_90", "91_plus", "unknown")]
    world.keep("m_inventory_health", [{k: v for k, v in r.items() if not k.startswith("_")} for r in rows], decimals=money)

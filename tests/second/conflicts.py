"""Findings of channel conflict: sales outside the territory, under the floor price, under a promotion that does not hold,
and price wars. Only sale lines count."""

from bisect import bisect_left
from collections import defaultdict
from datetime import timedelta
from statistics import median

import numpy as np

from advice import areas, territory
from periods import add_months, name_of
from stock import in_force, versions


class Lines:
    """Sale lines with what is in force on their day."""

    def __init__(self, world):
        self.world, self.s = world, world.settings
        self.partners, self.channels = versions(world, "partners", "partner_id"), versions(world, "channels", "channel_id")
        self.promotions = versions(world, "promotions", "promotion_id")
        self.regions = {r["region"] for r in world.rows("select region from regions_now")}
        self.near = areas(world)
        self.free = {t["channel_type"] for t in world.tables["territory_free_channels"]}
        self.discounts = {t["channel_type"]: t["allowed_discount"] for t in world.tables["allowed_discounts"]}
        self.lines = world.rows("select * from lines where sale_type = 'sale' order by day, sold_at, order_id, line_no")
        self.net = {(r["partner_id"], r["month"]): r["net"] for r in world.rows(
            "select partner_id, month_start(day) as month, sum(net) as net from lines group by all")}
        for line in self.lines:
            line["price"] = line["net"] / line["quantity"]
            line["partner"] = in_force(self.partners, line["partner_id"], line["day"])
            line["kinds"] = {}

    def placed(self, line):
        """inside or outside, or why that is only counted."""
        if line["channel_type"] in self.free:
            return "channel_free"
        own = territory(line["partner"]) if line["partner"] else []
        if not own:
            return "no_territory"
        if line["ship_to_region"] is None:
            return "no_ship_to"
        if line["ship_to_region"] not in self.regions:
            return "unknown_region"
        return "inside" if line["ship_to_region"] in own else "outside"

    def listed(self, promotion_id, day):
        return in_force(self.promotions, promotion_id, day)

    def breach(self, line):
        """Why the promotion that a line names does not hold for it; None where it does."""
        p = self.listed(line["promotion_id"], line["day"])
        if p is None:
            return "unknown", None
        for reason, is_broken in (
                ("ended", line["day"] > p["ends_on"]), ("not_started", line["day"] < p["starts_on"]),
                ("other_partner", p["partner_id"] not in (None, line["partner_id"])),
                ("other_channel", p["channel_id"] not in (None, line["channel_id"])),
                ("other_sku", p["sku"] not in (None, line["sku"])),
                ("under_min_price", p["min_price"] is not None and line["price"] < p["min_price"])):
            if is_broken:
                return reason, p
        return None, p

    def covered(self, line):
        """Whether any promotion of the day covers the price."""
        for held in self.promotions.values():
            p = next((v for v in held if v["from_day"] <= line["day"] < v["to_day"]), None)
            if p and p["starts_on"] <= line["day"] <= p["ends_on"] and p["partner_id"] in (None, line["partner_id"]) \
                    and p["channel_id"] in (None, line["channel_id"]) and p["sku"] in (None, line["sku"]) \
                    and (p["min_price"] is None or line["price"] >= p["min_price"]):
                return True
        return False

    def owners(self, line):
        """Partners whose territory holds the place, of the same channel first."""
        found = []
        for who, held in self.partners.items():
            p = next((v for v in held if v["from_day"] <= line["day"] < v["to_day"]), None)
            if p and who != line["partner_id"] and p["status"] == "active" and line["region"] in territory(p):
                found.append((p["channel_id"] != line["home_channel"], who, p["name"]))
        return sorted(found)


def judge(book):
    """Marks each line with the kinds of finding that it is: kind -> (reason, limit price)."""
    from decimal import Decimal
    for line in book.lines:
        line["place"] = book.placed(line)
        if line["place"] == "outside":
            line["kinds"]["cross_region"] = ("outside_territory", None)
        broken = None
        if line["promotion_id"] is not None:
            broken, p = book.breach(line)
            if broken:
                line["kinds"]["unapproved_promotion"] = (broken, p["min_price"] if p else None)
        line["keeps_promotion"] = line["promotion_id"] is not None and not broken
        if broken:
            continue
        rate = book.discounts.get(line["channel_type"], book.s["allowed_discount_default"])
        allowed = None if line["list_price"] is None else line["list_price"] * (1 - Decimal(str(rate)))
        floor = line["floor_price"] if line["floor_price"] is not None else allowed
        if floor is not None and line["price"] < floor and not book.covered(line):
            line["kinds"]["below_floor_price"] = (
                "floor_price" if line["floor_price"] is not None else "allowed_discount", floor)


def wars(book):
    """Partners that go low on a product in a region without a longer pause than the setting, two or more of them."""
    from decimal import Decimal
    s, as_of = book.s, book.world.as_of
    history = defaultdict(lambda: ([], []))
    for line in book.lines:
        days, prices = history[line["partner_id"], line["sku"]]
        days.append(line["day"])
        prices.append(line["price"])
    history = {at: (days, prices, np.array([float(p) for p in prices])) for at, (days, prices) in history.items()}
    moves = defaultdict(list)
    for line in book.lines:
        if s["price_war_spares_promotions"] and line["keeps_promotion"]:
            continue
        if s["price_war_spares_cross_region"] and line["place"] == "outside":
            continue
        since = line["day"] - timedelta(days=s["price_war_median_days"])
        days, prices, rough = history[line["partner_id"], line["sku"]]
        span = slice(bisect_left(days, since), bisect_left(days, line["day"]))
        before = prices[span]
        # Medians of binary numbers, which are quick, leave the few lines that are worth an exact one.
        if not before or float(line["price"]) > 1.000001 * (1 - s["price_war_drop"]) * float(np.median(rough[span])):
            continue
        if line["price"] <= median(before) * (1 - Decimal(str(s["price_war_drop"]))):
            moves[line["sku"], line["region"]].append((line, median(before)))
    for found in moves.values():
        cluster = []
        for move in found:
            if cluster and (move[0]["day"] - cluster[-1][0]["day"]).days > s["price_war_days"]:
                close(cluster)
                cluster = []
            cluster.append(move)
        close(cluster)


def close(cluster):
    first = {}
    for line, _ in cluster:
        first.setdefault(line["partner_id"], line["sold_at"])
    if len(first) < 2:
        return
    order = sorted(first, key=lambda p: (first[p], p))
    start = cluster[0][0]["day"]
    for line, usual in cluster:
        line["kinds"]["price_war"] = ("first_mover" if line["partner_id"] == order[0] else "followed", usual)
        line["war"] = (start, order)


def findings(world):
    if hasattr(world, "findings"):
        return world.findings
    book = world.book_of_lines = Lines(world)
    judge(book)
    wars(book)
    groups = defaultdict(list)
    for line in book.lines:
        for kind, (reason, limit) in line["kinds"].items():
            groups[line["day"].replace(day=1), kind, line["partner_id"], line["channel_id"], line["region"], line["sku"],
                   reason, line["promotion_id"] if kind == "unapproved_promotion" else None,
                   line["war"][0] if kind == "price_war" else None].append((line, limit))
    world.findings = groups
    return groups


def severity(s, share):
    if share is None:
        return None
    return "minor" if share < s["conflict_minor_share"] else "moderate" if share < s["conflict_major_share"] else "severe"


def channel_conflicts(world):
    s, as_of, out = world.settings, world.as_of, []
    groups = findings(world)
    book = world.book_of_lines
    products = versions(world, "products", "sku")
    for (start, kind, partner, channel, region, sku, reason, promotion, war), found in groups.items():
        lines = [line for line, _ in found]
        amount = sum(line["net"] for line in lines)
        lists = [line["list_price"] and line["list_price"] * line["quantity"] for line in lines]
        value = None if any(v is None for v in lists) else sum(lists)
        net = book.net.get((partner, start))
        share = float(amount / net) if net and net > 0 else None
        owners = book.owners(lines[-1])
        p, c = in_force(book.partners, partner, as_of), in_force(book.channels, channel, as_of)
        limits = [limit for _, limit in found if limit is not None]
        most = s["conflict_evidence_max"]
        end = add_months(start, 1) - timedelta(days=1)
        out.append({
            "month": name_of("month", start), "month_start": start, "is_provisional": end > as_of, "kind": kind,
            "reason": reason, "partner_id": partner, "partner_name": p["name"], "partner_manager": p["manager"],
            "channel_id": channel, "channel_name": c["name"], "channel_manager": c["manager"], "region": region, "sku": sku,
            "product_name": in_force(products, sku, as_of)["name"], "promotion_id": promotion, "lines": len(lines),
            "units": sum(line["quantity"] for line in lines), "amount": amount, "list_value": value,
            "price_deviation": None if not value else float(1 - amount / value),
            "price_deviation_status": "no_list_price" if not value else None,
            "limit_price": max(limits) if limits else None, "lowest_price": min(line["price"] for line in lines),
            "sales_share": share, "sales_share_status": None if share is not None else "no_sales",
            "severity": severity(s, share), "severity_status": None if share is not None else "no_sales",
            "affected_partner_id": owners[0][1] if owners else None, "affected_partner_name": owners[0][2] if owners else None,
            "affected_partners": ";".join(o[1] for o in owners) or None,
            "is_adjacent": any(region in book.near.get(t, set()) for t in territory(lines[-1]["partner"]))
            if kind == "cross_region" else None,
            "war_started_on": war, "first_mover_id": lines[0]["war"][1][0] if war else None,
            "war_partners": ";".join(lines[0]["war"][1]) if war else None, "first_seen_on": lines[0]["day"],
            "last_seen_on": lines[-1]["day"],
            "evidence_keys": "; ".join(f"{line['order_id']}/{line['line_no']}" for line in lines[:most]),
            "evidence_left_out": max(0, len(lines) - most)})
    world.keep("m_channel_conflicts", out, decimals=["amount", "list_value", "limit_price", "lowest_price"])


def territory_sales(world):
    findings(world)
    book, as_of = world.book_of_lines, world.as_of
    groups, whole = defaultdict(list), defaultdict(list)
    for line in book.lines:
        at = line["day"].replace(day=1), line["partner_id"]
        groups[at + (line["place"],)].append(line)
        whole[at].append(line)
    out = []
    for (start, partner, place), lines in groups.items():
        everything = whole[start, partner]
        amount, total = sum(x["net"] for x in lines), sum(x["net"] for x in everything)
        p = in_force(book.partners, partner, as_of)
        end = add_months(start, 1) - timedelta(days=1)
        home = in_force(book.partners, partner, min(end, as_of))
        out.append({"month": name_of("month", start), "month_start": start, "is_provisional": end > as_of,
                    "partner_id": partner, "partner_name": p["name"], "partner_manager": p["manager"],
                    "channel_id": home["channel_id"], "territory_status": place, "is_judged": place in ("inside", "outside"),
                    "lines": len(lines), "net_amount": amount, "lines_share": len(lines) / len(everything),
                    "amount_share": float(amount / total) if total > 0 else None,
                    "amount_share_status": None if total > 0 else "no_sales"})
    world.keep("m_territory_sales", out, decimals=["net_amount"])

"""Which channels carry each region and which are missing there; how channels feed each other; which customers buy where."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from statistics import median

from advice import areas, territory
from bcg import entity_name, versions_of
from periods import add_months, first_of, growth, name_of, periods

ONE = timedelta(days=1)


def role(net, total, nets, who, lines, cut):
    """main, auxiliary, marginal or absent, and why there is none."""
    if not lines:
        return "absent", None
    if total <= 0:
        return None, "no_sales"
    first = min(nets, key=lambda c: (-nets[c], c))
    return "main" if who == first else "auxiliary" if net / total >= cut else "marginal", None


def channel_mix(world):
    s, as_of = world.settings, world.as_of
    begins = world.rows("select min(day) as d from lines")[0]["d"]
    net, lines = defaultdict(Decimal), defaultdict(int)
    by_day = defaultdict(list)
    for r in world.rows("select region, channel_id, day, sum(net) as net, count(*) as n from lines group by all"):
        by_day[r["region"], r["channel_id"]].append((r["day"], r["net"], r["n"]))
    regions = sorted({r for r, _ in by_day})
    channels = [c for c in versions_of(world, "channels", "channel_id") if c["from_day"] <= as_of < c["to_day"]]
    kinds = {c["channel_id"]: c["channel_type"] for c in channels}
    cut = Decimal(str(s["auxiliary_share"]))
    about = {r["region"]: r for r in world.rows("select * from regions_now")}
    out = []
    for name, start, end in periods("quarter", begins, as_of):
        close = min(end, as_of)
        prior_start = add_months(start, -12)
        prior_end = add_months(as_of, -12) if end > as_of else first_of(name_of("quarter", prior_start))[1]

        def total(region, channel, first, last):
            found = [(v, n) for d, v, n in by_day.get((region, channel), []) if first <= d <= last]
            return sum((v for v, _ in found), Decimal(0)), sum(n for _, n in found)
        grid = {}
        for region in regions:
            for level, groups in (("channel", {c: [c] for c in kinds}), ("channel_type", kinds_of(kinds))):
                now = {g: [sum(x) for x in zip(*(total(region, c, start, close) for c in members))]
                       for g, members in groups.items()}
                whole = sum(v for v, _ in now.values())
                nets = {g: v for g, (v, n) in now.items() if n}
                for g, (value, n) in now.items():
                    was = sum(total(region, c, prior_start, prior_end)[0] for c in groups[g])
                    rate, why = growth(value, was, prior_start, prior_end, begins)
                    part, part_why = role(value, whole, nets, g, n, cut)
                    grid[region, level, g] = row = {
                        "quarter": name, "quarter_start": start, "is_provisional": end > as_of, "region": region,
                        "region_name": entity_name(world, "region", region, close),
                        "city_tier": about[region]["city_tier"] if region in about else None, "level": level,
                        "channel_type": kinds[g] if level == "channel" else g, "channel_id": g if level == "channel" else "all",
                        "channel_name": entity_name(world, "channel", g, close) if level == "channel" else g,
                        "net_sales": value, "region_net_sales": whole,
                        "share": float(value / whole) if whole > 0 else None,
                        "share_status": None if whole > 0 else "no_sales", "role": part, "role_status": part_why,
                        "year_before_net_sales": was, "sales_growth_yoy": rate, "sales_growth_yoy_status": why,
                        "is_gap": None, "gap_status": "channel_row", "comparison_basis": None, "comparable_regions": None,
                        "successful_regions": None, "median_share": None, "potential": None,
                        "potential_status": "channel_row", "gap_rank": None, "example_regions": None,
                        "candidate_channels": None, "candidate_partners": None}
                    out.append(row)
        gaps(world, grid, regions, kinds, close, by_day, start)
    world.keep("m_channel_mix", out, decimals=["net_sales", "region_net_sales", "year_before_net_sales", "potential"])


def kinds_of(kinds):
    found = defaultdict(list)
    for channel, kind in kinds.items():
        found[kind].append(channel)
    return found


def gaps(world, grid, regions, kinds, close, by_day, start):
    """Kinds of channel that are lacking in a region and do well in comparable ones."""
    s = world.settings
    found = []
    for (region, level, kind), row in grid.items():
        if level != "channel_type":
            continue
        if region == "unknown":
            row.update(gap_status="unknown_region", potential_status="unknown_region", comparable_regions=0,
                       successful_regions=0)
            continue
        peers, basis = comparable(s, grid, regions, region, kind)
        peer_rows = [grid[p, "channel_type", kind] for p in peers]
        strong = [r for r in peer_rows if r["share"] is not None and r["share"] >= s["auxiliary_share"]]
        sure = [r for r in strong if r["sales_growth_yoy"] is not None and r["sales_growth_yoy"] >= 0]
        maybe = [r for r in strong if r["sales_growth_yoy"] is None]
        lacking = row["share"] is not None and row["share"] < s["gap_share"]

        def enough(n):
            return n >= s["gap_regions_min"] and n >= s["gap_regions_share"] * len(peers)
        row.update(comparison_basis=basis, comparable_regions=len(peers), successful_regions=len(sure), gap_status=None,
                   potential_status="no_gap", is_gap=False)
        # What is there is no gap; beside too few regions nothing can be said of what is lacking.
        unknown = "no_sales" if row["region_net_sales"] <= 0 else None if not lacking else \
            "too_few_regions" if len(peers) < s["gap_regions_min"] else None
        if lacking and not unknown and not enough(len(sure)) and enough(len(sure) + len(maybe)):
            is_part = row["sales_growth_yoy_status"] == "incomplete_history"
            unknown = "incomplete_history" if is_part else "no_prior_period"
        if unknown:
            row.update(is_gap=None, gap_status=unknown, potential_status=unknown)
        elif lacking and enough(len(sure)):
            share = median(r["share"] for r in sure)
            row.update(is_gap=True, potential_status=None, median_share=share,
                       potential=Decimal(repr(share)) * row["region_net_sales"], **named(world, row, sure, kinds, close, by_day,
                                                                                         start))
            found.append(row)
    for place, row in enumerate(sorted(found, key=lambda r: -r["potential"]), start=1):
        row["gap_rank"] = place


def comparable(s, grid, regions, region, kind):
    own = grid[region, "channel_type", kind]
    if own["region_net_sales"] <= 0:
        return [], None
    others = [r for r in regions if r not in (region, "unknown") and grid[r, "channel_type", kind]["region_net_sales"] > 0]
    tier = [r for r in others if own["city_tier"] and grid[r, "channel_type", kind]["city_tier"] == own["city_tier"]]
    if len(tier) >= s["gap_regions_min"]:
        return tier, "city_tier"
    size = float(own["region_net_sales"])
    similar = [r for r in others if s["gap_size_min"] * size <= float(grid[r, "channel_type", kind]["region_net_sales"])
               <= s["gap_size_max"] * size]
    return similar, "net_sales" if similar else None


def named(world, row, strong, kinds, close, by_day, start):
    """Examples and candidates beside a gap."""
    most, kind, region = world.settings["gap_names_max"], row["channel_type"], row["region"]
    examples = sorted(strong, key=lambda r: (-r["net_sales"], r["region"]))[:most]
    sold = defaultdict(Decimal)
    for r in strong:
        for channel, its in kinds.items():
            if its == kind:
                sold[channel] += sum(v for d, v, _ in by_day.get((r["region"], channel), []) if start <= d <= close)
    near = areas(world).get(region, set())
    fits = []
    for p in versions_of(world, "partners", "partner_id"):
        if not (p["from_day"] <= close < p["to_day"]) or p["status"] not in ("active", "candidate") \
                or kinds.get(p["channel_id"]) != kind:
            continue
        own = territory(p)
        place = 1 if region in own else 2 if near & set(own) else 3 if not own else None
        if place:
            fits.append((place, p["partner_id"], p["name"]))
    return {"example_regions": "; ".join(r["region"] for r in examples),
            "candidate_channels": "; ".join(f"{entity_name(world, 'channel', c, close)} ({c})" for c in sorted(
                sold, key=lambda c: (-sold[c], c))[:most]) or None,
            "candidate_partners": "; ".join(f"{n} ({i})" for _, i, n in sorted(fits)[:most]) or None}


def channel_paths(world):
    s, as_of = world.settings, world.as_of
    orders = world.rows("""
        select customer_id, order_key, any_value(channel_id) as channel_id, min(sold_at) as moment, min(day) as day,
            sum(net) as value from lines where sale_type = 'sale' and customer_id is not null group by all
        order by customer_id, moment, order_key""")
    steps, before = defaultdict(list), None
    for o in orders:
        came = "none"
        if before and before["customer_id"] == o["customer_id"] and (o["day"] - before["day"]).days <= s["path_window_days"]:
            came = before["channel_id"]
        steps[o["day"].replace(day=1), came, o["channel_id"]].append(
            (o["customer_id"], o["value"], (o["day"] - before["day"]).days if came != "none" else None))
        before = o
    into, onward = defaultdict(int), defaultdict(int)
    for (month, came, went), found in steps.items():
        into[month, went] += len(found)
        onward[month, came] += len(found)
    nets = defaultdict(dict)
    for r in world.rows("select channel_id, month_start(day) as month, sum(net) as net from lines group by all"):
        nets[r["month"]][r["channel_id"]] = r["net"]
    cut = Decimal(str(s["auxiliary_share"]))

    def part(channel, month):
        return role(nets[month].get(channel, Decimal(0)), sum(nets[month].values()), nets[month], channel,
                    channel in nets[month], cut)
    out = []
    for (month, came, went), found in steps.items():
        end = add_months(month, 1) - ONE
        close = min(end, as_of)
        is_entry = came == "none"
        to_role, to_why = part(went, month)
        from_role, from_why = (None, "no_order_before") if is_entry else part(came, month)
        out.append({
            "month": name_of("month", month), "month_start": month, "is_provisional": end > as_of, "from_channel_id": came,
            "from_channel_name": came if is_entry else entity_name(world, "channel", came, close), "from_role": from_role,
            "from_role_status": from_why, "to_channel_id": went,
            "to_channel_name": entity_name(world, "channel", went, close), "to_role": to_role, "to_role_status": to_why,
            "path": "entry" if is_entry else "stay" if came == went else "move", "customers": len({c for c, _, _ in found}),
            "orders": len(found), "order_value": sum(v for _, v, _ in found),
            "onward_share": len(found) / onward[month, came], "inflow_share": len(found) / into[month, went],
            "net_orders": None if is_entry else len(found) - len(steps.get((month, went, came), [])),
            "net_orders_status": "no_order_before" if is_entry else None,
            "median_days_between": None if is_entry else float(median(d for _, _, d in found)),
            "median_days_between_status": "no_order_before" if is_entry else None})
    world.keep("m_channel_paths", out, decimals=["order_value"])


TRAITS = ("region", "age_band", "gender", "income_band", "frequency_band")


def banded(table, column, bound, value):
    """The band with the highest bound at or below the value."""
    return max((t for t in table if t[bound] <= value), key=lambda t: t[bound])[column]


def age(birth, day):
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def market_segments(world):
    s, as_of, out = world.settings, world.as_of, []
    orders, lines = defaultdict(list), defaultdict(list)
    for r in world.rows("""select customer_id, order_key, any_value(channel_id) as channel_id, min(day) as day from lines
            where sale_type = 'sale' and customer_id is not null group by all"""):
        orders[r["customer_id"]].append((r["day"], r["channel_id"]))
    last_days = {}
    for r in world.rows("""select customer_id, channel_id, month_start(day) as month, sum(net) as net, max(day) as last
            from lines where customer_id is not null group by all"""):
        at = r["customer_id"], r["month"]
        lines[at].append((r["channel_id"], r["net"]))
        last_days[at] = max(r["last"], last_days.get(at, r["last"]))
    held = defaultdict(list)
    for r in world.rows("select * from customers_v"):
        held[r["customer_id"]].append(r)
    begins = min(o[0] for found in orders.values() for o in found)
    for name, start, end in periods("month", begins, as_of):
        close = min(end, as_of)
        cells = defaultdict(lambda: {"customers": set(), "orders": 0, "net": Decimal(0)})
        wholes = defaultdict(lambda: {"customers": set(), "orders": 0, "net": Decimal(0)})
        # Who only brought something back is no customer of the month, but the money is the segment's.
        for c in [c for c, month in lines if month == start]:
            found = orders.get(c, [])
            here = [(d, ch) for d, ch in found if start <= d <= close]
            traits = traits_of(world, held.get(c), found, last_days[c, start], end, close)
            for segment in segments(traits):
                whole = wholes[segment]
                whole["customers"] |= {c} if here else set()
                whole["orders"] += len(here)
                for _, channel in here:
                    cells[segment, channel]["customers"].add(c)
                    cells[segment, channel]["orders"] += 1
                for channel, net in lines[c, start]:
                    cells[segment, channel]["net"] += net
                    whole["net"] += net
        out += segment_rows(s, name, start, end > as_of, cells, wholes)
    world.keep("m_market_segments", out, decimals=["net_sales", "segment_net_sales"])


def traits_of(world, versions, found, last, end, close):
    file = next((v for v in versions or [] if v["from_day"] <= close < v["to_day"]), None)
    window = last - timedelta(days=world.settings["customer_window_days"])
    n = sum(window < d <= last for d, _ in found)
    birth = file and file["birth_date"]
    return {"region": (file and file["region"]) or "unknown",
            "age_band": banded(world.tables["age_bands"], "age_band", "age_min", age(birth, end)) if birth else "unknown",
            "gender": (file and file["gender"]) or "unknown", "income_band": (file and file["income_band"]) or "unknown",
            "frequency_band": banded(world.tables["frequency_bands"], "frequency_band", "orders_min", n)}


def segments(traits):
    """The segments that a customer is in: everybody, each trait alone, the full cross."""
    nothing = dict.fromkeys(TRAITS, "all")
    yield ("all", *nothing.values())
    for trait in TRAITS:
        yield (trait, *{**nothing, trait: traits[trait]}.values())
    yield ("cross", *(traits[t] for t in TRAITS))


def segment_rows(s, name, start, provisional, cells, wholes):
    usual = {segment: whole for segment, whole in wholes.items() if segment[0] == "all"}
    everybody = next(iter(usual))
    rows = []
    for (segment, channel), cell in cells.items():
        whole = wholes[segment]
        share = float(cell["net"] / whole["net"]) if whole["net"] > 0 else None
        all_net = wholes[everybody]["net"]
        normal = float(cells[everybody, channel]["net"] / all_net) if all_net > 0 else None
        few = len(whole["customers"]) < s["segment_customers_min"]
        index = None if few or share is None or not normal or normal <= 0 else share / normal
        why = "too_few_customers" if few else "no_sales" if index is None else None
        rows.append({
            "month": name, "month_start": start, "is_provisional": provisional, "segmentation": segment[0],
            **dict(zip(TRAITS, segment[1:])), "channel_id": channel, "customers": len(cell["customers"]),
            "orders": cell["orders"], "net_sales": cell["net"], "segment_customers": len(whole["customers"]),
            "segment_orders": whole["orders"], "segment_net_sales": whole["net"], "channel_share": share,
            "channel_share_status": None if share is not None else "no_sales", "usual_share": normal,
            "usual_share_status": None if normal is not None else "no_sales", "preference_index": index,
            "preference_index_status": why, "_segment": segment})
    best = {}
    for r in rows:
        if r["preference_index"] is not None and r["channel_share"] >= s["segment_channel_share_min"]:
            rank = (-r["preference_index"], -r["net_sales"], r["channel_id"])
            if r["_segment"] not in best or rank < best[r["_segment"]][0]:
                best[r["_segment"]] = (rank, r["channel_id"])
    for r in rows:
        segment = r.pop("_segment")
        few = r["segment_customers"] < s["segment_customers_min"]
        r["preferred_channel"] = best[segment][1] if segment in best else None
        r["preferred_channel_status"] = "too_few_customers" if few else None if segment in best else "no_sales"
    return rows

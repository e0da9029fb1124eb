"""Who is to be contacted, by when and why."""

from collections import defaultdict
from datetime import date, timedelta
from itertools import combinations

from bcg import versions_of
from periods import add_months

ONE = timedelta(days=1)


def follow_ups(world):
    s, as_of, buyers = world.settings, world.as_of, world.buyers
    tasks = {t["task"]: t for t in world.tables["follow_up_tasks"]}
    on_file = {r["customer_id"]: r for r in world.rows("select * from customers_now")}
    managers = {c["channel_id"]: c["manager"] for c in versions_of(world, "channels", "channel_id")
                if c["from_day"] <= as_of < c["to_day"]}
    contacts = defaultdict(list)
    for r in world.rows("select * from contacts where _date <= {as_of} order by contacted_at, contact_id"):
        contacts[r["customer_id"]].append(r)
    begun = min((r["_date"] for found in contacts.values() for r in found), default=None)
    pairs = bought_together(world)
    until = as_of + timedelta(days=s["follow_up_ahead_days"])
    rows = []
    for c, file in on_file.items():
        if not file["contact_allowed"]:
            continue
        score, member = world.scores[c], world.members[c]
        had = contacts[c]
        found = {"win_back": win_back(world, score, had, tasks["win_back"]),
                 "quarterly_visit": visit(world, c, score, had, tasks["quarterly_visit"], begun),
                 "tier_change": tier_change(world, member, had, tasks["tier_change"]),
                 "birthday": birthday(world, file, member, had, tasks["birthday"]),
                 "recommend_product": recommend(world, c, score, had, tasks["recommend_product"], pairs)}
        for task, due in found.items():
            if not due or due["due_on"] > until:
                continue
            last = had[-1] if had else None
            responsible = file["manager"] or managers.get(score["preferred_channel"])
            rows.append({
                "as_of_date": as_of, "customer_id": c, "task": task, "priority": tasks[task]["priority"],
                "medium": tasks[task]["medium"], "overdue_days": max((as_of - due["due_on"]).days, 0),
                "recommended_sku": None, "recommended_lift": None, **due, "responsible": responsible,
                "responsible_status": None if responsible else "no_manager", "segment": score["segment"],
                "abc_class": score["abc_class"], "monetary": score["monetary"], "clv": score["clv"],
                "recency_days": score["recency_days"], "preferred_channel": score["preferred_channel"],
                "last_contact_on": last and last["_date"], "last_contact_kind": last and last["kind"],
                "last_contact_outcome": last and last["outcome"]})
    world.keep("m_follow_ups", rows, decimals=["monetary", "clv"])


def since(contacts, day, kinds=None):
    return any(r["_date"] >= day and (kinds is None or r["kind"] in kinds) for r in contacts)


def win_back(world, score, had, task):
    """Who crossed into a lost segment: on the day after the last on which the last order was near."""
    s, as_of = world.settings, world.as_of
    if score["segment"] not in ("lost", "lost_big_spender"):
        return None
    lost_on = score["last_order_on"] + timedelta(days=s["near_days"] + 1)
    if (as_of - lost_on).days >= s["win_back_days"] or since(had, lost_on):
        return None
    crossed = score["previous_segment"] not in ("lost", "lost_big_spender")
    return {"due_on": lost_on + timedelta(days=task["days"]), "detail": score["segment"],
            "reason": f"from_{score['previous_segment']}" if crossed else "lost_before_this_month"}


def visit(world, c, score, had, task, begun):
    high, top = score["segment"] == "high_value", score["abc_class"] == "A"
    if not (high or top):
        return None
    start = valued_since(world, c, score)
    start = max(start, begun) if begun else start
    visits = [r["_date"] for r in had if r["kind"] == "visit"]
    base = max(visits[-1], start) if visits else start
    if visits and visits[-1] >= start:
        base = visits[-1]
    return {"due_on": base + timedelta(days=task["days"]), "detail": None,
            "reason": "high_value_and_class_a" if high and top else "high_value" if high else "class_a"}


def valued_since(world, c, score):
    """Since when a customer is worth a visit: buying without a pause and, of who orders often, since orders came often."""
    s, days = world.settings, [d for d, _, _ in world.buyers.orders[c]]
    window, often = timedelta(days=s["customer_window_days"]), s["high_frequency_orders"]
    buying = days[0]
    for a, b in zip(days, days[1:]):
        if (b - a).days > s["near_days"]:
            buying = b
    turned, was = None, False
    for at, day in enumerate(days):
        if at + 1 < len(days) and days[at + 1] == day:
            continue
        is_often = sum(d > day - window for d in days[:at + 1]) >= often
        if is_often and not was:
            turned = day
        was = is_often
    return max(buying, turned or buying)


def tier_change(world, member, had, task):
    changed = member.get("tier_changed_on")
    if not changed or (world.as_of - changed).days > world.settings["win_back_days"] or since(had, changed):
        return None
    order = {t["tier"]: t["tier_no"] for t in world.tables["membership_tiers"]}
    up = order[member["tier"]] > order[member["previous_tier"]]
    if (world.as_of - changed).days >= 2 * task["days"]:
        return None
    return {"due_on": changed + timedelta(days=task["days"]), "reason": "tier_up" if up else "tier_down",
            "detail": f"{member['previous_tier']} -> {member['tier']}"}


def birthday(world, file, member, had, task):
    born, as_of = file["birth_date"], world.as_of
    if not born:
        return None
    for year in (as_of.year, as_of.year + 1):
        try:
            day = date(year, born.month, born.day)
        except ValueError:
            day = date(year, 2, 28)
        if as_of < day <= as_of + timedelta(days=task["days"]):
            if since(had, day - timedelta(days=task["days"])):
                return None
            return {"due_on": day, "reason": "birthday", "detail": member.get("tier")}
    return None


def bought_together(world):
    """Pairs of products in one order more often than by chance: sku -> [(lift, other)]."""
    s, as_of = world.settings, world.as_of
    first = add_months(as_of.replace(day=1), -(s["basket_months"] - 1))
    baskets = defaultdict(set)
    for order, sku in world.sql("""select distinct order_key, sku from lines where sale_type = 'sale'
            and day >= {first}""", first=first).fetchall():
        baskets[order].add(sku)
    single, both, n = defaultdict(int), defaultdict(int), 0
    for skus in baskets.values():
        if len(skus) > s["basket_products_max"]:
            continue
        n += 1
        for k in skus:
            single[k] += 1
        for a, b in combinations(sorted(skus), 2):
            both[a, b] += 1
    found = defaultdict(list)
    for (a, b), together in both.items():
        lift = together * n / (single[a] * single[b])
        if together >= s["basket_support_min"] and lift >= s["basket_lift_min"]:
            found[a].append((lift, b, together))
            found[b].append((lift, a, together))
    return found


def recommend(world, c, score, had, task, pairs):
    if score["segment"] != "potential":
        return None
    if not hasattr(world, "bought"):
        world.bought = defaultdict(set)
        first = world.as_of - timedelta(days=world.settings["customer_window_days"] - 1)
        for who, sku in world.sql("""select distinct customer_id, sku from lines where sale_type = 'sale'
                and customer_id is not null and day >= {first}""", first=first).fetchall():
            world.bought[who].add(sku)
    own = world.bought[c]
    offers = [(lift, together, other, sku) for sku in own for lift, other, together in pairs.get(sku, []) if other not in own]
    if not offers:
        return None
    lift, _, other, sku = min(offers, key=lambda o: (-o[0], -o[1], o[2], o[3]))
    last = max([score["last_order_on"]] + [r["_date"] for r in had])
    return {"due_on": last + timedelta(days=task["days"]), "reason": f"bought_{sku}", "detail": score["preferred_category"],
            "recommended_sku": other, "recommended_lift": lift}

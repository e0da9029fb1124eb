"""Membership: tiers replayed from what members spent, points with their expiry, rewards; and who is to be contacted."""

from collections import defaultdict
from datetime import timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from periods import add_months, name_of

ONE = timedelta(days=1)


def replay(days, thresholds, joined, as_of):
    """Tier after each day: up at once, down one step at an anniversary of the last change if the twelve months that end with
    it do not carry it. `days` are (day, value) with value counted from joining."""
    tier, changed, previous = 1, None, None
    values = sorted((d, v) for d, v in days if d >= joined)
    by_day = defaultdict(Decimal)
    for d, v in values:
        by_day[d] += v

    def year(day):
        first = add_months(day, -12) + ONE
        return sum((v for d, v in values if first <= d <= day), Decimal(0))

    def earned(value):
        return max(n for n, t in enumerate(thresholds, start=1) if value >= t or n == 1)

    day = min(by_day, default=None)
    # What was brought back a year ago leaves the twelve months as well, and lifts them.
    events = sorted(set(by_day) | {add_months(d, 12) for d, v in values if v < 0})
    while day is not None and day <= as_of:
        now = earned(year(day))
        review = None
        if changed is not None and tier > 1:
            n = 1
            while add_months(changed, 12 * n) < day:
                n += 1
            review = add_months(changed, 12 * n) == day
        if now > tier:
            previous, tier, changed = tier, now, day
        elif review and now < tier:
            previous, tier, changed = tier, tier - 1, day
        later = [d for d in events if d > day]
        following = later[0] if later else None
        if changed is not None and tier > 1:
            n = 1
            while add_months(changed, 12 * n) <= day:
                n += 1
            anniversary = add_months(changed, 12 * n)
            following = anniversary if following is None else min(following, anniversary)
        day = following
    review_on = None
    if changed is not None and tier > 1:
        n = 1
        while add_months(changed, 12 * n) <= as_of:
            n += 1
        review_on = add_months(changed, 12 * n)
    return tier, changed, previous, review_on, year(as_of)


def points(world, days, used, joined, as_of):
    """Whole points a day by net money; what was used takes the oldest first; the rest expires after its months."""
    s = world.settings
    lots, taken_back = [], 0
    for d, net in sorted(days):
        if d < joined:
            continue
        n = int((net * s["points_per_unit"]).to_integral_value(rounding=ROUND_HALF_UP if net < 0 else ROUND_FLOOR)) \
            if net >= 0 else -int((-net * s["points_per_unit"]).to_integral_value(rounding=ROUND_FLOOR))
        lots.append([d, n])
    earned = sum(n for _, n in lots)
    events = [(d, 1, n) for d, n in lots if n > 0] + [(d, 2, -n) for d, n in lots if n < 0] + [(d, 2, n) for d, n in used]
    queue, expired, owed = [], 0, 0
    for d, kind, n in sorted(events):
        while queue and add_months(queue[0][0], s["points_valid_months"]) <= d:
            expired += queue.pop(0)[1]
        if kind == 1:
            part = min(owed, n)
            owed -= part
            if n - part:
                queue.append([d, n - part])
        else:
            while n and queue:
                part = min(n, queue[0][1])
                queue[0][1] -= part
                n -= part
                if not queue[0][1]:
                    queue.pop(0)
            owed += n
    while queue and add_months(queue[0][0], s["points_valid_months"]) <= as_of:
        expired += queue.pop(0)[1]
    notice = as_of + timedelta(days=s["points_notice_days"])
    soon = sum(n for d, n in queue if add_months(d, s["points_valid_months"]) <= notice)
    return earned, expired, soon


def membership(world):
    s, as_of = world.settings, world.as_of
    tiers = sorted(world.tables["membership_tiers"], key=lambda t: t["tier_no"])
    thresholds = [Decimal(t["from_value"]) for t in tiers]
    net, used, sent = defaultdict(list), defaultdict(list), defaultdict(list)
    for r in world.rows("select customer_id, day, sum(net) as net from lines where customer_id is not null group by all"):
        net[r["customer_id"]].append((r["day"], r["net"]))
    for r in world.rows("select customer_id, _date as day, points from points_redemptions where _date <= {as_of}"):
        used[r["customer_id"]].append((r["day"], r["points"]))
    reward_start = add_months(as_of.replace(day=1), -1)
    if (as_of + ONE).day == 1:
        reward_start = as_of.replace(day=1)
    reward_end = add_months(reward_start, 1) - ONE
    for r in world.rows("select customer_id, _date as day from contacts where kind = 'coupon' and _date <= {as_of}"):
        if r["day"] > reward_end:
            sent[r["customer_id"]].append(r["day"])
    out = []
    for m in world.rows("select * from customers_now"):
        c, joined = m["customer_id"], m["joined_on"]
        row = {"as_of_date": as_of, "customer_id": c, "joined_on": joined, "manager": m["manager"],
               "is_contact_allowed": bool(m["contact_allowed"]),
               "contact_status": "unknown" if m["contact_allowed"] is None else None,
               "membership_status": None if joined else "no_join_date",
               "is_birthday_month": m["birth_date"].month == as_of.month if m["birth_date"] else None,
               "birthday_status": None if m["birth_date"] else "no_birth_date", "reward_month": name_of("month", reward_start)}
        if joined:
            own = [(d, v) for d, v in net[c] if joined <= d <= as_of]
            basis = own if s["membership_basis"] == "spend" else [(d, Decimal(int(v * s["points_per_unit"]))) for d, v in own]
            tier, changed, previous, review, value = replay(basis, thresholds, joined, as_of)
            gone = [e for e in used[c]]
            earned, expired, soon = points(world, own, gone, joined, as_of)
            redeemed = sum(n for _, n in gone)
            spend = sum((v for d, v in own if reward_start <= d <= reward_end), Decimal(0))
            coupon, cashback = rewards(world, spend)
            above = tiers[tier] if tier < len(tiers) else None
            entitled = [e for e in sorted(world.tables["membership_entitlements"], key=lambda e: e["position"])
                        if e["tier_no"] <= tier]
            balance = earned - redeemed - expired
            row.update(
                tier_no=tier, tier=tiers[tier - 1]["tier"], tier_changed_on=changed,
                previous_tier=tiers[previous - 1]["tier"] if previous else None, tier_review_on=review,
                tier_value_12_months=value, next_tier=above and above["tier"],
                missing_to_next_tier=Decimal(above["from_value"]) - value if above else None,
                next_tier_status=None if above else "highest_tier", points_earned=earned, points_redeemed=redeemed,
                points_expired=expired, points_balance=balance, points_expiring=soon,
                points_status="overdrawn" if balance < 0 else None,
                entitlements="; ".join(e["entitlement"] for e in entitled),
                discount_rate=max((e["discount_rate"] for e in entitled), default=0.0), reward_spend=spend,
                coupon_due=Decimal(0) if sent[c] else coupon, coupon_status="sent" if sent[c] else None,
                cashback_due=cashback)
        else:
            row.update(next_tier_status="no_join_date", points_status="no_join_date")
        out.append(row)
    world.members = {r["customer_id"]: r for r in out}
    world.keep("m_membership", out, decimals=["tier_value_12_months", "missing_to_next_tier", "reward_spend", "coupon_due",
                                              "cashback_due"])


def rewards(world, spend):
    found = {"coupon": Decimal(0), "cashback": Decimal(0)}
    for step in sorted(world.tables["spend_rewards"], key=lambda r: r["from_spend"]):
        if spend >= step["from_spend"]:
            found[step["reward"]] = step["amount"] + spend * Decimal(str(step["rate"]))
    return found["coupon"], found["cashback"]

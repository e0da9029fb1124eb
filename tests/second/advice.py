"""What to do about surplus and shortage: moves between partners first, then promotion or less supply, then orders."""

from collections import defaultdict


def areas(world):
    """Regions with those that border on them."""
    return {r["region"]: {a.strip() for a in (r["adjacent_regions"] or "").split(";") if a.strip()}
            for r in world.rows("select * from regions_now")}


def territory(partner):
    return [t.strip() for t in (partner["territory"] or "").split(";") if t.strip()]


def may_receive(world, near, giver, taker):
    """Whether goods may go from one partner to another by the places where both sell."""
    scope = world.settings["transfer_scope"]
    mine, theirs = territory(giver), territory(taker)
    if scope == "anywhere" or not mine or not theirs:
        return True
    reach = set(mine)
    if scope == "adjacent":
        for place in mine:
            reach |= near.get(place, set())
    return bool(reach & set(theirs))


def advise(world, stock, rows):
    s = world.settings
    near, moves = areas(world), defaultdict(list)
    by_sku = defaultdict(list)
    for r in rows:
        if not r["_is_stale"]:
            by_sku[r["sku"]].append(r)
    for found in by_sku.values():
        match(world, near, found, moves)
    for r in rows:
        settle(s, r, moves)


def match(world, near, found, moves):
    """Largest need first, from the largest surplus; no unit twice, no move that is not worth the lorry."""
    s = world.settings
    most = s["transfer_partners_max"]
    surplus = {r["partner_id"]: r["overstock_units"] for r in found
               if r["overstock_units"] and not r["_is_new"] and (r["overstock_rate"] or 0) > s["overstock_limit"]}
    short = [r for r in found if r["shortage_units"] and r["_partner"]["status"] == "active"
             and r["partner_id"] not in world.suspects and (r["partner_overstock_rate"] or 0) <= s["overstock_limit"]]
    rows = {r["partner_id"]: r for r in found}
    givers = sorted(surplus, key=lambda p: (-surplus[p], p))[:most]
    for taker in sorted(short, key=lambda r: (-r["shortage_units"], r["partner_id"]))[:most]:
        need = taker["shortage_units"]
        for giver in sorted(givers, key=lambda p: (-surplus[p], p)):
            units = min(need, surplus[giver])
            cost = rows[giver]["unit_cost"]
            if giver == taker["partner_id"] or units < s["transfer_units_min"] or cost is None or \
                    units * cost < s["transfer_value_min"]:
                continue
            if not may_receive(world, near, rows[giver]["_partner"], taker["_partner"]):
                continue
            moves[giver, taker["sku"], "out"].append((taker["partner_id"], units))
            moves[taker["partner_id"], taker["sku"], "in"].append((giver, units))
            surplus[giver] -= units
            need -= units
            if not need:
                break


def plan(parts):
    return ";".join(f"{p}:{n}" for p, n in sorted(parts, key=lambda x: (-x[1], x[0]))) or None


def settle(s, r, moves):
    given, taken = moves[r["partner_id"], r["sku"], "out"], moves[r["partner_id"], r["sku"], "in"]
    out, into = sum(n for _, n in given), sum(n for _, n in taken)
    status = "no_sales_feed" if r["sell_out_units"] is None else "stale_count" if r["_is_stale"] else \
        "new_item" if r["_is_new"] else "no_days_on_sale" if not r["_days"] and r["sell_out_units"] == 0 else None
    r.update(transfer_out_units=out, transfer_plan=plan(given), transfer_in_units=into, receive_plan=plan(taken),
             promote_units=None, reduce_supply_units=None, tolerated_units=None, advice=None, advice_parts=None,
             advice_status=status)
    ended = r["_partner"]["status"] == "ended"
    # Of a new item nothing is short.
    r["replenish_units"] = None if status not in (None, "new_item") or r["shortage_units"] is None else 0 if ended else r["shortage_units"] - into
    if status:
        return
    left = (r["overstock_units"] or 0) - out
    is_small = left <= s["overstock_limit"] * r["on_hand_units"]
    is_dead = r["sell_out_units"] == 0 or r["_old_share"] >= s["old_stock_share"]
    r["tolerated_units"] = left if is_small else 0
    r["promote_units"] = left if not is_small and is_dead else 0
    r["reduce_supply_units"] = left if not is_small and not is_dead else 0
    hurry = r["on_order_units"] if r["is_stockout_risk"] and not ended else 0
    parts = [f"transfer {p}:{n}" for p, n in sorted(given, key=lambda x: (-x[1], x[0]))]
    parts += [f"{word} {r[column]}" for word, column in (("promote", "promote_units"), (
        "reduce_supply", "reduce_supply_units"), ("keep", "tolerated_units")) if r[column]]
    parts += [f"receive {p}:{n}" for p, n in sorted(taken, key=lambda x: (-x[1], x[0]))]
    if r["replenish_units"]:
        parts.append(f"replenish {r['replenish_units']}")
    if hurry:
        parts.append(f"expedite {hurry}")
    r["advice_parts"] = "; ".join(parts) or None
    largest = max(("transfer", out), ("promote", r["promote_units"]), ("reduce_supply", r["reduce_supply_units"]),
                  key=lambda x: x[1])
    if largest[1]:
        r["advice"] = f"transfer_to {sorted(given, key=lambda x: (-x[1], x[0]))[0][0]}" if largest[0] == "transfer" \
            else largest[0]
    elif r["replenish_units"]:
        r["advice"] = f"replenish {r['replenish_units']}"
    else:
        r["advice"] = "receive_transfer" if into else "expedite" if hurry else "none"

"""What every sender delivered, and what of it was refused: files and rows counted anew."""

from collections import defaultdict
from datetime import timedelta
from zoneinfo import ZoneInfo

from feeds import BY_KEY
from periods import first_of


def deliveries(world):
    """A row for each day on which a file was due, and for each file of which nothing is expected, under its last day."""
    inbox, rows = world.inbox, []
    due = {(d["sender"], d["feed"], d["day"]): d for d in inbox.expected_files()}
    since = world.as_of - timedelta(days=399)
    last_days = defaultdict(list)
    for f in inbox.files:
        if f.status != "duplicate":
            day = f.last
            # Files that speak of single events are for the days of their rows.
            if inbox.senders[f.sender]["feeds"][f.feed].get("period") == "rows":
                days = [r.get("_date") or first_of(r["period"])[0] for r in f.rows]
                day = max(days, default=f.last)
            last_days[f.sender, f.feed, day].append(f)
    expected = defaultdict(set)
    for sender, feed, day in due:
        expected[sender, feed].add(day)
    for (sender, feed, day), every in last_days.items():
        if (sender, feed) not in expected and day >= since:
            d = {"expected_by": None, "due_by": None, "day": day, "sender": sender, "feed": feed, "was_late": None,
                 **standing(every)}
            rows.append(row_of(d))
    rows += [row_of(d) for d in due.values()]
    for row in rows:
        for instant, on in (("expected_by", "expected_on"), ("due_by", "due_on"), ("arrived_at", "arrived_on")):
            row[on] = inbox.business_date(row[instant])
    world.keep("m_deliveries", rows)


def standing(every):
    good = [f for f in every if f.status != "quarantined"]
    first = (good or every)[0].delivered_at if every else None
    return {"every": every, "good": good, "standing": [f for f in good if f.status == "active"], "arrived_at": first}


def row_of(d):
    every, good, now = d["every"], d["good"], d["standing"]
    is_due = d["expected_by"] is not None
    late = None
    if is_due and d["arrived_at"]:
        late = max(0.0, (d["arrived_at"] - d["expected_by"]).total_seconds() / 3600)
    held = sum(len([x for x in f.refused if x[1].startswith("unknown_")]) for f in now)
    status = "missing" if not every else "quarantined" if not good else "corrected" if len(good) > 1 else \
        "late" if d["was_late"] else "on_time"
    # Of a feed by key files never stand for each other: the newest one is shown.
    if d["feed"] in BY_KEY:
        now, status = now[-1:], "on_time" if status == "corrected" else status
    shown = now or every[-1:]
    return {"sender": d["sender"], "feed": d["feed"], "business_date": d["day"], "expected_by": d["expected_by"],
            "due_by": d["due_by"], "arrived_at": d["arrived_at"], "late_hours": late,
            "late_hours_status": None if late is not None else "missing" if is_due else "not_expected",
            "is_late": d["was_late"] if late is not None else None, "rows": sum(f.read for f in shown),
            "rejected": sum(len(f.refused) for f in shown) - held, "files": len(d["standing"]), "versions": len(every),
            "quarantined_versions": len(every) - len(good), "status": status}


REASONS = {"not_a_number": "malformed_number", "not_a_timestamp": "malformed_date", "not_a_date": "malformed_date"}


def data_quality(world):
    """Refused rows by reason, and stock below zero, which is odd but kept."""
    inbox, zone = world.inbox, ZoneInfo(world.config["company"]["time_zone"])
    counts, files, read = defaultdict(int), defaultdict(set), defaultdict(int)

    def day(file):
        return file.delivered_at.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone).date()
    examples = {}
    for f in inbox.files:
        if f.status == "duplicate":
            continue
        at = f.sender, f.feed, day(f)
        if f.status == "quarantined":
            counts[(*at, "file_refused", "quarantined")] += 0
            files[(*at, "file_refused", "quarantined")].add(f.path.name)
            continue
        read[at] += f.read
        found = [(line, REASONS.get(reason, reason), column, "held_back" if reason.startswith("unknown_") else "rejected")
                 for line, reason, column in f.refused]
        if f.feed == "inventory" and f.status == "active":
            found += [(r["_line"], "negative_stock", "on_hand_quantity", "kept") for r in f.rows if r["on_hand_quantity"] < 0]
        for line, reason, column, outcome in found:
            counts[(*at, reason, outcome)] += 1
            files[(*at, reason, outcome)].add(f.path.name)
            examples.setdefault((*at, reason, outcome), (f, line, column))
    rows = []
    for at, n in counts.items():
        sender, feed, delivered, reason, outcome = at
        whole = read[at[:3]]
        f, line, column = examples.get(at, (None, None, None))
        rows.append({"sender": sender, "feed": feed, "delivered_on": delivered, "reason": reason, "outcome": outcome,
                     "refused_rows": n, "rows_read": whole, "refused_share": n / whole if whole else None,
                     "refused_share_status": None if whole else "no_rows_read", "files": len(files[at]),
                     "first_line": line, "first_column": column})
    world.keep("m_data_quality", rows)


def rejected_rows(world):
    """Each refused row with its line and reason; files refused whole."""
    inbox, zone, rows = world.inbox, ZoneInfo(world.config["company"]["time_zone"]), []
    since = world.as_of - timedelta(days=world.settings["rejected_rows_days"])
    for f in inbox.files:
        delivered = f.delivered_at.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone).date()
        if f.status == "duplicate" or delivered < since:
            continue
        head = {"sender": f.sender, "feed": f.feed, "file": f"{f.sender}/{f.feed}/{f.path.name}", "delivered_on": delivered,
                "file_status": f.status}
        if f.status == "quarantined":
            rows.append({**head, "outcome": "file_refused", "position": 1, "line": None, "column_name": None,
                         "reason": "file_refused"})
            continue
        places = defaultdict(int)
        for line, reason, column in sorted(f.refused, key=lambda x: x[0]):
            outcome = "held_back" if reason.startswith("unknown_") else "rejected"
            places[outcome] += 1
            if places[outcome] <= world.settings["rejected_rows_per_file"]:
                rows.append({**head, "outcome": outcome, "position": places[outcome], "line": line, "column_name": column,
                             "reason": REASONS.get(reason, reason)})
    world.keep("m_rejected_rows", rows)

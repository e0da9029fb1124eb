"""Which files stand and which rows of them count: what a period's later file replaces, what is refused and why."""

import re
import tomllib
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from feeds import BY_KEY, EVENTS, FEEDS, WINDOW_AHEAD, WINDOW_BACK, WINDOW_BACK_DEFAULT
from mapping import Mapping, Refused
from readers import raw_rows

PERIOD = re.compile(r"_(\d{4})(?:-(\d{2})(?:-(\d{2}))?|-Q(\d))_")


def period_of(name):
    """First and last day of what a file is named for."""
    year, month, day, quarter = PERIOD.search(name).groups()
    year = int(year)
    if day:
        first = last = date(year, int(month), int(day))
    else:
        begin, months = (3 * int(quarter) - 2, 3) if quarter else (int(month), 1)
        first = date(year, begin, 1)
        end = begin + months
        last = date(year + (end > 12), end - 12 if end > 12 else end, 1) - timedelta(days=1)
    return first, last


class File:
    """One delivered file: what it is for, when it came, its rows and what was refused of it."""

    def __init__(self, path, sender, feed, delivered_at):
        self.path, self.sender, self.feed = path, sender, feed
        self.first, self.last = period_of(path.name)
        self.delivered_at = delivered_at
        self.rows, self.refused, self.read = [], [], 0
        self.status, self.reason = "active", None
        self.content = path.read_bytes()


class Inbox:
    """All files of all senders up to the as-of night, with their standing."""

    def __init__(self, inbox, jobs, config, as_of):
        self.config, self.as_of = config, as_of
        self.zone = ZoneInfo(config["company"]["time_zone"])
        self.senders = {path.stem: tomllib.loads(path.read_text()) for path in sorted(jobs.glob("senders/*.toml"))}
        self.files = []
        for sender, about in self.senders.items():
            stamp = re.compile(about["delivered_at"])
            for feed in sorted(about["feeds"]):
                for path in sorted((inbox / sender / feed).glob("*")):
                    came = datetime.strptime(stamp.search(path.name).group(1), "%Y%m%dT%H%M")
                    self.files.append(File(path, sender, feed, came))
        self.files.sort(key=lambda f: (f.delivered_at, f.path.name))
        for file in self.files:
            self.read(file)
        self.settle()
        self.hold_back()

    def read(self, file):
        about = self.senders[file.sender]
        of_feed = about["feeds"][file.feed]
        feed = FEEDS[file.feed]
        sender = {k: v for k, v in about.items() if k != "feeds"}
        mapping = Mapping(file.feed, feed, sender, of_feed, self.config["company"])
        dated = feed.get("dated_by")
        seen = defaultdict(list)
        if not file.content:
            file.status, file.reason = "quarantined", "empty_file"
            return
        for line, raw in raw_rows(file.path, mapping.how):
            file.read += 1
            if file.read == 1 and "#cells" not in raw and mapping.headers_missing(raw):
                file.status, file.reason, file.read = "quarantined", "missing_column", 0
                return
            if file.status == "quarantined":
                continue
            try:
                row = mapping.row(raw)
                self.check(file, row, dated)
                row["_line"] = line
                seen[tuple(row[k] for k in feed["key"])].append(row)
            except Refused as refusal:
                file.refused.append((line, refusal.reason, refusal.column))
        for rows in seen.values():
            first = {k: v for k, v in rows[0].items() if k != "_line"}
            same = all({k: v for k, v in row.items() if k != "_line"} == first for row in rows)
            file.rows += rows[:1] if same else []
            file.refused += [(row["_line"], "duplicate_row" if same else "duplicate_key", None)
                             for row in (rows[1:] if same else rows)]
        limit = of_feed.get("reject_limit", self.config["intake"]["reject_limit"])
        # Of a handful of rows a few bad ones are many percent: such a file is refused where most of it is.
        intake = self.config["intake"]
        few = (file.read < intake["few_rows"]
               and len(file.refused) <= intake["few_rows_reject_limit"] * file.read)
        if file.read and len(file.refused) > limit * file.read and not few:
            file.status, file.reason = "quarantined", "too_many_rejects"

    def business_date(self, value):
        """The day of a moment in the company's zone; dates and periods are days already."""
        if isinstance(value, datetime):
            return value.replace(tzinfo=ZoneInfo("UTC")).astimezone(self.zone).date()
        return value if isinstance(value, date) else None

    def check(self, file, row, dated):
        day = self.business_date(row.get(dated)) if dated else None
        if day is not None:
            row["_date"] = day
            back = WINDOW_BACK.get(file.feed, WINDOW_BACK_DEFAULT)
            # The period of a feed by key is what its rows say.
            if file.feed not in BY_KEY and not file.first - timedelta(days=back) <= day <= file.last + timedelta(days=WINDOW_AHEAD):
                raise Refused("outside_window", dated)
        if file.feed in ("sales", "shipments") and row["quantity"] == 0:
            raise Refused("zero_value", "quantity")
        if file.feed in ("sales", "shipments") and row["unit_price"] < 0 and row.get("sale_type") != "adjustment":
            raise Refused("negative_price", "unit_price")

    def settle(self):
        """Of a sender, feed and period the newest accepted file stands; the same bytes again are no news."""
        standing, bytes_of = {}, {}
        for file in self.files:
            same = (file.sender, file.feed, file.first, file.last)
            if bytes_of.get(same) == file.content:
                file.status = "duplicate"
            if file.status != "active":
                continue
            bytes_of[same] = file.content
            if file.feed in EVENTS:
                if same in standing:
                    standing[same].status = "superseded"
                standing[same] = file

    def accepted(self, feed):
        return [f for f in self.files if f.feed == feed and f.status == "active"]

    def hold_back(self):
        """Rows that name an unknown partner, product or channel do not count until it is known."""
        known = {column: {row[column] for f in self.accepted(feed) for row in f.rows}
                 for column, feed in (("partner_id", "partners"), ("sku", "products"), ("channel_id", "channels"))}
        self.held = Counter()
        for feed in EVENTS:
            for file in self.accepted(feed):
                kept = []
                for row in file.rows:
                    unknown = [c for c in known if known[c] and row.get(c) is not None and row[c] not in known[c]]
                    if unknown and feed in ("sales", "inventory", "shipments"):
                        self.held[file.sender, feed, f"unknown_{unknown[0].removesuffix('_id')}"] += 1
                        file.refused.append((row["_line"], f"unknown_{unknown[0].removesuffix('_id')}", unknown[0]))
                    else:
                        kept.append(row)
                file.rows = kept

    def rows(self, feed):
        """The rows of a feed that count: (file, row). Of feeds by key the latest delivery."""
        if feed in BY_KEY or feed in ("fx_rates", "calendar", "market", "targets", "channel_costs"):
            newest = {}
            for file in self.accepted(feed):
                for row in file.rows:
                    newest[tuple(row[k] for k in FEEDS[feed]["key"])] = (file, row)
            return list(newest.values())
        if feed not in EVENTS and feed not in ("partners", "channels", "products", "customers", "promotions", "regions"):
            files = self.accepted(feed)[-1:]
        else:
            files = self.accepted(feed)
        return [(file, row) for file in files for row in file.rows]

    def expected_partner_days(self, partners):
        """For each partner and day on which a sales file was expected: whether all of its senders had theirs standing."""
        reporters, covered = defaultdict(set), defaultdict(set)
        for file in self.accepted("sales"):
            for row in file.rows:
                reporters[row["partner_id"]].add(file.sender)
            day = file.first
            while day <= file.last:
                covered[file.sender].add(day)
                day += timedelta(days=1)
        for partner, senders in reporters.items():
            due = {s: self.senders[s]["feeds"]["sales"].get("expected") for s in senders}
            first = min((date.fromisoformat(e["from"]) for e in due.values() if e and "from" in e), default=None)
            day = first
            while day is not None and day <= self.as_of:
                held = [p for p in partners if p["partner_id"] == partner and p["from_day"] <= day < p["to_day"]]
                p = held[0] if held else None
                if p and (p["joined_on"] is None or p["joined_on"] <= day) and (
                        p["ended_on"] is None or day <= p["ended_on"]):
                    yield {"partner_id": partner, "channel_id": p["channel_id"], "day": day,
                           "is_delivered": all(day in covered[s] for s in senders if due[s])}
                day += timedelta(days=1)

    def expected_files(self):
        """For each sender, feed and day on which a file was due by the as-of night: what came of it."""
        for sender, about in self.senders.items():
            for feed, of_feed in about["feeds"].items():
                due = of_feed.get("expected")
                day = date.fromisoformat(due["from"]) if due and "from" in due else None
                while day is not None and day <= self.as_of:
                    yield {"sender": sender, "feed": feed, "day": day, **self.came(sender, feed, day, due)}
                    day += timedelta(days=1)

    def came(self, sender, feed, day, due):
        by = datetime.strptime(due["by"], "%H:%M").time()
        expected = datetime.combine(day + timedelta(days=due.get("lag_days", 0)), by, self.zone).astimezone(
            ZoneInfo("UTC")).replace(tzinfo=None)
        grace = timedelta(minutes=due.get("grace_minutes", 0))
        every = [f for f in self.files if f.sender == sender and f.feed == feed and f.first <= day <= f.last
                 and f.status != "duplicate"]
        good = [f for f in every if f.status != "quarantined"]
        first = (good or every)[0].delivered_at if every else None
        was_late = first is not None and first > expected + grace
        standing = [f for f in good if f.status == "active"]
        return {"expected_by": expected, "due_by": expected + grace, "arrived_at": first, "was_late": was_late,
                "every": every, "good": good, "standing": standing,
                "is_clean": len(good) == 1 and len(every) == 1 and not was_late and not good[0].refused}

"""What customers and the market say: complaints against their limits, satisfaction, what to improve, notes, reviews."""

from collections import Counter, defaultdict
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from periods import add_months, name_of


class Clock:
    """Hours of service between two moments: all of them, or those of workdays by the calendar."""

    def __init__(self, world):
        s = world.settings
        self.zone = ZoneInfo(world.config["company"]["time_zone"])
        self.is_always = s["sla_clock"] == "always"
        self.opens, self.closes = s["business_hours_start"], s["business_hours_end"]
        self.days = {r["date"]: r["is_workday"] for r in world.rows("select * from calendar where region is null")}
        self.end = datetime.combine(world.as_of + timedelta(days=1), time(), self.zone).astimezone(
            ZoneInfo("UTC")).replace(tzinfo=None)

    def is_workday(self, day):
        known = self.days.get(day)
        return day.weekday() < 5 if known is None else known

    def hours(self, start, end):
        if self.is_always:
            return (end - start).total_seconds() / 3600
        start, end = (m.replace(tzinfo=ZoneInfo("UTC")).astimezone(self.zone).replace(tzinfo=None) for m in (start, end))
        total, day = 0.0, start.date()
        while day <= end.date():
            if self.is_workday(day):
                opens = datetime.combine(day, time(self.opens))
                closes = datetime.combine(day, time(self.closes)) if self.closes < 24 else datetime.combine(day, time()) \
                    + timedelta(days=1)
                total += max(0.0, (min(end, closes) - max(start, opens)).total_seconds() / 3600)
            day += timedelta(days=1)
        return total


def complaint_sla(world):
    clock, s, out = Clock(world), world.settings, []
    for c in world.rows("select * from complaints where _date <= {as_of}"):
        opened, end = c["opened_at"], clock.end
        # What happens after the as-of date has not happened yet.
        response = c["first_response_at"] if c["first_response_at"] and c["first_response_at"] < end else None
        solved = c["resolved_at"] if c["resolved_at"] and c["resolved_at"] < end else None
        answered = min((m for m in (response, solved) if m), default=None)
        limit = s["first_response_online_hours"] if c["medium"] == "online" else s["first_response_other_hours"]
        response_bad = answered is not None and answered < opened
        solved_bad = solved is not None and solved < opened
        response_hours = None if response_bad else clock.hours(opened, answered or end)
        until = solved or end
        elapsed = (until - opened).total_seconds() / 3600
        hours = None if solved_bad else clock.hours(opened, until)
        paused = float(c["paused_hours"] or 0)
        if hours is not None and paused:
            # Paused time counts by its share of the hours of service.
            share = min(paused / elapsed, 1.0) if elapsed > 0 else 0.0
            hours = hours * (1 - share)

        def status(done, bad, taken, most):
            return "data_error" if bad else "breached" if taken > most else "met" if done else "pending"

        r = status(answered, response_bad, response_hours, limit)
        x = status(solved, solved_bad, hours, s["resolution_hours"])
        out.append({
            **{k: c[k] for k in ("complaint_id", "customer_id", "partner_id", "channel_id", "medium", "category", "stage",
                                 "severity", "opened_at")},
            "as_of_date": world.as_of, "first_response_at": c["first_response_at"], "resolved_at": c["resolved_at"],
            "answered_at": answered, "is_open": solved is None, "response_hours": None if response_hours is None else round(response_hours, 6),
            "response_limit_hours": float(limit), "response_status": r, "resolution_hours": None if hours is None else round(hours, 6),
            "resolution_limit_hours": float(s["resolution_hours"]), "resolution_status": x,
            "is_overdue": (answered is None and r == "breached") or (solved is None and x == "breached")})
        for moment in ("opened", "first_response", "resolved", "answered"):
            out[-1][f"{moment}_on"] = world.inbox.business_date(out[-1][f"{moment}_at"])
    world.keep("m_complaint_sla", out)


def months(world, table):
    """A row each month from the first event of a feed to the as-of date."""
    return f"""select cast(u.start as date) as month_start, least(last_day(u.start), {{as_of}}) as until,
        last_day(u.start) > {{as_of}} as is_provisional
        from (select date_trunc('month', min(_date)) as first from {table}) f,
        unnest(generate_series(f.first, {{as_of}}::timestamp, interval 1 month)) as u(start)"""


def experience(world):
    """Channel, stage and month from the first answer or complaint of the channel and stage on."""
    world.sql("""
        create or replace table said as
        select channel_id, stage, month_start(_date) as month_start, _date as day, score, theme,
            null as category from surveys where _date <= {as_of}
        union all
        select channel_id, stage, month_start(_date), _date, null, null, category from complaints where _date <= {as_of}
    """)
    said = world.rows("select * from said")
    firsts, by_month = {}, defaultdict(list)
    for r in said:
        at = r["channel_id"], r["stage"]
        firsts[at] = min(firsts.get(at, r["month_start"]), r["month_start"])
        by_month[at, r["month_start"]].append(r)
    begins = records_begin(world)
    names = named(world, "channels", "channel_id")
    shown, out, as_of = world.settings["names_shown_max"], [], world.as_of
    for (channel, stage), first in firsts.items():
        start = first
        while start <= as_of:
            end = add_months(start, 1) - timedelta(days=1)
            prior_start, prior_end = add_months(start, -1), start - timedelta(days=1)
            now = by_month[(channel, stage), start]
            prior = by_month[(channel, stage), prior_start]
            if end > as_of:
                same_days = [r for r in prior if (r["day"] - prior_start) <= (as_of - start)]
            else:
                same_days = prior
            answers = [r["score"] for r in now if r["score"] is not None]
            was = [r["score"] for r in prior if r["score"] is not None]
            satisfied = sum(x > world.settings["dissatisfied_score_max"] for x in answers)
            rate = satisfied / len(answers) if answers else None
            was_rate = sum(x > world.settings["dissatisfied_score_max"] for x in was) / len(was) if was else None
            complaints = [r["category"] for r in now if r["category"] is not None]
            before = sum(r["category"] is not None for r in same_days)
            themes = Counter(r["theme"] for r in now if r["theme"] is not None)
            before_status = starts(prior_start, prior_end, begins)
            out.append({
                "channel_id": channel, "channel_name": names(channel, min(end, as_of)), "stage": stage,
                "month": name_of("month", start), "month_start": start, "is_provisional": end > as_of,
                "responses": len(answers), "satisfied_responses": satisfied, "satisfaction_rate": rate,
                "average_score": sum(answers) / len(answers) if answers else None,
                "satisfaction_status": None if answers else "no_responses", "complaints": len(complaints),
                "complaints_status": None, "complaint_categories": ranked(Counter(complaints), None),
                "top_themes": ranked(themes, shown), "previous_satisfaction_rate": was_rate,
                "previous_responses": None if start == first else len(was),
                "satisfaction_change": None if not answers or not was or starts(prior_start, prior_end, begins)
                else rate - was_rate,
                "satisfaction_change_status": starts(prior_start, prior_end, begins) or (
                    "no_prior_period" if not was else None if answers else "no_responses"),
                "previous_complaints": None if before_status else before,
                "complaints_change": None if before_status else len(complaints) - before,
                "complaints_change_status": before_status})
            start = add_months(start, 1)
    world.keep("m_experience", out)


def records_begin(world):
    """The company's records begin with its first sale: no answer or complaint before the first one is no gap."""
    return world.rows("select min(day) as d from lines")[0]["d"]


def starts(prior_start, prior_end, begins):
    """Why a prior span says nothing: it lies before the records, or they begin within it."""
    return "no_prior_period" if prior_end < begins else "incomplete_history" if prior_start < begins else None


def ranked(counts, most):
    """Names with their counts, most first."""
    top = sorted(counts.items(), key=lambda x: (-x[1], x[0]))[:most]
    return "; ".join(f"{name} {n}" for name, n in top) or None


def named(world, table, key):
    versions = world.rows(f"select {key} as id, name, from_day, to_day from {table}_v")

    def name(who, day):
        return next((v["name"] for v in versions if v["id"] == who and v["from_day"] <= day < v["to_day"]), None)
    return name


def improvements(world):
    """Complaints and dissatisfied answers by theme: how often lately and in the window before."""
    s, as_of = world.settings, world.as_of
    window = timedelta(days=s["improvement_window_days"])
    themes = {t["category"]: t["theme"] for t in world.tables["complaint_themes"]}
    clock = Clock(world)
    mentions = []
    for c in world.rows("select * from complaints where _date <= {as_of}"):
        is_open = c["resolved_at"] is None or c["resolved_at"] >= clock.end
        mentions.append((themes.get(c["category"], c["category"]), c["category"], c["_date"], c["channel_id"], is_open, None))
    for v in world.rows("select * from surveys where _date <= {as_of} and score <= {dissatisfied_score_max} "
                        "and theme is not null"):
        mentions.append((v["theme"], "survey", v["_date"], v["channel_id"], False, (v["answered_at"], v["response_id"],
                                                                                   v["comment"])))
    begin = records_begin(world)
    names = named(world, "channels", "channel_id")
    groups, out = defaultdict(list), []
    for m in mentions:
        groups[m[0], m[1]].append(m)
    for (theme, category), found in groups.items():
        recent = [m for m in found if as_of - window < m[2] <= as_of]
        before = [m for m in found if as_of - 2 * window < m[2] <= as_of - window]
        short = begin > as_of - 2 * window + timedelta(days=1)
        growth = (len(recent) - len(before)) / len(before) if before and not short else None
        status = "incomplete_history" if short else None if before else "no_prior_period"
        trend = None if short else "quiet" if not recent else "new" if not before else \
            "rising" if growth >= s["improvement_trend_min"] else "falling" if growth <= -s["improvement_trend_min"] \
            else "steady"
        comments = [m[5] for m in found if m[5] and m[5][2]]
        opened = sum(m[4] for m in found)
        channels = Counter(m[3] for m in recent)
        out.append({"as_of_date": as_of, "theme": theme, "category": category, "mentions": len(found),
                    "mentions_recent": len(recent), "mentions_before": len(before), "mentions_growth": growth,
                    "mentions_growth_status": status, "trend": trend, "channels": len(channels),
                    "affected_channels": "; ".join(
                        f"{names(c, as_of)} ({c}) {n}" for c, n in sorted(channels.items(), key=lambda x: (-x[1], x[0])))
                    or None, "first_seen_on": min(m[2] for m in found),
                    "last_seen_on": max(m[2] for m in found), "open_complaints": opened,
                    "is_still_open": bool(recent or opened),
                    "latest_comment": max(comments, key=lambda c: (c[0], c[1]))[2] if comments else None})
    out.sort(key=lambda r: (-r["mentions_recent"], -r["mentions"], r["theme"], r["category"]))
    for place, row in enumerate(out, start=1):
        row["priority"] = place
    world.keep("m_improvements", out)


def market_signals(world):
    notes, out = defaultdict(list), []
    partners = world.rows("select * from partners_v")

    def partner(who, day):
        return next((p for p in partners if p["partner_id"] == who and p["from_day"] <= day < p["to_day"]), None)
    for n in world.rows("select * from market_notes where _date <= {as_of}"):
        p = partner(n["partner_id"], n["noted_on"])
        channel = n["channel_id"] or (p and p["channel_id"]) or "unknown"
        region = n["region"] or (p and p["territory"] and p["territory"].split(";")[0].strip()) or "unknown"
        notes[n["noted_on"].replace(day=1), channel, region, n["kind"]].append(n)
    channel_name, region_name = named(world, "channels", "channel_id"), named(world, "regions", "region")
    for (start, channel, region, kind), found in notes.items():
        end = add_months(start, 1) - timedelta(days=1)
        prior_start = add_months(start, -1)
        prior = notes.get((prior_start, channel, region, kind), [])
        if end > world.as_of:
            prior = [n for n in prior if n["noted_on"] - prior_start <= world.as_of - start]
        texts = []
        for n in sorted(found, key=lambda n: (n["noted_on"], n["note_id"]), reverse=True):
            if n["text"] not in texts:
                texts.append(n["text"])
        close = min(end, world.as_of)
        out.append({"month": name_of("month", start), "month_start": start, "is_provisional": end > world.as_of,
                    "channel_id": channel, "channel_name": channel_name(channel, close), "region": region,
                    "region_name": region_name(region, close) or region, "kind": kind, "notes": len(found),
                    "month_before_notes": len(prior),
                    "partners": len({n["partner_id"] for n in found if n["partner_id"]}),
                    "first_seen_on": min(n["noted_on"] for n in found), "last_seen_on": max(n["noted_on"] for n in found),
                    "sample_texts": " | ".join(texts[:world.settings["signal_texts_max"]]) or None,
                    "sample_texts_status": None})
    world.keep("m_market_signals", out)


DIMENSIONS = ("service", "logistics", "cooperation", "brand_alignment")


def channel_assessment(world):
    """Marks of reviewers by quarter and channel beside those of all other channels."""
    from periods import first_of, periods
    reviews, partners = world.rows("select * from partner_reviews"), world.rows("select * from partners_v")
    as_of, groups = world.as_of, defaultdict(list)
    for r in reviews:
        first, last = first_of(r["period"])
        if last > as_of:
            continue
        for name, start, end in periods("quarter", first, last):
            p = next((p for p in partners if p["partner_id"] == r["partner_id"] and p["from_day"] <= min(end, as_of)
                      < p["to_day"]), None)
            groups[start, p["channel_id"] if p else "unknown"].append({**r, "name": p["name"] if p else r["partner_id"]})
    first = min(start for start, _ in groups)
    channels = world.rows("select * from channels_v")
    out = []
    for name, start, end in periods("quarter", first, as_of):
        close = min(end, as_of)
        here = {c["channel_id"]: c for c in channels if c["from_day"] <= close < c["to_day"]}
        for channel, c in here.items():
            found = groups.get((start, channel), [])
            everyone = [r for (s, _), rows in groups.items() if s == start for r in rows]
            means = {d: mean(r[f"{d}_score"] for r in found) for d in DIMENSIONS}
            overall = mean(r[f"{d}_score"] for r in found for d in DIMENSIONS)
            was = mean(r[f"{d}_score"] for r in groups.get((add_months(start, -3), channel), []) for d in DIMENSIONS)
            leads = {d: round(means[d] - mean(r[f"{d}_score"] for r in everyone), 9) for d in DIMENSIONS
                     if means[d] is not None}
            others = len({ch for (s, ch) in groups if s == start}) > 1
            status = "no_reviews" if not found else "no_other_channel" if not others else \
                "one_dimension" if len(leads) < 2 else None
            best = max(leads, key=lambda d: leads[d]) if not status else None
            # Of equals the first is the strength and the last the weakness, so that they are not the same.
            worst = min(reversed(leads), key=lambda d: leads[d]) if not status else None
            comments = [(first_of(r["period"])[1], r["_delivered_at"], r) for r in found if r["comment"]]
            out.append({
                "quarter": name, "quarter_start": start, "is_provisional": end > as_of, "channel_id": channel,
                "channel_name": c["name"], "channel_type": c["channel_type"], "reviews": len(found),
                "partners": len({r["partner_id"] for r in found}), **{f"{d}_score": means[d] for d in DIMENSIONS},
                "overall_score": overall, "scores_status": None if found else "no_reviews", "previous_overall_score": was,
                "overall_change": overall - was if overall is not None and was is not None else None,
                "overall_change_status": "no_reviews" if overall is None else "no_prior_period" if was is None else None,
                "strength": best, "strength_lead": leads.get(best), "weakness": worst, "weakness_lead": leads.get(worst),
                "strength_status": status,
                "recent_comments": " | ".join(list(dict.fromkeys(f"{r['name']}: {r['comment']}" for _, _, r in sorted(
                    comments, key=lambda x: (x[0], x[1]), reverse=True)))[:world.settings["assessment_comments_max"]]) or None,
                "recent_comments_status": None if comments else "no_comments" if found else "no_reviews"})
    world.keep("m_channel_assessment", out)


def mean(values):
    found = [v for v in values if v is not None]
    return sum(found) / len(found) if found else None

"""Months, quarters and years, and when the records begin."""

from calendar import monthrange
from datetime import date, timedelta


def add_months(day, months):
    """The same day so many months later, at most the last of that month."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def periods(kind, first, last):
    """(name, first day, last day) of each month, quarter or year that touches the span."""
    step = {"month": 1, "quarter": 3, "year": 12}[kind]
    start = date(first.year, (first.month - 1) // step * step + 1, 1)
    while start <= last:
        after = add_months(start, step)
        yield name_of(kind, start), start, after - timedelta(days=1)
        start = after


def name_of(kind, day):
    return {"month": f"{day:%Y-%m}", "quarter": f"{day.year}-Q{(day.month + 2) // 3}", "year": str(day.year)}[kind]


def first_of(period):
    """First and last day of a period by its name."""
    kind = "year" if len(period) == 4 else "quarter" if "Q" in period else "month"
    month = 1 if kind == "year" else 3 * int(period[-1]) - 2 if kind == "quarter" else int(period[5:])
    start = date(int(period[:4]), month, 1)
    after = add_months(start, {"year": 12, "quarter": 3, "month": 1}[kind])
    return start, after - timedelta(days=1)


def elapsed_end(start, as_of, prior_start, prior_end):
    """The day of a prior period by which as many days have passed as of the running one, at most its last."""
    return min(prior_end, prior_start + (as_of - start))


def quarter_elapsed_end(as_of, months_back):
    """The day of an earlier period that has the same date."""
    return add_months(as_of, -months_back)


def growth(current, prior, prior_start, prior_end, begins):
    """Growth and why there is none: nothing before, a base below 0, or a base that began before the records do."""
    if begins is None or prior_end < begins:
        return None, "no_prior_period"
    if prior_start < begins:
        return None, "incomplete_history"
    if prior is None or prior == 0:
        return None, "no_prior_period"
    if prior < 0:
        return None, "negative_base"
    return float(current - prior) / float(prior), None

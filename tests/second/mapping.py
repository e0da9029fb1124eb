"""From a raw row to our columns: where each comes from, how its dates and numbers are written."""

from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo


class Refused(Exception):
    """A row that cannot be taken, with the column and the reason."""

    def __init__(self, reason, column=None):
        super().__init__(reason)
        self.reason, self.column = reason, column


def number(value, how):
    """A decimal as the sender writes it."""
    if isinstance(value, bool):
        raise Refused("not_a_number")
    if isinstance(value, (int, Decimal)):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(repr(value))
    text = value.strip()
    if how.get("decimal_comma"):
        text = text.replace(".", "").replace(",", ".")
    elif how.get("thousands"):
        text = text.replace(how["thousands"], "")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Refused("not_a_number")


def day(value, form):
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return datetime.strptime(value.strip(), form or "%Y-%m-%d").date()
    except ValueError:
        raise Refused("not_a_date")


def moment(value, form, zone):
    """A moment as UTC without a zone; clocks without one are the company's."""
    if isinstance(value, datetime):
        at = value
    else:
        text = value.strip()
        try:
            at = datetime.strptime(text, form.replace("%:z", "%z")) if form else datetime.fromisoformat(text)
        except ValueError:
            raise Refused("not_a_timestamp")
    at = at if at.tzinfo else at.replace(tzinfo=zone)
    return at.astimezone(timezone.utc).replace(tzinfo=None)


class Mapping:
    """One feed of one sender."""

    def __init__(self, feed_name, feed, sender, of_feed, company):
        self.feed_name, self.columns, self.key = feed_name, feed["columns"], feed["key"]
        self.how = {**sender, **of_feed}
        self.missing = set(self.how.get("missing", [""])) | {""}
        self.spec = of_feed.get("columns", {})
        self.zone = ZoneInfo(company["time_zone"])
        self.base_currency = company["base_currency"]

    def source(self, column):
        spec = self.spec.get(column, column)
        return {"column": spec} if isinstance(spec, str) else spec

    def headers_missing(self, headers):
        """Columns that a row cannot do without and that the file does not have."""
        return [c for c, kind in self.columns.items()
                if kind.endswith("!") and "constant" not in self.source(c)
                and self.source(c).get("column", c) not in headers]

    def cell(self, row, name):
        value = row.get(name)
        if isinstance(value, str):
            value = value.strip()
            return None if value in self.missing else value
        return value

    def value(self, row, column, kind):
        spec = self.source(column)
        if "constant" in spec:
            return spec["constant"]
        value = self.cell(row, spec.get("column", column))
        if "prefixes" in spec:
            hit = [v for p, v in spec["prefixes"].items() if value and value.startswith(p)]
            return hit[0] if hit else spec.get("default")
        if value is None:
            return None
        if "map" in spec:
            if str(value) not in spec["map"]:
                raise Refused("unmapped_value", column)
            return spec["map"][str(value)]
        try:
            return self.typed(value, kind, spec)
        except Refused as refusal:
            raise Refused(refusal.reason, column)

    def typed(self, value, kind, spec):
        if kind == "t":
            return str(value)
        if kind == "D":
            return day(value, spec.get("format"))
        if kind == "T":
            return moment(value, spec.get("format"), self.zone)
        if kind == "b":
            return value if isinstance(value, bool) else {"true": True, "false": False}[value.lower()]
        found = number(value, self.how) * Decimal(spec.get("scale", 1))
        if kind == "i":
            if found != int(found):
                raise Refused("not_a_whole_number")
            return int(found)
        return found

    def row(self, raw):
        """Our row of a raw row, or Refused."""
        if "#cells" in raw:
            raise Refused("wrong_number_of_cells")
        out = {}
        for column, kind in self.columns.items():
            spec = self.source(column)
            if "from_net" in spec:
                continue
            out[column] = self.value(raw, column, kind[0])
        for column, kind in self.columns.items():
            spec = self.source(column)
            if "from_net" in spec:
                net = self.cell(raw, spec["from_net"])
                out[column] = None if net is None else out["quantity"] * out["unit_price"] - number(net, self.how)
            flip = spec.get("negate_if")
            if flip and out[column] is not None and self.cell(raw, flip["column"]) == flip["equals"]:
                out[column] = -out[column]
        for column, kind in self.columns.items():
            if kind.endswith("!") and out[column] is None:
                raise Refused("missing_value", column)
        self.defaults(out)
        return out

    def defaults(self, out):
        if "currency" in out and out["currency"] is None:
            out["currency"] = self.base_currency
        if self.feed_name == "sales":
            if out["discount_amount"] is None:
                out["discount_amount"] = Decimal(0)
            if out["sale_type"] is None:
                out["sale_type"] = "return" if out["quantity"] < 0 else "sale"

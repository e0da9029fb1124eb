"""Small faults of a statement: where in its text each one goes, and what stands there then.

The text is cut into tokens by sqlglot, and a fault replaces a few of them in place, so that everything else of the file stays as
it was written. A fault that no longer reads as SQL is none."""

import random
from dataclasses import dataclass

import sqlglot
from sqlglot.tokens import TokenType as T

TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "<>", "<>": "="}
MOVED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
SWAPPED = {"sum": "count", "min": "max", "max": "min", "greatest": "least", "least": "greatest", "bool_or": "bool_and",
           "bool_and": "bool_or"}
JOINS = {"left": "inner", "inner": "left", "full": "left", "anti": "semi", "semi": "anti"}
# What ends a condition or a list at its own depth.
ENDS = {"where", "group by", "having", "qualify", "order by", "union", "limit", "left", "right", "inner", "full", "cross", "join",
        "window", "except", "intersect", "rows", "range", "on"}
BEFORE_OPERAND = {"where", "and", "or", "on", "when", "not", "then", "else", "select", ",", "having", "qualify"}


@dataclass(frozen=True)
class Fault:
    """`text[start:end]` becomes `new`."""

    kind: str
    line: int
    start: int
    end: int
    new: str

    def put_into(self, text):
        return text[:self.start] + self.new + text[self.end:]

    def words(self, text):
        old = " ".join(text[self.start:self.end].split())
        new = " ".join(self.new.split())
        return f"`{old}` → `{new or '(nothing)'}`"


class Statement:
    """A model's text as tokens, each with its depth in parentheses and cases."""

    def __init__(self, text):
        self.text = text
        self.tokens = sqlglot.tokenize(text, read="duckdb")
        self.words = [t.text.lower() for t in self.tokens]
        self.words += [";"] * 4  # so that a look ahead ends somewhere
        self.depths, depth = [], 0
        for word in self.words:
            if word in (")", "end"):
                depth -= 1
            self.depths.append(depth)
            if word in ("(", "case"):
                depth += 1
        self.types = set(self._inside_types())

    def _inside_types(self):
        """Tokens that are part of a type's name: its numbers are no figures."""
        for at, word in enumerate(self.words):
            if word == "decimal":
                yield from range(at, self.closing(at + 1) + 1)

    def closing(self, opening):
        return next(at for at in range(opening + 1, len(self.words)) if self.depths[at] == self.depths[opening])

    def end_of(self, at):
        """The first token after `at` that ends the clause which `at` begins."""
        depth = self.depths[at]
        for after in range(at + 1, len(self.words)):
            if self.depths[after] < depth or self.depths[after] == depth and self.words[after] in ENDS | {";"}:
                return after
        return len(self.words)

    def fault(self, kind, first, last, new):
        """Tokens `first` to `last` become `new`."""
        start = self.tokens[first].start
        # sqlglot's own count of lines goes wrong after a parameter.
        return Fault(kind, self.text.count("\n", 0, start) + 1, start, self.tokens[last].end + 1, new)

    def source(self, first, last):
        return self.text[self.tokens[first].start:self.tokens[last].end + 1]

    def parts(self, first, last, separator):
        """Spans between `first` and `last` (exclusive) cut at `separator`; None if something else binds looser."""
        depth, spans, begun, between = self.depths[first], [], first, False
        for at in range(first, last):
            if self.depths[at] != depth:
                continue
            word = self.words[at]
            if word == "or" and separator == "and":
                return None
            if word == "between":
                between = True
            elif word == separator and not (separator == "and" and between):
                spans.append((begun, at - 1))
                begun = at + 1
            elif word == "and":
                between = False
        spans.append((begun, last - 1))
        return spans

    def faults(self):
        found = []
        for at, word in enumerate(self.words[:len(self.tokens)]):
            for rule in (self.comparison, self.between, self.join, self.default, self.sign, self.frame, self.key, self.aggregate,
                         self.filter, self.constant, self.negation, self.order):
                if at not in self.types:
                    found += rule(at, word)
        return list(dict.fromkeys(found))

    def reads(self, fault):
        try:
            sqlglot.parse(fault.put_into(self.text), read="duckdb")
        except sqlglot.errors.SqlglotError:
            return False
        return True

    def in_condition(self, at):
        """Whether a token stands in a clause that decides, not in the keys of a join."""
        depth = self.depths[at]
        for before in range(at - 1, -1, -1):
            if self.depths[before] < depth:
                return self.words[before] != "(" or self.in_condition(before) or self.words[before - 1] in ("in", "(")
            if self.depths[before] == depth and self.words[before] in ("on", "using"):
                return False
            if self.depths[before] == depth and self.words[before] in ENDS | {"when", "select", "then"}:
                return True
        return True

    def comparison(self, at, word):
        if word in MOVED:
            yield self.fault("bound moved", at, at, MOVED[word])
        if word in TURNED and (word != "=" or self.in_condition(at)):
            yield self.fault("comparison turned", at, at, TURNED[word])

    def between(self, at, word):
        if word != "between" or self.words[at - 1] == "not":
            return
        depth = self.depths[at]
        inner = next((i for i in range(at + 1, len(self.words)) if self.depths[i] == depth and self.words[i] == "and"), None)
        if inner is None:
            return
        if self.words[inner - 1] == "preceding" or self.words[inner + 2:inner + 3] in (["row"], ["preceding"], ["following"]):
            return
        first = at
        while first > 0 and not (self.depths[first - 1] == depth and self.words[first - 1] in BEFORE_OPERAND
                                 or self.depths[first - 1] < depth):
            first -= 1
        last = inner + 1
        while last < len(self.words) and not (
                self.depths[last] < depth or self.depths[last] == depth
                and self.words[last] in ENDS | {"and", "or", "then", ",", "when", "as", "else"}):
            last += 1
        value, low, high = self.source(first, at - 1), self.source(at + 1, inner - 1), self.source(inner + 1, last - 1)
        yield self.fault("bound moved", first, last - 1, f"({value} > {low} and {value} <= {high})")
        yield self.fault("bound moved", first, last - 1, f"({value} >= {low} and {value} < {high})")

    def join(self, at, word):
        if word in JOINS and "join" in self.words[at + 1:at + 3]:
            if word == "left" and self.words[at + 1] in ("anti", "semi"):
                return
            yield self.fault("join kind", at, at, JOINS[word])

    def default(self, at, word):
        if word not in ("coalesce", "nullif") or self.words[at + 1] != "(":
            return
        closed = self.closing(at + 1)
        spans = self.parts(at + 2, closed, ",")
        yield self.fault(f"{word} dropped", at, closed, f"({self.source(*spans[0])})")

    def sign(self, at, word):
        if word in "+-" and self.words[at - 1] not in {"(", ",", "then", "else", "when", "=", "<", ">", "<=", ">=", "select", "*", "/"}:
            yield self.fault("sign", at, at, "-" if word == "+" else "+")

    def frame(self, at, word):
        if word in ("preceding", "following") and self.words[at - 1].isdigit():
            yield self.fault("window frame", at - 1, at - 1, str(int(self.words[at - 1]) + 1))
        if word == "preceding" and self.words[at - 1] == "unbounded" and self.words[at + 1:at + 3] == ["and", "current"]:
            yield self.fault("window frame", at + 2, at + 3, "1 preceding")
        if word == "preceding" and self.words[at + 1:at + 4] == ["and", "1", "preceding"]:
            yield self.fault("window frame", at + 2, at + 3, "current row")

    def key(self, at, word):
        if word == "on" and self.words[at - 1] != "distinct":
            spans = self.parts(at + 1, self.end_of(at), "and")
            for span in spans if spans and len(spans) > 1 else []:
                yield self.fault("key left out of a join", *span, "true")
        if word == "partition by":
            spans = self.parts(at + 1, self.end_of(at), ",")
            for number, (first, last) in enumerate(spans):
                if len(spans) == 1:
                    yield self.fault("key left out of a partition", at, last, "")
                elif number:
                    yield self.fault("key left out of a partition", first - 1, last, "")
                else:
                    yield self.fault("key left out of a partition", first, last + 1, "")

    def aggregate(self, at, word):
        if word in SWAPPED and self.words[at + 1] == "(":
            yield self.fault("another aggregate", at, at, SWAPPED[word])
        if word == "distinct" and self.words[at - 1] in ("(", "select") and self.words[at + 1] != "on":
            yield self.fault("distinct dropped", at, at, "")

    def filter(self, at, word):
        if word == "filter" and self.words[at + 1] == "(":
            yield self.fault("filter dropped", at, self.closing(at + 1), "")
        if word in ("where", "having", "qualify"):
            spans = self.parts(at + 1, self.end_of(at), "and") or [(at + 1, self.end_of(at) - 1)]
            if len(spans) == 1 and self.words[at - 2] == "filter":
                return
            for span in spans:
                yield self.fault("filter dropped", *span, "true")

    def constant(self, at, word):
        kind = self.tokens[at].token_type
        if kind == T.NUMBER and word.isdigit() and self.words[at + 1] not in ("preceding", "following"):
            yield self.fault("constant by one", at, at, str(int(word) + 1))
        if kind == T.STRING and self.words[at - 1] == "interval" and word.split()[0].isdigit():
            number, unit = word.split()
            yield self.fault("constant by one", at, at, f"'{int(number) + 1} {unit}'")

    def negation(self, at, word):
        if word == "not" and self.words[at + 1:at + 2] != ["distinct"]:
            yield self.fault("not dropped", at, at, "")
        if word == "is" and self.words[at + 1] == "null":
            yield self.fault("comparison turned", at, at, "is not")

    def order(self, at, word):
        if word == "desc":
            yield self.fault("order turned", at, at, "asc")


def sample(text, name, most):
    """At most `most` faults of a statement, of as many kinds as it has, the same ones every time."""
    chance = random.Random(name)
    statement, kinds = Statement(text), {}
    for fault in statement.faults():
        kinds.setdefault(fault.kind, []).append(fault)
    for found in kinds.values():
        chance.shuffle(found)
    order = sorted(kinds)
    chance.shuffle(order)
    chosen = []
    while len(chosen) < most and any(kinds.values()):
        for kind in order:
            while kinds[kind] and len(chosen) < most:
                fault = kinds[kind].pop()
                if statement.reads(fault):
                    chosen.append(fault)
                    break
    return sorted(chosen, key=lambda f: (f.start, f.new))

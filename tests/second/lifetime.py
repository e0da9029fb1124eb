"""Customer lifetime value: BG/NBD for how often (Fader, Hardie, Lee 2005), gamma-gamma for how much, fitted by maximum
likelihood with SciPy; the simple form where they do not hold."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

WEEK = 7.0
YEAR = 365


def histories(world):
    """Purchase days of every customer with what they brought: a day with a sale line, unless returns leave nothing of it."""
    found = defaultdict(list)
    for r in world.rows("""
            select customer_id, day, sum(net) as net, bool_or(sale_type = 'return') as has_return
            from lines where customer_id is not null group by all
            having bool_or(sale_type = 'sale') order by day"""):
        if r["net"] > 0 or not r["has_return"]:
            found[r["customer_id"]].append((r["day"], r["net"]))
    return found


class Fit:
    """Parameters with their standard errors from the curvature at the maximum."""

    def __init__(self, model, names, likelihood, start, customers):
        self.model, self.names, self.customers = model, names, customers
        self.status, self.converged = None, True
        best = minimize(lambda x: -likelihood(np.exp(x)), np.log(start), method="Nelder-Mead",
                        options={"maxiter": 20000, "maxfev": 20000, "xatol": 1e-10, "fatol": 1e-10})
        best = minimize(lambda x: -likelihood(np.exp(x)), best.x, method="BFGS", options={"gtol": 1e-7})
        self.value = np.exp(best.x)
        self.likelihood = float(likelihood(self.value))
        self.errors = self.standard_errors(likelihood)

    def standard_errors(self, likelihood):
        n, x = len(self.value), self.value
        h = 1e-4 * x
        curve = np.zeros((n, n))
        for i in range(n):
            for j in range(n):
                def at(a, b):
                    y = x.copy()
                    y[i] += a * h[i]
                    y[j] += b * h[j]
                    return likelihood(y)
                curve[i, j] = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / (4 * h[i] * h[j])
        try:
            with np.errstate(invalid="ignore"):
                return np.sqrt(np.diag(np.linalg.inv(-curve)))
        except np.linalg.LinAlgError:
            return np.full(n, np.nan)

    @property
    def is_identified(self):
        """Whether the data tell the parameters: there is a curvature in each, and none runs away."""
        return bool(np.all(np.isfinite(self.errors)) and np.all(self.value < 1e4))


def fit_bg_nbd(x, tx, t):
    def likelihood(p):
        r, alpha, a, b = p
        first = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b)
        alive = -(r + x) * np.log(alpha + t)
        gone = np.where(x > 0, np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + tx), -np.inf)
        return float(np.sum(first + np.logaddexp(alive, gone)))
    return Fit("bg_nbd", ["r", "alpha", "a", "b"], likelihood, np.array([1.0, 5.0, 1.0, 2.0]), len(x))


def fit_gamma_gamma(x, m):
    def likelihood(params):
        p, q, v = params
        return float(np.sum(gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v) + (p * x - 1) * np.log(m)
                            + p * x * np.log(x) - (p * x + q) * np.log(x * m + v)))
    return Fit("gamma_gamma", ["p", "q", "v"], likelihood, np.array([2.0, 3.0, float(np.mean(m))]), len(x))


def purchases(p, x, tx, t, ahead):
    """Purchase days expected over the next weeks, of a customer with this history."""
    r, alpha, a, b = p
    z = ahead / (alpha + t + ahead)
    part = 1 - ((alpha + t) / (alpha + t + ahead)) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, z)
    gone = a / (b + x - 1) * ((alpha + t) / (alpha + tx)) ** (r + x) if x > 0 else 0.0
    return (a + b + x - 1) / (a - 1) * part / (1 + gone)


def alive(p, x, tx, t):
    r, alpha, a, b = p
    return 1 / (1 + (a / (b + x - 1) * ((alpha + t) / (alpha + tx)) ** (r + x) if x > 0 else 0.0))


def six(values):
    return [float(f"{v:.6g}") for v in values]


def margins(world, buyers, everybody, first):
    """Margin of net sales of each customer in the window, else the company's, else the setting."""
    default = world.settings["margin_rate_default"]
    net_all = cost_all = Decimal(0)
    own = {}
    for c in everybody:
        lines = [r for r in buyers.lines.get(c, []) if r["day"] >= first]
        known = [r for r in lines if not r["no_cost"]]
        net, cost = sum((r["net"] for r in known), Decimal(0)), sum((r["cost"] for r in known), Decimal(0))
        net_all, cost_all = net_all + net, cost_all + cost
        own[c] = float((net - cost) / net) if known and len(known) == len(lines) and net > 0 else None
    company = float((net_all - cost_all) / net_all) if net_all > 0 else None
    return {c: (own[c], None) if own[c] is not None else (company, "company_rate") if company is not None
            else (default, "default_rate") for c in everybody}


def values(world, buyers, everybody, first):
    """clv and what it is made of, for every customer."""
    s, as_of = world.settings, world.as_of
    past = histories(world)
    x = {c: len(d) - 1 for c, d in past.items()}
    tx = {c: (d[-1][0] - d[0][0]).days / WEEK for c, d in past.items()}
    t = {c: (as_of - d[0][0]).days / WEEK for c, d in past.items()}
    repeat = {c: [v for _, v in d[1:] if v > 0] for c, d in past.items()}
    world.fits, rates = [], margins(world, buyers, everybody, first)
    repeaters = sum(n > 0 for n in x.values())
    is_fitted = repeaters >= s["clv_repeat_customers_min"]
    if is_fitted:
        who = sorted(past)
        bg = fit_bg_nbd(*(np.array([d[c] for c in who], dtype=float) for d in (x, tx, t)))
        spenders = [c for c in who if repeat[c]]
        gg = fit_gamma_gamma(np.array([len(repeat[c]) for c in spenders], dtype=float),
                             np.array([float(sum(repeat[c])) / len(repeat[c]) for c in spenders]))
        world.fits = [bg, gg]
        is_fitted = bg.is_identified
        p, (gp, gq, gv) = six(bg.value), six(gg.value)
    weekly = (1 + s["clv_discount_rate"]) ** (1 / (YEAR / WEEK))
    retention = kept(buyers, as_of)
    out = {}
    for c in everybody:
        rate, rate_status = rates[c]
        none = {"clv": None, "clv_method": None, "clv_status": "no_sales", "probability_alive": None,
                "expected_purchases": None, "expected_purchase_value": None, "margin_rate": None,
                "margin_rate_status": "no_sales"}
        if c not in past:
            out[c] = none
        elif is_fitted:
            ahead = s["clv_horizon_weeks"]
            so_far = [float(purchases(p, x[c], tx[c], t[c], w)) if w else 0.0 for w in range(ahead + 1)]
            discounted = sum((so_far[w] - so_far[w - 1]) / weekly ** (w - 0.5) for w in range(1, ahead + 1))
            n = len(repeat[c])
            value = gp * (gv + float(sum(repeat[c]))) / (gp * n + gq - 1) if n or gq > 1 else None
            clv = None if value is None else Decimal(repr(float(discounted * value * rate)))
            out[c] = {"clv": clv, "clv_method": "bg_nbd_gamma_gamma", "clv_status": None if clv is not None else "no_mean_spend",
                      "probability_alive": alive(p, x[c], tx[c], t[c]), "expected_purchases": so_far[-1],
                      "expected_purchase_value": None if value is None else Decimal(repr(float(value))), "margin_rate": rate,
                      "margin_rate_status": rate_status}
        else:
            out[c] = {**none, **simple(buyers, c, first, as_of, rate, retention), "margin_rate": rate,
                      "margin_rate_status": rate_status}
            if world.fits and out[c]["clv"] is not None:
                out[c]["clv_status"] = "not_identified"
    return out


def kept(buyers, as_of):
    """Share of those active in the window before the last one who were active in the last one."""
    last, before = as_of - timedelta(days=YEAR), as_of - timedelta(days=2 * YEAR)
    earlier = [c for c, o in buyers.orders.items() if any(before < d <= last for d, _, _ in o)]
    return sum(any(d > last for d, _, _ in buyers.orders[c]) for c in earlier) / len(earlier) if earlier else None


def simple(buyers, c, first, as_of, rate, retention):
    orders = sum(first <= d <= as_of for d, _, _ in buyers.orders.get(c, []))
    net = buyers.net(c, first, as_of)
    status = "no_sales_in_window" if not orders else "no_prior_period" if retention is None else None
    value = None if status else Decimal(repr(float(net) * rate * retention))
    return {"clv": value, "clv_method": "simple", "clv_status": status}


def model_fits(world):
    out = []
    for model, names in (("bg_nbd", ["r", "alpha", "a", "b"]), ("gamma_gamma", ["p", "q", "v"])):
        fit = next((f for f in world.fits if f.model == model), None)
        known = fit is not None and fit.is_identified
        for place, name in enumerate(names):
            out.append({"fitted_on": world.as_of, "model": model, "position": place + 1, "parameter": name,
                        # Where the data do not tell them, two programs end at different values.
                        "value": float(f"{fit.value[place]:.6g}") if fit and known else None,
                        "standard_error": float(f"{fit.errors[place]:.6g}") if fit and known else None,
                        "customers": fit.customers if fit else 0, "log_likelihood": fit.likelihood if fit else None,
                        "is_converged": bool(fit), "status": "too_few_customers" if fit is None else None if known else "not_identified"})
    world.keep("m_model_fits", out)

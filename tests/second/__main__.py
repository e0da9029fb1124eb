"""Every mart a second time, from the raw files and the definitions alone, beside what was published.

    python tests/second [--root FOLDER] [--only MART ...] [--table-only]

FOLDER holds config.toml, jobs/ and what a night left of them: inbox and marts are where config.toml says."""

import argparse
import json
import sys
import time
import tomllib
from datetime import date
from pathlib import Path

import bcg
import cases
import compare
import conflicts
import customers
import dimensions
import economics
import follow_ups
import kpis
import lifetime
import members
import mix
import quality
import rebates
import sales
import scorecard
import stock
import stock_months
import voice
import watch
from world import World

# What is computed, in an order in which each finds what it needs; each step with the marts that it is compared as.
STEPS = [
    (dimensions.dimensions, ["dim_date", "dim_channel", "dim_region", "dim_partner", "dim_product", "dim_customer"]),
    (sales.order_lines, ["order_lines"]),
    (sales.sales_daily, ["sales_daily"]),
    (rebates.accruals, []),
    (conflicts.channel_conflicts, ["channel_conflicts"]),
    (conflicts.territory_sales, ["territory_sales"]),
    (cases.conflict_cases, ["conflict_cases"]),
    (rebates.partner_rebates, ["partner_rebates", "rebate_lines"]),
    (kpis.channel_kpis, ["channel_kpis"]),
    (kpis.channel_kpis_daily, ["channel_kpis_daily"]),
    (kpis.partner_kpis, ["partner_kpis"]),
    (stock.inventory_health, ["inventory_health"]),
    (stock_months.inventory_kpis, ["inventory_kpis"]),
    (stock_months.inventory_reconciliation, ["inventory_reconciliation"]),
    (voice.complaint_sla, ["complaint_sla"]),
    (voice.experience, ["experience"]),
    (voice.improvements, ["improvements"]),
    (voice.market_signals, ["market_signals"]),
    (voice.channel_assessment, ["channel_assessment"]),
    (customers.customer_scores, ["customer_scores"]),
    (customers.customer_retention, ["customer_retention"]),
    (lifetime.model_fits, ["model_fits"]),
    (customers.referrals, ["referrals"]),
    (members.membership, ["membership"]),
    (follow_ups.follow_ups, ["follow_ups"]),
    (bcg.bcg_classes, ["bcg_classes"]),
    (mix.channel_mix, ["channel_mix"]),
    (mix.channel_paths, ["channel_paths"]),
    (mix.market_segments, ["market_segments"]),
    (scorecard.partner_scorecard, ["partner_scorecard"]),
    (economics.partner_economics, ["partner_economics"]),
    (economics.partner_awards, ["partner_awards"]),
    (watch.anomalies, ["anomalies"]),
    (quality.deliveries, ["deliveries"]),
    (quality.data_quality, ["data_quality"]),
    (quality.rejected_rows, ["rejected_rows"]),
]

# Marts that tell some of what is computed: compared where something was told.
TOLD_ONLY = {"anomalies"}


def main():
    here = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(prog="tests/second/run", description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=here, help="folder with config.toml, jobs and the night's marts")
    parser.add_argument("--only", nargs="*", default=[], help="show these marts only")
    parser.add_argument("--table-only", action="store_true", help="no differing rows, the table alone")
    asked = parser.parse_args()
    begun = time.monotonic()
    # What the company's own settings leave out has the value of the reference.
    config = merged(tomllib.loads((here / "config.toml").read_text()), tomllib.loads((asked.root / "config.toml").read_text()))
    marts = asked.root / config["stores"]["marts"] / "latest"
    as_of = night(marts)
    world = World(asked.root / config["stores"]["inbox"], asked.root / config["folders"]["jobs"], config, as_of)
    about = compare.sidecars(here / "sql")
    results = []
    for step, names in STEPS:
        step(world)
        for name in names:
            if asked.only and name not in asked.only:
                continue
            found = compare.compare(world, name, about[name], marts / f"{name}.parquet")
            if name in TOLD_ONLY:
                found.only_here = []
            results.append(found)
            if not asked.table_only:
                compare.show(found)
    print(f"\nAs of {as_of}, from {len(world.inbox.files)} files, in {time.monotonic() - begun:.0f} s:\n")
    print(compare.table(results))
    sys.exit(0 if all(r.is_equal for r in results) else 1)


def merged(reference, own):
    """Settings over the reference, section by section."""
    return {section: {**values, **own.get(section, {})} if isinstance(values, dict) else own.get(section, values)
            for section, values in reference.items()}


def night(marts):
    """The as-of date of the night whose marts these are."""
    return date.fromisoformat(json.loads((marts / "_run.json").read_text())["as_of_date"])


if __name__ == "__main__":
    main()

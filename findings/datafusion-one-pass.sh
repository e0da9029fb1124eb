#!/usr/bin/env bash
# DataFusion's Python wheel 55.0.0: with one pass of the optimizer a recursive query can no longer be planned.
#
# `datafusion.optimizer.max_passes` says how often the optimizer goes over a plan; fewer passes should cost speed at most. With 1 a
# recursive CTE whose start gives a constant (never NULL) and whose step gives a `case` over a window sum (perhaps NULL) is refused
# with "field nullability differs", with 2 or 3 (the default) the same statement over the same rows gives its answer.
#
# Seen on 2026-11-29:
#   3 passes: [{'turn': 0, 'units': 0, 'left_units': 5}, {'turn': 1, 'units': 4, 'left_units': 1}]
#   2 passes: [{'turn': 0, 'units': 0, 'left_units': 5}, {'turn': 1, 'units': 4, 'left_units': 1}]
#   1 pass: Error during planning: Cannot project plan column 1 ('units') to expected output field 'units': field nullability differs
#
# Ends with 0 while this is so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check datafusion==55.0.0
cat > "$folder/passes.py" <<'PY'
import sys

from datafusion import SessionConfig, SessionContext

# What a donor has left is handed to one need after the other.
QUESTION = """
with recursive promises as (
    select cast(0 as bigint) as turn, cast(0 as bigint) as units, stock as left_units from donors
    union all
    select
        turn,
        case when units >= 1 then units else 0 end as units,
        case when units >= 1 then left_units - units else left_units end as left_units
    from (
        select turn, left_units, least(left_units, greatest(wanted - offered_before, 0)) as units
        from (
            select
                needs.turn,
                needs.wanted,
                promises.left_units,
                coalesce(sum(promises.left_units) over (
                    order by promises.left_units desc rows between unbounded preceding and 1 preceding
                ), 0) as offered_before
            from promises
            inner join needs on promises.turn + 1 = needs.turn
        ) as offers
    ) as handed
)
select turn, units, left_units from promises order by turn
"""


def asked(passes):
    context = SessionContext(SessionConfig().set("datafusion.optimizer.max_passes", str(passes)))
    context.sql("create table donors as select cast(column1 as bigint) as stock from (values (5))").collect()
    context.sql("create table needs as select column1 as turn, column2 as wanted from (values (1, 4))").collect()
    try:
        return context.sql(QUESTION).to_pylist()
    except Exception as error:
        return str(error).split("DataFusion error: ")[-1].split(" (input")[0]


EXPECTED = [{"turn": 0, "units": 0, "left_units": 5}, {"turn": 1, "units": 4, "left_units": 1}]
found = {passes: asked(passes) for passes in (3, 2, 1)}
for passes, answer in found.items():
    print(f"{passes} pass{'es' if passes > 1 else ''}: {answer}")
same = found[3] == EXPECTED and found[2] == EXPECTED and "field nullability differs" in found[1]
sys.exit(0 if same else 1)
PY
"$folder/venv/bin/python" "$folder/passes.py"

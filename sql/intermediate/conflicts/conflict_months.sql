-- What one partner's conflicts of one month come to: every sale line once, however many kinds of conflict it belongs
-- to.
with
evidence as (
    select
        *,
        cast(date_trunc('month', business_date) as date) as month_start
    from conflict_evidence
),
lines as (
    select
        month_start, partner_id, business_date, _input, _file, _line,
        max(quantity) as quantity,
        max(net_amount) as net_amount,
        max(list_value) as list_value,
        bool_and(kind = 'cross_region') as is_only_cross_region,
        bool_and(kind = 'price_war' and reason = 'followed') as is_only_followed,
        bool_or(is_adjacent and kind = 'cross_region') as is_adjacent,
        bool_or(affected_partner_id is not null) as is_owned
    from evidence
    group by month_start, partner_id, business_date, _input, _file, _line
),
final as (
    select
        month_start,
        partner_id,
        count(*) as lines,
        sum(quantity) as units,
        sum(net_amount) as conflict_value,
        coalesce(sum(net_amount) filter (where is_only_followed), 0) as followed_value,
        sum(list_value) as list_value,
        count(list_value) as priced_lines,
        min(business_date) as first_seen_on,
        max(business_date) as last_seen_on,
        bool_and(is_only_cross_region) as is_only_cross_region,
        bool_and(is_adjacent) as is_only_adjacent,
        bool_or(is_owned) as is_anywhere_owned
    from lines
    group by month_start, partner_id
)
select
    month_start, partner_id, lines, units, conflict_value, followed_value, list_value, priced_lines, first_seen_on,
    last_seen_on, is_only_cross_region, is_only_adjacent, is_anywhere_owned
from final

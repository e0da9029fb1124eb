-- Every version of every approved promotion and the days on which it held. Lists come again and again with the same
-- promotions: what did not change stays one version. A promotion that a later snapshot of the same sender leaves out is
-- withdrawn from that day on; what was sold before stays approved. Left out after its last day it is only tidied away,
-- which changes nothing: a promotion is bounded by its own starts_on and ends_on as well.
with compared as (
    select
        *,
        (lag(valid_to) over in_order is not distinct from valid_from)
        and (lag(starts_on) over in_order is not distinct from starts_on)
        and (lag(ends_on) over in_order is not distinct from ends_on)
        and (lag(partner_id) over in_order is not distinct from partner_id)
        and (lag(channel_id) over in_order is not distinct from channel_id)
        and (lag(sku) over in_order is not distinct from sku)
        and (lag(min_price) over in_order is not distinct from min_price)
        and (lag(approved_by) over in_order is not distinct from approved_by) as is_repeated
    from feeds.promotions_versions
    window in_order as (partition by promotion_id order by valid_from)
),

numbered as (
    select
        *,
        sum(case when is_repeated then 0 else 1 end) over (partition by promotion_id order by valid_from) as version_no
    from compared
),

ended as (
    select
        *,
        max(valid_to) over (partition by promotion_id, version_no) as ends_from,
        max(superseded_from) over (partition by promotion_id, version_no) as next_from
    from numbered
)

select
    promotion_id, partner_id, channel_id, sku, starts_on, ends_on, min_price, approved_by, valid_from,
    ends_from as valid_to, next_from as superseded_from, _sender, _file, _line, _input
from ended
where not is_repeated

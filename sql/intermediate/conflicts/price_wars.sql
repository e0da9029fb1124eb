-- Price wars: in one region several partners sell the same product far under their own usual price, one soon after
-- another. A war goes on as long as no pause is longer than price_war_days; who went low first is named.
with
lows as (
    select * from conflict_lines where kind = 'price_low' and region <> 'unknown'
),
moves as (
    select sku, region, partner_id, business_date, min(sold_at) as first_sold_at
    from lows
    group by sku, region, partner_id, business_date
),
spaced as (
    select
        *,
        coalesce(
            business_date
            - lag(business_date) over (partition by sku, region order by business_date, first_sold_at, partner_id)
            > $price_war_days,
            true
        ) as is_first
    from moves
),
numbered as (
    select
        *,
        sum(case when is_first then 1 else 0 end) over (
            partition by sku, region order by business_date, first_sold_at, partner_id
            rows between unbounded preceding and current row
        ) as episode
    from spaced
),
fighters as (
    select
        sku, region, episode, partner_id,
        min(business_date) as first_day,
        max(business_date) as last_day,
        min(first_sold_at) as first_sold_at
    from numbered
    group by sku, region, episode, partner_id
),
wars as (
    select
        sku,
        region,
        episode,
        min(first_day) as started_on,
        max(last_day) as ended_on,
        count(*) as partners,
        first_value(partner_id order by first_day, first_sold_at, partner_id) as first_mover_id,
        string_agg(partner_id, ';' order by first_day, first_sold_at, partner_id) as war_partners
    from fighters
    group by sku, region, episode
)
select
    lows.business_date, lows.sold_at, 'price_war' as kind,
    case when lows.partner_id = wars.first_mover_id then 'first_mover' else 'followed' end as reason,
    lows.partner_id, lows.channel_id, lows.region, lows.sku, lows.order_id, lows.line_no, lows.promotion_id,
    lows.quantity, lows.net_amount, lows.list_value, lows.limit_price,
    lows.is_adjacent, lows.affected_partner_id, lows.affected_partners, lows._input, lows._file, lows._line,
    wars.started_on, wars.ended_on, wars.first_mover_id, wars.war_partners
from lows
inner join numbered
    on lows.sku = numbered.sku
    and lows.region = numbered.region
    and lows.partner_id = numbered.partner_id
    and lows.business_date = numbered.business_date
inner join wars
    on numbered.sku = wars.sku
    and numbered.region = wars.region
    and numbered.episode = wars.episode
where wars.partners > 1

-- What part of all sales in its own territory each partner makes, by quarter. A territory that names an area holds
-- the area's regions; a partner without a territory sells everywhere and is set against everything.
with quarters as (
    select partner_id, quarter, quarter_start, closes_on, territory
    from partner_quarters
),

granted as (
    select distinct partner_id, quarter, closes_on, trim(unnest(string_to_array(territory, ';'))) as region
    from quarters
    where coalesce(trim(territory), '') <> ''
),

territories as (
    select partner_id, quarter, region
    from granted
    union
    select granted.partner_id, granted.quarter, region_areas.region
    from granted
    inner join region_areas
        on region_areas.area = granted.region
        and region_areas.valid_from <= granted.closes_on
        and region_areas.superseded_from > granted.closes_on
),

region_sales as (
    select
        period_quarter(month_start) as quarter,
        region,
        partner_id,
        sum(net_sales) as net_sales
    from partner_region_months
    group by period_quarter(month_start), region, partner_id
),

region_totals as (
    select quarter, region, sum(net_sales) as net_sales
    from region_sales
    group by quarter, region
),

totals as (
    select quarter, sum(net_sales) as net_sales
    from region_totals
    group by quarter
),

own_totals as (
    select quarter, partner_id, sum(net_sales) as net_sales
    from region_sales
    group by quarter, partner_id
),

inside as (
    select territories.partner_id, territories.quarter, sum(region_sales.net_sales) as net_sales
    from territories
    inner join region_sales
        on region_sales.partner_id = territories.partner_id
        and region_sales.quarter = territories.quarter
        and region_sales.region = territories.region
    group by territories.partner_id, territories.quarter
),

around as (
    select territories.partner_id, territories.quarter, sum(region_totals.net_sales) as net_sales
    from territories
    inner join region_totals
        on region_totals.quarter = territories.quarter
        and region_totals.region = territories.region
    group by territories.partner_id, territories.quarter
)

select
    quarters.partner_id,
    quarters.quarter,
    cast(
        coalesce(
            case when coalesce(trim(quarters.territory), '') = '' then own_totals.net_sales else inside.net_sales end, 0
        ) as decimal(18,4)
    ) as own_net_sales,
    cast(
        coalesce(
            case when coalesce(trim(quarters.territory), '') = '' then totals.net_sales else around.net_sales end, 0
        ) as decimal(18,4)
    ) as region_net_sales
from quarters
left join own_totals
    on own_totals.partner_id = quarters.partner_id
    and own_totals.quarter = quarters.quarter
left join totals on totals.quarter = quarters.quarter
left join inside
    on inside.partner_id = quarters.partner_id
    and inside.quarter = quarters.quarter
left join around
    on around.partner_id = quarters.partner_id
    and around.quarter = quarters.quarter

-- The figures at the top of each manager's mail: net sales of the as-of date, the same weekday a week earlier,
-- and the last fourteen days as a row of numbers. Channel managers see their channels, partner managers their
-- partners, head office the total and every channel. Days without sales count as 0, unless files of the day are missing:
-- then a figure is marked, and where nothing of the day is there it is not known.
with sales as (
    select
        business_date,
        channel_id,
        partner_id,
        sum(net_sales) as net_sales
    from sales_by_article_day
    where business_date > $as_of_date - interval '14 days'
        and business_date <= $as_of_date
    group by business_date, channel_id, partner_id
),

channels as (
    select channel_id, name, manager from channels_current
),

partners as (
    select partner_id, name, manager from partners_current
),

figures as (
    select
        'head_office' as owner,
        'total' as entity_type,
        'total' as entity_id,
        cast(null as varchar) as name,
        business_date,
        sum(net_sales) as net_sales
    from sales
    group by business_date

    union all

    select
        'head_office',
        'channel',
        channels.channel_id,
        channels.name,
        sales.business_date,
        sum(sales.net_sales)
    from sales
    inner join channels on channels.channel_id = sales.channel_id
    group by channels.channel_id, channels.name, sales.business_date

    union all

    select
        channels.manager,
        'channel',
        channels.channel_id,
        channels.name,
        sales.business_date,
        sum(sales.net_sales)
    from sales
    inner join channels on channels.channel_id = sales.channel_id
    where channels.manager is not null
    group by channels.manager, channels.channel_id, channels.name, sales.business_date

    union all

    select
        partners.manager,
        'partner',
        partners.partner_id,
        partners.name,
        sales.business_date,
        sum(sales.net_sales)
    from sales
    inner join partners on partners.partner_id = sales.partner_id
    where partners.manager is not null
    group by partners.manager, partners.partner_id, partners.name, sales.business_date
),

days as (
    select cast(day as date) as business_date
    from (
        select unnest(generate_series($as_of_date - interval '13 days', $as_of_date, interval '1 day')) as day
    ) as series
),

entities as (
    select distinct owner, entity_type, entity_id, name from figures
),

filled as (
    select
        entities.owner,
        entities.entity_type,
        entities.entity_id,
        entities.name,
        days.business_date,
        coalesce(figures.net_sales, 0) as net_sales,
        figures.net_sales is not null as has_sales
    from entities
    cross join days
    left join figures
        on figures.owner = entities.owner
        and figures.entity_type = entities.entity_type
        and figures.entity_id = entities.entity_id
        and figures.business_date = days.business_date
),

incomplete as (
    select distinct
        business_date,
        entity_type,
        case entity_type when 'total' then 'total' else entity_id end as entity_id
    from incomplete_days
    where feed = 'sales'
),

marked as (
    select filled.*, incomplete.entity_id is null as is_complete
    from filled
    left join incomplete
        on incomplete.entity_type = filled.entity_type
        and incomplete.entity_id = filled.entity_id
        and incomplete.business_date = filled.business_date
),

summarised as (
    -- What half of a day brought a week ago is nothing to compare with.
    select
        owner,
        entity_type,
        entity_id,
        name,
        sum(net_sales) filter (where business_date = $as_of_date and (is_complete or has_sales)) as value,
        sum(net_sales) filter (where business_date = cast($as_of_date - interval '7 days' as date) and is_complete)
            as previous,
        bool_and(is_complete) filter (where business_date = $as_of_date) as is_complete,
        string_agg(cast(net_sales as varchar), ';' order by business_date) as history,
        sum(net_sales) as fortnight
    from marked
    group by owner, entity_type, entity_id, name
)

select
    summarised.owner,
    summarised.entity_type,
    summarised.entity_id,
    summarised.name,
    summarised.value,
    summarised.previous,
    summarised.history,
    summarised.is_complete,
    row_number() over (
        partition by summarised.owner
        order by
            case summarised.entity_type when 'total' then 0 when 'channel' then 1 else 2 end,
            summarised.fortnight desc,
            summarised.entity_id
    ) as position
from summarised

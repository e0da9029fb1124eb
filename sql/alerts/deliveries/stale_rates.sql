-- Currencies whose rates are too old for what they convert: sales and shipments at the rate of their day, costs and market
-- sizes at the rate of their month's last day. It ends when the missing rates arrive, whichever snapshot brings them.
with
sales as (
    select currency, business_date, rate_age_days from stg_sales where rate_status is not null and refused_reason is null
),
shipments as (
    select currency, business_date, rate_age_days
    from stg_shipments
    where rate_status is not null and refused_reason is null
),
old_rates as (
    select period, currency, closes_on, rate_age_days from period_rates where rate_status is not null
),
amounts as (
    select 'channel_costs' as feed, month as period, currency from stg_channel_costs
    union all
    select 'market' as feed, period, currency from stg_market
),
conversions as (
    select 'sales' as feed, currency, business_date, rate_age_days from sales
    union all
    select 'shipments' as feed, currency, business_date, rate_age_days from shipments
    union all
    select amounts.feed, old_rates.currency, old_rates.closes_on, old_rates.rate_age_days
    from amounts
    inner join old_rates
        on old_rates.period = amounts.period
        and old_rates.currency = amounts.currency
),
by_feed as (
    select currency, feed, count(*) as rows_converted
    from conversions
    group by currency, feed
),
names as (
    select feed, feed_en, feed_zh from settings.feed_names
),
feeds as (
    select
        by_feed.currency,
        string_agg(
            coalesce(names.feed_en, by_feed.feed) || ' ' || cast(by_feed.rows_converted as text),
            ', ' order by by_feed.rows_converted desc, by_feed.feed
        ) as feeds_en,
        string_agg(
            coalesce(names.feed_zh, by_feed.feed) || ' ' || cast(by_feed.rows_converted as text),
            '、' order by by_feed.rows_converted desc, by_feed.feed
        ) as feeds_zh
    from by_feed
    left join names
        on by_feed.feed = names.feed
    group by by_feed.currency
),
summed as (
    select
        currency,
        count(*) as rows_converted,
        max(rate_age_days) as oldest_days,
        min(business_date) as first_day,
        max(business_date) as last_day
    from conversions
    group by currency
),
final as (
    select
        summed.currency,
        summed.rows_converted,
        feeds.feeds_en,
        feeds.feeds_zh,
        summed.oldest_days,
        summed.first_day,
        summed.last_day,
        $fx_rate_days_max as days_max
    from summed
    inner join feeds
        on feeds.currency = summed.currency
)
select currency, rows_converted, feeds_en, feeds_zh, oldest_days, first_day, last_day, days_max
from final

-- The trading year as the country has it: which days belong to a holiday or shopping festival, and which day of the
-- year before shows what to expect. Spring Festival moves with the moon, so a day near a holiday is compared with the
-- same day counted from that holiday a year before; of several near ones the longest leads. All other days are
-- compared with the day 52 weeks earlier. The week on both sides of a long holiday belongs to it: parcels stop before
-- it and shops open late.
with
calendar as (
    select "date" as business_date, name, min(kind) as kind
    from stg_calendar
    where
        (region is null or trim(region) = '')
        and kind in ('holiday', 'shopping_festival')
    group by "date", name
),
numbered as (
    select
        business_date, name, kind,
        business_date - cast(row_number() over (partition by name order by business_date) as int) as island
    from calendar
),
holidays as (
    select
        name,
        min(kind) as kind,
        min(business_date) as first_day,
        max(business_date) as last_day,
        count(*) as days
    from numbered
    group by name, island
),
yearly as (
    -- Of each holiday, the one of the year before.
    select name, kind, first_day, last_day, days, previous_first_day
    from (
        select *, lag(first_day) over (partition by name order by first_day) as previous_first_day
        from holidays
    ) as in_order
),
days as (
    select unnest(generate_series($as_of_date - $anomaly_season_days + 1, $as_of_date, interval '1 day')) as business_date
),
near as (
    select
        days.business_date,
        yearly.*,
        greatest(yearly.first_day - days.business_date, days.business_date - yearly.last_day, 0) as distance
    from days
    inner join yearly
        on days.business_date between
            yearly.first_day - $anomaly_season_reach_days and yearly.last_day + $anomaly_season_reach_days
),
leading_holidays as (
    select *
    from near
    qualify row_number() over (
        partition by business_date order by distance = 0 desc, days desc, distance, first_day, name
    ) = 1
),
final as (
    select
        days.business_date,
        case
            when
                leading_holidays.distance = 0
                or (
                    leading_holidays.days >= $anomaly_long_holiday_days
                    and leading_holidays.distance <= $anomaly_holiday_reach_days
                ) then leading_holidays.name
        end as holiday,
        leading_holidays.kind as nearest_kind,
        cast(case
            when
                leading_holidays.first_day - leading_holidays.previous_first_day
                between $anomaly_holiday_return_days_min and $anomaly_holiday_return_days_max then
                leading_holidays.first_day - leading_holidays.previous_first_day
            else $anomaly_year_days
        end as bigint) as days_back
    from days
    left join leading_holidays
        on days.business_date = leading_holidays.business_date
)
select
    business_date,
    holiday,
    case when holiday is not null then nearest_kind end as kind,
    days_back
from final

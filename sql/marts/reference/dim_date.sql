-- Every day by which a mart can be read: from January of the year in which anything is known first to December of the
-- year that lies $calendar_years_ahead after the as-of date. People work from Monday to Friday unless the calendar says
-- otherwise; what holds in single regions is told and decides nothing.
with
known_days as (
    select min(business_date) as business_date from partner_channel_days
    union all
    select min(business_date) as business_date from sell_in_days
    union all
    select min(business_date) as business_date from inventory_counts
    union all
    select min(business_date) as business_date from stg_complaints
    union all
    select min(business_date) as business_date from stg_surveys
    union all
    select min(business_date) as business_date from stg_market_notes
),
span as (
    select
        cast(date_trunc('year', least(coalesce(min(business_date), $as_of_date), $as_of_date)) as date) as first_day,
        add_months(cast(date_trunc('year', $as_of_date) as date), 12 * ($calendar_years_ahead + 1)) - 1 as last_day
    from known_days
),
days as (
    select cast(unnest(generate_series(first_day, last_day, interval '1 day')) as date) as business_date
    from span
),
calendar as (
    select "date" as business_date, nullif(trim(region), '') as region, kind, name, is_workday
    from stg_calendar
),
national as (
    select
        business_date,
        bool_and(is_workday) as is_workday,
        max(name) filter (where kind = 'holiday') as holiday_name,
        max(name) filter (where kind = 'shopping_festival') as festival_name,
        bool_or(kind = 'workday_moved') as is_moved_workday
    from calendar
    where region is null
    group by business_date
),
regional as (
    select business_date, string_agg(region || ': ' || name, '; ' order by region) as regional_entries
    from calendar
    where region is not null
    group by business_date
),
numbered as (
    select
        business_date,
        cast(date_trunc('month', business_date) as date) as month_start,
        cast(date_trunc('quarter', business_date) as date) as quarter_start,
        case cast(extract(dow from business_date) as bigint)
            when 0 then 7 else cast(extract(dow from business_date) as bigint)
        end as day_of_week
    from days
),
weeks as (
    select
        *,
        add_days(business_date, 1 - day_of_week) as week_start,
        -- A week belongs to the year that has its Thursday.
        cast(extract(year from add_days(business_date, 4 - day_of_week)) as bigint) as week_year
    from numbered
),
judged as (
    select
        weeks.*,
        national.holiday_name,
        national.festival_name,
        coalesce(national.is_moved_workday, false) as is_moved_workday,
        coalesce(national.is_workday, weeks.day_of_week <= 5) as is_workday,
        regional.regional_entries
    from weeks
    left join national on national.business_date = weeks.business_date
    left join regional on regional.business_date = weeks.business_date
),
final as (
    select
        business_date,
        period_year(business_date) as year,
        period_quarter(business_date) as quarter,
        quarter_start,
        period_month(business_date) as month,
        month_start,
        cast(week_year as varchar) || '-W' || lpad(cast(extract(week from business_date) as varchar), 2, '0') as week,
        week_start,
        cast(extract(day from business_date) as bigint) as day_of_month,
        day_of_week,
        case day_of_week
            when 1 then 'Monday' when 2 then 'Tuesday' when 3 then 'Wednesday' when 4 then 'Thursday'
            when 5 then 'Friday' when 6 then 'Saturday' else 'Sunday'
        end as weekday_en,
        case day_of_week
            when 1 then '星期一' when 2 then '星期二' when 3 then '星期三' when 4 then '星期四'
            when 5 then '星期五' when 6 then '星期六' else '星期日'
        end as weekday_zh,
        day_of_week > 5 as is_weekend,
        is_workday,
        holiday_name is not null as is_holiday,
        holiday_name,
        festival_name is not null as is_festival,
        festival_name,
        is_moved_workday,
        regional_entries,
        sum(case when is_workday then 1 else 0 end) over (
            partition by month_start order by business_date
        ) as workday_of_month,
        sum(case when is_workday then 1 else 0 end) over (partition by month_start) as workdays_in_month,
        business_date <= $as_of_date as is_past
    from judged
)
select
    business_date, year, quarter, quarter_start, month, month_start, week, week_start, day_of_month, day_of_week,
    weekday_en, weekday_zh, is_weekend, is_workday, is_holiday, holiday_name, is_festival, festival_name,
    is_moved_workday, regional_entries, workday_of_month, workdays_in_month, is_past
from final

"""The figures of channels and partners by month, and of channels by day."""

# What a group of sale lines comes to, at any grain.
AMOUNTS = """
    coalesce(sum(gross) filter (sale_type = 'sale'), 0) as gross_sales,
    coalesce(sum(discount) filter (sale_type = 'sale'), 0) as discounts,
    coalesce(-sum(net) filter (sale_type = 'return'), 0) as returns,
    coalesce(sum(net) filter (sale_type = 'adjustment'), 0) as adjustments,
    coalesce(sum(net), 0) as net_sales,
    case when bool_or(is_stale) then 'stale_rate' end as net_sales_status,
    cast(coalesce(sum(quantity) filter (sale_type <> 'adjustment'), 0) as bigint) as units,
    count(distinct order_key) filter (sale_type = 'sale') as orders,
    count(distinct customer_id) filter (sale_type = 'sale') as active_customers,
    count(distinct region) filter (sale_type = 'sale' and region in (select region from regions_now)) as covered_regions,
    sum(quantity * list_price) filter (sale_type <> 'adjustment') as list_sum,
    coalesce(count(*) filter (sale_type <> 'adjustment' and list_price is null), 0) as list_unknown,
    coalesce(sum(quantity * unit_cost) filter (sale_type <> 'adjustment'), 0) as cost_sum,
    coalesce(count(*) filter (sale_type <> 'adjustment' and unit_cost is null), 0) as cost_unknown,
    count(*) filter (sale_type = 'sale' and promised_on is not null
        and (delivered_on <= {as_of} or promised_on <= {as_of})) as due_deliveries,
    count(*) filter (sale_type = 'sale' and promised_on is not null and delivered_on <= {as_of}) as reported_deliveries,
    count(*) filter (sale_type = 'sale' and delivered_on <= promised_on and delivered_on <= {as_of}) as on_time"""

# Figures that follow from the sums of a row, the same in all three marts.
DERIVED = """
    gross_sales, discounts, returns, adjustments, net_sales, net_sales_status, units, orders, active_customers,
    new_customers, case when orders > 0 then round(net_sales / orders, 4) end as average_order_value,
    case when orders = 0 then 'no_sales' end as average_order_value_status,
    ratio(net_sales, all_net_sales) as contribution_share,
    case when coalesce(all_net_sales, 0) <= 0 then 'no_sales' end as contribution_share_status,
    case when cost_unknown = 0 and has_sales then net_sales - cost_sum end as gross_margin,
    case when not has_sales then 'no_sales' when cost_unknown > 0 then 'no_cost' end as gross_margin_status,
    case when cost_unknown = 0 then ratio(net_sales - cost_sum, net_sales) end as gross_margin_rate,
    case when net_sales <= 0 then 'no_sales' when cost_unknown > 0 then 'no_cost' end as gross_margin_rate_status,
    ratio(returns, gross_sales - discounts) as return_rate,
    case when gross_sales - discounts <= 0 then 'no_sales' end as return_rate_status,
    responses, ratio(satisfied, responses) as satisfaction_rate,
    case when responses = 0 then 'no_responses' end as satisfaction_rate_status,
    ratio(score_sum, responses) as average_score, case when responses = 0 then 'no_responses' end as average_score_status,
    complaints, cast(null as varchar) as complaints_status, ratio(complaints, orders) as complaint_rate,
    case when orders = 0 then 'no_sales' end as complaint_rate_status,
    buyers, repeat_buyers, ratio(repeat_buyers, buyers) as repeat_purchase_rate,
    case when buyers = 0 then 'no_known_customers' end as repeat_purchase_rate_status, covered_regions,
    case when list_unknown = 0 then coalesce(list_sum, 0) end as list_price_value,
    case when list_unknown = 0 then ratio(net_sales, list_sum) end as price_realisation_rate,
    case when list_unknown > 0 then 'no_list_price' when coalesce(list_sum, 0) <= 0 then 'no_list_value' end
        as price_realisation_rate_status,
    due_deliveries, reported_deliveries, ratio(on_time, reported_deliveries) as on_time_delivery_rate,
    case when due_deliveries = 0 then 'no_promises' when reported_deliveries = 0 then 'no_deliveries_reported' end
        as on_time_delivery_rate_status"""


def spans(world, scope, grain):
    """A row each entity and period, from its first sale (or target) to the as-of date."""
    key = f"{scope}_id"
    step = {"month": "interval 1 month", "day": "interval 1 day"}[grain]
    world.sql(f"""
        create or replace table spans as
        with firsts as (
            select {key} as id, min(day) as first_day from lines group by all
            union all
            select scope_id, min(period_first(period)) from targets
            where scope = '{scope}' and {'true' if grain == 'month' else 'false'}
                and period_first(period) <= {{as_of}} group by all
        ), begun as (
            select id, greatest(min(first_day), (select month_start(min(day)) from lines)) as first_day
            from firsts group by all
        )
        select id, cast(u.start as date) as start,
            case when '{grain}' = 'day' then cast(u.start as date) else least(last_day(u.start), {{as_of}}) end as until,
            '{grain}' = 'month' and last_day(u.start) > {{as_of}} as is_provisional
        from begun, unnest(generate_series(cast(date_trunc('{grain}', first_day) as timestamp), {{as_of}}, {step}))
            as u(start)
    """)


def sums(world, scope):
    """What each span holds: sales, customers, voice, and everybody's sales beside it."""
    key = f"{scope}_id"
    world.sql(f"""
        create or replace table first_orders as
        select customer_id, arg_min(day, (sold_at, order_id)) as day, arg_min({key}, (sold_at, order_id)) as id
        from lines where sale_type = 'sale' and customer_id is not null group by all
    """)
    world.sql(f"""
        create or replace table summed as
        with sold as (
            select s.id, s.start, count(*) > 0 as has_sales, {AMOUNTS}
            from spans s join lines l on l.{key} = s.id and l.day between s.start and s.until group by all
        ), fresh as (
            select s.id, s.start, count(*) as new_customers
            from spans s join first_orders f on f.id = s.id and f.day between s.start and s.until group by all
        ), by_customer as (
            select distinct {key} as id, day, customer_id, order_key from lines
            where sale_type = 'sale' and customer_id is not null
        ), windowed as (
            select s.id, s.start, b.customer_id, count(distinct order_key) as n
            from spans s join by_customer b on b.id = s.id and b.day > s.until - {{customer_window_days}} and b.day <= s.until
            group by all
        ), buying as (
            select id, start, count(*) as buyers, count(*) filter (n >= 2) as repeat_buyers from windowed group by all
        ), everybody as (
            select s.start, sum(l.net) as all_net_sales
            from (select distinct start, until from spans) s join lines l on l.day between s.start and s.until group by all
        ), answers as (
            select s.id, s.start, count(*) as responses, count(*) filter (score > {{dissatisfied_score_max}}) as satisfied,
                sum(score) as score_sum
            from spans s join surveys v on v.{key} = s.id and local_day(v.answered_at) between s.start and s.until
            group by all
        ), grievances as (
            select s.id, s.start, count(*) as complaints
            from spans s join complaints c on c.{key} = s.id and local_day(c.opened_at) between s.start and s.until
            group by all
        )
        select s.*, coalesce(has_sales, false) as has_sales,
            -- A first month that begins in the middle is not measured against what is said of whole months.
            date_trunc('month', s.start) < (select min(day) from lines) as is_part,
            coalesce(gross_sales, 0) as gross_sales, coalesce(discounts, 0) as discounts, coalesce(returns, 0) as returns,
            coalesce(adjustments, 0) as adjustments, coalesce(net_sales, 0) as net_sales, net_sales_status,
            coalesce(units, 0) as units, coalesce(orders, 0) as orders, coalesce(active_customers, 0) as active_customers,
            coalesce(covered_regions, 0) as covered_regions, list_sum, coalesce(list_unknown, 0) as list_unknown,
            coalesce(cost_sum, 0) as cost_sum, coalesce(cost_unknown, 0) as cost_unknown,
            coalesce(due_deliveries, 0) as due_deliveries, coalesce(reported_deliveries, 0) as reported_deliveries,
            coalesce(on_time, 0) as on_time, coalesce(new_customers, 0) as new_customers, coalesce(buyers, 0) as buyers,
            coalesce(repeat_buyers, 0) as repeat_buyers, all_net_sales, coalesce(responses, 0) as responses,
            coalesce(satisfied, 0) as satisfied, score_sum, coalesce(complaints, 0) as complaints
        from spans s left join sold using (id, start) left join fresh using (id, start) left join buying using (id, start)
        left join everybody using (start) left join answers using (id, start) left join grievances using (id, start)
    """)


def before(world, scope, name, first, last):
    """Net sales of another span of days, own and of all: `first` and `last` are its ends, over start and until."""
    world.sql(f"""
        create or replace table {name} as
        with ends as (
            select id, start, cast({first} as date) as first_day, cast({last} as date) as last_day from spans
        ), own as (
            select e.id, e.start, sum(l.net) as own from ends e
            join lines l on l.{scope}_id = e.id and l.day between e.first_day and e.last_day group by all
        ), everybody as (
            select e.start, sum(l.net) as everyone from (select distinct start, first_day, last_day from ends) e
            join lines l on l.day between e.first_day and e.last_day group by all
        )
        select e.*, coalesce(own, 0) as own, coalesce(everyone, 0) as everyone
        from ends e left join own using (id, start) left join everybody using (start)
    """)


def why(table):
    """Why there is no growth against a span: nothing before, records that begin within it, a base below 0."""
    end = f"last_day({table}.last_day)" if "to_date" in table else f"{table}.last_day"
    return (f"case when {end} < (select min(day) from lines) then 'no_prior_period' "
            f"when {table}.first_day < (select min(day) from lines) then 'incomplete_history' "
            f"else growth_why({table}.own) end")


def grown(table, cur="net_sales"):
    return f"case when {why(table)} is null then growth({cur}, {table}.own) end"


def contributed(table, cur="net_sales"):
    """Own change over what all had before, and why there is none."""
    reason = (f"case when {table}.last_day < (select min(day) from lines) then 'no_prior_period' "
              f"when {table}.first_day < (select min(day) from lines) then 'incomplete_history' "
              f"else growth_why({table}.everyone) end")
    return f"case when {reason} is null then ({cur} - {table}.own)::double / {table}.everyone end", reason


def monthly(world, scope):
    """channel_kpis and partner_kpis."""
    spans(world, scope, "month")
    sums(world, scope)
    for name, months in (("month_before", 1), ("year_before", 12)):
        whole = f"last_day(start - interval {months} month)"
        before(world, scope, name, f"start - interval {months} month",
               f"case when is_provisional then least({whole}, cast(start - interval {months} month as date) + cast(until - start as int)) "
               f"else {whole} end")
    costs(world, scope)
    coverage(world, scope)
    own, own_why = contributed("month_before")
    yoy, yoy_why = contributed("year_before")
    head = {"channel": "v.name as channel_name, v.channel_type",
            "partner": "v.name as partner_name, v.channel_id, coalesce(nullif(trim(split_part(v.territory, ';', 1)), ''), "
                       "'unknown') as region, v.cooperation_mode"}[scope]
    world.sql(f"""
        create or replace table m_{scope}_kpis as
        with market_months as (
            select period, sum(market_sales_amount) as size from market where region is null group by all
        )
        select s.id as {scope}_id, {head}, month_of(s.start) as month, s.start as month_start, s.is_provisional, {DERIVED},
            case when k.size > 0 and not is_part then ratio(net_sales, k.size) end as market_share,
            case when k.size is null then 'no_market_data' when is_part then 'incomplete_history' end as market_share_status,
            month_before.own as month_before_net_sales, {grown('month_before')} as sales_growth_mom,
            {why('month_before')} as sales_growth_mom_status,
            year_before.own as year_before_net_sales, {grown('year_before')} as sales_growth_yoy,
            {why('year_before')} as sales_growth_yoy_status,
            {own} as growth_contribution, {own_why} as growth_contribution_status,
            {yoy} as growth_contribution_yoy, {yoy_why} as growth_contribution_yoy_status,
            c.channel_cost, c.channel_cost_status,
            case when c.channel_cost_status is null then ratio(c.channel_cost, net_sales) end as cost_rate,
            coalesce(c.channel_cost_status, case when net_sales <= 0 then 'no_sales' end) as cost_rate_status,
            t.target, case when t.target > 0 and not is_part then (net_sales / t.target)::double end as attainment,
            case when t.target is null or t.target <= 0 then 'no_target' when is_part then 'incomplete_history' end
                as attainment_status,
            coalesce(e.expected_days, 0) as expected_days, ratio(e.delivered_days, e.expected_days) as coverage_share,
            case when coalesce(e.expected_days, 0) = 0 then 'no_expected_deliveries' end as coverage_share_status
        from summed s
        left join {scope}s_v v on v.{scope}_id = s.id and s.until >= v.from_day and s.until < v.to_day
        left join market_months k on k.period = month_of(s.start)
        left join month_before using (id, start) left join year_before using (id, start)
        left join costs c using (id, start) left join coverage e using (id, start)
        left join targets t on t.scope = '{scope}' and t.scope_id = s.id and t.period = month_of(s.start)
            and t.metric = 'net_sales'
    """)


def channel_kpis(world):
    monthly(world, "channel")


def partner_kpis(world):
    """As channels, with ranks and what was taken in."""
    monthly(world, "partner")
    world.sql("""
        create or replace table m_partner_kpis as
        with taken as (
            select partner_id, month_of(day) as month, sum(net) as sell_in_sales, cast(sum(quantity) as bigint) as sell_in_units
            from receipts group by all
        ), begun as (
            select min(day) as first_day from receipts
        ), ranked as (
            select *, rank() over (partition by channel_id, month order by net_sales desc) as rank_in_channel,
                case when region <> 'unknown' then rank() over (partition by region, month order by net_sales desc) end
                    as rank_in_region
            from m_partner_kpis
        )
        select r.*, cast(null as varchar) as rank_in_channel_status, case when region = 'unknown' then 'no_territory' end as rank_in_region_status,
            case when b.first_day <= month_start then coalesce(t.sell_in_sales, 0) end as sell_in_sales,
            case when b.first_day <= month_start then coalesce(t.sell_in_units, 0) end as sell_in_units,
            case when b.first_day > month_start then 'incomplete_history' end as sell_in_sales_status,
            case when b.first_day <= month_start then ratio(units, coalesce(t.sell_in_units, 0)) end as sell_through_rate,
            case when b.first_day > month_start then 'incomplete_history'
                when coalesce(t.sell_in_units, 0) <= 0 then 'no_sell_in' end as sell_through_rate_status
        from ranked r cross join begun b left join taken t using (partner_id, month)
    """)


def costs(world, scope):
    """Cost rows that were delivered, accrued rebates, and the commission of agencies where no commission row came."""
    world.keep("rebate_months", world.rebate_months, decimals=["rebate"])
    own = "c.channel_id = s.id" if scope == "channel" else "c.partner_id = s.id"
    base = world.config["company"]["base_currency"]
    world.sql(f"""
        create or replace table costs as
        with converted as (
            select c.*, cast(round(c.amount * case when c.currency = {{base}} then 1 else r.rate_to_base end, 4)
                as decimal(18,4)) as base_amount
            from (select *, least(period_last(month), {{as_of}}) as closes_on from channel_costs) c
            asof left join fx_rates r on r.currency = c.currency and r.rate_date <= c.closes_on
        ), booked as (
            select s.id, s.start, sum(base_amount) as amount from spans s
            join converted c on {own} and c.month = month_of(s.start) group by all
        ), rebated as (
            select {scope}_id as id, month, sum(rebate) as amount, max(reason) as reason from rebate_months group by all
        ), agents as (
            select p.partner_id, p.channel_id, p.commission_rate, s.start, s.until, sum(l.net) as net
            from (select distinct start, until from spans) s
            join lines l on l.day between s.start and s.until
            join partners_v p on p.partner_id = l.partner_id and s.until >= p.from_day and s.until < p.to_day
            where p.cooperation_mode = 'agency' and p.commission_rate is not null
                and not exists (from channel_costs c where c.cost_type = 'commission' and c.month = month_of(s.start)
                    and (c.partner_id = p.partner_id or (c.partner_id is null and c.channel_id = p.channel_id)))
            group by all
        ), commissions as (
            select {scope}_id as id, start, sum(round(greatest(net, 0) * commission_rate, 4)) as amount from agents group by all
        )
        select s.id, s.start,
            case when r.reason is null and coalesce(b.amount, r.amount, m.amount) is not null
                then coalesce(b.amount, 0) + coalesce(r.amount, 0) + coalesce(m.amount, 0) end as channel_cost,
            coalesce(r.reason, case when coalesce(b.amount, r.amount, m.amount) is null then 'no_cost_data' end)
                as channel_cost_status
        from spans s left join booked b using (id, start)
        left join rebated r on r.id = s.id and r.month = month_of(s.start)
        left join commissions m using (id, start)
    """, base=base)


def coverage(world, scope):
    """Partner-days for which a sales file was expected, and those for which every sender's came."""
    world.keep("expected_days", list(world.inbox.expected_partner_days(world.rows("select * from partners_v"))))
    key = "partner_id" if scope == "partner" else "channel_id"
    world.sql(f"""
        create or replace table coverage as
        select s.id, s.start, count(*) as expected_days, count(*) filter (is_delivered) as delivered_days
        from spans s join expected_days e on e.{key} = s.id and e.day between s.start and s.until group by all
    """)


def channel_kpis_daily(world):
    spans(world, "channel", "day")
    sums(world, "channel")
    whole = "start = last_day(start)"
    for name, first, last in (
            ("week_before", "start - 7", "start - 7"),
            ("year_before", "start - interval 1 year", "start - interval 1 year"),
            ("to_date", "date_trunc('month', start)", "start"),
            ("month_to_date_before", "date_trunc('month', start) - interval 1 month",
             f"case when {whole} then date_trunc('month', start) - interval 1 day else start - interval 1 month end"),
            ("year_to_date_before", "date_trunc('month', start) - interval 1 year",
             f"case when {whole} then last_day(start - interval 1 year) else start - interval 1 year end")):
        before(world, "channel", name, first, last)
    coverage(world, "channel")
    week, week_why = contributed("week_before")
    year, year_why = contributed("year_before")
    world.sql(f"""
        create or replace table m_channel_kpis_daily as
        select s.id as channel_id, v.name as channel_name, v.channel_type, s.start as business_date, {DERIVED},
            to_date.own as month_to_date_net_sales,
            week_before.own as week_before_net_sales, {grown('week_before')} as sales_growth_wow,
            {why('week_before')} as sales_growth_wow_status,
            year_before.own as year_before_net_sales, {grown('year_before')} as sales_growth_yoy,
            {why('year_before')} as sales_growth_yoy_status,
            {week} as growth_contribution_wow, {week_why} as growth_contribution_wow_status,
            {year} as growth_contribution_yoy, {year_why} as growth_contribution_yoy_status,
            month_to_date_before.own as month_before_to_date_net_sales,
            {grown('month_to_date_before', 'to_date.own')} as month_to_date_growth_mom,
            {why('month_to_date_before')} as month_to_date_growth_mom_status,
            year_to_date_before.own as year_before_to_date_net_sales,
            {grown('year_to_date_before', 'to_date.own')} as month_to_date_growth_yoy,
            {why('year_to_date_before')} as month_to_date_growth_yoy_status,
            t.target as month_target, case when t.target > 0 and not is_part then (to_date.own / t.target)::double end
                as month_to_date_attainment,
            case when t.target is null or t.target <= 0 then 'no_target' when is_part then 'incomplete_history' end
                as month_to_date_attainment_status,
            ratio(e.delivered_days, e.expected_days) as coverage_share,
            case when coalesce(e.expected_days, 0) = 0 then 'no_expected_deliveries' end as coverage_share_status
        from summed s
        left join channels_v v on v.channel_id = s.id and s.start >= v.from_day and s.start < v.to_day
        left join to_date using (id, start) left join week_before using (id, start) left join year_before using (id, start)
        left join month_to_date_before using (id, start) left join year_to_date_before using (id, start)
        left join coverage e using (id, start)
        left join targets t on t.scope = 'channel' and t.scope_id = s.id and t.period = month_of(s.start)
            and t.metric = 'net_sales'
    """)

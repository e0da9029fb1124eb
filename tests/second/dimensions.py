"""What marts are read by: the calendar, and of every list its newest rows, with one for each key that a row names and no list
ever held."""

# Where a key is named beside the list that holds it.
NAMED = {
    "partners": """
        select partner_id from lines union select partner_id from shipments union select partner_id from inventory
        union select partner_id from complaints union select partner_id from partner_reviews
        union select partner_id from channel_costs union select partner_id from rebate_payouts
        union select scope_id from rebate_plans where scope = 'partner' union select scope_id from targets where scope = 'partner'
    """,
    "channels": """
        select channel_id from lines union select channel_id from partners union select channel_id from complaints
        union select channel_id from surveys union select channel_id from channel_costs
        union select coalesce(channel_id, 'unknown') from market_notes
        union select scope_id from targets where scope = 'channel'
    """,
    "products": "select sku from lines union select sku from shipments union select sku from inventory",
    "regions": """
        select region from lines union select nullif(trim(split_part(territory, ';', 1)), '') from partners
        union select region from customers union select coalesce(region, 'unknown') from market_notes union select 'unknown'
    """,
    "customers": """
        select customer_id from lines union select referred_by from customers union select customer_id from complaints
        union select customer_id from points_redemptions union select customer_id from contacts
    """,
}


def newest(world, feed, key):
    """The last row of each key up to the as-of date, and whether the list in force still has it."""
    world.sql(f"""
        create table d_{feed} as
        with lists as (
            select *, row_number() over (partition by {key} order by from_day desc) as place
            from {feed}_v where from_day <= {{as_of}}
        ), named as (
            select distinct {key} from ({NAMED[feed]}) as every({key}) where {key} is not null
        )
        select {key}, l.* exclude ({key}, place),
            case when l.place is null then 'unknown' when {standing(feed, key)} then 'listed' else 'left' end
                as master_data_status
        from (select * from lists where place = 1) as l full join named using ({key})
    """)


def standing(feed, key):
    """A key is listed while the newest list of a sender that ever had it has it."""
    return f"""l.{key} in (
        select row.{key} from {feed} as row
        where row._snapshot = (select max(every._snapshot) from {feed} as every
            where every._sender = row._sender and every._snapshot <= {{as_of}}))"""


def dimensions(world):
    for feed, key in (("channels", "channel_id"), ("regions", "region"), ("partners", "partner_id"), ("products", "sku"),
                      ("customers", "customer_id")):
        newest(world, feed, key)
    world.sql("""
        create table m_dim_channel as
        select channel_id, coalesce(name, channel_id) as channel_name, coalesce(channel_type, 'unknown') as channel_type,
            manager as channel_manager, master_data_status
        from d_channels
    """)
    world.sql("""
        create table m_dim_region as
        select r.region, coalesce(r.name, r.region) as region_name, r.parent as parent_region,
            coalesce(p.name, r.parent) as parent_region_name, r.city_tier, r.population, r.adjacent_regions,
            r.master_data_status
        from d_regions r left join d_regions p on p.region = r.parent
    """)
    world.sql("""
        create table m_dim_partner as
        with placed as (
            select *, coalesce(nullif(trim(split_part(territory, ';', 1)), ''), 'unknown') as first_region from d_partners
        )
        select p.partner_id, coalesce(p.name, p.partner_id) as partner_name, p.channel_id, c.channel_name, c.channel_type,
            p.cooperation_mode, p.status as partner_status, p.territory, p.first_region as region,
            coalesce(r.region_name, p.first_region) as region_name, p.joined_on, p.ended_on, p.manager as partner_manager,
            p.master_data_status
        from placed p left join m_dim_channel c using (channel_id) left join m_dim_region r on r.region = p.first_region
    """)
    world.sql("""
        create table m_dim_product as
        select sku, coalesce(name, sku) as product_name, coalesce(category, 'unknown') as category, list_price, floor_price,
            unit_cost, lead_time_days, launched_on, master_data_status
        from d_products
    """)
    world.sql("""
        create table m_dim_customer as
        select k.customer_id, k.joined_on, coalesce(k.region, 'unknown') as region,
            coalesce(r.region_name, k.region, 'unknown') as region_name, k.manager,
            coalesce(k.contact_allowed, false) and k.master_data_status = 'listed' as is_contact_allowed, k.master_data_status
        from d_customers k left join m_dim_region r using (region)
    """)
    calendar(world)


def calendar(world):
    world.sql("""
        create table m_dim_date as
        with known as (
            select day from lines union all select greatest(received_on, shipped_on) from shipments
            union all select counted_on from inventory union all select local_day(opened_at) from complaints
            union all select local_day(answered_at) from surveys union all select noted_on from market_notes
        ), every as (
            select cast(unnest(generate_series(
                date_trunc('year', least((select min(day) from known), {as_of})),
                make_date(year({as_of}) + {calendar_years_ahead}, 12, 31), interval 1 day)) as date) as day
        ), told as (
            select e.day, any_value(c.kind) filter (c.region is null) as kind, any_value(c.name) filter (c.region is null) as name,
                any_value(c.is_workday) filter (c.region is null) as said,
                string_agg(c.region || ': ' || c.name, '; ' order by c.region) filter (c.region is not null) as regional
            from every e left join calendar c on c."date" = e.day group by e.day
        ), worked as (
            select *, coalesce(said, isodow(day) < 6) as works from told
        )
        select day as business_date, strftime(day, '%Y') as year, quarter_of(day) as quarter, quarter_start(day) as quarter_start,
            month_of(day) as month, month_start(day) as month_start, strftime(day, '%G-W%V') as week,
            day - cast(isodow(day) - 1 as int) as week_start, day(day) as day_of_month, isodow(day) as day_of_week,
            dayname(day) as weekday_en, '星期' || '一二三四五六日'[isodow(day)] as weekday_zh,
            isodow(day) > 5 as is_weekend, works as is_workday,
            coalesce(kind = 'holiday', false) as is_holiday, case when kind = 'holiday' then name end as holiday_name,
            coalesce(kind = 'shopping_festival', false) as is_festival,
            case when kind = 'shopping_festival' then name end as festival_name,
            coalesce(kind = 'workday_moved', false) as is_moved_workday, regional as regional_entries,
            count(*) filter (works) over (partition by month_start(day) order by day) as workday_of_month,
            count(*) filter (works) over (partition by month_start(day)) as workdays_in_month, day <= {as_of} as is_past
        from worked
    """)

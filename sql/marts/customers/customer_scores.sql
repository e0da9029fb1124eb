-- Who each customer is by recency, frequency and money, where they are moving, and what to do next.
with
customers as (
    select customer_id, joined_on, region, manager, contact_allowed, contact_status
    from customers_current
),
activity as (
    select * from customer_activity where evaluated_on = $as_of_date
),
before as (
    select customer_id, rfm_cell
    from customer_activity
    where evaluated_on = cast(date_trunc('month', $as_of_date) as date) - 1
),
orders as (
    select business_date, customer_id, partner_id, channel_id, order_id, has_sale_line, net_amount
    from customer_orders
    where business_date <= $as_of_date and business_date > $as_of_date - $customer_window_days
),
lines as (
    select customer_id, category, net_amount, quantity
    from sales_lines
    where customer_id is not null and business_date <= $as_of_date
        and business_date > $as_of_date - $customer_window_days
),
cells as (
    select rfm_cell, segment, nullif(segment4, '') as segment4 from settings.rfm_cells
),
segment_ranges as (
    select position, segment, r_min, r_max, fm_min, fm_max from settings.rfm_segments
),
scores as (
    select customer_id, r_score, f_score, m_score from customer_rfm_scores
),
lifetimes as (
    select * from customer_lifetime_values
),
everyone as (
    select customer_id from customers
    union
    select customer_id from activity
),

score_segments as (
    -- The first range that holds the scores names the segment.
    select
        combinations.r_score,
        combinations.f_score,
        combinations.m_score,
        first_value(segment_ranges.segment order by segment_ranges.position) as rfm_segment
    from (select distinct r_score, f_score, m_score from scores) as combinations
    inner join segment_ranges
        on combinations.r_score between segment_ranges.r_min and segment_ranges.r_max
        and combinations.f_score between segment_ranges.fm_min and segment_ranges.fm_max
        and combinations.m_score between segment_ranges.fm_min and segment_ranges.fm_max
    group by combinations.r_score, combinations.f_score, combinations.m_score
),

-- ABC: who makes up the first 80 and 95 % of the money. The share before one's own decides.
ranked as (
    select
        customer_id,
        coalesce(
            sum(monetary) over (
                order by monetary desc, customer_id rows between unbounded preceding and 1 preceding
            ),
            0
        ) as money_before,
        sum(monetary) over () as money_in_all
    from activity
    where monetary > 0
),
classed as (
    select
        customer_id,
        case
            when cast(money_before as decimal(38, 4)) < $abc_a_share * cast(money_in_all as decimal(38, 4)) then 'A'
            when cast(money_before as decimal(38, 4)) < $abc_b_share * cast(money_in_all as decimal(38, 4)) then 'B'
            else 'C'
        end as abc_class
    from ranked
),

channel_orders as (
    select customer_id, channel_id, count(*) as orders, max(ordered_on) as last_order_on
    from (
        select customer_id, channel_id, partner_id, order_id, min(business_date) as ordered_on
        from orders
        where has_sale_line
        group by customer_id, channel_id, partner_id, order_id
    ) as purchases
    group by customer_id, channel_id
),
channel_money as (
    select customer_id, channel_id, sum(net_amount) as net_sales
    from orders
    group by customer_id, channel_id
),
favourite_channels as (
    select channel_orders.customer_id, channel_orders.channel_id
    from channel_orders
    inner join channel_money
        on channel_orders.customer_id = channel_money.customer_id
        and channel_orders.channel_id = channel_money.channel_id
    qualify row_number() over (
        partition by channel_orders.customer_id
        order by
            channel_orders.orders desc,
            channel_money.net_sales desc,
            channel_orders.last_order_on desc,
            channel_orders.channel_id
    ) = 1
),
category_money as (
    select customer_id, category, sum(net_amount) as net_sales, sum(quantity) as units
    from lines
    where category is not null
    group by customer_id, category
),
favourite_categories as (
    select customer_id, category
    from category_money
    where net_sales > 0
    qualify row_number() over (partition by customer_id order by net_sales desc, units desc, category) = 1
),

joined as (
    select
        everyone.customer_id,
        customers.joined_on,
        customers.region,
        customers.manager,
        coalesce(customers.contact_allowed, false) as is_contact_allowed,
        case when customers.customer_id is null then 'unknown' else customers.contact_status end as contact_status,
        activity.first_order_on,
        activity.last_order_on,
        activity.recency_days,
        coalesce(activity.frequency, 0) as frequency,
        coalesce(activity.frequency_all_time, 0) as frequency_all_time,
        coalesce(activity.monetary, 0) as monetary,
        coalesce(activity.monetary_all_time, 0) as monetary_all_time,
        scores.r_score,
        scores.f_score,
        scores.m_score,
        case when scores.r_score is not null then coalesce(score_segments.rfm_segment, 'Others') end as rfm_segment,
        activity.rfm_cell,
        cells.segment,
        cells.segment4,
        coalesce(classed.abc_class, 'C') as abc_class,
        lifetimes.clv,
        lifetimes.clv_method,
        case when lifetimes.customer_id is null then 'no_sales' else lifetimes.clv_status end as clv_status,
        lifetimes.probability_alive,
        lifetimes.expected_purchases,
        lifetimes.expected_purchase_value,
        lifetimes.margin_rate,
        case when lifetimes.customer_id is null then 'no_sales' else lifetimes.margin_rate_status end
            as margin_rate_status,
        favourite_channels.channel_id as preferred_channel,
        favourite_categories.category as preferred_category,
        before.rfm_cell as previous_rfm_cell,
        cells_before.segment as previous_segment
    from everyone
    left join customers
        on everyone.customer_id = customers.customer_id
    left join activity
        on everyone.customer_id = activity.customer_id
    left join scores
        on everyone.customer_id = scores.customer_id
    left join score_segments
        on scores.r_score = score_segments.r_score
        and scores.f_score = score_segments.f_score
        and scores.m_score = score_segments.m_score
    left join cells
        on activity.rfm_cell = cells.rfm_cell
    left join classed
        on everyone.customer_id = classed.customer_id
    left join lifetimes
        on everyone.customer_id = lifetimes.customer_id
    left join favourite_channels
        on everyone.customer_id = favourite_channels.customer_id
    left join favourite_categories
        on everyone.customer_id = favourite_categories.customer_id
    left join before
        on everyone.customer_id = before.customer_id
    left join cells as cells_before
        on before.rfm_cell = cells_before.rfm_cell
),
moved as (
    -- Better and worse letter by letter: near, often, much against far, seldom, little.
    select
        *,
        cast(substr(rfm_cell, 1, 1) = 'N' as int) - cast(substr(previous_rfm_cell, 1, 1) = 'N' as int) as r_change,
        cast(substr(rfm_cell, 2, 1) = 'H' as int) - cast(substr(previous_rfm_cell, 2, 1) = 'H' as int) as f_change,
        cast(substr(rfm_cell, 3, 1) = 'H' as int) - cast(substr(previous_rfm_cell, 3, 1) = 'H' as int) as m_change
    from joined
),
final as (
    select
        $as_of_date as as_of_date,
        customer_id,
        joined_on,
        region,
        manager,
        is_contact_allowed,
        contact_status,
        first_order_on,
        last_order_on,
        recency_days,
        frequency,
        frequency_all_time,
        monetary,
        monetary_all_time,
        per_unit(monetary, frequency) as average_order_value,
        case
            when last_order_on is null then 'no_sales'
            when frequency = 0 then 'no_sales_in_window'
        end as sales_status,
        r_score,
        f_score,
        m_score,
        case
            when last_order_on is null then 'no_sales'
            when r_score is null then 'no_cuts'
        end as score_status,
        rfm_segment,
        rfm_cell,
        segment,
        segment4,
        case when last_order_on is null then 'no_sales' end as segment_status,
        abc_class,
        clv,
        clv_method,
        clv_status,
        probability_alive,
        expected_purchases,
        expected_purchase_value,
        margin_rate,
        margin_rate_status,
        preferred_channel,
        preferred_category,
        previous_rfm_cell,
        previous_segment,
        case
            when rfm_cell is null then null
            when previous_rfm_cell is null then 'new'
            when rfm_cell = previous_rfm_cell then 'unchanged'
            when least(r_change, f_change, m_change) >= 0 then 'improved'
            when greatest(r_change, f_change, m_change) <= 0 then 'declined'
            else 'mixed'
        end as movement,
        case
            when segment in ('lost', 'lost_big_spender') then 'win_back_coupon_and_survey'
            when segment = 'at_risk_high_value' then 'manager_call'
            when segment = 'high_value' or abc_class = 'A' then 'quarterly_visit_and_exclusive_offer'
            when segment = 'potential' or abc_class = 'B' then 'recommend_in_preferred_category'
            else 'standard_service_and_points'
        end as next_action
    from moved
)
select
    as_of_date, customer_id, joined_on, region, manager, is_contact_allowed, contact_status, first_order_on, last_order_on,
    recency_days, frequency, frequency_all_time, monetary, monetary_all_time, average_order_value, sales_status,
    r_score, f_score, m_score, score_status, rfm_segment, rfm_cell, segment, segment4, segment_status, abc_class, clv,
    clv_method, clv_status, probability_alive, expected_purchases, expected_purchase_value, margin_rate,
    margin_rate_status, preferred_channel, preferred_category, previous_rfm_cell, previous_segment, movement,
    next_action
from final

-- Whom to contact next, by when and why: one row a task and customer who may be contacted. A contact delivered by
-- `contacts` that answers the task closes it. Every due date counts from something that happened (an order, a visit, a
-- change of tier, a loss), never from the night of the run: what nobody does grows overdue.
with
customers as (
    select customer_id, birth_date from customers_current where contact_allowed
),
scores as (
    select
        customer_id, manager, segment, previous_segment, abc_class, preferred_channel, preferred_category, monetary,
        clv, recency_days, last_order_on
    from customer_scores
),
members as (
    select customer_id, tier, tier_changed_on, previous_tier from membership
),
contacts as (
    select business_date, customer_id, kind, outcome, contact_id from stg_contacts where business_date <= $as_of_date
),
values_since as (
    select customer_id, valued_since from valued_since
),
channels as (
    select channel_id, manager from channels_current
),
products as (
    select sku from products_current
),
pairs as (
    select sku, other_sku, orders, lift from bought_together where lift >= $basket_lift_min
),
lines as (
    select customer_id, sku
    from sales_lines
    where customer_id is not null and sale_type = 'sale'
        and business_date <= $as_of_date and business_date > $as_of_date - $customer_window_days
),
tasks as (
    select task, priority, medium, days from settings.follow_up_tasks
),

last_contacts as (
    select
        customer_id,
        max(business_date) as last_contact_on,
        max(business_date) filter (where kind = 'visit') as last_visit_on
    from contacts
    group by customer_id
),
records as (
    -- Before contacts were recorded nobody can say who was not visited.
    select min(business_date) as begin_on from contacts
),
latest as (
    select customer_id, kind, outcome
    from contacts
    qualify row_number() over (partition by customer_id order by business_date desc, contact_id desc) = 1
),
people as (
    select
        customers.customer_id,
        -- The birthday that comes next: on 29 February born, 28 February in common years.
        add_months(customers.birth_date, 12 * (age_years(customers.birth_date, $as_of_date) + 1)) as birthday_on,
        scores.manager,
        scores.segment,
        scores.previous_segment,
        scores.abc_class,
        scores.preferred_channel,
        scores.preferred_category,
        scores.monetary,
        scores.clv,
        scores.recency_days,
        members.tier,
        members.tier_changed_on,
        members.previous_tier,
        scores.last_order_on,
        values_since.valued_since,
        last_contacts.last_contact_on,
        last_contacts.last_visit_on
    from customers
    inner join scores
        on customers.customer_id = scores.customer_id
    left join members
        on customers.customer_id = members.customer_id
    left join values_since
        on customers.customer_id = values_since.customer_id
    left join last_contacts
        on customers.customer_id = last_contacts.customer_id
),

-- What goes with what a potential customer has bought, and was not bought yet: the pair with the highest lift.
bought as (
    select lines.customer_id, lines.sku
    from lines
    inner join people
        on lines.customer_id = people.customer_id
    where people.segment = 'potential'
    group by lines.customer_id, lines.sku
),
offers as (
    select bought.customer_id, pairs.other_sku as sku, bought.sku as because_of_sku, pairs.lift, pairs.orders
    from bought
    inner join pairs
        on bought.sku = pairs.sku
    inner join products
        on pairs.other_sku = products.sku
    left join bought as owned
        on bought.customer_id = owned.customer_id
        and pairs.other_sku = owned.sku
    where owned.sku is null
),
recommendations as (
    select customer_id, sku, because_of_sku, lift
    from offers
    qualify row_number() over (
        partition by customer_id order by lift desc, orders desc, sku, because_of_sku
    ) = 1
),

visits as (
    -- From the last visit or, without one since then, from the day since which the customer is worth one.
    select
        people.customer_id,
        tasks.task,
        greatest(
            people.valued_since,
            coalesce(people.last_visit_on, people.valued_since),
            coalesce(records.begin_on, people.valued_since)
        ) + cast(tasks.days as int) as due_on,
        case
            when people.segment = 'high_value' and people.abc_class = 'A' then 'high_value_and_class_a'
            when people.segment = 'high_value' then 'high_value'
            else 'class_a'
        end as reason,
        cast(null as text) as detail
    from records
    cross join people
    inner join tasks
        on tasks.task = 'quarterly_visit'
    where people.segment = 'high_value' or people.abc_class = 'A'
),
birthdays as (
    select people.customer_id, tasks.task, people.birthday_on as due_on, 'birthday' as reason, people.tier as detail
    from people
    inner join tasks
        on tasks.task = 'birthday'
    where people.birthday_on > $as_of_date
        and people.birthday_on <= $as_of_date + cast(tasks.days as int)
        and coalesce(people.last_contact_on <= people.birthday_on - cast(tasks.days as int), true)
),
tier_changes as (
    select
        people.customer_id,
        tasks.task,
        people.tier_changed_on + cast(tasks.days as int) as due_on,
        case when rises.is_rise then 'tier_up' else 'tier_down' end as reason,
        people.previous_tier || ' -> ' || people.tier as detail
    from people
    inner join tasks
        on tasks.task = 'tier_change'
    inner join (
        select before.tier as previous_tier, after.tier, after.tier_no > before.tier_no as is_rise
        from settings.membership_tiers as before
        cross join settings.membership_tiers as after
    ) as rises
        on people.previous_tier = rises.previous_tier
        and people.tier = rises.tier
    -- Overdue for as long again, then it is no news any more.
    where people.tier_changed_on > $as_of_date - 2 * cast(tasks.days as int)
        and coalesce(people.last_contact_on < people.tier_changed_on, true)
),
lost as (
    -- The day after the last one on which the last order was still near.
    select
        customer_id,
        segment,
        last_contact_on,
        $as_of_date - cast(recency_days as int) + cast($near_days as int) + 1 as lost_on,
        case
            when previous_segment in ('lost', 'lost_big_spender') then 'lost_before_this_month'
            else coalesce('from_' || previous_segment, 'lost')
        end as reason
    from people
    where segment in ('lost', 'lost_big_spender')
),
win_backs as (
    -- Lost of late, and nobody has asked why since.
    select
        lost.customer_id,
        tasks.task,
        lost.lost_on + cast(tasks.days as int) as due_on,
        lost.reason,
        lost.segment as detail
    from lost
    inner join tasks
        on tasks.task = 'win_back'
    where lost.lost_on > $as_of_date - $win_back_days
        and coalesce(lost.last_contact_on < lost.lost_on, true)
),
recommended as (
    -- From the last order, as it changes what there is to recommend, or from a contact after it.
    select
        people.customer_id,
        tasks.task,
        greatest(people.last_order_on, coalesce(people.last_contact_on, people.last_order_on))
        + cast(tasks.days as int) as due_on,
        'bought_' || recommendations.because_of_sku as reason,
        people.preferred_category as detail
    from people
    inner join recommendations
        on people.customer_id = recommendations.customer_id
    inner join tasks
        on tasks.task = 'recommend_product'
),
listed as (
    select customer_id, task, due_on, reason, detail from visits
    union all
    select customer_id, task, due_on, reason, detail from birthdays
    union all
    select customer_id, task, due_on, reason, detail from tier_changes
    union all
    select customer_id, task, due_on, reason, detail from win_backs
    union all
    select customer_id, task, due_on, reason, detail from recommended
),
final as (
    select
        $as_of_date as as_of_date,
        listed.customer_id,
        listed.task,
        tasks.priority,
        tasks.medium,
        listed.due_on,
        greatest($as_of_date - listed.due_on, 0) as overdue_days,
        listed.reason,
        listed.detail,
        coalesce(people.manager, channels.manager) as responsible,
        case when coalesce(people.manager, channels.manager) is null then 'no_manager' end as responsible_status,
        case when listed.task = 'recommend_product' then recommendations.sku end as recommended_sku,
        case when listed.task = 'recommend_product' then recommendations.lift end as recommended_lift,
        people.segment,
        people.abc_class,
        people.monetary,
        people.clv,
        people.recency_days,
        people.preferred_channel,
        people.last_contact_on,
        latest.kind as last_contact_kind,
        latest.outcome as last_contact_outcome
    from listed
    inner join tasks
        on listed.task = tasks.task
    inner join people
        on listed.customer_id = people.customer_id
    left join recommendations
        on listed.customer_id = recommendations.customer_id
    left join channels
        on people.preferred_channel = channels.channel_id
    left join latest
        on listed.customer_id = latest.customer_id
    where listed.due_on <= $as_of_date + $follow_up_ahead_days
)
select
    as_of_date, customer_id, task, priority, medium, due_on, overdue_days, reason, detail, responsible,
    responsible_status, recommended_sku, recommended_lift, segment, abc_class, monetary, clv, recency_days,
    preferred_channel, last_contact_on, last_contact_kind, last_contact_outcome
from final

-- What each buyer is worth over the coming year: purchases expected by the BG/NBD model × mean spend by the gamma-gamma
-- model × margin. Without fitted models, or where the purchases do not tell how customers leave (not_identified: any a
-- and b with the same ratio fit them as well), last year's spend × margin × the share of customers who stay from year to
-- year. A product without a cost is not all margin: its lines say nothing of the margin.
with
purchases as (
    select * from customer_purchases
),
activity as (
    select customer_id, frequency, monetary
    from customer_activity
    where evaluated_on = $as_of_date
),
parameters as (
    select model, parameter, value, is_converged, status from model_fits
),
lines as (
    select customer_id, net_amount, cost_amount
    from sales_lines
    where customer_id is not null and cost_amount is not null
        and business_date <= $as_of_date and business_date > $as_of_date - $customer_window_days
),

models as (
    select
        bool_and(is_converged) and not bool_or(model = 'bg_nbd' and coalesce(status, '') = 'not_identified') as is_fitted,
        bool_and(is_converged) and bool_or(model = 'bg_nbd' and coalesce(status, '') = 'not_identified')
            as is_unidentified,
        max(value) filter (where model = 'bg_nbd' and parameter = 'r') as r,
        max(value) filter (where model = 'bg_nbd' and parameter = 'alpha') as alpha,
        max(value) filter (where model = 'bg_nbd' and parameter = 'a') as a,
        max(value) filter (where model = 'bg_nbd' and parameter = 'b') as b,
        max(value) filter (where model = 'gamma_gamma' and parameter = 'p') as p,
        max(value) filter (where model = 'gamma_gamma' and parameter = 'q') as q,
        max(value) filter (where model = 'gamma_gamma' and parameter = 'v') as v
    from parameters
),
staying as (
    select
        cast(count(*) filter (where is_active and was_active) as double)
        / nullif(cast(count(*) filter (where was_active) as double), 0) as retention_rate
    from purchases
),
margins as (
    select customer_id, sum(net_amount) as net_amount, sum(cost_amount) as cost_amount
    from lines
    group by customer_id
),
company as (
    -- Of all customers together, for those who bought nothing in the window.
    select sum(net_amount) as net_amount, sum(cost_amount) as cost_amount
    from margins
),
known_rates as (
    select
        purchases.*,
        case when margins.net_amount > 0
            then 1 - cast(margins.cost_amount as double) / nullif(cast(margins.net_amount as double), 0)
        end as own_rate,
        case when company.net_amount > 0
            then 1 - cast(company.cost_amount as double) / nullif(cast(company.net_amount as double), 0)
        end as company_rate
    from company
    cross join purchases
    left join margins
        on purchases.customer_id = margins.customer_id
),
rates as (
    select
        *,
        coalesce(own_rate, company_rate, cast($margin_rate_default as double)) as margin_rate,
        case
            when own_rate is not null then null
            when company_rate is not null then 'company_rate'
            else 'default_rate'
        end as margin_rate_status
    from known_rates
),
expected as (
    select
        rates.customer_id,
        rates.margin_rate,
        rates.margin_rate_status,
        models.is_fitted,
        models.is_unidentified,
        activity.frequency,
        activity.monetary,
        staying.retention_rate,
        case when models.is_fitted then bg_nbd_alive(
            models.r, models.alpha, models.a, models.b,
            rates.repeat_purchases, rates.recency_days, rates.age_days
        ) end as probability_alive,
        case when models.is_fitted then bg_nbd_purchases(
            models.r, models.alpha, models.a, models.b,
            rates.repeat_purchases, rates.recency_days, rates.age_days, $clv_horizon_weeks, 0
        ) end as expected_purchases,
        case when models.is_fitted then bg_nbd_purchases(
            models.r, models.alpha, models.a, models.b,
            rates.repeat_purchases, rates.recency_days, rates.age_days, $clv_horizon_weeks, $clv_discount_rate
        ) end as discounted_purchases,
        -- The mean of all customers, drawn towards the customer's own the more often it was seen. With q up to 1 all
        -- customers together have no mean, so who bought once has none either.
        case when models.is_fitted and (rates.paid_repeat_purchases > 0 or models.q > 1) then
            models.p * (models.v + cast(rates.repeat_spend as double))
            / nullif(models.p * rates.paid_repeat_purchases + models.q - 1, 0)
        end as mean_spend
    from models
    cross join staying
    cross join rates
    left join activity
        on rates.customer_id = activity.customer_id
),
valued as (
    select
        *,
        case
            when is_fitted then discounted_purchases * mean_spend * margin_rate
            when frequency > 0 then cast(monetary as double) * margin_rate * retention_rate
        end as clv
    from expected
),
final as (
    select
        customer_id,
        cast(clv as decimal(18, 4)) as clv,
        case when is_fitted then 'bg_nbd_gamma_gamma' else 'simple' end as clv_method,
        case
            when clv is not null and is_unidentified then 'not_identified'
            when clv is not null then null
            when is_fitted and mean_spend is null then 'no_mean_spend'
            when is_fitted then 'no_expected_purchases'
            when coalesce(frequency, 0) = 0 then 'no_sales_in_window'
            else 'no_prior_period'
        end as clv_status,
        probability_alive,
        expected_purchases,
        cast(mean_spend as decimal(18, 4)) as expected_purchase_value,
        margin_rate,
        margin_rate_status
    from valued
)
select
    customer_id, clv, clv_method, clv_status, probability_alive, expected_purchases, expected_purchase_value,
    margin_rate, margin_rate_status
from final

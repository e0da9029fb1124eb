-- The fitted models behind customer lifetime value, parameter by parameter: how often customers buy and leave (BG/NBD),
-- and how much they spend on a purchase day (gamma-gamma). With few repeat customers nothing is fitted, and the rows
-- say so.
with
purchases as (
    select repeat_purchases, recency_days, age_days, paid_repeat_purchases, repeat_spend from customer_purchases
),
wanted as (
    select *
    from (values
        ('bg_nbd', 1, 'r'), ('bg_nbd', 2, 'alpha'), ('bg_nbd', 3, 'a'), ('bg_nbd', 4, 'b'),
        ('gamma_gamma', 1, 'p'), ('gamma_gamma', 2, 'q'), ('gamma_gamma', 3, 'v')
    ) as parameters (model, position, parameter)
),

enough as (
    select count(*) filter (where repeat_purchases > 0) >= $clv_repeat_customers_min as is_enough
    from purchases
),
kinds as (
    -- Customers who bought alike are one row to the fit.
    select repeat_purchases, recency_days, age_days, count(*) as customers
    from purchases
    group by repeat_purchases, recency_days, age_days
),
buying as (
    select unnest(bg_nbd_fit(
        sorted_rows(kinds.repeat_purchases, kinds.recency_days, kinds.age_days, kinds.customers)
    )) as fit
    from enough
    cross join kinds
    where enough.is_enough
),
spending as (
    select unnest(gamma_gamma_fit(sorted_rows(purchases.paid_repeat_purchases, purchases.repeat_spend))) as fit
    from enough
    cross join purchases
    where enough.is_enough and purchases.paid_repeat_purchases > 0
),
fits as (
    select 'bg_nbd' as model, fit from buying
    union all
    select 'gamma_gamma' as model, fit from spending
),
fitted as (
    select
        model,
        fit['parameter'] as parameter,
        fit['value'] as value,
        fit['standard_error'] as standard_error,
        fit['customers'] as customers,
        fit['log_likelihood'] as log_likelihood,
        fit['converged'] as converged,
        fit['status'] as status
    from fits
),
final as (
    select
        $as_of_date as fitted_on,
        wanted.model,
        wanted.position,
        wanted.parameter,
        fitted.value,
        fitted.standard_error,
        coalesce(fitted.customers, 0) as customers,
        fitted.log_likelihood,
        coalesce(fitted.converged, false) as is_converged,
        case
            when not enough.is_enough then 'too_few_customers'
            when fitted.value is null then 'not_converged'
            else fitted.status
        end as status
    from wanted
    cross join enough
    left join fitted
        on wanted.model = fitted.model
        and wanted.parameter = fitted.parameter
)
select
    fitted_on, model, position, parameter, value, standard_error, customers, log_likelihood, is_converged, status
from final

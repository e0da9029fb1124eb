-- Lines of the last days whose quantity is beyond anything usual: over the median of the same article at the same partner
-- by more robust standard deviations than $outlier_line_spreads, on logarithms, and by more than $outlier_line_times.
-- Where the partner sold the article too rarely, the article everywhere is the measure, else all that the partner sells.
-- Such a line is told, never dropped: a bulk order looks the same as a slip of the key.
with
lines as (
    select
        business_date, partner_id, sku, order_id, line_no, quantity, net_amount, _sender, _file, _line,
        ln(cast(quantity as double)) as size
    from sales_lines
    where
        sale_type = 'sale' and quantity > 0
        and business_date <= $as_of_date
        and business_date > $as_of_date - $outlier_line_days - $outlier_history_days
),
candidates as (
    -- No line of fewer units than the smallest limit can be one.
    select * from lines
    where business_date > $as_of_date - $outlier_line_days and quantity > $outlier_line_times
),
history as (
    select * from lines where business_date <= $as_of_date - $outlier_line_days
),
placed as (
    -- Measured against the article at the partner, the article everywhere, and all of the partner; '' is any.
    select 1 as rank, partner_id, sku, size from history
    union all
    select 2, '', sku, size from history
    union all
    select 3, partner_id, '', size from history
),
wanted as (
    select distinct 1 as rank, partner_id, sku from candidates
    union
    select distinct 2, '', sku from candidates
    union
    select distinct 3, partner_id, '' from candidates
),
samples as (
    select wanted.rank, wanted.partner_id, wanted.sku, placed.size
    from wanted
    inner join placed
        on wanted.rank = placed.rank
        and wanted.partner_id = placed.partner_id
        and wanted.sku = placed.sku
),
middles as (
    select rank, partner_id, sku, count(*) as lines, median_exact(size) as middle
    from samples
    group by rank, partner_id, sku
    having count(*) >= $outlier_lines_min
),
spreads as (
    select
        middles.rank, middles.partner_id, middles.sku, middles.lines, middles.middle,
        1.4826 * median_exact(abs(samples.size - middles.middle)) as spread
    from middles
    inner join samples
        on middles.rank = samples.rank
        and middles.partner_id = samples.partner_id
        and middles.sku = samples.sku
    group by middles.rank, middles.partner_id, middles.sku, middles.lines, middles.middle
),
measured as (
    select
        candidates.*,
        spreads.rank,
        spreads.lines as compared_lines,
        exp(spreads.middle) as usual_quantity,
        exp(spreads.middle + greatest(ln($outlier_line_times), $outlier_line_spreads * spreads.spread)) as limit_quantity
    from candidates
    inner join spreads
        on spreads.partner_id in (candidates.partner_id, '')
        and spreads.sku in (candidates.sku, '')
    qualify row_number() over (
        partition by candidates._sender, candidates._file, candidates._line order by spreads.rank
    ) = 1
),
final as (
    select
        business_date, partner_id, sku, order_id, line_no, quantity, net_amount,
        case rank when 1 then 'article_at_partner' when 2 then 'article' else 'partner' end as compared_with,
        compared_lines,
        round(usual_quantity, 4) as usual_quantity,
        round(limit_quantity, 4) as limit_quantity,
        _sender as sender, _file as file, _line as line
    from measured
    where quantity > limit_quantity
)
select
    business_date, partner_id, sku, order_id, line_no, quantity, net_amount, compared_with, compared_lines, usual_quantity,
    limit_quantity, sender, file, line
from final

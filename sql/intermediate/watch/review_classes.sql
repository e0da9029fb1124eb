-- The month's review, where the month closed a quarter: where the BCG matrix has each unit, and which of them moved. As in
-- the nightly mail, what rests on the quarter before holds the season and is told only once the year before is known.
with last_month as (
    select month_start, month_end from closed_month
),

verdicts as (
    select * from bcg_verdicts
    where class <> 'unclassified' and growth_basis = 'year_on_year'
),

-- From the best place in the matrix to the worst.
places as (
    select *
    from (values
        ('star', 1, 'star', '明星类'), ('cash_cow', 2, 'cash cow', '金牛类'),
        ('question_mark', 3, 'question mark', '问题类'), ('dog', 4, 'dog', '瘦狗类')
    ) as places (class, place, class_en, class_zh)
),

final as (
    select
        verdicts.entity_type,
        verdicts.entity_id,
        verdicts.entity_name,
        verdicts.entity_type_en,
        verdicts.entity_type_zh,
        verdicts.quarter,
        verdicts.net_sales,
        verdicts.growth,
        verdicts.growth_cut,
        verdicts.share,
        verdicts.share_cut,
        now.place,
        now.class_en,
        now.class_zh,
        before.class_en as previous_class_en,
        before.class_zh as previous_class_zh,
        coalesce(before.place <> now.place and verdicts.previous_growth_basis = 'year_on_year', false) as is_moved,
        coalesce(before.place < now.place, false) as is_down,
        verdicts.advice = 'exit' as is_exit,
        verdicts.partner_manager,
        verdicts.channel_manager
    from verdicts
    inner join last_month
        on period_end(verdicts.quarter) = last_month.month_end
    inner join places as now
        on verdicts.class = now.class
    left join places as before
        on verdicts.previous_class = before.class
)

select
    entity_type, entity_id, entity_name, entity_type_en, entity_type_zh, quarter, net_sales, growth, growth_cut, share, share_cut,
    place, class_en, class_zh, previous_class_en, previous_class_zh, is_moved, is_down, is_exit, partner_manager,
    channel_manager
from final

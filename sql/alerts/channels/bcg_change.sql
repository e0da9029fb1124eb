-- Units whose BCG class in the last closed quarter is another one than in the quarter before. The class of the running
-- quarter is provisional and moves with every week's sales: it is no news until the quarter is closed. A class that
-- leads to the advice to leave is told by bcg_exit; a unit that was not classified before is new, not changed. Growth on
-- the quarter before holds the season: such a class says where a unit stands, but its moves are no news.
with
changes as (
    select *
    from bcg_verdicts
    where class <> previous_class
        and class <> 'unclassified'
        and previous_class <> 'unclassified'
        and advice <> 'exit'
        and growth_basis = 'year_on_year'
        and previous_growth_basis = 'year_on_year'
),
-- From the best place in the matrix to the worst.
places as (
    select *
    from (values
        ('star', 1, true, true, 'star', '明星类'),
        ('cash_cow', 2, false, true, 'cash cow', '金牛类'),
        ('question_mark', 3, true, false, 'question mark', '问题类'),
        ('dog', 4, false, false, 'dog', '瘦狗类')
    ) as places (class, place, is_fast, is_large, class_en, class_zh)
)
select
    changes.entity_type,
    changes.entity_type_en,
    changes.entity_type_zh,
    changes.entity_id,
    changes.entity_name,
    changes.id_en,
    changes.id_zh,
    changes.quarter,
    changes.net_sales,
    changes.growth,
    changes.growth_cut,
    changes.growth_basis,
    changes.share_rule,
    changes.share,
    changes.share_cut,
    changes.class,
    now.class_en,
    now.class_zh,
    before.class_en as previous_class_en,
    before.class_zh as previous_class_zh,
    now.is_fast <> before.is_fast as is_growth_crossed,
    now.is_large <> before.is_large as is_share_crossed,
    now.is_fast,
    now.is_large,
    case when now.place > before.place then 'warning' else 'info' end as severity,
    changes.advice,
    changes.partner_manager,
    changes.channel_manager
from changes
inner join places as now
    on changes.class = now.class
inner join places as before
    on changes.previous_class = before.class

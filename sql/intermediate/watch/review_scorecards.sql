-- The month's review, where the month closed a quarter: the scorecards of the partners, with what the card advises.
with last_month as (
    select month_start, month_end from closed_month
),

cards as (
    select * from partner_scorecard
    where partner_status = 'active' and grade is not null and not is_provisional
),

channels as (
    select channel_id, manager from channels_current
),

advised as (
    select *
    from (values
        ('promote_to_regional_agent', 'ripe for regional agent', '可晋升区域代理'),
        ('develop', 'develop', '重点发展'),
        ('improve_plan', 'agree on a plan to improve', '制定改进计划'),
        ('terminate_review', 'review whether to go on', '复核是否继续合作')
    ) as advised (advice, advice_en, advice_zh)
),

final as (
    select
        cards.partner_id,
        coalesce(cards.partner_name, cards.partner_id) as partner_name,
        cards.quarter,
        cards.score,
        cards.grade,
        cards.previous_grade,
        -- A comes before B: the later letter is the worse grade.
        coalesce(cards.grade > cards.previous_grade, false) as is_down,
        coalesce(cards.grade < cards.previous_grade, false) as is_up,
        cards.score_rank_in_channel,
        advised.advice_en,
        advised.advice_zh,
        cards.partner_manager,
        channels.manager as channel_manager
    from cards
    inner join last_month
        on period_end(cards.quarter) = last_month.month_end
    left join advised
        on cards.advice = advised.advice
    left join channels
        on cards.channel_id = channels.channel_id
)

select
    partner_id, partner_name, quarter, score, grade, previous_grade, is_down, is_up, score_rank_in_channel, advice_en,
    advice_zh, partner_manager, channel_manager
from final

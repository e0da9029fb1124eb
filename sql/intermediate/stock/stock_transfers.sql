-- Which surplus goes to which partner that is short of the same product: largest need first, the partner with
-- the most left gives first, and no unit is promised twice. Runs before anything is replenished. A move must be worth
-- a lorry, and nothing goes to a partner that holds too much already or whose sales are being looked into.
with recursive
positions as (
    select
        partner_id, territory, partner_status, sku, unit_cost, on_hand_units, overstock_units, shortage_units,
        partner_overstock_rate
    from stock_positions
    where count_status <> 'stale_count' and sells
),
regions as (
    select distinct region, adjacent_regions
    from stg_regions
    where valid_from <= $as_of_date and valid_to > $as_of_date
),
suspected as (
    select distinct partner_id
    from conflict_cases
    where is_suspected and last_seen_on > $as_of_date - $conflict_notice_days
),
donors as (
    select sku, partner_id, unit_cost, overstock_units
    from positions
    where overstock_units >= $transfer_units_min and overstock_units > $overstock_limit * on_hand_units
    qualify row_number() over (partition by sku order by overstock_units desc, partner_id) <= $transfer_partners_max
),
recipients as (
    select positions.sku, positions.partner_id, positions.shortage_units
    from positions
    left anti join suspected
        on positions.partner_id = suspected.partner_id
    where positions.shortage_units >= $transfer_units_min
        and positions.partner_status = 'active'
        and coalesce(positions.partner_overstock_rate <= $overstock_limit, true)
    qualify row_number() over (
        partition by positions.sku order by positions.shortage_units desc, positions.partner_id
    ) <= $transfer_partners_max
),
territories as (
    -- An empty territory is the whole country.
    select distinct partner_id, trim(unnest(string_to_array(territory, ';'))) as region
    from positions
    where territory is not null and trim(territory) <> ''
),
reach as (
    select partner_id, region
    from territories
    union
    select territories.partner_id, trim(unnest(string_to_array(regions.adjacent_regions, ';'))) as region
    from territories
    inner join regions
        on territories.region = regions.region
    where $transfer_scope = 'adjacent' and regions.adjacent_regions is not null
),
bounded as (
    select distinct partner_id
    from territories
),
couples as (
    select distinct donors.partner_id as from_partner_id, recipients.partner_id as to_partner_id
    from donors
    inner join recipients
        on donors.sku = recipients.sku
),
near_couples as (
    select distinct reach.partner_id as from_partner_id, territories.partner_id as to_partner_id
    from reach
    inner join territories
        on reach.region = territories.region
),
allowed as (
    select couples.from_partner_id, couples.to_partner_id
    from couples
    left join near_couples
        on couples.from_partner_id = near_couples.from_partner_id
        and couples.to_partner_id = near_couples.to_partner_id
    left join bounded as bounded_from
        on couples.from_partner_id = bounded_from.partner_id
    left join bounded as bounded_to
        on couples.to_partner_id = bounded_to.partner_id
    where
        $transfer_scope = 'anywhere'
        or near_couples.from_partner_id is not null
        or bounded_from.partner_id is null
        or bounded_to.partner_id is null
),
needs as (
    select
        recipients.sku,
        recipients.partner_id,
        recipients.shortage_units,
        row_number() over (
            partition by recipients.sku order by recipients.shortage_units desc, recipients.partner_id
        ) as turn
    from recipients
    left semi join (
        select donors.sku, allowed.to_partner_id
        from donors
        inner join allowed
            on donors.partner_id = allowed.from_partner_id
    ) as servable
        on recipients.sku = servable.sku
        and recipients.partner_id = servable.to_partner_id
),
promises as (
    -- One turn per need, largest first; each turn hands what the donors have left to the next need. `least_units` is
    -- the smallest move: in units, and in value where the cost is known.
    select
        cast(0 as bigint) as turn,
        donors.sku,
        donors.partner_id as from_partner_id,
        cast(null as text) as to_partner_id,
        cast(0 as bigint) as units,
        cast(donors.overstock_units as bigint) as left_units,
        greatest(
            $transfer_units_min,
            coalesce(cast(ceil($transfer_value_min / nullif(donors.unit_cost, 0)) as bigint), $transfer_units_min)
        ) as least_units
    from donors
    union all
    select
        turn, sku, from_partner_id, to_partner_id,
        case when units >= least_units then units else 0 end as units,
        case when units >= least_units then left_units - units else left_units end as left_units,
        least_units
    from (
        select
            turn,
            sku,
            from_partner_id,
            to_partner_id,
            left_units,
            least_units,
            least(usable_units, greatest(shortage_units - offered_before, 0)) as units
        from (
            select
                needs.turn,
                promises.sku,
                promises.from_partner_id,
                needs.partner_id as to_partner_id,
                needs.shortage_units,
                promises.left_units,
                promises.least_units,
                case
                    when allowed.to_partner_id is null or promises.left_units < promises.least_units then 0
                    else promises.left_units
                end as usable_units,
                coalesce(
                    sum(
                        case
                            when allowed.to_partner_id is null or promises.left_units < promises.least_units then 0
                            else promises.left_units
                        end
                    ) over (
                        partition by promises.sku
                        order by promises.left_units desc, promises.from_partner_id
                        rows between unbounded preceding and 1 preceding
                    ),
                    0
                ) as offered_before
            from promises
            inner join needs
                on promises.sku = needs.sku
                and promises.turn + 1 = needs.turn
            left join allowed
                on promises.from_partner_id = allowed.from_partner_id
                and needs.partner_id = allowed.to_partner_id
        ) as offers
    ) as handed
),
final as (
    select sku, from_partner_id, to_partner_id, units
    from promises
    where units > 0
)
select sku, from_partner_id, to_partner_id, units
from final

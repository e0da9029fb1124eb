-- Market size and largest competitor: of every period, region and category the newest row, whichever snapshot brought it.
select
    period, region, category, market_sales_amount, largest_competitor_sales_amount, currency, _sender, _file, _line,
    _input
from feeds.market_newest

-- What campaigns cost and earned: of each date, currency and campaign the row known last. A row in which nothing is left was taken
-- back, and is not here.
select * exclude (age)
from (
    select
        *,
        row_number() over (partition by date, currency, campaign_key order by as_of desc) as age
    from marketing.campaign_performance
)
where age = 1
    and not (cost = 0 and impressions = 0 and clicks = 0 and conversions = 0 and conversions_value = 0 and orders = 0 and revenue = 0)

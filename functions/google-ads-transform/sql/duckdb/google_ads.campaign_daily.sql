-- What holds of Google Ads campaigns: of each customer and day, the rows of the latest report alone.
-- A report replaces a day as a whole, so a campaign that is gone from it is gone from here.
select * exclude (age)
from (
    select
        *,
        rank() over (partition by customer_id, date order by pulled_at desc, source_object desc) as age
    from google_ads.campaign_daily
)
where age = 1

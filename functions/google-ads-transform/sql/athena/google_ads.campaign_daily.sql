-- What holds of Google Ads campaigns: of each customer and day, the rows of the latest report alone.
-- A report replaces a day as a whole, so a campaign that is gone from it is gone from here.
-- Athena cannot leave a column out, so all others are named.
select
    date, customer_id, currency_code, time_zone, campaign_id, campaign_name, campaign_status,
    advertising_channel_type, device, ad_network_type, impressions, clicks, cost, conversions,
    conversions_value, search_impression_share, search_budget_lost_impression_share,
    search_rank_lost_impression_share, pulled_at, source_format, source_object, extra
from (
    select
        *,
        rank() over (partition by customer_id, date order by pulled_at desc, source_object desc) as age
    from google_ads.campaign_daily
)
where age = 1

-- What holds of Google Ads clicks: of each customer and day, the rows of the latest report alone.
-- A report replaces a day as a whole, so a click that is gone from it is gone from here.
-- Athena cannot leave a column out, so all others are named.
select
    date, gclid, customer_id, time_zone, campaign_id, campaign_name, ad_group_id, ad_group_name, ad_group_ad,
    keyword, keyword_text, keyword_match_type, page_number, device, ad_network_type, click_type, clicks,
    pulled_at, source_format, source_object, extra
from (
    select
        *,
        rank() over (partition by customer_id, date order by pulled_at desc, source_object desc) as age
    from google_ads.click_view
)
where age = 1

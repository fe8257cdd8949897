//! Channels, by the names of Google Analytics' default channel group.
//!
//! <https://support.google.com/analytics/answer/9756891>. Touches have a campaign, so what the lists do
//! not know is "Paid Other".

/// What has no touch.
pub const UNATTRIBUTED: &str = "Unattributed";

/// What is paid, nothing more is known.
pub const PAID_OTHER: &str = "Paid Other";

const SEARCH_ENGINES: [&str; 13] = [
    "adwords",
    "aol",
    "ask",
    "baidu",
    "bing",
    "duckduckgo",
    "ecosia",
    "google",
    "naver",
    "qwant",
    "startpage",
    "yahoo",
    "yandex",
];

const SOCIAL_NETWORKS: [&str; 19] = [
    "bluesky",
    "facebook",
    "fb",
    "ig",
    "instagram",
    "line",
    "linkedin",
    "meta",
    "pinterest",
    "quora",
    "reddit",
    "snapchat",
    "telegram",
    "threads",
    "tiktok",
    "tumblr",
    "twitter",
    "wechat",
    "whatsapp",
];

const VIDEO_SITES: [&str; 7] =
    ["dailymotion", "disneyplus", "hulu", "netflix", "twitch", "vimeo", "youtube"];

const DISPLAY_MEDIUMS: [&str; 5] = ["display", "banner", "expandable", "interstitial", "cpm"];

const EMAIL_MEDIUMS: [&str; 4] = ["email", "e-mail", "e_mail", "e mail"];

/// The channel of a campaign of Google Ads, by its kind.
pub fn of_google(channel_type: Option<&str>) -> &'static str {
    match channel_type.unwrap_or_default().to_uppercase().as_str() {
        "SEARCH" => "Paid Search",
        "DISPLAY" => "Display",
        "SHOPPING" => "Paid Shopping",
        "VIDEO" => "Paid Video",
        "PERFORMANCE_MAX" | "DEMAND_GEN" | "SMART" | "MULTI_CHANNEL" => "Cross-network",
        _ => PAID_OTHER,
    }
}

/// The channel of an address with campaign parameters.
pub fn of_address(source: Option<&str>, medium: Option<&str>) -> &'static str {
    let source = source.unwrap_or_default().trim().to_lowercase();
    let medium = medium.unwrap_or_default().trim().to_lowercase();
    let is_display = DISPLAY_MEDIUMS.contains(&medium.as_str());
    // `cpm` is a way to pay as well, and search and social networks are paid so.
    let says_display_alone = is_display && medium != "cpm";
    if EMAIL_MEDIUMS.contains(&medium.as_str()) || EMAIL_MEDIUMS.contains(&source.as_str()) {
        "Email"
    } else if matches!(medium.as_str(), "affiliate" | "affiliates") {
        "Affiliates"
    } else if says_display_alone {
        "Display"
    } else if names(&source, &SEARCH_ENGINES) {
        "Paid Search"
    } else if names(&source, &SOCIAL_NETWORKS) || matches!(source.as_str(), "x" | "x.com" | "t.co")
    {
        "Paid Social"
    } else if names(&source, &VIDEO_SITES) {
        "Paid Video"
    } else if is_display {
        "Display"
    } else {
        PAID_OTHER
    }
}

/// Whether a source is one of a list: `facebook`, `m.facebook.com`, `facebook_ads`.
fn names(source: &str, list: &[&str]) -> bool {
    source.split(|sign: char| !sign.is_alphanumeric()).any(|word| list.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn campaigns_of_google_by_their_kind() {
        assert_eq!(of_google(Some("SEARCH")), "Paid Search");
        assert_eq!(of_google(Some("PERFORMANCE_MAX")), "Cross-network");
        assert_eq!(of_google(Some("HOTEL")), PAID_OTHER);
        assert_eq!(of_google(None), PAID_OTHER);
    }

    #[test]
    fn addresses_by_source_and_medium() {
        for (source, medium, channel) in [
            ("Google", "cpc", "Paid Search"),
            ("google", "display", "Display"),
            ("bing.com", "", "Paid Search"),
            ("l.facebook.com", "paid", "Paid Social"),
            ("facebook_ads", "cpm", "Paid Social"),
            ("x", "cpc", "Paid Social"),
            ("brand-x", "cpc", PAID_OTHER),
            ("youtube", "cpv", "Paid Video"),
            ("somewhere", "cpm", "Display"),
            ("somewhere", "banner", "Display"),
            ("newsletter", "email", "Email"),
            ("partner", "affiliate", "Affiliates"),
            ("outline", "", PAID_OTHER),
            ("", "", PAID_OTHER),
        ] {
            assert_eq!(of_address(Some(source), Some(medium)), channel, "{source} / {medium}");
        }
    }
}

//! What the libraries add to a message by themselves: the page, the device, the network.

use super::line::Line;
use super::people::Person;
use super::random::Random;

/// Path, and title as JSON text with its escapes.
const PAGES: [(&str, &str); 6] = [
    ("/", r"Welcome | Initech \u2014 50\u00a0% off"),
    ("/pricing", r"Preise \u0026 Tarife \ud83c\udf77"),
    ("/products/running-shoes", r#"Running shoes \"Zephyr\" 10\" | Initech"#),
    ("/products/café-au-lait", "Café au lait – 250 g ☕ | Initech"),
    ("/checkout/cart", r"Cart\tstep 1\/3"),
    ("/help/c%3A%5Ctemp", r"Where is C:\\temp? \u65e5\u672c\u8a9e 日本語"),
];
const REFERRERS: [&str; 4] = [
    "",
    "https://www.google.com/",
    "https://news.example.net/story?id=8&ref=mail#top",
    "android-app://com.example.reader/",
];
/// Name, source, medium.
const CAMPAIGNS: [(&str, &str, &str); 4] = [
    ("spring_sale", "google", "cpc"),
    ("été_2026", "newsletter", "email"),
    ("brand", "bing", "cpc"),
    ("retargeting", "facebook", "paid_social"),
];
const LOCALES: [(&str, &str); 5] = [
    ("en-US", "America/Los_Angeles"),
    ("de-DE", "Europe/Berlin"),
    ("fr-FR", "Europe/Paris"),
    ("pl-PL", "Europe/Warsaw"),
    ("ja-JP", "Asia/Tokyo"),
];
const BROWSERS: [&str; 3] = [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
];
const USER_AGENT_DATA: &str = r#","userAgentData":{"brands":[{"brand":"Google Chrome","version":"141"},{"brand":"Not?A_Brand","version":"8"}],"mobile":false,"platform":"macOS"}"#;
/// Base64url, as click ids are.
const CLICK_ID: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Where a message is sent from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    Web,
    Mobile,
    Server,
}

impl Platform {
    pub(super) fn channel(self) -> &'static str {
        match self {
            Self::Web => "client",
            Self::Mobile => "mobile",
            Self::Server => "server",
        }
    }
}

/// A page that somebody looks at, and how they came there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visit {
    path: &'static str,
    title: &'static str,
    referrer: &'static str,
    campaign: Option<usize>,
    click: Option<u64>,
    /// A careless link: the address bears the person's e-mail.
    leak: Option<Person>,
}

impl Visit {
    pub(super) fn new(person: Person, random: &mut Random) -> Self {
        let (path, title) = random.pick(&PAGES);
        // Only the page that a link leads to bears the campaign.
        let campaign = random.one_in(16).then(|| random.below(CAMPAIGNS.len() as u64) as usize);
        // Google and Bing clicks bear a click id.
        let click =
            (campaign.is_some_and(|found| CAMPAIGNS[found].2 == "cpc")).then(|| random.next());
        let leak = random.one_in(20).then_some(person);
        Self { path, title, referrer: random.pick(&REFERRERS), campaign, click, leak }
    }

    /// The members of `context.page`, and of a page message's properties.
    pub(super) fn page(self, line: &mut Vec<u8>) {
        line.raw(r#""path":""#);
        line.raw(self.path);
        line.raw(r#"","referrer":""#);
        line.raw(self.referrer);
        line.raw(r#"","search":""#);
        self.search(line);
        line.raw(r#"","title":""#);
        line.raw(self.title);
        line.raw(r#"","url":"https://shop.example.com"#);
        line.raw(self.path);
        self.search(line);
        line.raw(if self.leak.is_some() { "#reviews\"" } else { "\"" });
    }

    fn search(self, line: &mut Vec<u8>) {
        let start = line.len();
        if let Some(campaign) = self.campaign {
            let (name, source, medium) = CAMPAIGNS[campaign];
            for (parameter, value) in
                [("&utm_campaign=", name), ("&utm_source=", source), ("&utm_medium=", medium)]
            {
                line.raw(parameter);
                line.raw(value);
            }
        }
        if let Some(click) = self.click {
            line.raw("&gclid=Cj0KCQjw");
            for place in 0..48 {
                line.push(CLICK_ID[(click.rotate_left(place * 5) & 63) as usize]);
            }
        }
        if let Some(person) = self.leak {
            line.raw("&email=");
            person.email_in_url(line);
        }
        if line.len() > start {
            line[start] = b'?';
        }
    }

    fn campaign(self, line: &mut Vec<u8>) {
        let Some(campaign) = self.campaign else {
            return;
        };
        let (name, source, medium) = CAMPAIGNS[campaign];
        line.raw(r#""campaign":{"name":""#);
        line.raw(name);
        line.raw(r#"","source":""#);
        line.raw(source);
        line.raw(r#"","medium":""#);
        line.raw(medium);
        line.raw(if self.click.is_some() {
            r#"","term":"tps reports""#
        } else {
            r#"","term":null"#
        });
        line.raw(r#","content":"image link","id":"e17a2a8e"},"#);
    }
}

/// Writes the member `context`, with a comma before it.
pub(super) fn write(
    line: &mut Vec<u8>,
    platform: Platform,
    person: Person,
    visit: Visit,
    random: &mut Random,
) {
    line.raw(r#","context":{"#);
    match platform {
        Platform::Web => web(line, person, visit, random),
        Platform::Mobile => mobile(line, person, random),
        Platform::Server => {
            line.raw(r#""app":null,"library":{"name":"analytics-node","version":"2.1.0"}"#);
        }
    }
    if random.one_in(10) {
        line.raw(r#","traits":{"email":""#);
        person.email(line, random);
        line.raw(r#""}"#);
    }
    if random.one_in(5) {
        line.raw(r#","groupId":"acct_"#);
        line.number(random.below(500));
        line.push(b'"');
    }
    line.push(b'}');
}

fn web(line: &mut Vec<u8>, person: Person, visit: Visit, random: &mut Random) {
    visit.campaign(line);
    whereabouts(line, person, random);
    line.raw(r#","library":{"name":"analytics.js","version":"npm:next-1.81.0"},"page":{"#);
    visit.page(line);
    line.raw(r#"},"userAgent":""#);
    line.raw(random.pick(&BROWSERS));
    line.push(b'"');
    if random.one_in(2) {
        line.raw(USER_AGENT_DATA);
    }
}

fn mobile(line: &mut Vec<u8>, person: Person, random: &mut Random) {
    let is_apple = random.one_in(2);
    line.raw(r#""active":true,"app":{"name":"InitechGlobal","version":"5.4.5","build":"3.0.1.545","namespace":"com.example.initech"},"device":{"id":""#);
    person.device_id(line);
    line.raw(r#"","advertisingId":""#);
    person.device_id(line);
    line.raw(if is_apple {
        r#"","adTrackingEnabled":true,"manufacturer":"Apple","model":"iPhone17,2","name":"maguro","type":"ios"},"#
    } else {
        r#"","adTrackingEnabled":false,"manufacturer":"Google","model":"Pixel 9","name":"komodo","type":"android"},"#
    });
    whereabouts(line, person, random);
    line.raw(r#","library":{"name":""#);
    line.raw(if is_apple { "analytics-swift" } else { "analytics-kotlin" });
    line.raw(r#"","version":"1.7.3"},"network":{"bluetooth":false,"carrier":"T-Mobile NL","cellular":true,"wifi":false},"os":{"name":""#);
    line.raw(if is_apple { r#"iOS","version":"18.6"}"# } else { r#"Android","version":"16"}"# });
    line.raw(if is_apple {
        r#","screen":{"width":402,"height":874,"density":3}"#
    } else {
        r#","screen":{"width":412,"height":924,"density":2.625}"#
    });
}

fn whereabouts(line: &mut Vec<u8>, person: Person, random: &mut Random) {
    let (locale, timezone) = random.pick(&LOCALES);
    line.raw(r#""ip":""#);
    person.ip(line);
    line.raw(r#"","locale":""#);
    line.raw(locale);
    line.raw(r#"","timezone":""#);
    line.raw(timezone);
    line.push(b'"');
}

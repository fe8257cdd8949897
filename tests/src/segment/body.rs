//! What a message of each type holds besides what all of them hold: properties, traits, ids.

use super::context::Visit;
use super::kind::Kind;
use super::line::Line;
use super::people::Person;
use super::random::Random;

/// Event and properties, as JSON text.
const EVENTS: [(&str, &str); 7] = [
    (
        "Product Viewed",
        r#""sku":"G-32","name":"Monopoly: \"3rd\" Edition","price":18.99,"quantity":1,"in_stock":true,"variant":null,"category":"Games""#,
    ),
    (
        "Product Added",
        r#""cart_id":"skdjsidjsdkdj29j","product_id":"507f1f77bcf86cd799439011","price":40,"tags":["new","sale",3],"brand":"Hasbro""#,
    ),
    (
        "Song Played",
        r#""name":"Fallin\u2019 for You","artist":"Dierks Bentley","seconds":215.75,"device":{"speaker":"L\/R","volume":-3.5e0}"#,
    ),
    (
        "Button Clicked",
        r#""label":"C:\\temp\t\"quoted\"\nnext line","position":{"x":10,"y":-4},"nested":{"deep":{"deeper":[{"a":[]},{}]}}"#,
    ),
    (
        "Kampagne geöffnet ✓",
        r#""Größe":"überall","émoji":"🍷 \ud83c\udf77","日本語":"はい","empty":"","total billed":830"#,
    ),
    ("Signed Up", r#""type":"organic","account_name":"Initech","trial_plan_name":"Business""#),
    (
        "Experiment Viewed",
        r#""experiment_id":"1234","variation_id":"b","experiment_name":"checkout_v2","non_interaction":1"#,
    ),
];
const ACCOUNTS: [(&str, &str, u64); 4] = [
    ("Initech", "Technology", 329),
    ("Globex GmbH & Co. KG", "Energy", 12_400),
    ("Soylent \\\"Green\\\"", "Food", 7),
    ("株式会社エニックス", "Games", 96),
];
const PLANS: [&str; 3] = ["free", "premium", "enterprise"];
const AFFILIATIONS: [&str; 3] = ["Online Store", "iOS App", "Marktplatz Süd"];

/// What an order is made of, in hundredths.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    subtotal: u64,
    shipping: u64,
    tax: u64,
    discount: u64,
}

impl Order {
    pub(super) fn new(random: &mut Random) -> Self {
        let subtotal = 500 + random.below(30_000);
        let discount = if random.one_in(3) { subtotal / 10 } else { 0 };
        Self {
            subtotal,
            shipping: random.pick(&[0, 300, 495, 1_250]),
            tax: (subtotal - discount) * 19 / 100,
            discount,
        }
    }

    pub(super) fn total(self) -> u64 {
        self.subtotal - self.discount + self.shipping + self.tax
    }
}

/// The part of a message that is of its type alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body {
    pub(super) kind: Kind,
    pub(super) person: Person,
    pub(super) visit: Visit,
    pub(super) order: Order,
}

impl Body {
    /// Writes the members, with a comma before each. A broken total is an object where a number belongs.
    pub(super) fn write(self, line: &mut Vec<u8>, total_is_broken: bool, random: &mut Random) {
        match self.kind {
            Kind::Track => {
                let (event, properties) = random.pick(&EVENTS);
                line.raw(r#","event":""#);
                line.raw(event);
                line.raw(r#"","properties":{"#);
                line.raw(properties);
                line.push(b'}');
            }
            Kind::Order => self.order(line, total_is_broken, random),
            Kind::Page => {
                line.raw(random.pick(&[r#","category":null"#, r#","category":"Shop""#]));
                line.raw(r#","name":"Home","properties":{"name":"Home","#);
                self.visit.page(line);
                line.push(b'}');
            }
            Kind::Screen => {
                line.raw(
                    r#","name":"Main Screen","properties":{"category":"Onboarding","step":2}"#,
                );
            }
            Kind::Identify => self.person_traits(line, random),
            Kind::Group => self.account_traits(line, random),
            Kind::Alias => {
                line.raw(r#","previousId":""#);
                self.person.anonymous_id(line);
                line.push(b'"');
            }
        }
    }

    fn order(self, line: &mut Vec<u8>, total_is_broken: bool, random: &mut Random) {
        line.raw(r#","event":"Order Completed","properties":{"order_id":"ord-"#);
        line.hexadecimal(random.next(), 10);
        line.raw(r#"","checkout_id":"fksdjfsdjfisjf9sdfjsd9f","affiliation":""#);
        line.raw(random.pick(&AFFILIATIONS));
        line.raw(r#"","total":"#);
        if total_is_broken {
            line.raw(r#"{"amount":12.5}"#);
        } else {
            line.amount(self.order.total());
        }
        let amounts = [
            (r#","subtotal":"#, self.order.subtotal),
            (r#","revenue":"#, self.order.subtotal - self.order.discount),
            (r#","shipping":"#, self.order.shipping),
            (r#","tax":"#, self.order.tax),
            (r#","discount":"#, self.order.discount),
        ];
        for (member, amount) in amounts {
            line.raw(member);
            line.amount(amount);
        }
        line.raw(if self.order.discount > 0 {
            r#","coupon":"hasbros""#
        } else {
            r#","coupon":null"#
        });
        line.raw(r#","currency":"EUR","email":""#);
        self.person.email(line, random);
        line.raw(r#"","products":[{"product_id":"507f1f77bcf86cd799439011","sku":"45790-32","name":"Monopoly: 3rd Edition","price":19,"quantity":1},{"product_id":"505bd76785ebb509fc183733","sku":"46493-32","name":"Uno \u0026 \"friends\"","price":3,"quantity":2}]}"#);
    }

    fn person_traits(self, line: &mut Vec<u8>, random: &mut Random) {
        let person = self.person;
        let (city, state, country) = person.city();
        line.raw(r#","traits":{"email":""#);
        person.email(line, random);
        line.raw(r#"","phone":""#);
        person.phone(line, random);
        line.raw(r#"","username":""#);
        person.mailbox(line);
        for (member, value) in [
            (r#"","firstName":""#, person.first_name()),
            (r#"","lastName":""#, person.last_name()),
            (r#"","name":""#, person.first_name()),
            (" ", person.last_name()),
            (r#"","plan":""#, random.pick(&PLANS)),
            (r#"","address":{"street":""#, person.street()),
            (r#"","city":""#, city),
            (r#"","state":""#, state),
            (r#"","country":""#, country),
        ] {
            line.raw(member);
            line.raw(value);
        }
        line.raw(r#"","postalCode":"94103"},"title":"Dr. rer. nat.","company":{"id":"c-7","name":"Initech","floor":3},"birthday":"19"#);
        line.padded(30 + random.below(70), 2);
        line.raw(r#"-05-17","createdAt":"2015-08-04T01:04:24+02:00","logins":"#);
        line.number(random.below(500));
        // No column takes this one: its value must not be found in the lake.
        line.raw(r#","emergencyContact":""#);
        line.raw(person.last_name());
        line.raw(r#"","finished_registration":"true"}"#);
    }

    fn account_traits(self, line: &mut Vec<u8>, random: &mut Random) {
        let account = random.below(500);
        let (name, industry, employees) = ACCOUNTS[account as usize % ACCOUNTS.len()];
        line.raw(r#","groupId":"acct_"#);
        line.number(account);
        line.raw(r#"","traits":{"name":""#);
        line.raw(name);
        line.raw(r#"","industry":""#);
        line.raw(industry);
        line.raw(r#"","employees":"#);
        line.number(employees);
        line.raw(r#","plan":"enterprise","website":"https://initech.example.com/about?utm_source=crm","email":""#);
        self.person.email(line, random);
        line.raw(r#"","phone":""#);
        self.person.phone(line, random);
        line.raw(r#"","address":{"street":""#);
        line.raw(self.person.street());
        line.raw(r#"","city":"Dublin","state":"Leinster","country":"IE","postalCode":"D02"},"createdAt":"2019-04-16T06:33:14Z","total billed":830}"#);
    }
}

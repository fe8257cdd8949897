//! The orders of each version, as their producers wrote them.

use end_to_end::lake::Row;
use serde_json::{Value, json};

/// An order as it is asked for today.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    pub id: &'static str,
    /// The text of the member that the producer calls so.
    pub total: &'static str,
    total_is_called: &'static str,
    email: &'static str,
    channel: Option<&'static str>,
    voucher: Option<&'static str>,
    city: Option<&'static str>,
    gift_message: Option<&'static str>,
    /// A voucher that is still sent, though no column takes it.
    forgotten_voucher: Option<&'static str>,
}

const ADA: [&str; 3] = ["ada@example.com", " Ada@Example.COM ", "ADA@example.com"];

const PLAIN: Order = Order {
    id: "",
    total: "",
    total_is_called: "total",
    email: "grace@example.com",
    channel: None,
    voucher: None,
    city: None,
    gift_message: None,
    forgotten_voucher: None,
};

const FIRST: Order = Order { total_is_called: "amount", channel: Some("web"), ..PLAIN };

/// Of the first version: an amount, a channel, a voucher.
pub const V1: &[Order] = &[
    Order { id: "1-a", total: "12.50", email: ADA[0], voucher: Some("SPRING"), ..FIRST },
    Order { id: "1-b", total: "9999999999999999.99", gift_message: Some("for you"), ..FIRST },
    Order { id: "1-c", total: "0.00", channel: Some("shop"), ..FIRST },
];

/// Of the second: a total of more digits, a city, and the channel is not always known.
pub const V2: &[Order] = &[
    Order { id: "2-a", total: "7.25", email: ADA[1], city: Some("Berlin"), ..PLAIN },
    Order {
        id: "2-b",
        total: "123456789012345678901234567890.25",
        channel: Some("web"),
        voucher: Some("SUMMER"),
        gift_message: Some("many happy returns"),
        ..PLAIN
    },
];

/// Of the third: no vouchers, and the message of a gift is known.
pub const V3: &[Order] = &[
    Order { id: "3-a", total: "1.00", email: ADA[2], gift_message: Some("thank you"), ..PLAIN },
    Order { id: "3-b", total: "2.00", city: Some("Köln"), ..PLAIN },
    Order { id: "3-c", total: "3.00", forgotten_voucher: Some("WINTER"), ..PLAIN },
];

/// Of the first, when the third is out.
pub const LATE: &[Order] = &[
    Order { id: "4-a", total: "4.75", voucher: Some("SPRING"), ..FIRST },
    Order { id: "4-b", total: "5.00", gift_message: Some("better late"), ..FIRST },
];

impl Order {
    /// Whether the person is the one that is written in several ways.
    pub fn is_of_ada(&self) -> bool {
        ADA.contains(&self.email)
    }

    /// The row that a query for today's columns finds, without its person and without empty columns.
    pub fn row(&self) -> Row {
        object(&[
            ("order_id", Some(self.id)),
            ("total", Some(self.total)),
            ("channel", self.channel),
            ("voucher", self.voucher),
            ("city", self.city),
            ("gift_message", self.gift_message),
        ])
    }

    fn record(&self) -> Row {
        object(&[
            ("on", Some("2026-03-01")),
            ("id", Some(self.id)),
            (self.total_is_called, Some(self.total)),
            ("email", Some(self.email)),
            ("channel", self.channel),
            ("voucher", self.voucher.or(self.forgotten_voucher)),
            ("city", self.city),
            ("gift_message", self.gift_message),
        ])
    }
}

fn object(members: &[(&str, Option<&str>)]) -> Row {
    let filled =
        members.iter().filter_map(|(name, value)| Some(((*name).to_owned(), json!((*value)?))));
    filled.collect::<serde_json::Map<String, Value>>()
}

/// A file of orders, one a line.
pub fn lines(orders: &[Order]) -> String {
    orders.iter().map(|order| json!(order.record()).to_string() + "\n").collect()
}

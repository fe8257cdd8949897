//! The news of a report, for people who read it in a mail.

use std::fmt::Write as _;

use crate::figures::Figures;
use crate::period::Period;
use crate::text::{currency_name, day, money, number, quotient, share};

/// More lines of what is not known are left to the page.
const MOST_GAPS: usize = 12;

/// The subject: less than a hundred signs of ASCII, as SNS wants it.
pub fn subject(period: Period) -> String {
    format!("Campaign report {} to {}", period.from, period.to)
}

/// The text, with the link of the page and how long it works.
pub fn text(
    period: Period,
    figures: &[Figures],
    gaps: &[String],
    link: &str,
    hours: u32,
) -> String {
    let mut text = format!("Campaign performance, {} to {}\n", day(period.from), day(period.to));
    for Figures { currency, totals, .. } in figures {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n{}\n  revenue     {} ({} orders)\n  attributed  {} ({})\n  cost        {}\n  ROAS        {}\n",
            currency_name(currency),
            money(totals.revenue, currency),
            number(totals.orders, 2),
            money(totals.attributed(), currency),
            share(totals.attributed(), totals.revenue),
            money(totals.cost, currency),
            quotient(totals.roas()),
        );
    }
    if figures.is_empty() {
        text.push_str("\nNothing was advertised or ordered in these days.\n");
    }
    text.push_str(if gaps.is_empty() {
        "\nNothing known to be missing.\n"
    } else {
        "\nNot known:\n"
    });
    for gap in gaps.iter().take(MOST_GAPS) {
        let _ = writeln!(text, "- {gap}");
    }
    if gaps.len() > MOST_GAPS {
        let _ = writeln!(text, "- and {} more, on the page", gaps.len() - MOST_GAPS);
    }
    let _ = write!(text, "\nThe page (the link works for {hours} hours at most):\n{link}\n");
    text
}

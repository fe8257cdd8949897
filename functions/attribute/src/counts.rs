//! What an invocation did, for its metrics.

use std::ops::AddAssign;

use shared::telemetry::Metrics;

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Touches that were read.
    pub touches: u64,
    /// Links between two names that were read.
    pub links: u64,
    /// Changes of orders that were read.
    pub order_changes: u64,
    /// Clicks that Google Ads tells of.
    pub clicks: u64,
    /// Campaigns of a day, in reports that came to hold.
    pub campaign_days: u64,
    /// Results that were written, of orders that are credited otherwise than before.
    pub attributed_orders: u64,
    /// Writes that somebody else was faster than; they were done again.
    pub conflicts: u64,
    /// Parts of a large run, or of an operator's order, that were put on the queue.
    pub tasks: u64,
    /// Messages about nothing that is read here.
    pub ignored_messages: u64,
    /// Amounts that no decimal of 28 digits can hold.
    pub unreadable_amounts: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.touches += other.touches;
        self.links += other.links;
        self.order_changes += other.order_changes;
        self.clicks += other.clicks;
        self.campaign_days += other.campaign_days;
        self.attributed_orders += other.attributed_orders;
        self.conflicts += other.conflicts;
        self.tasks += other.tasks;
        self.ignored_messages += other.ignored_messages;
        self.unreadable_amounts += other.unreadable_amounts;
    }
}

impl Counts {
    /// Adds them to the metrics of an invocation.
    pub fn tell(self, metrics: &mut Metrics) {
        metrics.count("Touches", self.touches);
        metrics.count("Links", self.links);
        metrics.count("OrderChanges", self.order_changes);
        metrics.count("Clicks", self.clicks);
        metrics.count("CampaignDays", self.campaign_days);
        metrics.count("AttributedOrders", self.attributed_orders);
        metrics.count("Conflicts", self.conflicts);
        metrics.count("Tasks", self.tasks);
        metrics.count("IgnoredMessages", self.ignored_messages);
        metrics.count("UnreadableAmounts", self.unreadable_amounts);
    }
}

//! What campaign performance is computed from. No contract says it, for what is transformed is already
//! computed: so it is written here, and tests hold it against `attribute` and against the contracts.

use Derivation::{Aggregation, Filter, Identity, Join, Transformation};

use crate::contract::contracts;

/// The job that computes from tables, not from an object.
const REPORT: &str = "report";

/// The source, in the route of a contract, of what that job computes.
const ATTRIBUTION: &str = "attribution";

const TRACKS: &str = "segment.tracks";
const PAGES: &str = "segment.pages";
const IDENTIFIES: &str = "segment.identifies";
const ALIASES: &str = "segment.aliases";
const CUSTOMERS: &str = "shop.customers";
const ORDERS: &str = "shop.orders";
const CAMPAIGN_DAILY: &str = "google_ads.campaign_daily";
const CLICK_VIEW: &str = "google_ads.click_view";

/// The datasets whose tables attribution reads.
pub const ATTRIBUTION_TABLES: [&str; 8] =
    [TRACKS, PAGES, IDENTIFIES, ALIASES, CUSTOMERS, ORDERS, CAMPAIGN_DAILY, CLICK_VIEW];

/// How a column comes from another: OpenLineage's subtypes of a transformation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derivation {
    /// It is the other's value.
    Identity,
    /// It is computed from the other's value in the same row.
    Transformation,
    /// It is computed from the other's values in many rows.
    Aggregation,
    /// The other decides which rows belong together.
    Join,
    /// The other decides which rows count.
    Filter,
}

impl Derivation {
    /// Whether values flow, or only decide.
    pub fn is_direct(self) -> bool {
        matches!(self, Self::Identity | Self::Transformation | Self::Aggregation)
    }
}

/// A column of a dataset's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceColumn {
    /// The dataset.
    pub dataset: &'static str,
    /// The column.
    pub column: &'static str,
}

/// A column of `marketing.campaign_performance`, and one that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DerivedColumn {
    /// The column; none where the other decides over whole rows.
    pub column: Option<&'static str>,
    /// What it comes from.
    pub from: SourceColumn,
    /// And how.
    pub derivation: Derivation,
}

const fn of(
    column: &'static str,
    derivation: Derivation,
    dataset: &'static str,
    from: &'static str,
) -> DerivedColumn {
    let from = SourceColumn { dataset, column: from };
    DerivedColumn { column: Some(column), from, derivation }
}

const fn rows(derivation: Derivation, dataset: &'static str, from: &'static str) -> DerivedColumn {
    DerivedColumn { column: None, from: SourceColumn { dataset, column: from }, derivation }
}

/// Where the columns of `marketing.campaign_performance` come from.
pub const ATTRIBUTION_COLUMNS: &[DerivedColumn] = &[
    of("date", Identity, CAMPAIGN_DAILY, "date"),
    of("date", Transformation, ORDERS, "ordered_at"),
    of("currency", Transformation, CAMPAIGN_DAILY, "currency_code"),
    of("currency", Transformation, ORDERS, "currency"),
    of("campaign_key", Transformation, CAMPAIGN_DAILY, "customer_id"),
    of("campaign_key", Transformation, CAMPAIGN_DAILY, "campaign_id"),
    of("campaign_key", Transformation, CLICK_VIEW, "customer_id"),
    of("campaign_key", Transformation, CLICK_VIEW, "campaign_id"),
    of("campaign_key", Transformation, PAGES, "context_campaign_name"),
    of("campaign_key", Transformation, PAGES, "context_campaign_source"),
    of("campaign_key", Transformation, TRACKS, "context_campaign_name"),
    of("campaign_key", Transformation, TRACKS, "context_campaign_source"),
    of("customer_id", Identity, CAMPAIGN_DAILY, "customer_id"),
    of("customer_id", Identity, CLICK_VIEW, "customer_id"),
    of("campaign_id", Identity, CAMPAIGN_DAILY, "campaign_id"),
    of("campaign_id", Identity, CLICK_VIEW, "campaign_id"),
    of("campaign", Identity, CAMPAIGN_DAILY, "campaign_name"),
    of("campaign", Identity, PAGES, "context_campaign_name"),
    of("campaign", Identity, TRACKS, "context_campaign_name"),
    of("channel", Transformation, CAMPAIGN_DAILY, "advertising_channel_type"),
    of("channel", Transformation, PAGES, "context_campaign_source"),
    of("channel", Transformation, PAGES, "context_campaign_medium"),
    of("channel", Transformation, TRACKS, "context_campaign_source"),
    of("channel", Transformation, TRACKS, "context_campaign_medium"),
    of("cost", Aggregation, CAMPAIGN_DAILY, "cost"),
    of("impressions", Aggregation, CAMPAIGN_DAILY, "impressions"),
    of("clicks", Aggregation, CAMPAIGN_DAILY, "clicks"),
    of("conversions", Aggregation, CAMPAIGN_DAILY, "conversions"),
    of("conversions_value", Aggregation, CAMPAIGN_DAILY, "conversions_value"),
    of("orders", Aggregation, ORDERS, "id"),
    of("revenue", Aggregation, ORDERS, "total"),
    of("roas", Aggregation, ORDERS, "total"),
    of("roas", Aggregation, CAMPAIGN_DAILY, "cost"),
    rows(Join, PAGES, "gclid"),
    rows(Join, TRACKS, "gclid"),
    rows(Join, ORDERS, "gclid"),
    rows(Join, CLICK_VIEW, "gclid"),
    rows(Join, PAGES, "anonymous_id"),
    rows(Join, PAGES, "user_id"),
    rows(Join, TRACKS, "anonymous_id"),
    rows(Join, TRACKS, "user_id"),
    rows(Join, IDENTIFIES, "anonymous_id"),
    rows(Join, IDENTIFIES, "user_id"),
    rows(Join, IDENTIFIES, "email"),
    rows(Join, ALIASES, "previous_id"),
    rows(Join, ALIASES, "user_id"),
    rows(Join, CUSTOMERS, "id"),
    rows(Join, CUSTOMERS, "email"),
    rows(Join, ORDERS, "customer_id"),
    rows(Filter, ORDERS, "_op"),
    rows(Filter, ORDERS, "status"),
    rows(Filter, PAGES, "timestamp"),
    rows(Filter, TRACKS, "timestamp"),
];

/// The datasets whose tables a job computes from; none where it reads objects of the landing bucket.
pub fn upstream_tables_of_job(job: &str) -> &'static [&'static str] {
    if job == REPORT { &ATTRIBUTION_TABLES } else { &[] }
}

/// The datasets whose tables a dataset is computed from; none where it comes from objects of the landing
/// bucket, or has no contract.
pub fn upstream_tables_of_dataset(dataset: &str) -> &'static [&'static str] {
    let mut computed = contracts().iter().filter(|contract| contract.route.source == ATTRIBUTION);
    if computed.any(|contract| contract.dataset() == dataset) { &ATTRIBUTION_TABLES } else { &[] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Contract;

    fn contract(dataset: &str) -> &'static Contract {
        contracts().iter().find(|contract| contract.dataset() == dataset).unwrap()
    }

    #[test]
    fn every_column_that_is_named_exists() {
        let performance = contract("marketing.campaign_performance");
        for DerivedColumn { column, from, derivation } in ATTRIBUTION_COLUMNS {
            assert!(ATTRIBUTION_TABLES.contains(&from.dataset), "{}", from.dataset);
            let source = contract(from.dataset);
            assert!(source.position(from.column).is_some(), "{}.{}", from.dataset, from.column);
            match column {
                Some(column) => assert!(performance.position(column).is_some(), "{column}"),
                None => assert!(!derivation.is_direct(), "{from:?}"),
            }
        }
    }

    #[test]
    fn every_column_comes_from_somewhere_or_is_made_by_the_report() {
        let made = ["source", "model", "window_days", "as_of", "extra"];
        for column in &contract("marketing.campaign_performance").columns {
            let name = column.name.as_str();
            let is_derived = ATTRIBUTION_COLUMNS.iter().any(|derived| derived.column == Some(name));
            assert_ne!(is_derived, made.contains(&name), "{name}");
        }
    }

    #[test]
    fn only_performance_is_computed_from_tables() {
        assert_eq!(upstream_tables_of_dataset("marketing.campaign_performance").len(), 8);
        assert_eq!(upstream_tables_of_job("report").len(), 8);
        for dataset in ["shop.orders", "segment.tracks", "no.such"] {
            assert!(upstream_tables_of_dataset(dataset).is_empty(), "{dataset}");
        }
        assert!(upstream_tables_of_job("segment-transform").is_empty());
    }
}

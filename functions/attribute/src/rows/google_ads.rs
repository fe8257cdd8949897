//! Rows of Google Ads: what campaigns cost, and clicks.

use arrow_array::RecordBatch;
use rust_decimal::Decimal;
use shared::attribution::facts::Click;

use crate::columns::{Amount, Columns, RowError};
use crate::facts::Facts;
use crate::reports::{CampaignFigures, ReportKey};

pub(super) const CAMPAIGN_COLUMNS: [&str; 14] = [
    "date",
    "customer_id",
    "currency_code",
    "time_zone",
    "campaign_id",
    "campaign_name",
    "advertising_channel_type",
    "impressions",
    "clicks",
    "cost",
    "conversions",
    "conversions_value",
    "pulled_at",
    "source_object",
];

pub(super) const CLICK_COLUMNS: [&str; 4] = ["gclid", "customer_id", "campaign_id", "date"];

/// Reports: a row a campaign, day, device and network.
pub(super) fn campaigns(rows: &RecordBatch, facts: &mut Facts) -> Result<(), RowError> {
    let columns = Columns(rows);
    let (date, customer_id) = (columns.date("date")?, columns.text("customer_id")?);
    let (pulled_at, source_object) =
        (columns.timestamp("pulled_at")?, columns.text("source_object")?);
    let (currency, time_zone) = (columns.text("currency_code")?, columns.text("time_zone")?);
    let (id, name) = (columns.text("campaign_id")?, columns.text("campaign_name")?);
    let channel_type = columns.text("advertising_channel_type")?;
    let (impressions, clicks) = (columns.long("impressions")?, columns.long("clicks")?);
    let cost = columns.amount("cost")?;
    let conversions = columns.amount("conversions")?;
    let conversions_value = columns.amount("conversions_value")?;
    for row in 0..rows.num_rows() {
        let key = ReportKey {
            customer_id: customer_id.required(row)?.to_owned(),
            date: date.required(row)?,
            pulled_at: pulled_at.required(row)?,
            source_object: source_object.required(row)?.to_owned(),
            generation: String::new(),
        };
        let mut amount = |column: Amount<'_>| readable(column, row, &mut facts.unreadable_amounts);
        let figures = CampaignFigures {
            campaign_id: id.at(row).map(str::to_owned),
            name: name.at(row).map(str::to_owned),
            channel_type: channel_type.at(row).map(str::to_owned),
            currency: currency.at(row).map(str::to_owned),
            cost: amount(cost),
            impressions: impressions.at(row),
            clicks: clicks.at(row),
            conversions: amount(conversions),
            conversions_value: amount(conversions_value),
        };
        let report = facts.reports.entry(key).or_default();
        facts.unreadable_amounts += report.add(time_zone.at(row), figures);
    }
    Ok(())
}

fn readable(column: Amount<'_>, row: usize, unreadable: &mut u64) -> Decimal {
    let amount = column.at(row).unwrap_or_else(|_| {
        *unreadable += 1;
        None
    });
    amount.unwrap_or_default()
}

/// Clicks. Every pull says the same of a click.
pub(super) fn clicks(rows: &RecordBatch, facts: &mut Facts) -> Result<(), RowError> {
    let columns = Columns(rows);
    let (gclid, customer_id) = (columns.text("gclid")?, columns.text("customer_id")?);
    let (campaign_id, date) = (columns.text("campaign_id")?, columns.date("date")?);
    for row in 0..rows.num_rows() {
        let click = Click {
            customer_id: customer_id.required(row)?.to_owned(),
            campaign_id: campaign_id.at(row).map(str::to_owned),
            date: date.required(row)?,
        };
        facts.clicks.insert(gclid.required(row)?.to_owned(), click);
    }
    Ok(())
}

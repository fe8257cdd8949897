//! Rows of Segment: touches, and who is whom.

use arrow_array::RecordBatch;
use shared::attribution::facts::Touch;
use shared::attribution::key::Person;

use crate::columns::{Columns, RowError, Text};
use crate::facts::Facts;

pub(super) const TOUCH_COLUMNS: [&str; 8] = [
    "message_id",
    "timestamp",
    "anonymous_id",
    "user_id",
    "gclid",
    "context_campaign_name",
    "context_campaign_source",
    "context_campaign_medium",
];

pub(super) const IDENTIFY_COLUMNS: [&str; 3] = ["anonymous_id", "user_id", "email"];

pub(super) const ALIAS_COLUMNS: [&str; 2] = ["previous_id", "user_id"];

/// As long as `google_ads.click_view` has them. What is longer, somebody has made up.
const LONGEST_GCLID: usize = 512;

/// Bytes of a campaign's name and the like: anybody writes into an address what they like, and an item
/// must hold many.
const LONGEST_TEXT: usize = 256;

/// Pages and tracks. What has neither a click id nor a campaign is no touch.
pub(super) fn touches(rows: &RecordBatch, facts: &mut Facts) -> Result<(), RowError> {
    let columns = Columns(rows);
    let (message_id, timestamp) = (columns.text("message_id")?, columns.timestamp("timestamp")?);
    let (anonymous_id, user_id) = (columns.text("anonymous_id")?, columns.text("user_id")?);
    let (gclid, campaign) = (columns.text("gclid")?, columns.text("context_campaign_name")?);
    let source = columns.text("context_campaign_source")?;
    let medium = columns.text("context_campaign_medium")?;
    for row in 0..rows.num_rows() {
        let gclid = gclid.at(row).filter(|gclid| gclid.len() <= LONGEST_GCLID);
        if gclid.is_none() && campaign.at(row).is_none() {
            continue;
        }
        // With a user's id it is that user's alone: others may use the browser too.
        let user = user_id.at(row).map(|id| Person::User(id.to_owned()));
        let browser = || anonymous_id.at(row).map(|id| Person::Anonymous(id.to_owned()));
        let Some(person) = user.or_else(browser) else { continue };
        let touch = Touch {
            at: timestamp.required(row)?,
            message_id: message_id.required(row)?.to_owned(),
            gclid: gclid.map(str::to_owned),
            campaign: short(campaign, row),
            source: short(source, row),
            medium: short(medium, row),
        };
        facts.touches.insert((person, touch));
    }
    Ok(())
}

fn short(column: Text<'_>, row: usize) -> Option<String> {
    let text = column.at(row)?;
    Some(text[..text.floor_char_boundary(LONGEST_TEXT)].to_owned())
}

/// Identifies: browser and user, user and address, browser and address.
pub(super) fn identifies(rows: &RecordBatch, facts: &mut Facts) -> Result<(), RowError> {
    let columns = Columns(rows);
    let (anonymous_id, user_id) = (columns.text("anonymous_id")?, columns.text("user_id")?);
    let email = columns.text("email")?;
    for row in 0..rows.num_rows() {
        let browser = anonymous_id.at(row).map(|id| Person::Anonymous(id.to_owned()));
        let user = user_id.at(row).map(|id| Person::User(id.to_owned()));
        let address = email.at(row).map(|id| Person::Email(id.to_owned()));
        for (one, other) in [(&browser, &user), (&user, &address), (&browser, &address)] {
            if let (Some(one), Some(other)) = (one, other) {
                facts.link(one.clone(), other.clone());
            }
        }
    }
    Ok(())
}

/// Aliases. The name of before may be that of a browser or of a user; nothing says which.
pub(super) fn aliases(rows: &RecordBatch, facts: &mut Facts) -> Result<(), RowError> {
    let columns = Columns(rows);
    let (previous_id, user_id) = (columns.text("previous_id")?, columns.text("user_id")?);
    for row in 0..rows.num_rows() {
        if let (Some(previous), Some(user)) = (previous_id.at(row), user_id.at(row)) {
            for previous in
                [Person::Anonymous(previous.to_owned()), Person::User(previous.to_owned())]
            {
                facts.link(previous, Person::User(user.to_owned()));
            }
        }
    }
    Ok(())
}

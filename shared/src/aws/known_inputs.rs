//! Whether the ledger knows what is in an object.

use aws_sdk_dynamodb::Client;
use chrono::{SecondsFormat, SubsecRound as _};

use super::explain;
use super::ledger::{Item, LedgerError, text};
use super::listing::Listed;

/// The Inputs table, for who asks of many objects whether any transform has read them.
#[derive(Debug, Clone)]
pub struct KnownInputs {
    client: Client,
    table: String,
}

impl KnownInputs {
    /// The table of a name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Whether what is in an object now was read, or a reading of it is on its way to the tables. It may be a moment
    /// behind.
    ///
    /// That something was read under the key says nothing of these bytes: they may have come since.
    pub async fn have_read(&self, uri: &str, object: &Listed) -> Result<bool, LedgerError> {
        let mut items = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#input = :input")
            .projection_expression("#entity_tag, #generation")
            .expression_attribute_names("#input", "input")
            .expression_attribute_names("#entity_tag", "entity_tag")
            .expression_attribute_names("#generation", "generation")
            .expression_attribute_values(":input", text(uri))
            .into_paginator()
            .items()
            .send();
        while let Some(item) = items.next().await {
            match item {
                Ok(item) if tells_of(&item, object) => return Ok(true),
                Ok(_) => {}
                Err(error) => {
                    return Err(LedgerError {
                        operation: "Query",
                        table: self.table.clone(),
                        input: uri.to_owned(),
                        reason: explain(&error),
                    });
                }
            }
        }
        Ok(false)
    }
}

/// Whether an item of the ledger tells of a reading of what is in an object now: of the same content, or of
/// what arrived no earlier. The same content may arrive again, and leaves no trace then but its tag where that is another.
fn tells_of(item: &Item, object: &Listed) -> bool {
    let told = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let bare = |tag: &str| tag.trim_matches('"').to_owned();
    let tag = object.entity_tag.as_deref().map(bare);
    let is_same = tag.is_some() && told("entity_tag").map(|known| bare(known)) == tag;
    // A generation begins with when the content arrived, by the clock of S3: in whole seconds for who reads it.
    let landed = object.last_modified.map(|at| at.trunc_subsecs(0));
    let landed = landed.map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true));
    let is_no_older = told("generation")
        .zip(landed)
        .is_some_and(|(generation, landed)| generation.as_str() >= landed.as_str());
    is_same || is_no_older
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(members: &[(&str, &str)]) -> Item {
        let member = |(name, value): &(&str, &str)| ((*name).to_owned(), text(value));
        members.iter().map(member).collect()
    }

    fn object(entity_tag: &str, landed: &str) -> Listed {
        Listed {
            key: "segment/a.gz".to_owned(),
            last_modified: Some(landed.parse().unwrap()),
            entity_tag: Some(entity_tag.to_owned()),
        }
    }

    #[test]
    fn bytes_that_came_since_are_not_read_because_others_were() {
        let read = item(&[
            ("entity_tag", "\"one\""),
            ("generation", "2026-11-20T10:00:00.000000Z##2026-11-20T10:00:03.123456Z"),
        ]);
        assert!(tells_of(&read, &object("\"one\"", "2026-11-20T10:00:00Z")));
        assert!(!tells_of(&read, &object("\"two\"", "2026-11-20T10:30:00Z")), "it was corrected");
        assert!(tells_of(&read, &object("one", "2026-11-20T10:30:00Z")), "the same bytes again");
        // What is listed has fractions of a second, or a tag of another kind.
        assert!(tells_of(&read, &object("two", "2026-11-20T10:00:00.7Z")));
    }

    #[test]
    fn a_reading_on_its_way_counts_and_one_that_broke_off_by_its_content() {
        // Of a dataset: no tag, and a commit that was asked for before the reading was noted.
        let asked =
            item(&[("generation", "2026-11-20T10:30:00.000000Z##2026-11-20T10:30:02.000000Z")]);
        assert!(tells_of(&asked, &object("two", "2026-11-20T10:30:00Z")));
        assert!(!tells_of(&asked, &object("two", "2026-11-20T10:30:01Z")));
        let damaged = item(&[("entity_tag", "two"), ("generation", "")]);
        assert!(tells_of(&damaged, &object("two", "2026-11-20T10:30:00Z")));
        assert!(!tells_of(&damaged, &object("three", "2026-11-20T10:30:00Z")));
        assert!(!tells_of(&item(&[]), &object("two", "2026-11-20T10:30:00Z")));
    }
}

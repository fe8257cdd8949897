//! The columns of a downloaded report, found by their names in the contract, in any of its languages.

use shared::contract::{ColumnType, Contract};
use shared::decode::{Delimited, DelimitedReader, DelimitedRecord};
use shared::govern::{Plan, SlotId};

use crate::amount::Style;

/// A column that a contract reads from reports is named `csv.{language}.{name}` among its sources.
const PREFIX: &str = "csv.";

/// A header has so many names that are known at least; a title has none.
const FEWEST_KNOWN: usize = 3;

/// A header is among so many first lines.
const FIRST_LINES: usize = 30;

/// A column that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Where its values go: the slot of the contract's first source.
    pub slot: SlotId,
    /// What they are.
    pub column_type: ColumnType,
    /// Which it is.
    pub kind: Kind,
}

/// What is done with a column beside being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is summed up, and held against the total.
    Impressions,
    /// Likewise.
    Clicks,
    /// Likewise; in reports of the old API it is in millionths.
    Cost,
    /// Written with hyphens or without.
    Customer,
    /// Nothing.
    Other,
}

/// The header of a report.
#[derive(Debug)]
pub struct Header {
    /// The columns in their order; none for a name that no contract knows.
    pub columns: Vec<Option<Column>>,
    /// The names as they stand there.
    pub names: Vec<String>,
    /// The dataset of the report.
    pub report: &'static str,
    /// How numbers are written where that language is spoken.
    pub style: Style,
    known: usize,
}

/// A header with its place.
#[derive(Debug)]
pub struct Found {
    /// The header.
    pub header: Header,
    /// What stands between fields.
    pub delimiter: u8,
    /// Its line, counted from 1.
    pub line: u64,
}

/// Looks for the header among the first lines of a report.
pub fn find(beginning: &[u8], plan: &Plan, contracts: &[&'static Contract]) -> Option<Found> {
    let mut best: Option<Found> = None;
    for delimiter in [b',', b'\t', b';'] {
        let mut reader = DelimitedReader::new(beginning, delimiter);
        for _ in 0..FIRST_LINES {
            let Ok(Some(Delimited::Record(record))) = reader.next_record() else { break };
            let Some(header) = read(&record, delimiter, plan, contracts) else { continue };
            if best.as_ref().is_none_or(|best| header.known > best.header.known) {
                best = Some(Found { line: record.line(), header, delimiter });
            }
        }
    }
    best
}

/// The header that a record is; the contract and the language that know most of its names.
fn read(
    record: &DelimitedRecord<'_>,
    delimiter: u8,
    plan: &Plan,
    contracts: &[&'static Contract],
) -> Option<Header> {
    let mut names = Vec::with_capacity(record.len());
    for field in record.fields() {
        names.push(str::from_utf8(field.bytes).ok()?.trim().to_owned());
    }
    let mut best: Option<Header> = None;
    for contract in contracts {
        // What a report must have: clicks have their ids, campaigns have no such column.
        let has_click_id = |name: &String| {
            column(contract, plan, name, None).is_some_and(|(_, name)| name == "gclid")
        };
        if contract.table == "click_view" && !names.iter().any(has_click_id) {
            continue;
        }
        for language in languages(contract) {
            let columns: Vec<Option<Column>> = names
                .iter()
                .map(|name| {
                    // A name of another language is better than none: reports mix them.
                    let own = column(contract, plan, name, Some(language));
                    let found = own.or_else(|| column(contract, plan, name, None));
                    found.map(|(column, _)| column)
                })
                .collect();
            let own = |name: &&String| column(contract, plan, name, Some(language)).is_some();
            let known = names.iter().filter(own).count();
            let takes_clicks = contract.table == "click_view";
            if best.as_ref().is_none_or(|best| {
                known > best.known
                    || (known == best.known && takes_clicks && best.report != "click_view")
            }) {
                let style = style_of(language, delimiter);
                let report = contract.route.record_type.as_str();
                best = Some(Header { columns, names: names.clone(), report, style, known });
            }
        }
    }
    best.filter(|header| header.known >= FEWEST_KNOWN)
}

/// The languages in which a contract names columns, in the order of the contract.
fn languages(contract: &'static Contract) -> Vec<&'static str> {
    let mut languages = Vec::new();
    for source in contract.columns.iter().flat_map(|column| &column.sources) {
        let named = source.strip_prefix(PREFIX).and_then(|rest| rest.split_once('.'));
        if let Some((language, _)) = named
            && !languages.contains(&language)
        {
            languages.push(language);
        }
    }
    languages
}

/// The column of a name, and its name in the table.
fn column(
    contract: &'static Contract,
    plan: &Plan,
    name: &str,
    language: Option<&str>,
) -> Option<(Column, &'static str)> {
    for column in &contract.columns {
        let is_named = column.sources.iter().any(|source| {
            let named = source.strip_prefix(PREFIX).and_then(|rest| rest.split_once('.'));
            named.is_some_and(|(of, known)| {
                language.is_none_or(|language| language == of) && is_same(known, name)
            })
        });
        if is_named {
            let slot = plan.slot(column.sources.first()?)?;
            let kind = match column.name.as_str() {
                "impressions" => Kind::Impressions,
                "clicks" => Kind::Clicks,
                "cost" => Kind::Cost,
                "customer_id" => Kind::Customer,
                _ => Kind::Other,
            };
            return Some((Column { slot, column_type: column.column_type, kind }, &column.name));
        }
    }
    None
}

/// Whether names differ in nothing but upper and lower case. Each field of the first lines is compared with each name of each
/// language, so the common case makes no text for it.
fn is_same(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    one.to_lowercase() == other.to_lowercase()
}

/// A semicolon stands between fields where the comma stands before decimals.
fn style_of(language: &str, delimiter: u8) -> Style {
    if delimiter == b';' || language != "en" { Style::Comma } else { Style::Point }
}

#[cfg(test)]
mod tests {
    use shared::contract::contracts_of;
    use shared::transform::plan;

    use super::*;

    fn found(text: &str) -> Option<Found> {
        let contracts = contracts_of("google_ads");
        find(text.as_bytes(), &plan(&[], &contracts), &contracts)
    }

    #[test]
    fn a_header_is_found_below_its_titles_in_each_language() {
        for (text, line, delimiter, style, known) in [
            (
                "Campaign report\n\"March 1, 2026 - March 2, 2026\"\nDay,Campaign,Cost,Impr.,Clicks\n",
                3,
                b',',
                Style::Point,
                5,
            ),
            ("Tag\tKampagne\tKosten\tKlicks\n", 1, b'\t', Style::Comma, 4),
            ("Jour;Campagne;Coût;Clics\n", 1, b';', Style::Comma, 4),
            ("DÍA,campaña,Coste,Unbekannt\n", 1, b',', Style::Comma, 3),
        ] {
            let found = found(text).unwrap();
            assert_eq!(
                (found.line, found.delimiter, found.header.style),
                (line, delimiter, style),
                "{text}"
            );
            assert_eq!(found.header.columns.iter().flatten().count(), known, "{text}");
            assert_eq!(found.header.report, "campaign_daily");
        }
    }

    #[test]
    fn clicks_have_ids() {
        assert_eq!(found("Day,Google Click ID,Campaign\n").unwrap().header.report, "click_view");
        assert_eq!(found("Day,Campaign,Clicks\n").unwrap().header.report, "campaign_daily");
    }

    #[test]
    fn what_has_no_header_is_no_report() {
        for text in ["", "a,b,c\n1,2,3\n", "Day\n", "<html><body>Sign in</body></html>"] {
            assert!(found(text).is_none(), "{text}");
        }
    }
}

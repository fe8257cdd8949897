//! Reports into the state: the latest of a customer and a day replaces all others, at once and as a whole.
//!
//! The campaigns are written first, under the report's own token; then the header is put if it is newer,
//! and with that the day is the new report's. At last the campaigns of older reports are taken away.
//! They say themselves what they are older than, so nobody ever takes away what a newer report is just
//! about to show.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use shared::attribution::advertising::{Account, Campaign, Pull};
use shared::attribution::key::{ACCOUNTS, CAMPAIGNS, advertising_subject, all_with, name};
use shared::state::{Item, ItemKey, Store, StoreError};

use crate::concurrency::all;
use crate::marks::Marks;
use crate::reports::{Report, ReportKey};

/// The attribute that says, of a campaign's item, how new its report is.
const NEWEST: &str = "newest";

/// Writes reports; how many campaigns of a day they brought.
pub(crate) async fn write<S: Store>(
    store: &S,
    reports: &BTreeMap<ReportKey, Report>,
    marks: &Marks,
) -> Result<u64, StoreError> {
    write_dictionaries(store, reports).await?;
    let mut writes = Vec::with_capacity(reports.len());
    for (key, report) in reports {
        writes.push(write_report(store, key, report, marks));
    }
    Ok(all(writes).await?.into_iter().sum())
}

async fn write_report<S: Store>(
    store: &S,
    key: &ReportKey,
    report: &Report,
    marks: &Marks,
) -> Result<u64, StoreError> {
    let pull = key.pull();
    let header = header(key);
    let mut written = 0;
    let holds = read_pull(store, &header).await?;
    // A report that holds was written to its end before; one that is older never will hold.
    if holds.is_none_or(|holds| holds.newest < pull.newest) {
        store.put_all(campaigns(key, &pull, report)?).await?;
        marks.mark(store, [key.date]).await?;
        if store.put_newest(Item::of(header.clone(), &pull)?).await? {
            written = report.campaigns.len() as u64;
        }
    }
    take_away_older(store, key, &header).await?;
    Ok(written)
}

fn header(key: &ReportKey) -> ItemKey {
    ItemKey::new(advertising_subject(key.date), format!("pull#{}", key.customer_id))
}

async fn read_pull<S: Store>(store: &S, header: &ItemKey) -> Result<Option<Pull>, StoreError> {
    store.get(header).await?.map(Item::read).transpose()
}

fn campaigns(key: &ReportKey, pull: &Pull, report: &Report) -> Result<Vec<Item>, StoreError> {
    let mut items = Vec::with_capacity(report.campaigns.len());
    for (campaign, figures) in &report.campaigns {
        let part = format!("campaign#{}#{}#{}", key.customer_id, pull.token, name(campaign));
        let key_of_item = ItemKey::new(advertising_subject(key.date), part);
        let mut item = Item::of(key_of_item, &figures.day(key))?;
        item.attributes.insert(NEWEST.to_owned(), AttributeValue::S(pull.newest.clone()));
        items.push(item);
    }
    Ok(items)
}

/// Takes away the campaigns of all reports that are older than the one that holds now.
async fn take_away_older<S: Store>(
    store: &S,
    key: &ReportKey,
    header: &ItemKey,
) -> Result<(), StoreError> {
    let (from, to) = all_with(&format!("campaign#{}#", key.customer_id));
    let items = store.query(&header.subject, &from, &to).await?;
    let Some(holds) = read_pull(store, header).await? else {
        return Ok(());
    };
    let is_older = |item: &Item| {
        let newest = item.attributes.get(NEWEST).and_then(|newest| newest.as_s().ok());
        newest.is_some_and(|newest| *newest < holds.newest)
    };
    let older: Vec<ItemKey> = items.into_iter().filter(is_older).map(|item| item.key).collect();
    if older.is_empty() { Ok(()) } else { store.delete_all(older).await }
}

async fn write_dictionaries<S: Store>(
    store: &S,
    reports: &BTreeMap<ReportKey, Report>,
) -> Result<(), StoreError> {
    let mut campaigns: BTreeMap<String, Campaign> = BTreeMap::new();
    let mut accounts: BTreeMap<&str, Account> = BTreeMap::new();
    for (key, report) in reports {
        for campaign in report.campaigns.values().filter_map(|row| row.campaign(key)) {
            let part = format!("{}#{}", key.customer_id, name(&campaign.campaign_id));
            if campaigns.get(&part).is_none_or(|known| known.newest < campaign.newest) {
                campaigns.insert(part, campaign);
            }
        }
        if let Some(account) = report.account(key)
            && accounts
                .get(key.customer_id.as_str())
                .is_none_or(|known| known.newest < account.newest)
        {
            accounts.insert(&key.customer_id, account);
        }
    }
    let mut puts = Vec::with_capacity(campaigns.len() + accounts.len());
    for (part, campaign) in campaigns {
        puts.push(store.put_newest(Item::of(ItemKey::new(CAMPAIGNS, part), &campaign)?));
    }
    all(puts).await?;
    let mut puts = Vec::with_capacity(accounts.len());
    for (customer, account) in accounts {
        puts.push(store.put_newest(Item::of(ItemKey::new(ACCOUNTS, customer), &account)?));
    }
    all(puts).await?;
    Ok(())
}

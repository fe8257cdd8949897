//! An incident as an item of the table.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::{Client, Config};

use super::*;
use crate::incident::{IncidentTable, cascade, machine};

#[test]
fn an_item_gives_back_its_incident_and_is_indexed_as_open_or_by_the_day_it_was_closed() {
    let client = Client::from_conf(Config::builder().behavior_version_latest().build());
    let table = IncidentTable::new(client, "incidents".to_owned(), 400);
    let text = |item: &std::collections::HashMap<String, AttributeValue>, name: &str| {
        item.get(name).map(|value| value.as_s().unwrap().clone())
    };
    let open = |dataset: &str| {
        let finding = finding(&key(dataset), Severity::High, 10);
        machine::open(None, &finding, &context(&["a"], &["b"]), at(10), at(11))
    };
    let mut root = open("shop.orders");
    let mut member = open("shop.rows");
    member.root = Some(root.as_root());
    cascade::list(&mut root, &member);
    machine::tell_if_due(&mut root, at(11));
    for incident in [&root, &member] {
        let item = table.store.item(incident).unwrap();
        assert_eq!(text(&item, "incident").unwrap(), "freshness#late#000001");
        assert_eq!(text(&item, "dataset").unwrap(), incident.key.dataset);
        assert_eq!(text(&item, "state_partition").unwrap(), "open");
        assert_eq!(text(&item, "open_since").unwrap(), "2026-07-01T00:11:00.000000Z");
        assert_eq!(table.store.incident("it", item).unwrap(), *incident);
    }
    let kept = Duration::days(400);
    let resolved = machine::clear(&root, at(30), at(24 * 60 + 5), "good", kept).unwrap();
    let item = table.store.item(&resolved).unwrap();
    assert_eq!(text(&item, "state_partition").unwrap(), "closed#2026-07-02");
    assert_eq!(text(&item, "open_since"), None);
    assert!(item["expires_at"].is_n());
    assert_eq!(table.store.incident("it", item).unwrap(), resolved);
}

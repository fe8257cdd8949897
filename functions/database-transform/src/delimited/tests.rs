//! Rows of every layout that a contract can tell of.

use std::sync::Arc;

use shared::contract::{Contract, contracts_of};
use shared::govern::Plan;

use super::*;
use crate::routing::TableRouter;
use shared::transform::{Router as _, plan};

const COLUMNS: [&str; 3] = ["id", "status", "total"];

fn contract(change: impl FnOnce(&mut CapturedTable)) -> &'static Contract {
    let shipped = contracts_of("database").into_iter().find(|known| known.table == "orders");
    let mut contract = shipped.unwrap().clone();
    let mut captured =
        CapturedTable { columns: COLUMNS.map(str::to_owned).to_vec(), ..CapturedTable::default() };
    change(&mut captured);
    contract.captured_table = Some(captured);
    Box::leak(Box::new(contract))
}

/// What each row of a file says: of every path its text, `null`, or `-` where it is absent.
fn read_rows(name: &str, text: &str, contract: &'static Contract, paths: &[&str]) -> Vec<String> {
    let contracts = [contract];
    let router = TableRouter::new(&contracts);
    let plan: Arc<Plan> = Arc::new(plan(router.paths(), &contracts));
    let tables = Tables::of(plan.clone(), &contracts);
    let input = Origin {
        bucket: "landing".to_owned(),
        key: format!("databases/dms/shop/orders/{name}"),
        version_id: None,
        arrived_at: "2026-11-23T12:00:00Z".parse().unwrap(),
    };
    let place = Place::of(&input.key);
    let Place::Files { role, .. } = place else { panic!("{place:?}") };
    let table = tables.find_any(&place.table_names()).unwrap();
    let mut reading = Reading::new(&input, &place, role, &tables);
    let mut layout = Layout::of_table(table, role);
    let mut reader = DelimitedReader::new(text.as_bytes(), table.captured.delimiter as u8);
    let mut awaits_header = table.captured.has_header;
    let mut rows = Vec::new();
    while let Some(Delimited::Record(record)) = reader.next_record().unwrap() {
        if awaits_header {
            awaits_header = false;
            layout.take_header(&record, table);
            continue;
        }
        reading.rows += 1;
        if let Err(clause) = reading.fill(&record, 0, table, &layout) {
            rows.push(clause);
            continue;
        }
        let scanned = reading.change.scanned();
        let mut shown = Vec::new();
        for path in paths {
            let slot = plan.slot(path).unwrap();
            shown.push(match scanned.text(slot) {
                Some(text) => text.into_owned(),
                None if scanned.is_present(slot) => "null".to_owned(),
                None => "-".to_owned(),
            });
        }
        rows.push(shown.join("|"));
    }
    rows
}

const ROW: [&str; 4] = ["op", "row.id", "row.status", "row.total"];

#[test]
fn as_the_service_writes_when_nothing_is_set() {
    let contract = contract(|_| {});
    let load = read_rows("LOAD00000001.csv", "1,new,2.50\nI,NULL,\"NULL\"\n", contract, &ROW);
    assert_eq!(load, ["R|1|new|2.50", "R|I|null|NULL"]);
    let text = "U,1,\"a,\"\"b\"\"\nc\",3\nD,1,,NULL\n";
    let changes = read_rows("20261123-100000000.csv", text, contract, &ROW);
    assert_eq!(changes, ["U|1|a,\"b\"\nc|3", "D|1||null"]);
}

#[test]
fn operations_of_loads_and_none_in_changes() {
    let contract = contract(|captured| {
        captured.load_has_operation = true;
        captured.change_has_operation = false;
    });
    assert_eq!(read_rows("LOAD00000001.csv", "I,1,a,2\n", contract, &ROW), ["R|1|a|2"]);
    assert_eq!(read_rows("20261123-100000000.csv", "I,a,2\n", contract, &ROW), ["I|I|a|2"]);
}

#[test]
fn a_header_says_which_columns_there_are() {
    let contract = contract(|captured| {
        captured.has_header = true;
        captured.timestamp_column = Some("ts".to_owned());
        captured.sequence_column = Some("seq".to_owned());
    });
    let number = "20261123100000000000000000000000001";
    let text = format!("Op,total,ts,id,seq,unheard\nI,5,2026-11-23 10:00:00.000001,7,{number},x\n");
    let paths = ["op", "row.id", "row.status", "row.total", "sequence", "committed_at"];
    let rows = read_rows("20261123-100000000.csv", &text, contract, &paths);
    assert_eq!(rows, [format!("I|7|-|5|{number}|2026-11-23 10:00:00.000001")]);
}

#[test]
fn what_the_log_did_not_bring_is_absent_and_not_null() {
    let contract = contract(|captured| {
        captured.null_value = String::new();
        captured.absent_value = Some("?".to_owned());
        captured.delimiter = '|';
    });
    let rows = read_rows("20261123-100000000.csv", "U|1|?|\nU|1|NULL|\"\"\n", contract, &ROW);
    assert_eq!(rows, ["U|1|-|null", "U|1|NULL|"]);
}

#[test]
fn rows_are_ordered_by_moment_file_and_place() {
    let contract = contract(|captured| captured.timestamp_column = Some("ts".to_owned()));
    let early = "I,2026-11-23 10:00:00.000000,1,a,1\nU,2026-11-23 10:00:00.000000,1,b,1\n";
    let mut sequences = read_rows(
        "LOAD00000001.csv",
        "2026-11-23 10:00:00.000000,1,z,1\n",
        contract,
        &["sequence"],
    );
    sequences.extend(read_rows("20261123-100000000.csv", early, contract, &["sequence"]));
    sequences.extend(read_rows("20261123-1000000001.csv", early, contract, &["sequence"]));
    let late = "I,2026-11-23 10:00:00.000001,1,a,1\n";
    sequences.extend(read_rows("20261123-090000000.csv", late, contract, &["sequence"]));
    assert!(sequences.is_sorted(), "{sequences:#?}");
    sequences.dedup();
    assert_eq!(sequences.len(), 6);
}

#[test]
fn a_row_that_does_not_fit_says_why() {
    let contract = contract(|_| {});
    let rows = read_rows("20261123-100000000.csv", "I,1,a\nX,1,a,2\n", contract, &ROW);
    assert!(rows[0].contains("3 values, the contract's layout 4"), "{}", rows[0]);
    assert!(rows[1].contains("none of I, U, D"), "{}", rows[1]);
}

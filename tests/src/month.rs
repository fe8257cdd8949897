//! A believable month of a shop: files of all sources, and the truth that they were made from (`tests/local/month`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::NaiveDate;
use serde::Deserialize;

use crate::lake::root;
use crate::stack::{unique, unique_seed};

/// A month.
pub struct Month {
    /// Key in the landing bucket, and what lands there.
    pub files: Vec<(String, Vec<u8>)>,
    /// What the generator knows.
    pub truth: Truth,
    /// Its first day.
    pub from: NaiveDate,
    /// Its last day.
    pub to: NaiveDate,
}

/// What is true of a month.
#[derive(Debug, Deserialize)]
pub struct Truth {
    /// Campaign performance.
    pub rows: Vec<TrueRow>,
    /// Revenue of the orders that count, by currency.
    pub revenue_total: BTreeMap<String, String>,
}

/// How a campaign did on a day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct TrueRow {
    /// The day.
    pub date: NaiveDate,
    /// The currency.
    pub currency: String,
    /// The campaign.
    pub campaign_key: String,
    /// Decimal texts, without zeros at the end.
    pub cost: String,
    /// Impressions.
    pub impressions: i64,
    /// Clicks.
    pub clicks: i64,
    /// Conversions as Google counts them.
    pub conversions: String,
    /// What Google says that they were worth.
    pub conversions_value: String,
    /// Orders.
    pub orders: String,
    /// Revenue.
    pub revenue: String,
}

impl Month {
    /// A month that no other test has: somewhere in the decades to come, where nothing else is dated.
    ///
    /// # Panics
    /// Where the generator fails.
    pub fn unique() -> Self {
        let seed = unique_seed();
        let first = NaiveDate::from_ymd_opt(2030, 1, 1).expect("a date");
        // Three months apart, since visits may begin a month before.
        let from = first + chrono::Days::new((seed % 250) * 90);
        let name = format!("t{}", &unique()[20..]);
        let folder = std::env::temp_dir().join(format!("tributary-month-{name}"));
        // Small: the local AWS is one process. The demo has a whole month of a busier shop.
        let days = 10;
        let run = Command::new(root().join(".tributary/venv-lake/bin/python"))
            .current_dir(root().join("tests/local"))
            .args(["-m", "month"])
            .arg(&folder)
            .args(["--start", &from.to_string(), "--days", &days.to_string()])
            .args(["--sessions", "100"])
            .args(["--seed", &(seed % 1_000_000).to_string(), "--name", &name])
            // The report's, as the stack is set.
            .args(["--time-zone", "UTC"])
            .output()
            .expect("`make tools` installs python");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let truth = fs::read(folder.join("truth.json")).expect("the generator writes the truth");
        let mut files = Vec::new();
        collect(&folder.join("landing"), "", &mut files);
        fs::remove_dir_all(&folder).expect("the folder is the test's own");
        println!("a month from {from}, seed {}, name {name}", seed % 1_000_000);
        let truth: Truth = serde_json::from_slice(&truth).expect("the truth is json");
        // What is ordered in the first hours of its first day is of the day before in UTC.
        let first = truth.rows.iter().map(|row| row.date).min().unwrap_or(from);
        Self { files, truth, from: from.min(first), to: from + chrono::Days::new(days - 1) }
    }
}

fn collect(folder: &Path, key: &str, files: &mut Vec<(String, Vec<u8>)>) {
    let entries = fs::read_dir(folder).expect("the generator writes a folder");
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry can be read").path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).expect("names are utf-8");
        let key = if key.is_empty() { name.to_owned() } else { format!("{key}/{name}") };
        if path.is_dir() {
            collect(&path, &key, files);
        } else {
            files.push((key, fs::read(&path).expect("a file can be read")));
        }
    }
}

//! A source that sends inputs of all sizes, with sparse members and some damage, and changes at a moment.

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use serde_json::json;

use crate::contract::{
    Column, ColumnType, Contract, EvolutionMode, PartitionTransform, Privacy, ValidValues,
    contracts,
};
use crate::run::{ColumnStatistics, InputIdentity, Outcome, RowCounts, Run};

/// A column and how often its source has a value.
#[derive(Debug, Clone)]
pub struct Sent {
    pub name: String,
    pub share: f64,
    pub required: bool,
    /// JSON type of the member that it is read from.
    pub json_type: &'static str,
    /// Sent under another name.
    pub renamed: Option<String>,
    /// Sent as another JSON type.
    pub retyped: Option<&'static str>,
    pub is_gone: bool,
    /// Values of its list, with their weights; the last is not on the list.
    pub values: Option<Vec<(&'static str, f64)>>,
}

/// A member that no column takes.
#[derive(Debug, Clone)]
pub struct Member {
    pub path: String,
    pub json_type: &'static str,
    pub share: f64,
}

/// What the source changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    DropColumn,
    DropRequired,
    RenameColumn,
    RetypeColumn,
    RetypeRefused,
    AddMember,
    AddNested,
    DropMember,
    DropNested,
    RenameMember,
    RetypeMember,
    AddValue,
    RemoveValue,
}

impl Mutation {
    pub const ALL: [Self; 13] = [
        Self::DropColumn,
        Self::DropRequired,
        Self::RenameColumn,
        Self::RetypeColumn,
        Self::RetypeRefused,
        Self::AddMember,
        Self::AddNested,
        Self::DropMember,
        Self::DropNested,
        Self::RenameMember,
        Self::RetypeMember,
        Self::AddValue,
        Self::RemoveValue,
    ];
}

pub struct World {
    pub contract: Contract,
    pub columns: Vec<Sent>,
    pub members: Vec<Member>,
    /// Inputs have from so many rows to so many.
    pub sizes: (u64, u64),
    random: Rng,
    clock: DateTime<Utc>,
    runs: u64,
}

/// Optional columns with their shares; `code` is what most mutations are made to.
const COLUMNS: [(&str, ColumnType, f64); 7] = [
    ("id", ColumnType::String, 1.0),
    ("at", ColumnType::Timestamp, 1.0),
    ("total", ColumnType::Decimal { precision: 12, scale: 2 }, 0.95),
    ("code", ColumnType::Long, 1.0),
    ("coupon", ColumnType::String, 0.07),
    ("rare", ColumnType::String, 0.004),
    ("status", ColumnType::String, 1.0),
];

const MEMBERS: [(&str, &str, f64); 8] = [
    ("row.plan", "string", 1.0),
    ("row.score", "number", 0.4),
    ("row.address", "object", 0.6),
    ("row.address.city", "string", 0.55),
    ("row.beta", "boolean", 0.03),
    ("row.note", "string", 0.002),
    ("row.flag", "string", 0.000_3),
    ("row.odd", "number", 0.000_02),
];

fn column(template: &Column, id: usize, name: &str, column_type: ColumnType) -> Column {
    let mut column = template.clone();
    (column.field_id, column.name, column.column_type) = (id as i32, name.to_owned(), column_type);
    (column.required, column.partition, column.privacy) = (id <= 2, None, Privacy::Keep);
    column.sources = vec![format!("row.{name}")];
    if name == "status" {
        let valid_values = ["open", "paid", "lost"].map(str::to_owned).to_vec();
        column.valid = Some(ValidValues { valid_values, pattern: None });
    }
    column
}

/// A contract with the columns of the world.
pub fn contract() -> Contract {
    let mut contract = contracts()[0].clone();
    let template = contract.columns[0].clone();
    let columns = COLUMNS.iter().enumerate();
    contract.columns =
        columns.map(|(at, (name, kind, _))| column(&template, at + 1, name, *kind)).collect();
    contract.columns[1].partition = Some(PartitionTransform::Day);
    contract.unknown_members_of = vec!["row".to_owned(), "row.address".to_owned()];
    contract.checks.clear();
    contract.version = "1.0.0".to_owned();
    contract.evolution.types = EvolutionMode::DiscardValue;
    contract
}

impl World {
    pub fn new(seed: u64, sizes: (u64, u64)) -> Self {
        let mut random = Rng::with_seed(seed);
        let mut columns = Vec::new();
        for (number, (name, column_type, share)) in COLUMNS.into_iter().enumerate() {
            let is_number = matches!(column_type, ColumnType::Long | ColumnType::Decimal { .. });
            let values = (name == "status")
                .then(|| vec![("open", 0.5), ("paid", 0.4), ("lost", 0.1), ("?", 0.0)]);
            columns.push(Sent {
                name: name.to_owned(),
                // What most mutations are made to is of any share.
                share: if name == "code" {
                    [1.0, 0.8, 0.3, 0.05][random.usize(..4)]
                } else {
                    share
                },
                required: number < 2,
                json_type: if is_number { "number" } else { "string" },
                renamed: None,
                retyped: None,
                is_gone: false,
                values,
            });
        }
        let members = MEMBERS.map(|(path, json_type, share)| Member {
            path: path.to_owned(),
            json_type,
            share,
        });
        Self {
            contract: contract(),
            columns,
            members: members.to_vec(),
            sizes,
            random,
            clock: "2026-03-01T00:00:00Z".parse().unwrap(),
            runs: 0,
        }
    }

    fn sent(&mut self, name: &str) -> &mut Sent {
        self.columns.iter_mut().find(|column| column.name == name).unwrap()
    }

    pub fn share_of(&self, name: &str) -> f64 {
        self.columns.iter().find(|column| column.name == name).unwrap().share
    }

    fn member(&mut self, path: &str) -> &mut Member {
        self.members.iter_mut().find(|member| member.path == path).unwrap()
    }

    /// Changes the source; the share of rows that show it.
    pub fn mutate(&mut self, mutation: Mutation) -> f64 {
        let add = |path: &str, share| Member { path: path.to_owned(), json_type: "string", share };
        let share = [1.0, 0.5, 0.05][self.random.usize(..3)];
        match mutation {
            Mutation::DropColumn => self.sent("code").is_gone = true,
            Mutation::DropRequired => self.sent("at").is_gone = true,
            Mutation::RenameColumn => self.sent("code").renamed = Some("row.article".to_owned()),
            Mutation::RetypeColumn | Mutation::RetypeRefused => {
                if mutation == Mutation::RetypeRefused {
                    self.contract.evolution.types = EvolutionMode::Freeze;
                }
                self.sent("code").retyped = Some("object");
            }
            Mutation::AddMember => self.members.push(add("row.gift", share)),
            Mutation::AddNested => self.members.push(add("row.address.street", share)),
            Mutation::DropMember => self.member("row.score").share = 0.0,
            Mutation::DropNested => self.member("row.address.city").share = 0.0,
            Mutation::RenameMember => "row.points".clone_into(&mut self.member("row.score").path),
            Mutation::RetypeMember => self.member("row.score").json_type = "string",
            Mutation::AddValue => self.sent("status").values.as_mut().unwrap()[3].1 = 0.2,
            Mutation::RemoveValue => self.sent("status").values.as_mut().unwrap()[1].1 = 0.0,
        }
        match mutation {
            Mutation::DropRequired => 1.0,
            Mutation::AddMember | Mutation::AddNested => share,
            Mutation::DropMember
            | Mutation::RenameMember
            | Mutation::RetypeMember
            | Mutation::RemoveValue => 0.4,
            Mutation::DropNested => 0.55,
            Mutation::AddValue => 0.2,
            _ => self.share_of("code"),
        }
    }

    /// Lets a minute pass: what arrives in the same second has no order.
    pub fn wait(&mut self) {
        self.clock += TimeDelta::minutes(1);
    }

    /// Takes a mutation back.
    pub fn revert(&mut self, mutation: Mutation) {
        let fresh = Self::new(0, self.sizes);
        let share = self.share_of("code");
        self.columns = fresh.columns;
        self.sent("code").share = share;
        self.members = fresh.members;
        if mutation == Mutation::RetypeRefused {
            self.contract.evolution.types = EvolutionMode::DiscardValue;
        }
    }

    /// How many of `rows` something of a share is in.
    fn draw(&mut self, rows: u64, share: f64) -> u64 {
        if share <= 0.0 || share >= 1.0 || rows == 0 {
            return if share >= 1.0 { rows } else { 0 };
        }
        if rows <= 200 {
            return (0..rows).filter(|_| self.random.f64() < share).count() as u64;
        }
        let mean = rows as f64 * share;
        if mean < 30.0 {
            // Poisson, by Knuth.
            let (mut count, mut product) = (0, self.random.f64());
            while product > (-mean).exp() {
                product *= self.random.f64();
                count += 1;
            }
            return count.min(rows);
        }
        let normal: f64 = (0..12).map(|_| self.random.f64()).sum::<f64>() - 6.0;
        let drawn = mean + normal * (mean * (1.0 - share)).sqrt();
        (drawn.round().max(0.0) as u64).min(rows)
    }

    /// The next input's run.
    pub fn run(&mut self) -> Run {
        let (from, to) = self.sizes;
        let logarithm = (from as f64).ln() + self.random.f64() * (to as f64 / from as f64).ln();
        let rows = (logarithm.exp().round() as u64).clamp(from, to);
        self.run_of(rows)
    }

    pub fn run_of(&mut self, rows: u64) -> Run {
        self.runs += 1;
        // S3 tells of seconds: inputs may have come at the same.
        self.clock += TimeDelta::seconds([0, 60, 900][self.random.usize(..3)]);
        let mut run = base_run(self.runs, self.clock, &self.contract);
        let refuses_types = self.contract.evolution.types == EvolutionMode::Freeze;
        let mut left = rows;
        // Rows that a contract refuses are not looked at further.
        let columns = self.columns.clone();
        for column in &columns {
            let is_away = column.is_gone || column.renamed.is_some() || column.retyped.is_some();
            let refused = match (is_away, column.required, column.retyped) {
                (true, true, None) => Some(("required_value_missing", 1.0)),
                (true, _, Some(_)) if refuses_types => Some(("wrong_type", column.share)),
                // Some damage, always.
                _ if column.name == "total" => Some(("wrong_type", 0.001)),
                _ => None,
            };
            if let Some((reason, share)) = refused {
                left = self.refuse(&mut run, reason, &column.name, share, left);
            }
            if let Some(values) = &column.values {
                left = self.refuse(&mut run, "invalid_value", &column.name, values[3].1, left);
            }
        }
        for column in &columns {
            self.count_column(&mut run, column, left);
        }
        for member in self.members.clone() {
            let with = self.draw(left, member.share);
            add_member(&mut run, &member.path, member.json_type, with);
        }
        let quarantined = rows - left;
        run.rows =
            Some(RowCounts { routed: rows, committed: left, quarantined, ..RowCounts::default() });
        run.outcome = if left > 0 { Outcome::Committed } else { Outcome::Empty };
        if left == 0 {
            run.columns.clear();
        }
        run
    }

    fn refuse(&mut self, run: &mut Run, reason: &str, column: &str, share: f64, rows: u64) -> u64 {
        let refused = self.draw(rows, share);
        if refused > 0 {
            run.quarantined_by_column.insert(format!("{reason}:{column}"), refused);
        }
        rows - refused
    }

    fn count_column(&mut self, run: &mut Run, column: &Sent, rows: u64) {
        let sent = self.draw(rows, column.share);
        let mut with = sent;
        if column.is_gone {
            with = 0;
        }
        if let Some(path) = &column.renamed {
            with = 0;
            add_member(run, path, column.json_type, sent);
        }
        if let Some(json_type) = column.retyped {
            with = 0;
            // Where the contract refuses them, rows that had a value are gone already.
            if self.contract.evolution.types != EvolutionMode::Freeze {
                add_member(run, &format!("row.{}", column.name), json_type, sent);
            }
        }
        let mut value_counts = std::collections::BTreeMap::new();
        if let Some(values) = &column.values {
            let (mut left, mut weight) =
                (with, values[..3].iter().map(|(_, one)| one).sum::<f64>());
            for (value, share) in &values[..3] {
                let of_value = self.draw(left, (share / weight).min(1.0));
                (left, weight) = (left - of_value, weight - share);
                if of_value > 0 {
                    value_counts.insert((*value).to_owned(), of_value);
                }
            }
        }
        run.columns.push(ColumnStatistics {
            name: column.name.clone(),
            null_count: rows - with,
            distinct_estimate: 0,
            minimum: None,
            maximum: None,
            quantiles: Vec::new(),
            value_counts,
        });
    }
}

fn add_member(run: &mut Run, path: &str, json_type: &str, rows: u64) {
    if rows > 0 {
        *run.unknown_members.entry(format!("{path}:{json_type}")).or_insert(0) += rows;
    }
}

fn base_run(number: u64, at: DateTime<Utc>, contract: &Contract) -> Run {
    let input: InputIdentity = serde_json::from_value(
        json!({"bucket": "landing", "key": number.to_string(), "checksum": "c"}),
    )
    .unwrap();
    let mut run = crate::transform::base_run("job", input, at, at);
    run.dataset = Some(contract.dataset());
    run.contract_version = Some(contract.version.clone());
    run
}

//! The names of tables.

use super::DatasetName;

/// The Glue catalog that a deployment's tables are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// `eu-central-1`.
    pub region: String,
    /// The account's twelve digits.
    pub account: String,
    /// What stands before each database's name; may be empty.
    pub database_prefix: String,
}

impl Catalog {
    /// The table of a dataset, which is named by domain and table: `shop.orders`.
    pub fn table(&self, dataset: &str) -> DatasetName {
        let (database, table) = self.database_and_table(dataset);
        output_dataset(&self.region, &self.account, &database, table)
    }

    /// Where a dataset's table has its files, as another name of it.
    pub fn location(&self, bucket: &str, dataset: &str) -> DatasetName {
        let (database, table) = self.database_and_table(dataset);
        table_location(bucket, &database, table)
    }

    fn database_and_table<'a>(&self, dataset: &'a str) -> (String, &'a str) {
        let (domain, table) = dataset.split_once('.').unwrap_or(("", dataset));
        (format!("{}{domain}", self.database_prefix), table)
    }
}

/// A table of the Glue catalog, as OpenLineage names it. Of other partitions of AWS too: the standard knows
/// no other spelling.
pub fn output_dataset(region: &str, account: &str, database: &str, table: &str) -> DatasetName {
    DatasetName {
        namespace: format!("arn:aws:glue:{region}:{account}"),
        name: format!("table/{database}/{table}"),
    }
}

/// Where a table of the lake has its files: a second name, for whoever knows it by its place.
pub fn table_location(bucket: &str, database: &str, table: &str) -> DatasetName {
    DatasetName { namespace: format!("s3://{bucket}"), name: format!("{database}/{table}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_name_and_a_place() {
        let catalog = Catalog {
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            database_prefix: String::new(),
        };
        let table = catalog.table("google_ads.click_view");
        assert_eq!(
            table.to_string(),
            "arn:aws:glue:us-east-1:000000000000/table/google_ads/click_view"
        );
        let place = catalog.location("lake", "google_ads.click_view");
        assert_eq!(place.to_string(), "s3://lake/google_ads/click_view");
    }
}

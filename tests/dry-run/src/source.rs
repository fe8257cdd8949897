//! The sources, and what a file's path makes of its key.

use std::path::{Component, Path};
use std::str::FromStr;

use shared::transform::Source;

/// A source, as it is named on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceName {
    /// Messages of Segment.
    Segment,
    /// Reports of Google Ads.
    GoogleAds,
    /// Tables of databases.
    Database,
}

/// A source that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("there is no source {0}; there are segment, google-ads and database")]
pub struct UnknownSource(String);

impl FromStr for SourceName {
    type Err = UnknownSource;

    fn from_str(name: &str) -> Result<Self, UnknownSource> {
        match name {
            "segment" => Ok(Self::Segment),
            "google-ads" => Ok(Self::GoogleAds),
            "database" => Ok(Self::Database),
            _ => Err(UnknownSource(name.to_owned())),
        }
    }
}

impl SourceName {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Segment => "segment",
            Self::GoogleAds => "google-ads",
            Self::Database => "database",
        }
    }

    /// The source that its function reads.
    pub fn source(self) -> Source {
        match self {
            Self::Segment => segment_transform::source(),
            Self::GoogleAds => google_ads_transform::source(),
            Self::Database => database_transform::source(),
        }
    }

    /// The folder of the landing bucket that it is read from.
    fn folder(self) -> &'static str {
        match self {
            Self::Segment => "segment",
            Self::GoogleAds => "google-ads",
            Self::Database => "databases",
        }
    }

    /// The key that a file would have: its path from the source's folder on, or all of it below that.
    pub fn key_of(self, file: &Path) -> String {
        let mut names = Vec::new();
        for component in file.components() {
            if let Component::Normal(name) = component {
                names.push(name.to_string_lossy());
            }
        }
        let folders = &names[..names.len().saturating_sub(1)];
        let start = folders.iter().rposition(|name| name == self.folder()).map_or(0, |at| at + 1);
        format!("{}/{}", self.folder(), names[start..].join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_path_from_the_sources_folder_on() {
        let key = |path: &str| SourceName::Database.key_of(Path::new(path));
        assert_eq!(key("/data/databases/dms/shop/orders/1.csv"), "databases/dms/shop/orders/1.csv");
        assert_eq!(key("./shop/orders/LOAD1.csv"), "databases/shop/orders/LOAD1.csv");
        assert_eq!(key("databases"), "databases/databases");
        assert_eq!(SourceName::Segment.key_of(Path::new("/a/b.gz")), "segment/a/b.gz");
    }
}

//! What is to be tried, from the command line.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use lexopt::{Arg, Parser, ValueExt};

use crate::source::SourceName;

/// How the program is called.
pub const USAGE: &str = "\
usage: dry-run --source segment|google-ads|database [OPTIONS] FILE...

Takes each FILE through the very code that the functions run, and prints what would become of it as JSON.

  --source NAME     what wrote the file: segment, google-ads or database
  --out FOLDER      writes data files and quarantined records there; without it they are made and forgotten
  --as KEY          the key that the file would have in the landing bucket, which tells some sources what is in it
                    (databases/dms/shop/orders/LOAD00000001.csv); by default it is made from the path
  --arrived MOMENT  when it would have come to the bucket (RFC 3339); by default when the file was last written
  --key-file FILE   the bytes of a key for pseudonyms; by default one that everybody knows
  --threads NUMBER  how many files are read at the same time, as functions do; by default one";

/// What is to be done.
#[derive(Debug)]
pub enum Command {
    /// Try files, so many of them at the same time.
    Try(Vec<Arguments>, usize),
    /// Say how the program is called.
    Help,
}

/// A file, and how it is to be read.
#[derive(Debug, Clone)]
pub struct Arguments {
    /// What wrote the file.
    pub source: SourceName,
    /// Where files are written; none for nowhere.
    pub out: Option<PathBuf>,
    /// Its key in the landing bucket; none for one that is made from the path.
    pub key: Option<String>,
    /// When it came to the bucket; none for when the file was last written.
    pub arrived_at: Option<DateTime<Utc>>,
    /// Holds the key of the pseudonyms; none for one that everybody knows.
    pub key_file: Option<PathBuf>,
    /// The file.
    pub file: PathBuf,
}

impl Arguments {
    /// Reads a command line.
    pub fn from_command_line(mut parser: Parser) -> Result<Command, lexopt::Error> {
        let (mut source, mut files, mut threads) = (None, Vec::new(), 1);
        let (mut out, mut key, mut arrived_at, mut key_file) = (None, None, None, None);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("source") => source = Some(parser.value()?.parse()?),
                Arg::Long("out") => out = Some(parser.value()?.into()),
                Arg::Long("as") => key = Some(parser.value()?.string()?),
                Arg::Long("arrived") => arrived_at = Some(parser.value()?.parse()?),
                Arg::Long("key-file") => key_file = Some(parser.value()?.into()),
                Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
                Arg::Long("threads") => threads = parser.value()?.parse()?,
                Arg::Value(path) => files.push(PathBuf::from(path)),
                other => return Err(other.unexpected()),
            }
        }
        let source = source.ok_or("--source is missing")?;
        if files.is_empty() {
            return Err("FILE is missing".into());
        }
        if files.len() > 1 && key.is_some() {
            return Err("--as names one file, and there are more".into());
        }
        let of = |file| Self {
            source,
            out: out.clone(),
            key: key.clone(),
            arrived_at,
            key_file: key_file.clone(),
            file,
        };
        Ok(Command::Try(files.into_iter().map(of).collect(), threads))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[&str]) -> Result<Command, lexopt::Error> {
        Arguments::from_command_line(Parser::from_args(line))
    }

    #[test]
    fn a_line_names_source_and_file() {
        let line = ["--source", "google-ads", "--out=there", "--as", "google-ads/a.csv", "a.csv"];
        let Ok(Command::Try(files, 1)) = read(&line) else { panic!() };
        let [arguments] = files.as_slice() else { panic!() };
        assert_eq!(arguments.source, SourceName::GoogleAds);
        assert_eq!(arguments.out, Some("there".into()));
        assert_eq!(arguments.key.as_deref(), Some("google-ads/a.csv"));
        assert_eq!(arguments.file, PathBuf::from("a.csv"));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_named() {
        let problem = |line: &[&str]| read(line).unwrap_err().to_string();
        assert_eq!(problem(&["a.csv"]), "--source is missing");
        assert_eq!(problem(&["--source", "segment"]), "FILE is missing");
        assert!(problem(&["--source", "oracle", "a"]).contains("oracle"));
        assert!(problem(&["--source", "segment", "--as", "k", "a", "b"]).contains("--as"));
        assert!(problem(&["--source", "segment", "--arrived", "noon", "a"]).contains("noon"));
    }
}

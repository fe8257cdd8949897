//! Writes a seeded file as a source would, for measurements: the same arguments give the same bytes.
//!
//! ```text
//! generate segment|database RECORDS FILE
//! ```
//!
//! A file whose name ends in `.gz` is compressed.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use end_to_end::stretch::GeneratedInput;
use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, records, file] = arguments.as_slice() else { return usage() };
    let (Some(input), Ok(records)) = (GeneratedInput::named(kind), records.parse()) else {
        return usage();
    };
    match write(&input, records, Path::new(file)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generate: {file}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: generate segment|database RECORDS FILE");
    ExitCode::from(2)
}

fn write(input: &GeneratedInput, records: u64, path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    if path.extension().is_some_and(|ending| ending == "gz") {
        let mut encoder = GzEncoder::new(file, Compression::default());
        (input.generate)(records, &mut encoder)?;
        file = encoder.finish()?;
    } else {
        (input.generate)(records, &mut file)?;
    }
    file.flush()
}

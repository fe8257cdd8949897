//! `backtest`: judges every point of the series in a CSV file by the points before it.

mod input;
mod replay;
mod timestamp;

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::process::ExitCode;

use detect::{Settings, SettingsError};

const USAGE: &str = "usage: backtest [--settings settings.json] series.csv|-

Judges every point of the series in a CSV file (columns series, timestamp, value) by the points before it, and writes
series,timestamp,value,expected,lower,upper,anomaly to standard output, a row for each row of the file, in its order.";

/// Why nothing can be judged. No retry helps.
#[derive(Debug, thiserror::Error)]
enum BacktestError {
    #[error("{USAGE}")]
    Usage,
    #[error("{path}: {source}")]
    File { path: String, source: std::io::Error },
    #[error("{path}: {source}")]
    Settings { path: String, source: SettingsError },
    #[error("{path}: {source}")]
    Input { path: String, source: input::InputError },
    #[error("standard output: {0}")]
    Output(#[from] std::io::Error),
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has seen enough.
        Err(BacktestError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("backtest: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: impl Iterator<Item = String>) -> Result<(), BacktestError> {
    let (mut path, mut settings) = (None, Settings::default());
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" | "-h" => {
                println!("{USAGE}");
                return Ok(());
            }
            "--settings" => {
                settings = read_settings(&arguments.next().ok_or(BacktestError::Usage)?)?;
            }
            _ if path.is_some() || (argument.starts_with('-') && argument != "-") => {
                return Err(BacktestError::Usage);
            }
            _ => path = Some(argument),
        }
    }
    let path = path.ok_or(BacktestError::Usage)?;
    let source: Box<dyn Read> = if path == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let file = File::open(&path)
            .map_err(|source| BacktestError::File { path: path.clone(), source })?;
        Box::new(BufReader::with_capacity(1 << 20, file))
    };
    let rows = input::read(source, settings.time_zone.0)
        .map_err(|source| BacktestError::Input { path, source })?;
    let verdicts = replay::replay(&rows, &settings);
    let mut output = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    write(&rows, &verdicts, &mut output)?;
    output.flush()?;
    Ok(())
}

fn read_settings(path: &str) -> Result<Settings, BacktestError> {
    let json = std::fs::read_to_string(path)
        .map_err(|source| BacktestError::File { path: path.to_owned(), source })?;
    Settings::from_json(&json)
        .map_err(|source| BacktestError::Settings { path: path.to_owned(), source })
}

/// Writes a row for each row that was read.
fn write(
    rows: &input::Rows,
    verdicts: &[replay::Answer],
    output: impl Write,
) -> Result<(), std::io::Error> {
    let mut writer = csv::WriterBuilder::new().from_writer(output);
    writer.write_record([
        "series",
        "timestamp",
        "value",
        "expected",
        "lower",
        "upper",
        "anomaly",
    ])?;
    for (row, answer) in rows.points.iter().zip(verdicts) {
        writer.write_field(&rows.names[row.series])?;
        writer.write_field(row.timestamp(&rows.text))?;
        writer.write_field(row.value_text(&rows.text))?;
        for number in [answer.expected, answer.lower, answer.upper] {
            writer.write_field(number.map(shown).unwrap_or_default())?;
        }
        writer.write_field(if answer.is_anomaly { "1" } else { "0" })?;
        writer.write_record(None::<&[u8]>)?;
    }
    writer.flush()
}

/// A number with six digits, as far as they say something.
fn shown(number: f64) -> String {
    if number.abs() >= 1e15 || (number != 0.0 && number.abs() < 1e-9) {
        return format!("{number:e}");
    }
    let whole = number.abs().max(1e-9).log10().floor() as i32 + 1;
    let digits = (7 - whole).clamp(0, 12) as usize;
    let text = format!("{number:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests;

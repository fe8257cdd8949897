//! `dry-run --source segment|google-ads|database [--out FOLDER] FILE...`: files through decode, govern and Parquet, without AWS.

use std::process::ExitCode;

use dry_run::{Arguments, Command, USAGE, dry_run_all};

fn main() -> ExitCode {
    let (files, threads) = match Arguments::from_command_line(lexopt::Parser::from_env()) {
        Ok(Command::Try(files, threads)) => (files, threads),
        Ok(Command::Help) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("dry-run: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let mut code = ExitCode::SUCCESS;
    for result in dry_run_all(&files, threads) {
        match result {
            Ok(summary) => {
                println!("{summary:#}");
                if !summary.is_readable() {
                    code = ExitCode::FAILURE;
                }
            }
            Err(error) => {
                eprintln!("dry-run: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

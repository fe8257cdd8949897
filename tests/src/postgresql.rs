//! A PostgreSQL server of a test's own, with the capture of changes installed in it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::lake::root;
use crate::stack::{output, unique};

/// What `postgresql.sh` says where there can be no server.
const CANNOT_RUN: i32 = 77;

/// A server, and a database in it that no other test has. It ends with this value.
#[derive(Debug)]
pub struct Postgres {
    folder: String,
    /// The database's name.
    pub database: String,
}

/// What a script wrote.
#[derive(Debug)]
pub struct Written {
    /// Whether every statement was carried out.
    pub succeeded: bool,
    /// The rows, fields divided by `|`.
    pub rows: String,
    /// Warnings and errors.
    pub messages: String,
}

impl Postgres {
    /// Starts a server with a database that sends its changes to the stack; none where there can be
    /// no server, and the reason was printed.
    ///
    /// # Panics
    /// Where it does not start although it could.
    pub fn start() -> Option<Self> {
        let token = unique();
        // A unix socket's path is short.
        let folder = std::env::temp_dir().join(format!("tpg-{}", &token[20..]));
        let folder = folder.to_str().expect("the folder's name is text").to_owned();
        let started = script(&["start", &folder]).output().expect("bash runs");
        if started.status.code() == Some(CANNOT_RUN) {
            let reason = String::from_utf8_lossy(&started.stderr);
            #[allow(clippy::print_stderr)] // The test says what it skips.
            {
                eprintln!("skipped: {}", reason.trim());
            }
            return None;
        }
        let postgres = Self { folder, database: format!("shop_{token}") };
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        postgres.prepare();
        Some(postgres)
    }

    fn prepare(&self) {
        self.run_in("postgres", "postgres", &format!("create database {}", self.database));
        let install = root().join("functions/database-capture/postgresql/install.sql");
        let stand_in = root().join("tests/local/postgresql/aws_lambda.sql");
        self.done(&format!("\\i {}\n\\i {}", stand_in.display(), install.display()));
        self.set_endpoint(&output("AWS_ENDPOINT_URL"));
        for (name, value) in [
            ("region", output("AWS_REGION")),
            ("access_key", output("AWS_ACCESS_KEY_ID")),
            ("secret_key", output("AWS_SECRET_ACCESS_KEY")),
        ] {
            self.done(&format!(
                "alter database {} set tributary_test.{name} = '{value}'",
                self.database
            ));
        }
        self.done(&format!(
            "select tributary.configure('{}')",
            output("DATABASE_CAPTURE_FUNCTION_NAME")
        ));
    }

    /// Where new sessions find Lambda.
    pub fn set_endpoint(&self, endpoint: &str) {
        self.done(&format!(
            "alter database {} set tributary_test.endpoint = '{endpoint}'",
            self.database
        ));
    }

    /// Runs statements in a session of the owner's; their rows.
    ///
    /// # Panics
    /// Where one fails.
    pub fn done(&self, statements: &str) -> String {
        let written = self.run(statements);
        assert!(written.succeeded, "{statements}\n{}", written.messages);
        written.rows
    }

    /// Runs statements in a session of the owner's.
    pub fn run(&self, statements: &str) -> Written {
        self.run_in(&self.database, "postgres", statements)
    }

    /// Runs statements in a session of a role's; it stops at the first that fails.
    ///
    /// # Panics
    /// Where there is no `psql`.
    pub fn run_in(&self, database: &str, role: &str, statements: &str) -> Written {
        let mut psql = Command::new("psql")
            .args(["--host", &self.folder, "--username", role, "--dbname", database])
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set", "ON_ERROR_STOP=1", "--file", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql comes with the server");
        let mut input = psql.stdin.take().expect("the input was piped");
        input.write_all(statements.as_bytes()).expect("psql reads its input");
        drop(input);
        let written = psql.wait_with_output().expect("psql ends");
        Written {
            succeeded: written.status.success(),
            rows: String::from_utf8(written.stdout).expect("psql writes utf-8").trim().to_owned(),
            messages: String::from_utf8_lossy(&written.stderr).into_owned(),
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = script(&["stop", &self.folder]).status();
    }
}

fn script(arguments: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command.arg(root().join("tests/local/postgresql.sh")).args(arguments);
    command
}

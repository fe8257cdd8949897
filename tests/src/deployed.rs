//! What the tests ask of the deployed stack through Python's AWS client (`tests/python/deployed.py`).

use std::process::Command;

use aws_config::SdkConfig;
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use serde_json::Value;

use crate::lake::root;
use crate::stack::Stack;

/// A role with the policies of a function's role, for as long as this lives.
pub struct Assumed {
    /// Region, endpoint and the role's credentials.
    pub config: SdkConfig,
    role: String,
}

impl Assumed {
    /// Takes the role of a function.
    ///
    /// # Panics
    /// Where that fails.
    pub fn role_of(stack: &Stack, function_name: &str) -> Self {
        let answer = json(&["assume", function_name]);
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        let credentials = Credentials::new(
            text("AccessKeyId"),
            text("SecretAccessKey"),
            Some(text("SessionToken")),
            None,
            "role",
        );
        let provider = SharedCredentialsProvider::new(credentials);
        let config = stack.config.clone().into_builder().credentials_provider(provider).build();
        Self { config, role: text("role") }
    }
}

impl Drop for Assumed {
    fn drop(&mut self) {
        run(&["forget", &self.role]);
    }
}

/// The template as `CloudFormation` carries it out.
///
/// # Panics
/// Where the stack cannot be asked.
pub fn template() -> Value {
    json(&["template"])
}

/// What a function has logged in the last ten minutes.
///
/// # Panics
/// Where the logs cannot be read.
pub fn logs(function_name: &str) -> String {
    run(&["logs", function_name])
}

/// What all functions have logged in the last ten minutes, their metrics included, and the names of the log groups.
///
/// # Panics
/// Where the logs cannot be read.
pub fn all_logs() -> String {
    run(&["logs"])
}

/// The answer of a function that is invoked directly.
///
/// # Panics
/// Where it fails.
pub fn invoke(function_name: &str, payload: &Value) -> Value {
    json(&["invoke", function_name, &payload.to_string()])
}

/// The answer of a copy of a function, with its role and its code, that is told other things by its environment.
///
/// # Panics
/// Where the copy fails.
pub fn invoke_twin(function_name: &str, payload: &str, variables: &[(&str, String)]) -> Value {
    let variables: Vec<String> =
        variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut arguments = vec!["twin", function_name, payload];
    arguments.extend(variables.iter().map(String::as_str));
    json(&arguments)
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&run(arguments)).expect("deployed.py prints json")
}

fn run(arguments: &[&str]) -> String {
    let python = root().join(".tributary/venv-lake/bin/python");
    let script = root().join("tests/python/deployed.py");
    let run = Command::new(python)
        .arg(script)
        .args(arguments)
        .output()
        .expect("`make tools` installs Python's AWS client");
    assert!(
        run.status.success(),
        "deployed.py {arguments:?}: {}",
        String::from_utf8_lossy(&run.stderr)
    );
    String::from_utf8(run.stdout).expect("deployed.py writes utf-8")
}

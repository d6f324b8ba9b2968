//! The compiled command, and the deployment that it works on.

use std::process::Stdio;

use postern_tests::calls;
use postern_tests::deployment::Deployment;
use postern_tests::logs::find_secret;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The password that operators set in this suite. No command ever prints it.
pub(crate) const PASSWORD: &str = "grey otter, 41 lamps";

/// The deployment, with the demo users in its table.
pub(crate) struct Cli {
    pub(crate) deployment: Deployment,
}

/// The output of a command, and its exit code.
#[derive(Debug)]
pub(crate) struct CliOutput {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Cli {
    pub(crate) async fn start() -> Self {
        Self { deployment: Deployment::start().await }
    }

    /// The options that name the table.
    pub(crate) fn table(&self) -> [String; 4] {
        ["--table", "postern", "--endpoint-url", &self.deployment.table.endpoint()].map(str::to_owned)
    }

    /// Runs a command on the table.
    pub(crate) async fn run(&self, words: &[&str]) -> CliOutput {
        self.run_with_input(words, "").await
    }

    /// Runs a command on the table with this standard input, and checks that its output has no secret.
    pub(crate) async fn run_with_input(&self, words: &[&str], input: &str) -> CliOutput {
        let output = run(command(words).args(self.table()), input).await;
        output.hides_secrets();
        output
    }

    /// Creates a user with [`PASSWORD`].
    pub(crate) async fn add(&self, words: &[&str]) -> CliOutput {
        let words = [&["user", "add", "--password-stdin"], words].concat();
        self.run_with_input(&words, &format!("{PASSWORD}\n")).await
    }

    /// The status code of a sign-in at a password contract.
    pub(crate) async fn sign_in(&self, contract: &str, name: &str, password: &str) -> u64 {
        self.deployment.password(contract, name, password).await.status
    }

    /// johndoe's access token.
    pub(crate) async fn token(&self) -> String {
        let reply = self.deployment.password("account", "johndoe", "SecurePass123!").await;
        reply.json()["token"]["access_token"].as_str().unwrap().to_owned()
    }
}

/// The command with nothing in its environment but credentials.
pub(crate) fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    command.env_clear().args(words).kill_on_drop(true);
    command.env("AWS_ACCESS_KEY_ID", calls::operator(words)).env("AWS_SECRET_ACCESS_KEY", "local");
    command
}

/// Runs a command to its end.
pub(crate) async fn run(command: &mut Command, input: &str) -> CliOutput {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that reads nothing may have ended already.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    CliOutput {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl CliOutput {
    /// Asserts that the command succeeded, and printed these on standard output.
    #[track_caller]
    pub(crate) fn prints(&self, words: &[&str]) {
        assert_eq!(self.code, 0, "{self:?}");
        assert_eq!(self.err, "");
        for word in words {
            assert!(self.out.contains(word), "{word} is not in: {}", self.out);
        }
    }

    /// Asserts that the command failed with this exit code, and printed the reason in one line on standard
    /// error.
    #[track_caller]
    pub(crate) fn fails_with(&self, code: i32, why: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.out, "");
        assert!(self.err.starts_with("postern: ") && self.err.ends_with('\n'), "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        assert!(self.err.contains(why), "{why} is not in: {}", self.err);
    }

    /// Asserts that the command succeeded, and returns the JSON that it printed.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {}", self.out))
    }

    #[track_caller]
    fn hides_secrets(&self) {
        let output = format!("{}{}", self.out, self.err);
        assert_eq!(find_secret(&output), None, "{output}");
        assert!(!output.contains(PASSWORD), "{output}");
    }
}

//! `postern probe`: signs a user in at each contract, as a client does, and out again.

mod sign_in;

use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use postern::environment::Environment;
use postern::password::Password;
use serde_json::{Value, json};

use self::sign_in::{Credentials, Problem, sign_in, sso};
use crate::api::{Api, CONTRACTS, PASSWORD_CONTRACTS, url};
use crate::ask::existing_password;
use crate::connect;
use crate::output::{Exit, Failure, Output};
use crate::target::Target;

/// The variable with the password, for a scheduler.
const PASSWORD: &str = "POSTERN_PROBE_PASSWORD";

/// The user to sign in, and where.
#[derive(Args)]
#[command(after_help = "\
Prints a line for each contract, with the milliseconds of its sign-in. The user is signed out again, so no
session stays. Create a user for probes only, without MFA: each sign-in counts in the metrics, and repeated
probes with a wrong password lock the login names.

The exit code is 0 if every contract works, 1 if one does not, 3 if there is no such stack, 4 if the user has
MFA, and 6 if no contract can be reached.

The password comes from POSTERN_PROBE_PASSWORD of the environment, or with --password-stdin from the first line
of standard input. Otherwise the command asks for it. It is never an argument, which other users of this machine
can see.

Examples:
  postern probe probe --email probe@example.com --stack postern
  postern probe probe --contract account,sso --url https://sign-in.example.com
  pass show postern/probe | postern probe probe --email probe@example.com --password-stdin --json")]
pub struct ProbeOptions {
    /// The username, for account, sso, session and mfa.
    username: String,
    /// The e-mail address, for email.
    #[arg(long)]
    email: Option<String>,
    /// The contracts [default: all].
    #[arg(long, value_name = "CONTRACT,…", value_delimiter = ',', value_parser = PossibleValuesParser::new(CONTRACTS))]
    contract: Vec<String>,
    /// The URL of the API [default: the stack's output ApiUrl]. A path in it is put before each route.
    #[arg(long)]
    url: Option<String>,
    /// The password is the first line of standard input.
    #[arg(long)]
    password_stdin: bool,
    /// How many seconds a reply may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
}

/// The result at one contract.
struct Probed {
    contract: &'static str,
    result: Result<Duration, Problem>,
}

/// Runs the probe.
///
/// # Errors
/// If the command line is wrong, there is no password, or the user has MFA. A contract that fails is a line of
/// the output.
pub async fn run(options: &ProbeOptions, target: &Target) -> Result<Output, Failure> {
    let chosen = |name: &&str| options.contract.is_empty() || options.contract.iter().any(|one| one == name);
    let chosen: Vec<&'static str> = CONTRACTS.into_iter().filter(chosen).collect();
    if options.email.is_none()
        && let Some(name) = chosen.iter().find(|name| takes_email(name))
    {
        let others: Vec<_> = CONTRACTS.into_iter().filter(|name| !takes_email(name)).collect();
        return Err(Failure::usage(format!(
            "the {name} contract takes an e-mail address: add --email ADDRESS, or choose the others with --contract {}",
            others.join(",")
        )));
    }
    let stack = if options.url.is_some() { None } else { connect::stack(target).await? };
    let of_stack = stack.as_ref().map(|stack| stack.url.as_str());
    let url = url(options.url.as_deref(), of_stack, target.local)?;
    let api = Api::new(&url, Duration::from_secs(options.timeout))?;
    if api.sends_plaintext() {
        let message = "the URL is without TLS, so the password could be read on the way; use https";
        return Err(Failure::usage(message));
    }
    let in_env = Environment::of_process().optional(PASSWORD).map(Password::from);
    let credentials = Credentials {
        username: &options.username,
        email: options.email.as_deref().unwrap_or_default(),
        password: match in_env.filter(|_| !options.password_stdin) {
            Some(password) => password,
            None => existing_password(options.password_stdin)?,
        },
    };
    let mut probed = Vec::new();
    for contract in chosen {
        let result = match PASSWORD_CONTRACTS.iter().find(|of| of.name == contract) {
            Some(contract) => sign_in(&api, contract, &credentials).await,
            None => sso(&api, &credentials).await,
        };
        if let Err(Problem::Mfa) = result {
            return Err(Failure::new(
                Exit::Refused,
                "the user has MFA on, and a probe has no authenticator; create a user for probes only, without MFA",
            ));
        }
        probed.push(Probed { contract, result });
    }
    Ok(report(&probed))
}

/// Returns whether the login name of a contract is the e-mail address.
fn takes_email(name: &str) -> bool {
    PASSWORD_CONTRACTS.iter().any(|contract| contract.name == name && contract.member == "email")
}

fn report(probed: &[Probed]) -> Output {
    let line = |Probed { contract, result }: &Probed| match result {
        Ok(took) => format!("ok   {contract:<10}{} ms", took.as_millis()),
        Err(problem) => format!("FAIL {contract:<10}{}", problem.words()),
    };
    let value = |Probed { contract, result }: &Probed| match result {
        Ok(took) => json!({"contract": contract, "level": "ok", "ms": millis(*took)}),
        Err(problem) => json!({"contract": contract, "level": "fail", "message": problem.words()}),
    };
    let failed = probed.iter().filter(|probed| probed.result.is_err()).count();
    let unreachable = |probed: &Probed| matches!(probed.result, Err(Problem::Unreachable { .. }));
    Output {
        text: probed.iter().map(line).collect::<Vec<_>>().join("\n"),
        json: Value::Array(probed.iter().map(value).collect()),
        exit: match failed {
            0 => Exit::Done,
            _ if probed.iter().all(unreachable) => Exit::Unavailable,
            _ => Exit::Failed,
        },
    }
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

//! The deployment that a command works on.

use clap::Args;
use postern::environment::Environment;

use crate::output::Failure;

/// The variable that names the stack.
const STACK: &str = "POSTERN_STACK";
/// Other variables that name a deployment. None of them may be set together with [`STACK`].
const OTHERS: [&str; 4] = ["TABLE_NAME", "SIGNING_KEYS_SECRET_ARN", "SIGNING_KEYS", "PUBLIC_KEYS_SECRET_ARN"];

/// The deployment that a command works on. Credentials, profile and region are found as the AWS CLI finds
/// them.
#[derive(Args, Clone, Debug, Default)]
pub struct Target {
    /// The CloudFormation stack [default: POSTERN_STACK of the environment]. Its outputs name the table, the
    /// secrets and the URL.
    #[arg(long, value_name = "NAME", global = true, conflicts_with = "table", help_heading = "Deployment")]
    pub stack: Option<String>,
    /// The DynamoDB table, if it is not that of a stack [default: TABLE_NAME of the environment].
    #[arg(long, global = true, help_heading = "Deployment")]
    pub table: Option<String>,
    /// The address of another DynamoDB API than AWS's. On this machine it needs no credentials. With --stack,
    /// it is the address of the other AWS services too.
    #[arg(long, value_name = "URL", global = true, help_heading = "Deployment")]
    pub endpoint_url: Option<String>,
    /// The table that `cargo run` serves on this machine. The environment is ignored.
    #[arg(long, global = true, conflicts_with_all = ["endpoint_url", "stack", "table"], help_heading = "Deployment")]
    pub local: bool,
    /// The AWS region.
    #[arg(long, global = true, help_heading = "Deployment")]
    pub region: Option<String>,
    /// The AWS profile.
    #[arg(long, global = true, help_heading = "Deployment")]
    pub profile: Option<String>,
}

impl Target {
    /// Returns the name of the stack, if the operator names the deployment by a stack. An option takes
    /// precedence over the environment.
    ///
    /// # Errors
    /// If the environment names two deployments.
    pub fn stack_name(&self, env: &Environment) -> Result<Option<String>, Failure> {
        if self.stack.is_some() || self.table.is_some() || self.local {
            return Ok(self.stack.clone());
        }
        let Some(name) = env.optional(STACK) else { return Ok(None) };
        match OTHERS.into_iter().find(|other| env.optional(other).is_some()) {
            Some(other) => Err(Failure::usage(format!(
                "which deployment? {STACK} is set, and so is {other}: unset one of them, or use --stack or --table"
            ))),
            None => Ok(Some(name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Exit;

    fn name_of(target: Target, variables: &[(&str, &str)]) -> Result<Option<String>, Failure> {
        target.stack_name(&Environment::of(variables.iter().copied()))
    }

    #[test]
    fn option_takes_precedence_over_the_environment() {
        let stack = |name: &str| Target { stack: Some(name.to_owned()), ..Target::default() };
        let found = |target, variables: &[_]| name_of(target, variables).unwrap();
        let both = [("POSTERN_STACK", "a"), ("TABLE_NAME", "t")];
        assert_eq!(found(Target::default(), &[]), None);
        assert_eq!(found(Target::default(), &both[..1]).as_deref(), Some("a"));
        assert_eq!(found(Target::default(), &both[1..]), None);
        assert_eq!(found(stack("b"), &both).as_deref(), Some("b"));
        assert_eq!(found(Target { table: Some("t".to_owned()), ..Target::default() }, &both), None);
        assert_eq!(found(Target { local: true, ..Target::default() }, &both), None);
    }

    #[test]
    fn environment_that_names_two_deployments_is_refused() {
        for other in OTHERS {
            let failure = name_of(Target::default(), &[("POSTERN_STACK", "a"), (other, "x")]).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.message.contains(other), "{failure:?}");
        }
    }
}

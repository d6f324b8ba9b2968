//! The deployment that a command works on.

use clap::Args;

/// The deployment that a command works on. Credentials, profile and region are found as the AWS CLI finds
/// them.
#[derive(Args, Clone, Debug, Default)]
pub struct Target {
    /// The CloudFormation stack. Its outputs name the table, the secret and the URL. Else POSTERN_STACK of the
    /// environment.
    #[arg(long, value_name = "NAME", global = true, conflicts_with = "table", help_heading = "Deployment")]
    pub stack: Option<String>,
    /// The DynamoDB table, if it is not that of a stack. Else TABLE_NAME of the environment.
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

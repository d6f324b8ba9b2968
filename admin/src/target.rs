//! The deployment that a command works on.

use clap::Args;

/// The deployment that a command works on. Credentials, profile and region are found as the AWS CLI finds
/// them.
#[derive(Args, Clone, Debug, Default)]
pub struct Target {
    /// The DynamoDB table (the stack's output TableName). Else TABLE_NAME of the environment.
    #[arg(long, global = true, help_heading = "Table")]
    pub table: Option<String>,
    /// The address of another DynamoDB API than AWS's. On this machine it needs no credentials.
    #[arg(long, value_name = "URL", global = true, help_heading = "Table")]
    pub endpoint_url: Option<String>,
    /// The table that `cargo run` serves on this machine. The environment is ignored.
    #[arg(long, global = true, conflicts_with_all = ["endpoint_url", "table"], help_heading = "Table")]
    pub local: bool,
    /// The AWS region.
    #[arg(long, global = true, help_heading = "Table")]
    pub region: Option<String>,
    /// The AWS profile.
    #[arg(long, global = true, help_heading = "Table")]
    pub profile: Option<String>,
}

//! The URL of the SMTP server.

use zeroize::Zeroizing;

use crate::aws::Aws;
use crate::config::{endpoint, region};
use crate::environment::{ConfigError, Environment};
use crate::error::StartError;

/// Reads the URL of the SMTP server, which may hold a password: `MAIL_SMTP_URL`, or the text of the secret that
/// `MAIL_SMTP_SECRET_ARN` names.
///
/// # Errors
/// If neither is set, or if the secret cannot be read.
pub async fn smtp_url(env: &Environment) -> Result<Zeroizing<String>, StartError> {
    const SECRET: &str = "MAIL_SMTP_SECRET_ARN";
    if let Some(url) = env.optional("MAIL_SMTP_URL") {
        return Ok(Zeroizing::new(url.to_owned()));
    }
    let arn = env.required(SECRET, "the ARN of a secret with the URL of the SMTP server")?;
    let aws = Aws::in_region(env, region(env)?)?;
    let secret = aws.secret(arn, endpoint(env, "AWS_ENDPOINT_URL_SECRETS_MANAGER")?);
    let read = secret.read().await;
    Ok(read
        .map_err(|error| ConfigError::new(SECRET, "names a secret that cannot be read").caused_by(error))?)
}

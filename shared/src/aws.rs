//! The clients of the AWS services. They are made here, without `aws-config`.
//!
//! At every cold start, `aws-config` would look for credentials in seven places, and the platform's 145 root
//! certificates would be parsed. In a Lambda the credentials are in the environment, and five roots issue
//! AWS's certificates. If another server answers in place of AWS, `AWS_CA_BUNDLE` names the certificates to
//! trust instead.

mod http_client;
#[cfg(feature = "operator")]
mod sdk_client;
mod service;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::operation::get_secret_value::{
    GetSecretValue, GetSecretValueError, GetSecretValueInput, GetSecretValueOutput,
};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use zeroize::Zeroizing;

use self::http_client::Http;
#[cfg(feature = "operator")]
pub use self::sdk_client::RetryTransactionConflicts;
use self::service::Timeouts;
pub(crate) use self::service::{CallError, Operation, Service};
use crate::environment::{ConfigError, Environment};
use crate::error::StartError;

/// Amazon Trust Services' root certificates, <https://www.amazontrust.com/repository/>.
const AMAZON_ROOTS: &str = include_str!("../roots/amazon.pem");

const SES_TIMEOUTS: Timeouts =
    Timeouts { attempt: Duration::from_secs(5), operation: Duration::from_secs(10) };

/// The parts that all clients share.
pub(crate) struct Aws {
    region: String,
    credentials: Credentials,
    http: Http,
}

impl Aws {
    pub(crate) fn in_region(env: &Environment, region: &str) -> Result<Self, StartError> {
        let credentials = Credentials::new(
            env.required("AWS_ACCESS_KEY_ID", "an AWS access key; Lambda sets it")?,
            env.required("AWS_SECRET_ACCESS_KEY", "an AWS secret key; Lambda sets it")?,
            env.optional("AWS_SESSION_TOKEN").map(str::to_owned),
            None,
            "environment",
        );
        let roots = match ca_bundle(env)? {
            Some(roots) => roots,
            None => roots(AMAZON_ROOTS.as_bytes()).ok_or(StartError::Tls)?,
        };
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| StartError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = Http::new(tls);
        Ok(Self { region: region.to_owned(), credentials, http })
    }

    pub(crate) fn dynamodb(&self, endpoint: Option<&str>) -> Service {
        self.service("dynamodb", endpoint)
    }

    pub(crate) fn sqs(&self, endpoint: Option<&str>) -> Service {
        self.service("sqs", endpoint)
    }

    /// SES does more work for a call than the other services.
    pub(crate) fn ses(&self, endpoint: Option<&str>) -> Service {
        let url = endpoint.map_or_else(|| url("email", &self.region), str::to_owned);
        self.at("ses", &url).within(&SES_TIMEOUTS)
    }

    pub(crate) fn secret(&self, arn: &str, endpoint: Option<&str>) -> Secret {
        Secret { service: self.service("secretsmanager", endpoint), arn: arn.to_owned() }
    }

    fn service(&self, name: &'static str, endpoint: Option<&str>) -> Service {
        let url = endpoint.map_or_else(|| url(name, &self.region), str::to_owned);
        self.at(name, &url)
    }

    fn at(&self, name: &'static str, url: &str) -> Service {
        Service::new(self.http.clone(), name, &self.region, url, self.credentials.clone())
    }
}

/// Returns the URL of a service in a Region.
fn url(service: &str, region: &str) -> String {
    let domain = match region.split('-').next() {
        Some("cn") => "amazonaws.com.cn",
        Some("eusc") => "amazonaws.eu",
        _ => "amazonaws.com",
    };
    format!("https://{service}.{region}.{domain}")
}

/// A secret in Secrets Manager.
pub(crate) struct Secret {
    service: Service,
    arn: String,
}

impl Operation for GetSecretValue {
    type Input = GetSecretValueInput;
    type Output = GetSecretValueOutput;
    type Error = GetSecretValueError;

    fn new() -> Self {
        Self::new()
    }
}

/// Why a secret cannot be read. The error never contains anything of the secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum SecretError {
    /// Secrets Manager answered with this error code.
    #[error("{0}")]
    Refused(String),
    /// Secrets Manager did not answer, or not with an error code.
    #[error("Secrets Manager does not answer")]
    NoAnswer,
    /// The secret is not text.
    #[error("it is binary")]
    Binary,
}

impl Secret {
    /// Returns the text of the secret.
    ///
    /// # Errors
    /// If Secrets Manager refuses or does not answer, or if the secret is binary.
    pub(crate) async fn read(&self) -> Result<Zeroizing<String>, SecretError> {
        let input = GetSecretValueInput::builder().secret_id(&self.arn).build();
        let input = input.map_err(|_| SecretError::NoAnswer)?;
        let output =
            self.service.call::<GetSecretValue>(input).await.map_err(|error| match error.code() {
                Some(code) => SecretError::Refused(code.to_owned()),
                None => SecretError::NoAnswer,
            })?;
        output.secret_string.map(Zeroizing::new).ok_or(SecretError::Binary)
    }
}

/// Reads the file that `AWS_CA_BUNDLE` names: the certificates, in PEM, to trust instead of Amazon's.
fn ca_bundle(env: &Environment) -> Result<Option<RootCertStore>, ConfigError> {
    const VARIABLE: &str = "AWS_CA_BUNDLE";
    let Some(path) = env.optional(VARIABLE) else { return Ok(None) };
    let pem = fs::read(path)
        .map_err(|error| ConfigError::new(VARIABLE, "names a file that cannot be read").caused_by(error))?;
    let roots = roots(&pem)
        .ok_or_else(|| ConfigError::new(VARIABLE, "names a file with a certificate that cannot be read"))?;
    if roots.is_empty() {
        return Err(ConfigError::new(VARIABLE, "names a file without a certificate; it must be PEM"));
    }
    Ok(Some(roots))
}

/// Reads certificates in PEM. Returns none if one of them cannot be read. The error of the parser is left
/// out, since it may quote the file.
fn roots(pem: &[u8]) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.ok()?).ok()?;
    }
    Some(roots)
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io;

    use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
    use aws_sdk_sesv2::config::endpoint::{self as ses, ResolveEndpoint as _};

    use super::*;
    use crate::error::Causes;

    #[tokio::test]
    async fn url_is_the_one_that_the_sdk_chooses() {
        for region in ["us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1"] {
            let params = Params::builder().region(region).build().unwrap();
            let endpoint = DefaultResolver::new().resolve_endpoint(&params).await.unwrap();
            assert_eq!(url("dynamodb", region), endpoint.url());
            let params = ses::Params::builder().region(region).build().unwrap();
            let endpoint = ses::DefaultResolver::new().resolve_endpoint(&params).await.unwrap();
            assert_eq!(url("email", region), endpoint.url());
        }
    }

    #[test]
    fn ca_bundle_without_a_readable_certificate_is_an_error_that_names_it() {
        const ONE: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        let good = include_str!("../roots/amazon.pem");
        let file = std::env::temp_dir().join(format!("postern-bundle-{}.pem", std::process::id()));
        let env = Environment::of::<&str, &str>([]).with("AWS_CA_BUNDLE", file.to_str().unwrap());
        let read = |content: &str| {
            fs::write(&file, content).unwrap();
            ca_bundle(&env).map(|roots| roots.unwrap().len()).map_err(|error| Causes(&error).to_string())
        };

        assert_eq!(read(good), Ok(5));
        for bad in ["", "secret", ONE, &format!("{good}{ONE}"), "-----BEGIN CERTIFICATE-----\nMAA=\n"] {
            let error = read(bad).unwrap_err();
            assert!(error.starts_with("AWS_CA_BUNDLE names a file with"), "{bad}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
        fs::remove_file(&file).unwrap();
        let error = ca_bundle(&env).unwrap_err();
        assert_eq!(error.to_string(), "AWS_CA_BUNDLE names a file that cannot be read");
        let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
        assert_eq!(source.kind(), io::ErrorKind::NotFound);

        for env in [Environment::of([("AWS_CA_BUNDLE", "")]), Environment::of::<&str, &str>([])] {
            assert!(ca_bundle(&env).unwrap().is_none());
        }
    }
}

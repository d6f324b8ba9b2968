//! Calls to one AWS service.
//!
//! The parts of the SDK write, sign and read each call. Its orchestrator is left out: for each call it builds
//! its configuration anew and runs some twenty interceptors.

#![expect(
    clippy::result_large_err,
    reason = "it is the SDK's error, so that the SDK's own client can take this one's place"
)]

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::{ConfigBag, Credentials, RuntimePlugin};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_runtime_api::client::ser_de::{
    DeserializeResponse, SerializeRequest, SharedRequestSerializer, SharedResponseDeserializer,
};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ProvideErrorKind;
use hyper::http::Request;
use tokio::time::{sleep, timeout};
use tracing::Instrument;

use super::http_client::Http;
use crate::clock::{Timestamp, now};
use crate::random::random;

/// With retries, one lost packet does not fail a sign-in. They are few, so that they do not overload a slow table.
pub(super) const MAX_ATTEMPTS: u32 = 3;
pub(super) const INITIAL_BACKOFF: Duration = Duration::from_millis(50);
/// DynamoDB answers in milliseconds.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);
/// Four round trips of this duration fit into the eight seconds after which a request is given up.
pub(super) const OPERATION_TIMEOUT: Duration = Duration::from_millis(1800);
/// CloudTrail shows it.
const USER_AGENT: &str = concat!("postern/", env!("CARGO_PKG_VERSION"));

type BoxError = Box<dyn Error + Send + Sync>;

/// The error of a call, as the SDK's own client returns it.
pub(crate) type CallError<O> = SdkError<<O as Operation>::Error, HttpResponse>;

/// An operation of a service, with its types in the SDK.
pub(crate) trait Operation: RuntimePlugin {
    /// What is sent.
    type Input: Debug + Send + Sync + 'static;
    /// What a success returns.
    type Output: Debug + Send + Sync + 'static;
    /// What the service refuses with.
    type Error: Error + ProvideErrorKind + ProvideErrorMetadata + Send + Sync + 'static;

    /// Makes the operation, which has no state.
    fn new() -> Self;
}

/// One AWS service in one Region, with the credentials for it.
#[derive(Clone)]
pub(crate) struct Service {
    http: Http,
    /// The name of the service in signatures.
    name: &'static str,
    region: String,
    /// The URL without a slash at its end. The path of an operation comes after it.
    url: String,
    identity: Identity,
    timeouts: &'static Timeouts,
    quota: Arc<Quota>,
}

/// How long a call may take.
pub(super) struct Timeouts {
    /// One attempt.
    pub(super) attempt: Duration,
    /// All attempts together.
    pub(super) operation: Duration,
}

const TIMEOUTS: Timeouts = Timeouts { attempt: ATTEMPT_TIMEOUT, operation: OPERATION_TIMEOUT };

/// How many retries are left. While a service fails, retries end after a hundred, so that they do not keep it from
/// recovering. The capacity and the refill are the SDK's. It takes twice as much for a retry after a time-out.
struct Quota(AtomicU32);

impl Service {
    /// Makes a client of the service that answers at this URL.
    pub(super) fn new(
        http: Http,
        name: &'static str,
        region: &str,
        url: &str,
        credentials: Credentials,
    ) -> Self {
        Self {
            http,
            name,
            region: region.to_owned(),
            url: url.trim_end_matches('/').to_owned(),
            identity: credentials.into(),
            timeouts: &TIMEOUTS,
            quota: Arc::default(),
        }
    }

    /// Returns the same service with other time-outs.
    pub(super) fn within(self, timeouts: &'static Timeouts) -> Self {
        Self { timeouts, ..self }
    }

    /// Returns a client of the same service that signs with these credentials.
    pub(crate) fn with_credentials(&self, credentials: Credentials) -> Self {
        Self { identity: credentials.into(), ..self.clone() }
    }

    /// Sends an operation. Sends it again if that may help, as the SDK's standard retries do.
    ///
    /// # Errors
    /// If the service refuses, or does not answer in time.
    pub(crate) async fn call<O: Operation>(&self, input: O::Input) -> Result<O::Output, CallError<O>> {
        let outcome = timeout(self.timeouts.operation, self.attempts::<O>(input));
        let outcome = outcome.instrument(tracing::debug_span!("call", service = self.name)).await;
        outcome.unwrap_or_else(|elapsed| Err(SdkError::timeout_error(elapsed)))
    }

    async fn attempts<O: Operation>(&self, input: O::Input) -> Result<O::Output, CallError<O>> {
        let mut config = ConfigBag::base();
        config.push_shared_layer(O::new().config().ok_or_else(|| missing("configuration"))?);
        let serializer = config.load::<SharedRequestSerializer>().cloned();
        let serializer = serializer.ok_or_else(|| missing("serializer"))?;
        let mut request = serializer
            .serialize_input(Input::erase(input), &mut config)
            .map_err(SdkError::construction_failure)?;
        request.headers_mut().insert("user-agent", USER_AGENT);
        // The serializer writes the path of the operation.
        let url = format!("{}{}", self.url, request.uri());
        request.set_uri(url).map_err(SdkError::construction_failure)?;
        let deserializer =
            config.load::<SharedResponseDeserializer>().ok_or_else(|| missing("deserializer"))?;
        let mut attempt = 1;
        loop {
            let outcome = timeout(self.timeouts.attempt, async {
                let signed = self.sign(&request, now()).map_err(SdkError::construction_failure)?;
                let response = self.http.send(signed).await.map_err(SdkError::dispatch_failure)?;
                deserialize::<O>(deserializer, response, &config)
            });
            match outcome.await.unwrap_or_else(|elapsed| Err(SdkError::timeout_error(elapsed))) {
                Ok(output) => {
                    self.quota.refill(attempt);
                    return Ok(output);
                }
                Err(error) if attempt < MAX_ATTEMPTS && is_temporary(&error) && self.quota.spend() => {}
                Err(error) => return Err(error),
            }
            // Calls that failed at once do not come back at once.
            let [jitter] = random::<1>();
            sleep(INITIAL_BACKOFF * (1 << (attempt - 1)) * u32::from(jitter) / 256).await;
            attempt += 1;
        }
    }

    /// Returns the request with its signature (AWS Signature Version 4).
    fn sign(&self, request: &HttpRequest, at: Timestamp) -> Result<Request<SdkBody>, BoxError> {
        let params = SigningParams::builder()
            .identity(&self.identity)
            .region(&self.region)
            .name(self.name)
            .time(UNIX_EPOCH + Duration::from_millis(at.millis()))
            .settings(SigningSettings::default())
            .build()?
            .into();
        let body = SignableBody::Bytes(request.body().bytes().unwrap_or_default());
        let signable = SignableRequest::new(request.method(), request.uri(), request.headers().iter(), body)?;
        let (signature, _) = sign(signable, &params)?.into_parts();
        let mut signed = request.try_clone().ok_or("a body that is a stream")?.try_into_http1x()?;
        signature.apply_to_request_http1x(&mut signed);
        Ok(signed)
    }
}

impl Quota {
    const FULL: u32 = 500;
    const RETRY: u32 = 5;

    /// Takes a retry. Returns whether there was one.
    fn spend(&self) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(Self::RETRY))
            .is_ok()
    }

    /// Gives back what the retry took that succeeded. A success without a retry gives back a fifth of one.
    fn refill(&self, attempt: u32) {
        let back = if attempt > 1 { Self::RETRY } else { 1 };
        // It always updates.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(Self::FULL.min(left + back)));
    }
}

impl Default for Quota {
    fn default() -> Self {
        Self(AtomicU32::new(Self::FULL))
    }
}

/// Reads a reply: the output, or the error of the operation.
fn deserialize<O: Operation>(
    deserializer: &SharedResponseDeserializer,
    response: HttpResponse,
    config: &ConfigBag,
) -> Result<O::Output, CallError<O>> {
    const UNREADABLE: &str = "the reply cannot be read";
    let mut refusal = None;
    let output = deserializer.deserialize_nonstreaming_with_config(&response, config).map_err(|error| {
        error.map_operation_error(|error| refusal = error.downcast::<O::Error>().ok());
    });
    match (output.ok().and_then(|output| output.downcast::<O::Output>().ok()), refusal) {
        (Some(output), _) => Ok(output),
        (None, Some(refusal)) => Err(SdkError::service_error(refusal, response)),
        (None, None) => Err(SdkError::response_error(UNREADABLE, response)),
    }
}

/// Returns whether a call may succeed if it is sent again.
fn is_temporary<E: ProvideErrorKind + ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ServiceError(refusal) => {
            let code = ProvideErrorMetadata::code(refusal.err()).unwrap_or_default();
            matches!(refusal.raw().status().as_u16(), 500 | 502..=504)
                || refusal.err().retryable_error_kind().is_some()
                || THROTTLING_ERRORS.contains(&code)
                || TRANSIENT_ERRORS.contains(&code)
                // A transaction works on the same item.
                || code == "TransactionConflictException"
        }
        SdkError::DispatchFailure(failure) => failure.is_io(),
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        _ => false,
    }
}

/// The error of an operation without a part that every operation of the SDK has.
fn missing<E>(part: &str) -> SdkError<E, HttpResponse> {
    SdkError::construction_failure(format!("the operation has no {part}"))
}

#[cfg(test)]
mod tests {
    use rustls::crypto::ring;
    use rustls::{ClientConfig, RootCertStore};

    use super::*;

    #[test]
    fn signature_is_that_of_aws_signature_version_4() {
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let credentials = Credentials::new("key", "secret", Some("session".to_owned()), None, "test");
        let url = "https://dynamodb.eu-central-1.amazonaws.com";
        let service = Service::new(Http::new(tls), "dynamodb", "eu-central-1", url, credentials);
        let mut request = HttpRequest::new(SdkBody::from(r#"{"TableName":"postern"}"#));
        request.set_method("POST").unwrap();
        request.set_uri(format!("{}/", service.url)).unwrap();
        request.headers_mut().insert("content-type", "application/x-amz-json-1.0");
        request.headers_mut().insert("x-amz-target", "DynamoDB_20120810.GetItem");
        request.headers_mut().insert("user-agent", USER_AGENT);

        let signed = service.sign(&request, Timestamp::from_millis(1_767_323_045_000)).unwrap();

        assert_eq!(signed.headers()["x-amz-date"], "20260102T030405Z");
        assert_eq!(signed.headers()["x-amz-security-token"], "session");
        // By the steps of "Create a signed AWS API request", in Python.
        assert_eq!(
            signed.headers()["authorization"],
            "AWS4-HMAC-SHA256 Credential=key/20260102/eu-central-1/dynamodb/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, \
             Signature=a08266381cd10e858ea24cbb04dcc06021bf0b6a0bad2c0c0f4da479ab147482"
        );
    }

    #[test]
    fn retries_end_while_a_service_fails_and_come_back_with_its_successes() {
        let quota = Quota::default();
        assert_eq!((0..1000).filter(|_| quota.spend()).count(), 100);
        for _ in 0..5 {
            quota.refill(1);
        }
        assert!(quota.spend());
        assert!(!quota.spend());
        quota.refill(2);
        assert!(quota.spend());
    }
}

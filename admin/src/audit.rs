//! The audit lines of the operator: who changes a deployment by which command, when, and how it ended.
//!
//! Every change is made in [`Audit::record`]. It writes the line before the change. If the line cannot be
//! written, nothing is changed. A line never holds a password, a key or a login name.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::ProvideCredentials;
use postern::clock::now;
use postern::environment::Environment;
use postern::store::operator::{ChangeStage, Operator, OperatorEvent};

use crate::output::{Exit, Failure, Output, print_message};
use crate::sdk::service_config;
use crate::target::Target;

/// The longest reason of a failure in an audit line, in characters.
const MAX_FAILURE: usize = 500;

/// Writes audit lines.
pub struct Audit {
    store: Operator,
    target: Target,
    aws: SdkConfig,
    is_local: bool,
}

/// The facts about a change that are known only while it is made.
#[derive(Default)]
pub struct Details {
    /// The user that is changed.
    pub user_id: Option<u64>,
    /// How many rows of an import had each outcome.
    pub counts: BTreeMap<String, u64>,
}

impl Audit {
    /// Makes the audit of a deployment.
    pub fn new(store: Operator, target: Target, aws: SdkConfig, is_local: bool) -> Self {
        Self { store, target, aws, is_local }
    }

    /// Makes a change with an audit line. `command` is the command without its arguments.
    ///
    /// # Errors
    /// If the line cannot be written; nothing is changed then. If the change fails.
    pub async fn record(
        &self,
        command: &str,
        user_id: Option<u64>,
        change: impl AsyncFnOnce(&mut Details) -> Result<Output, Failure>,
    ) -> Result<Output, Failure> {
        let mut event = OperatorEvent {
            at: now(),
            actor: self.actor().await,
            command: command.to_owned(),
            user_id,
            outcome: ChangeStage::Started,
            ended_at: None,
            failure: None,
            counts: BTreeMap::new(),
        };
        let key = self.store.begin_event(&event).await.map_err(|error| {
            Failure::from(error).advise("; nothing is changed, since the audit line cannot be written")
        })?;
        let mut details = Details { user_id, ..Details::default() };
        let mut result = change(&mut details).await;
        event.user_id = details.user_id;
        event.counts = details.counts;
        event.ended_at = Some(now());
        (event.outcome, event.failure) = end(&result);
        if let Err(error) = self.store.end_event(&key, &event).await {
            let failure = Failure::from(error);
            print_message(&format!(
                "postern: the audit line of this change stays `started`: {}",
                failure.text()
            ));
            if let Ok(output) = &mut result
                && output.exit == Exit::Done
            {
                output.exit = Exit::Partly;
            }
        }
        result
    }

    /// Returns who makes a change: the identity of the credentials, by AWS's STS. If STS cannot be reached, it is
    /// the access key id of the credentials. For a table on this machine, it is the user of the operating
    /// system.
    pub async fn actor(&self) -> String {
        let service = service_config(&self.target, "AWS_ENDPOINT_URL_STS").await;
        let has_sts = service.as_ref().is_ok_and(|(_, endpoint)| endpoint.is_some());
        if self.is_local && (self.target.local || !has_sts) {
            let env = Environment::of_process();
            let user = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| env.optional(name));
            return format!("os-user/{}", user.unwrap_or("unknown"));
        }
        if let Ok((aws, endpoint)) = service {
            let timeouts = TimeoutConfig::builder().operation_timeout(Duration::from_secs(3)).build();
            let mut config = aws_sdk_sts::config::Builder::from(&aws).timeout_config(timeouts);
            config.set_endpoint_url(endpoint);
            let client = aws_sdk_sts::Client::from_conf(config.build());
            if let Ok(identity) = client.get_caller_identity().send().await
                && let Some(arn) = identity.arn
            {
                return arn;
            }
        }
        let credentials = match self.aws.credentials_provider() {
            Some(provider) => provider.provide_credentials().await.ok(),
            None => None,
        };
        credentials.map_or_else(
            || "unknown".to_owned(),
            |credentials| format!("access-key/{}", credentials.access_key_id()),
        )
    }
}

/// Returns how a change ended. A refusal quotes names, so only its kind is kept.
fn end(result: &Result<Output, Failure>) -> (ChangeStage, Option<String>) {
    let failed = |exit: Exit, message: &str| match exit {
        Exit::Failed | Exit::Unavailable => message.chars().take(MAX_FAILURE).collect(),
        Exit::Refused => "refused".to_owned(),
        Exit::NotFound => "not found".to_owned(),
        Exit::Partly => "done in part".to_owned(),
        Exit::Done | Exit::Usage => "the command line is wrong".to_owned(),
    };
    match result {
        Ok(Output { exit: Exit::Done | Exit::Partly, .. }) => (ChangeStage::Done, None),
        Ok(output) => (ChangeStage::Failed, Some(failed(output.exit, "it stopped before its end"))),
        Err(failure) => (ChangeStage::Failed, Some(failed(failure.exit, &failure.text()))),
    }
}

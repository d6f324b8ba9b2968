//! The embedded DynamoDB API of a test, with the queue of the mailer and its mailbox. Its calls are recorded if
//! [`calls`] records.

use postern::environment::Environment;
use postern_local::dynamodb;
use postern_local::mail::MailServices;

use crate::calls;

/// The issuer that the discovery document of the sample events names, as in `events/env.json`.
pub const DISCOVERY_ISSUER: &str = "https://sign-in.example.com";

/// A server with DynamoDB's API, in memory. Dropping it ends the server.
pub struct Table {
    table: dynamodb::Table,
    endpoint: String,
    mail: MailServices,
    mail_endpoint: String,
}

impl Table {
    /// Starts it on a free port of the loopback interface.
    pub async fn start() -> Self {
        let table = dynamodb::Table::start(0, None, None).await.unwrap();
        let endpoint = calls::recorded(table.endpoint()).await;
        let mail = MailServices::start().await.unwrap();
        let mail_endpoint = calls::recorded(mail.endpoint().to_owned()).await;
        Self { table, endpoint, mail, mail_endpoint }
    }

    /// The queue of the mailer, and its mailbox.
    pub fn mail_services(&self) -> MailServices {
        self.mail.clone()
    }

    /// The URL of the server, as for `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// The environment of a function that uses this table: see [`dynamodb::Table::environment`]. Every route and every
    /// grant answers in it, so it has an issuer for the discovery document, account's password grant is on, and it has
    /// what the mailer needs.
    pub fn environment(&self) -> Environment {
        let env = self.table.environment(&Environment::of::<&str, &str>([]));
        self.mail
            .environment(env)
            .with("AWS_ENDPOINT_URL_DYNAMODB", self.endpoint())
            .with("AWS_ENDPOINT_URL_SQS", &self.mail_endpoint)
            .with("AWS_ENDPOINT_URL_SESV2", &self.mail_endpoint)
            .with("DISCOVERY_ISSUER", DISCOVERY_ISSUER)
            .with("ACCOUNT_PASSWORD_GRANT", "true")
    }

    /// Ends the server after it has answered the requests in progress.
    pub async fn stop(self) {
        self.table.stop().await.unwrap();
    }
}

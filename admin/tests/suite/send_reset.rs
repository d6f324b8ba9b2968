//! `postern user send-reset`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use postern::clock::now;
use postern::environment::Environment;
use postern::local_endpoint::{EndpointFile, LocalService};
use postern::mail::{MailKind, MailMessage};
use postern::password_reset::CodeOwner;
use postern::store::operator::ChangeStage;
use postern_admin::stack::MAIL_QUEUE;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::cli::{Cli, CliOutput, PASSWORD, command, run};
use crate::cloudformation::{CloudFormation, STACK, Scene};
use crate::secrets::{reply, serve};

const QUEUE: &str = "https://sqs.us-east-1.amazonaws.com/000000000000/postern-MailQueue";
const SEND: [&str; 3] = ["user", "send-reset", "johndoe"];

/// A stand-in for SQS.
#[derive(Clone, Default)]
struct Sqs {
    sent: Arc<Mutex<Vec<Value>>>,
    refuses_with: Option<&'static str>,
}

impl Sqs {
    async fn start(&self) -> String {
        serve(Router::new().fallback(answer).with_state(self.clone())).await
    }

    /// The messages that were sent since the last call.
    fn taken(&self) -> Vec<Value> {
        std::mem::take(&mut *self.sent.lock().unwrap())
    }
}

async fn answer(State(sqs): State<Sqs>, request: Request) -> Response {
    assert_eq!(request.headers()["x-amz-target"], "AmazonSQS.SendMessage");
    let body: Value =
        serde_json::from_slice(&to_bytes(request.into_body(), usize::MAX).await.unwrap()).unwrap();
    if let Some(code) = sqs.refuses_with {
        return reply(403, &json!({"__type": format!("com.amazonaws.sqs#{code}"), "message": "no"}));
    }
    sqs.sent.lock().unwrap().push(body);
    reply(200, &json!({"MessageId": "1", "MD5OfMessageBody": ""}))
}

/// A command on the stack, whose table is that of `cli`, and whose resources are these.
async fn on_stack(
    cli: &Cli,
    sqs: &Sqs,
    resources: &[(&'static str, &'static str)],
    words: &[&str],
) -> CliOutput {
    let stack = CloudFormation::start(Scene { resources: resources.to_vec(), ..Scene::default() }).await;
    let mut command = command(words);
    command
        .args(["--stack", STACK])
        .env("AWS_ENDPOINT_URL_DYNAMODB", cli.deployment.table.endpoint())
        .env("AWS_ENDPOINT_URL_SQS", sqs.start().await)
        .env("AWS_REGION", "us-east-1");
    run(stack.with_endpoint(&mut command), "").await
}

#[tokio::test]
async fn message_to_the_mailer_names_the_user_by_id_and_nothing_else() {
    let cli = Cli::start().await;
    let sqs = Sqs::default();
    let resources = [("Table", "postern"), (MAIL_QUEUE, QUEUE)];
    for (options, contract, content) in [
        (&[][..], "account", "a link that is valid for 24 hours"),
        (&["--contract", "account"], "account", "a link"),
        (&["--contract", "session"], "session", "six digits that are valid for 15 minutes"),
    ] {
        let output = on_stack(&cli, &sqs, &resources, &[&SEND[..], options].concat()).await;
        output.prints(&[&format!("the mailer sends {content}"), "to user 1 (johndoe, johndoe@example.com)"]);
        let sent = sqs.taken();
        assert_eq!((sent.len(), &sent[0]["QueueUrl"]), (1, &json!(QUEUE)));
        let body = sent[0]["MessageBody"].as_str().unwrap();
        let message: MailMessage = serde_json::from_str(body).unwrap();
        assert_eq!((message.kind, message.owner), (MailKind::ResetCode, CodeOwner::User(1)));
        assert_eq!((message.contract.as_str(), message.id.len()), (contract, 32));
        assert!(!body.contains("johndoe"), "{body}");
    }
    let json = on_stack(&cli, &sqs, &resources, &[&SEND[..], &["--json"]].concat()).await.json();
    assert_eq!(
        json,
        json!({"id": 1, "username": "johndoe", "email": "johndoe@example.com", "contract": "account"})
    );
    let email = [&SEND[..], &["--contract", "email"]].concat();
    assert!(on_stack(&cli, &sqs, &resources, &email).await.code == 2);
}

#[tokio::test]
async fn mail_is_audited_and_leaves_the_password_and_the_sessions() {
    let cli = Cli::start().await;
    let token = cli.token().await;
    let sqs = Sqs::default();
    on_stack(&cli, &sqs, &[(MAIL_QUEUE, QUEUE)], &SEND).await.prints(&[]);
    assert_eq!(cli.deployment.sso(&token).await.status, 200);
    assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 200);
    let day = Duration::from_secs(24 * 3600);
    let events = cli.deployment.store.events(now().minus(day), now().plus(day)).await.unwrap().events;
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!(
        (event.command.as_str(), event.user_id, event.outcome),
        ("user send-reset", Some(1), ChangeStage::Done)
    );
    assert!(!format!("{event:?}").contains("johndoe"), "{event:?}");
}

#[tokio::test]
async fn user_who_would_get_no_mail_is_refused_with_what_to_do() {
    let cli = Cli::start().await;
    cli.add(&["ann"]).await.prints(&[]);
    let sqs = Sqs::default();
    for (user, why) in [
        ("ann", "has no e-mail address; `postern user change id:45 --email ADDRESS` sets one"),
        ("dormant", "is not activated; first `postern user activate id:40`"),
        ("blocked", "is disabled; first `postern user enable"),
        ("nobody", "there is no user nobody"),
    ] {
        let output = on_stack(&cli, &sqs, &[(MAIL_QUEUE, QUEUE)], &["user", "send-reset", user]).await;
        output.fails_with(if user == "nobody" { 3 } else { 4 }, why);
    }
    assert_eq!(sqs.taken(), Vec::<Value>::new());
}

#[tokio::test]
async fn deployment_without_a_queue_is_refused_with_what_to_do() {
    let cli = Cli::start().await;
    let sqs = Sqs::default();
    on_stack(&cli, &sqs, &[("Table", "postern")], &SEND)
        .await
        .fails_with(4, "the stack postern-test sends no mail: deploy it with the parameter MailFrom");
    cli.run(&SEND).await.fails_with(2, "which queue? Name the stack with --stack");
    let by_table = |command: &mut Command, endpoint: String| {
        command.args(cli.table()).env("MAIL_QUEUE_URL", QUEUE).env("AWS_ENDPOINT_URL_SQS", endpoint);
    };
    let mut named = command(&SEND);
    by_table(&mut named, sqs.start().await);
    run(&mut named, "").await.prints(&["the mailer sends a link"]);
    assert_eq!(sqs.taken()[0]["QueueUrl"], QUEUE);
}

#[tokio::test]
async fn queue_that_takes_no_message_is_named() {
    let cli = Cli::start().await;
    let resources = [(MAIL_QUEUE, QUEUE)];
    for (code, why) in [
        ("AccessDenied", format!("allow sqs:SendMessage on {QUEUE}")),
        ("QueueDoesNotExist", format!("the queue {QUEUE} takes no message: QueueDoesNotExist")),
    ] {
        let sqs = Sqs { refuses_with: Some(code), ..Sqs::default() };
        on_stack(&cli, &sqs, &resources, &SEND).await.fails_with(1, &why);
    }
    let mut unreachable = command(&SEND);
    unreachable
        .args(cli.table())
        .env("MAIL_QUEUE_URL", QUEUE)
        .env("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9");
    run(&mut unreachable, "").await.fails_with(6, "SQS cannot be reached");
}

/// The mailer takes the message, and the routes of the contract take the code.
#[tokio::test]
async fn link_of_the_operator_resets_the_password_until_another_is_set() {
    let cli = Cli::start().await;
    let deployment = &cli.deployment;
    let send = async || {
        let mut command = command(&SEND);
        for name in ["MAIL_QUEUE_URL", "AWS_ENDPOINT_URL_SQS"] {
            command.env(name, deployment.env.optional(name).unwrap());
        }
        run(command.args(cli.table()), "").await.prints(&["the mailer sends a link"]);
        let [mail] = &deployment.mail().await[..] else { panic!("not one mail") };
        assert_eq!(mail.to, "johndoe@example.com");
        let of_link = |c: char| c.is_ascii_hexdigit() || c == '-';
        let mut words = mail.text.split(|c| !of_link(c));
        words.find(|word| word.starts_with("1-") && word.len() == 66).unwrap().to_owned()
    };
    let reset = async |code: &str| {
        let body = json!({"validation_code": code, "password": "a phrase for the link"}).to_string();
        deployment.request("account", "POST", "/api/v2/account/reset/", &[], &body).await.status
    };
    let ended = send().await;
    let words = ["user", "set-password", "johndoe", "--password-stdin"];
    cli.run_with_input(&words, PASSWORD).await.prints(&["set the password"]);
    assert_eq!((reset(&ended).await, cli.sign_in("account", "johndoe", PASSWORD).await), (400, 200));
    let valid = send().await;
    assert_eq!((reset(&valid).await, cli.sign_in("account", "johndoe", PASSWORD).await), (200, 401));
    assert_eq!(cli.sign_in("account", "johndoe", "a phrase for the link").await, 200);
}

/// `cargo run` notes where its queue is.
#[tokio::test]
async fn local_uses_the_queue_of_cargo_run() {
    let cli = Cli::start().await;
    let sqs = Sqs::default();
    let folder = std::env::temp_dir().join(format!("postern-mail-{}", std::process::id()));
    let env = Environment::of([("XDG_RUNTIME_DIR", folder.to_str().unwrap())]);
    let table = EndpointFile::write(&env, LocalService::DynamoDb, &cli.deployment.table.endpoint()).unwrap();
    let local = async || {
        let mut command = command(&[&["--local"], &SEND[..]].concat());
        run(command.env("XDG_RUNTIME_DIR", &folder), "").await
    };
    local().await.fails_with(3, "there is no `cargo run` with a mailer on this machine");
    let url = format!("{}/000000000000/mail", sqs.start().await);
    let queue = EndpointFile::write(&env, LocalService::MailQueue, &url).unwrap();
    local().await.prints(&["the mailer sends a link"]);
    assert_eq!(sqs.taken()[0]["QueueUrl"], json!(url));
    drop((table, queue));
    let _ = std::fs::remove_dir_all(&folder);
}

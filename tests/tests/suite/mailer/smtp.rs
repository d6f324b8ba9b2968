//! Mail by SMTP, to a server in this process.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use postern::mail::MailKind;
use postern_tests::deployment::Deployment;
use postern_tests::logs;
use postern_tests::secrets_manager::{ARN, Answer, Secrets};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::{JOHNDOE, ask};

/// A server that takes one mail after the other: the lines of each session, as the client sent them.
struct Server {
    url: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts it. Recipients get this reply.
    async fn start(rcpt: &'static str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&lines);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                drop(session(client, &seen, rcpt).await);
            }
        });
        Self { url, lines }
    }

    fn seen(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }
}

async fn session(client: TcpStream, seen: &Mutex<Vec<String>>, rcpt: &str) -> std::io::Result<()> {
    let (read, mut write) = client.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 server\r\n").await?;
    let mut is_data = false;
    while let Some(line) = lines.next_line().await? {
        seen.lock().unwrap().push(line.clone());
        let reply = match line.split([' ', ':']).next().unwrap_or_default() {
            "." if is_data => {
                is_data = false;
                "250 taken"
            }
            _ if is_data => continue,
            "DATA" => {
                is_data = true;
                "354 go on"
            }
            "RCPT" => rcpt,
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        write.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
    Ok(())
}

async fn deployment(server: &Server) -> Deployment {
    let url = server.url.clone();
    Deployment::start_with(|env| env.with("MAIL_TRANSPORT", "smtp").with("MAIL_SMTP_URL", url)).await
}

#[tokio::test]
async fn mail_goes_to_the_server_as_text_and_html() {
    let server = Server::start("250 ok").await;
    let deployment = deployment(&server).await;
    ask(&deployment, "session", MailKind::ResetCode, &JOHNDOE);
    assert_eq!(deployment.mail().await, [], "nothing goes to SES");
    assert!(deployment.mail_services.queue.is_empty());
    let seen = server.seen();
    for line in [
        "MAIL FROM:<no-reply@example.com>",
        "RCPT TO:<johndoe@example.com>",
        "To: johndoe@example.com",
        "From: no-reply@example.com",
        "Subject: Your code for a new password",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Type: text/html; charset=utf-8",
    ] {
        assert!(seen.lines().any(|seen| seen.starts_with(line)), "{line}: {seen}");
    }
    assert!(seen.contains("Message-ID: <") && seen.contains("@example.com>"), "{seen}");
    assert!(seen.contains("multipart/alternative"), "{seen}");
}

#[tokio::test]
async fn url_of_the_server_may_be_in_a_secret() {
    let server = Server::start("250 ok").await;
    let secrets = Secrets::start(Answer::Text(server.url.clone())).await;
    let deployment = Deployment::start_with(|env| {
        let keys = env.optional("SIGNING_KEYS").unwrap().to_owned();
        let env = secrets.in_env(env).with("SIGNING_KEYS", keys).with("SIGNING_KEYS_SECRET_ARN", "");
        env.with("MAIL_TRANSPORT", "smtp").with("MAIL_SMTP_SECRET_ARN", ARN)
    })
    .await;
    ask(&deployment, "account", MailKind::PasswordChanged, &JOHNDOE);
    deployment.mail().await;
    assert!(server.seen().contains("RCPT TO:<johndoe@example.com>"), "{}", server.seen());
}

/// The text of the server's reply holds the address. The log has its code alone.
#[tokio::test]
async fn mail_that_the_server_refuses_stays_on_the_queue_and_its_address_is_not_logged() {
    let server = Server::start("550 no such user: unlogged.by.smtp@example.com").await;
    let deployment = deployment(&server).await;
    ask(&deployment, "account", MailKind::ResetCode, &JOHNDOE);
    assert_eq!(deployment.mail().await, []);
    assert!(!deployment.mail_services.queue.is_empty());
    let log = logs::so_far();
    assert!(log.contains("the SMTP server refuses the mail: 550"));
    assert!(!log.contains("unlogged.by.smtp"));
}

#[tokio::test]
async fn server_that_is_not_there_is_a_failure() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    drop(listener);
    let deployment = deployment(&Server { url, lines: Arc::default() }).await;
    ask(&deployment, "account", MailKind::ResetCode, &JOHNDOE);
    assert_eq!(deployment.mail().await, []);
    assert!(!deployment.mail_services.queue.is_empty());
    assert!(logs::so_far().contains("the SMTP server does not answer"));
}

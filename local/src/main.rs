//! `cargo run`: starts all of Postern on this machine with one command.

use std::io::IsTerminal;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware;
use clap::Parser;
use postern::App;
use postern::environment::Environment;
use postern::error::Causes;
use postern::local_endpoint::{self, EndpointFile, LocalService};
use postern::logging;
use postern::throttle::Policy;
use postern_local::audit_log::AuditLog;
use postern_local::demo::{self, LOCKED_NAMES, RECOVERY_CODES, TOTP_SECRET, USERS};
use postern_local::dynamodb::{self, StartError, Table};
use postern_local::mail::{MailServices, print};
use postern_local::page::audit_tail::AuditTail;
use postern_local::page::{Page, with_page};
use postern_local::request_log::Outcomes;
use postern_local::template::Template;
use postern_local::{functions, gateway, request_log};
use tokio::signal;
use tokio::time::{sleep, timeout};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::writer::MakeWriterExt;
use tracing_subscriber::layer::SubscriberExt;

/// Runs Postern on this machine: all five sign-in contracts on one port, over an embedded DynamoDB API, with
/// demo users and sample keys. Its address shows a page that tries each route. It is for trials and
/// development only: do not expose it to a network.
#[derive(Parser)]
#[command(version, name = "postern-local")]
struct Options {
    /// The port of the five contracts.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// The port of the DynamoDB API.
    #[arg(long, default_value_t = 8000)]
    dynamodb_port: u16,
    /// Keep the table in this file. Without it, the table is in memory and is lost at the end.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Serve the DynamoDB API on this address too, so that containers can reach it. On Linux `sam local` runs
    /// them on a bridge, whose gateway is this machine (172.17.0.1 with Docker). 0.0.0.0 stands for every
    /// address: then anyone on your network can use the table.
    #[arg(long, value_name = "IP")]
    dynamodb_address: Option<IpAddr>,
    /// Start without users, for example to import your own (`postern import`).
    #[arg(long)]
    no_demo_users: bool,
    /// Do not print a line for each request.
    #[arg(long, short)]
    quiet: bool,
    /// Send mail by this SMTP server, such as smtp://127.0.0.1:1025. Without it, mails are printed and kept in a
    /// mailbox.
    #[arg(long, value_name = "URL")]
    smtp: Option<String>,
    /// Start only the DynamoDB API with the demo users, for `sam local` and `cargo lambda watch`.
    #[arg(long)]
    table_only: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("postern: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), StartError> {
    let failed = |error: &dyn std::error::Error| StartError(Causes(error).to_string());
    let process = Environment::of_process();
    let level = logging::level(&process).map_err(|error| failed(&error))?;
    let trail = local_endpoint::audit_log(&process);
    let audit_log = trail.as_deref().map(AuditLog::create).transpose();
    let (audit_log, missing) = audit_log.map_or_else(|error| (None, Some(error)), |log| (log, None));
    let audit_tail = AuditTail::new();
    log(level, audit_log, audit_tail.clone()).map_err(|error| failed(&error))?;
    if let Some(error) = missing {
        tracing::warn!(cause = %error, "the file of audit events cannot be created for `postern --local attempts`");
    }

    let listener = match options.table_only {
        true => None,
        false => Some(dynamodb::listen(Ipv4Addr::LOCALHOST.into(), options.port, "--port").await?),
    };
    let table =
        Table::start(options.dynamodb_port, options.dynamodb_address, options.data.as_deref()).await?;
    let mail = MailServices::start().await?;
    let mut env = mail.environment(table.environment(&process));
    if let Some(url) = &options.smtp {
        env = env.with("MAIL_TRANSPORT", "smtp").with("MAIL_SMTP_URL", url);
    }
    let store = postern::store::operator::Operator::from_env(&env).map_err(|error| failed(&error))?;
    store.create_table().await.map_err(|error| failed(&error))?;
    let app = Arc::new(App::start(&env).await.map_err(|error| failed(&error))?);
    if !options.no_demo_users {
        demo::create_all(&app, &store).await.map_err(|error| failed(&error))?;
        demo::begin_sessions(&app, &store).await.map_err(|error| failed(&error))?;
    }
    let keys = functions::public_keys(&app, &env).await.map_err(|error| failed(&error))?;
    let functions = functions::all(&app, &keys, &env).map_err(|error| failed(&error))?;
    let mailer = functions::mailer(&app, &env).await.map_err(|error| failed(&error))?;
    let mailbox = options.smtp.is_none().then(|| Arc::clone(&mail.mailbox));
    if let Some(mailbox) = mailbox.clone().filter(|_| !options.quiet) {
        tokio::spawn(print(mailbox));
    }
    let deliveries = tokio::spawn(async move { mail.run(&mailer).await });

    // The command works without these files, so a failure is only logged.
    let note = |service, address: &str| {
        EndpointFile::write(&process, service, address).unwrap_or_else(|error| {
            tracing::warn!(cause = %error, ?service, "an address cannot be written for `postern --local`");
            None
        })
    };
    let endpoint_files = (
        note(LocalService::DynamoDb, &table.endpoint()),
        note(LocalService::MailQueue, env.optional("MAIL_QUEUE_URL").unwrap_or_default()),
    );
    print_overview(&table, &options);
    match listener {
        None => {
            println!("Ready: {}", table.endpoint());
            stopped().await;
        }
        Some(listener) => {
            let address = listener.local_addr().map_err(|error| failed(&error))?;
            if !options.no_demo_users {
                print_examples(&format!("http://{address}"));
            }
            println!("Page: http://{address}/ to try each route in a browser");
            match mailbox {
                Some(_) => println!(
                    "Mail: printed here, and in the mailbox: curl -s http://{address}/_local/mailbox\n"
                ),
                None => println!("Mail: sent by SMTP\n"),
            }
            println!("Ready: http://{address}");
            let template = Template::embedded().map_err(|error| failed(&error))?;
            let mut router = gateway::router(&template, &functions).map_err(|error| failed(&error))?;
            if !options.quiet {
                router = router.layer(middleware::from_fn(request_log::print));
            }
            let page = Page {
                port: address.port(),
                has_demo_users: !options.no_demo_users,
                store: store.clone(),
                throttle: Policy::from_env(&env).map_err(|error| failed(&error))?,
                mailbox,
                audit_tail: audit_tail.clone(),
            };
            // The page is outside of the log, so its own requests print no line.
            let router = with_page(router, &functions, page).map_err(|error| failed(&error))?;
            let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
            let server = axum::serve(listener, service).with_graceful_shutdown(async move {
                stopped().await;
                audit_tail.end();
            });
            tokio::select! {
                ended = server.into_future() => ended.map_err(|error| failed(&error))?,
                () = shutdown_time_is_over() => {}
            }
        }
    }
    // The app holds the connection to the table, so it is dropped before the server stops.
    deliveries.abort();
    drop((app, store, endpoint_files));
    if let Ok(ended) = timeout(SHUTDOWN_TIME, table.stop()).await {
        ended?;
    }
    println!("Stopped.");
    Ok(())
}

/// Starts to log. Standard output is for people, and the JSON lines of the functions go to standard error. On a
/// terminal, audit events are left out there, because the line of a request shows its outcome.
fn log(
    level: LevelFilter,
    audit_log: Option<AuditLog>,
    audit_tail: AuditTail,
) -> Result<(), SetGlobalDefaultError> {
    let is_terminal = std::io::stderr().is_terminal();
    let writer =
        std::io::stderr.with_filter(move |event| !is_terminal || event.target() != postern::audit::TARGET);
    // The embedded API logs a warning for every condition that refuses a write. These are normal outcomes, so
    // its warnings are left out.
    let quiet = Targets::new().with_default(LevelFilter::TRACE).with_target("dynoxide", LevelFilter::ERROR);
    let subscriber = logging::subscriber(level, writer).with(quiet).with(Outcomes);
    let subscriber = subscriber.with(audit_log).with(audit_tail);
    tracing::subscriber::set_global_default(subscriber)
}

/// How long requests in progress may take after the signal to stop.
const SHUTDOWN_TIME: Duration = Duration::from_secs(3);

/// Completes this long after the signal to stop. So a client that has sent half a request cannot prevent the
/// end.
async fn shutdown_time_is_over() {
    stopped().await;
    sleep(SHUTDOWN_TIME).await;
}

/// Waits for the signal to stop: Ctrl-C, or SIGTERM.
async fn stopped() {
    let interrupted = async {
        if signal::ctrl_c().await.is_err() {
            // Without a handler the signal itself ends the process.
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminated = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut signals) => drop(signals.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! { () = interrupted => {} () = terminated => {} }
}

fn print_overview(table: &Table, options: &Options) {
    let kept = match &options.data {
        None => "in memory: lost at the end".to_owned(),
        Some(path) => format!("kept in {}", path.display()),
    };
    let seen = match options.dynamodb_address {
        None => "on this machine only".to_owned(),
        Some(address) => format!("with the table open to everyone who can reach {address}"),
    };
    let users = if options.no_demo_users { "no demo users" } else { "demo users" };
    println!("Postern, {seen}: {users}, sample keys.\n");
    println!("DynamoDB API: {}, table {}, {kept}\n", table.endpoint(), dynamodb::NAME);
    if options.no_demo_users {
        return;
    }
    println!("{:>3}  {:<9} {:<21} {:<29} state", "id", "username", "e-mail", "password");
    for user in &USERS {
        println!(
            "{:>3}  {:<9} {:<21} {:<29} {}",
            user.id, user.username, user.email, user.password, user.state
        );
    }
    println!("\nMFA of guarded: TOTP secret {TOTP_SECRET}; recovery codes {}", RECOVERY_CODES.join(" "));
    let failures = Policy::DEFAULT.lock_after;
    println!("Locked, as after {failures} failures: {}\n", LOCKED_NAMES.join(" "));
}

fn print_examples(url: &str) {
    let johndoe = r#"{"username":"johndoe","password":"SecurePass123!"}"#;
    let account = format!("curl -s {url}/api/v2/account/signin/ -d '{johndoe}'");
    println!("account  {account}");
    println!(
        "sso      curl -s -X POST {url}/api/v2/sso/signin/ -H \"Authorization: Bearer $({account} | \
         sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')\""
    );
    println!(
        "session  curl -s {url}/api/auth/signin -d \
         '{{\"username\":\"st.huber\",\"password\":\"Password1234!\",\"stay_logged_in\":true}}'"
    );
    println!(
        "mfa      curl -s {url}/signin -d '{{\"username\":\"jimmy\",\"password\":\"correct horse battery staple\"}}'"
    );
    println!(
        "email    curl -s {url}/api/sign-in/ -d \
         '{{\"email\":\"johndoe@example.com\",\"password\":\"SecurePass123!\"}}'"
    );
    println!("jwks     curl -s {url}/.well-known/jwks.json\n");
}

//! `postern doctor --url` on healthy and faulty APIs.

mod connection;
mod cors;
mod key_set;
mod replies;
mod routes;

use postern_local::demo;
use serde_json::Value;

use crate::cli::{Cli, CliOutput, command, run};
use crate::doctor::fails;
use crate::gateway;

/// Runs `doctor` on the deployment, with this API.
async fn doctor(cli: &Cli, url: &str, more: &[&str]) -> CliOutput {
    cli.run(&[&["doctor", "--json", "--url", url], more].concat()).await
}

/// The messages of a check, with its levels.
fn lines(output: &CliOutput, check: &str) -> Vec<(String, String)> {
    let checks: Vec<Value> = serde_json::from_str(&output.out).unwrap();
    let of_check = checks.iter().filter(|line| line["check"] == check);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    of_check.map(|line| (text(&line["level"]), text(&line["message"]))).collect()
}

/// How many items the table has.
async fn items(cli: &Cli) -> i32 {
    use postern_admin::{connect::connect, target::Target};
    let target = Target {
        table: Some("postern".to_owned()),
        endpoint_url: Some(cli.deployment.table.endpoint()),
        ..Target::default()
    };
    let connection = connect(&target).await.unwrap();
    connection.dynamodb.scan().table_name("postern").send().await.unwrap().count
}

#[tokio::test]
async fn healthy_api_is_ok_on_every_line() {
    let cli = Cli::start().await;
    let url = gateway::start(&cli.deployment).await;
    let output = cli.run(&["doctor", "--url", &url, "--user", "johndoe"]).await;
    output.prints(&[
        &format!("ok   connection    {url} answers on this machine, without TLS\n"),
        "ok   routes        account: 5 routes, with and without a slash\n",
        "ok   routes        sso: 1 route, with and without a slash\n",
        "ok   routes        session: 9 routes, with and without a slash\n",
        "ok   routes        mfa: 4 routes, with and without a slash\n",
        "ok   routes        email: 7 routes, with and without a slash\n",
        "ok   routes        jwks: 2 routes, with and without a slash\n",
        "ok   CORS          web pages of https://example.com may call every route\n",
        "ok   API clock     this machine is ",
        "ok   key set       empty, because every key is HS256 and has no public half\n",
        "ok   key set age   caches keep it for 300 s at most\n",
        "ok   same replies  account, session, mfa: an unknown user is answered like a wrong password\n",
        "ok   same replies  email tells that a user is unknown, as its documentation says",
    ]);
    assert!(output.out.lines().all(|line| line.starts_with("ok   ")), "{}", output.out);
}

/// Only the option `--user` causes failures.
#[tokio::test]
async fn checks_without_a_user_write_nothing_to_the_table() {
    let cli = Cli::start().await;
    let url = gateway::start(&cli.deployment).await;
    let before = items(&cli).await;
    let output = doctor(&cli, &url, &[]).await;
    assert_eq!(output.code, 0, "{output:?}");
    let [(level, message)] = &lines(&output, "same replies")[..] else { panic!("{output:?}") };
    assert!(level == "warn" && message.contains("were not compared; name a user"), "{message}");
    assert_eq!(items(&cli).await, before);
    // The counters of two random names, and of the address. Those of the user's names are in the user's item.
    doctor(&cli, &url, &["--user", "johndoe"]).await;
    assert_eq!(items(&cli).await, before + 3);
}

#[tokio::test]
async fn url_may_have_a_base_path() {
    let cli = Cli::start().await;
    let router = axum::Router::new().nest_service("/sign/in", gateway::router(&cli.deployment));
    let url = gateway::serve(router).await;
    let output = doctor(&cli, &format!("{url}/sign/in/"), &["--user", demo::USERS[0].username]).await;
    assert_eq!(output.code, 0, "{output:?}");
    let routes = lines(&doctor(&cli, &format!("{url}/other"), &[]).await, "routes");
    let wrong =
        |(level, message): &(String, String)| level == "fail" && message.contains("with its base path");
    assert!(routes.len() >= 6 && routes.iter().all(wrong), "{routes:?}");
}

#[tokio::test]
async fn api_is_checked_without_a_table_too() {
    let cli = Cli::start().await;
    let url = gateway::start(&cli.deployment).await;
    let output = run(&mut command(&["doctor", "--json", "--url", &url]), "").await;
    fails(&output, &[("settings", "which table?")]);
    assert_eq!(lines(&output, "routes").len(), 6, "{output:?}");
}

#[tokio::test]
async fn malformed_url_is_refused() {
    let cli = Cli::start().await;
    for (url, why) in [
        ("api.example.com", "must begin with http:// or https://"),
        ("ftp://api.example.com", "must begin with http:// or https://"),
        ("https://ann@api.example.com", "without a user"),
        ("https://api.example.com/?a=b", "without a user, `?` or `#`"),
    ] {
        fails(&doctor(&cli, url, &[]).await, &[("connection", why)]);
    }
    fails(&cli.run(&["doctor", "--json", "--url"]).await, &[("connection", "which URL?")]);
    // They say nothing without a URL.
    for option in [&["--user", "johndoe"], &["--origin", "https://a.example"]] {
        assert_eq!(cli.run(&[&["doctor"][..], option].concat()).await.code, 2);
    }
}

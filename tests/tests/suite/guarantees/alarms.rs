//! The functions write what the template's alarms and its dashboard count. A misspelt name in the template fails here:
//! otherwise its alarm would never be raised.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postern::audit::Outcome;
use postern::token::{PublicKeys, SAMPLE_KEYS};
use postern_tests::binary;
use postern_tests::deployment::{Deployment, PASSWORD_CONTRACTS, event, name_at};
use postern_tests::logs;
use postern_tests::secrets_manager::{Answer, Secrets};
use postern_tests::template::Template;
use serde_json::Value;

use crate::support::tokens::{REFRESHABLE, refresh, refreshed, sign_in};

/// A metric filter of the template: its pattern counts lines of a function.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Filter {
    function: String,
    pattern: String,
}

/// A metric: its name, and its dimensions.
type Metric = (String, Vec<String>);

/// The patterns of `LogLines`, by their names.
pub(super) fn patterns(template: &Template) -> Vec<(&str, &str)> {
    let patterns = template.0["Mappings"]["LogLines"].as_object().unwrap().iter();
    patterns
        .map(|(name, of)| {
            let pattern = of["Pattern"].as_str().unwrap().strip_prefix("{ ").unwrap();
            (name.as_str(), pattern.strip_suffix(" }").unwrap())
        })
        .collect()
}

/// The metric filters of the template, and what each makes of a line.
fn filters(template: &Template) -> BTreeMap<Filter, Vec<Value>> {
    let mut filters: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (_, filter) in template.resources("AWS::Logs::MetricFilter") {
        let properties = &filter["Properties"];
        let group = properties["LogGroupName"].as_str().unwrap();
        let function = group.strip_suffix("Logs").unwrap().to_lowercase();
        let pattern = properties["FilterPattern"][1].as_str().unwrap().to_owned();
        let [transformation] = properties["MetricTransformations"].as_array().unwrap().as_slice() else {
            panic!("{group}: CloudWatch takes one")
        };
        filters.entry(Filter { function, pattern }).or_default().push(transformation.clone());
    }
    filters
}

/// Whether a line is counted. A pattern is made of `$.field = "text"`, `$.field = *` and `$.field IS TRUE`,
/// `&&` and `||`.
pub(super) fn counts(pattern: &str, line: &Value) -> bool {
    let holds = |term: &str| {
        let term = term.trim().trim_start_matches("($.").trim_start_matches("$.").trim_end_matches(')');
        if let Some(field) = term.strip_suffix(" IS TRUE") {
            return line[field] == true;
        }
        let (field, text) = term.split_once(" = ").unwrap();
        if text == "*" { !line[field].is_null() } else { line[field] == *text.trim_matches('"') }
    };
    pattern.split("||").any(|all| all.split("&&").all(holds))
}

fn lines() -> Vec<Value> {
    logs::so_far().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A deployment at which everything happened that an alarm or the dashboard counts.
async fn eventful() {
    let secrets = Secrets::start(Answer::Text(SAMPLE_KEYS.to_owned())).await;
    let deployment = Deployment::start_with(|env| {
        secrets.in_env(env).with("THROTTLE_LOCK_AFTER", "2").with("THROTTLE_ADDRESS_LIMIT", "1000000")
    })
    .await;
    for contract in PASSWORD_CONTRACTS {
        for password in ["SecurePass123!", "wrong"] {
            deployment.password(contract, &name_at(contract, "johndoe"), password).await;
        }
        for _ in 0..3 {
            deployment.password(contract, &format!("nobody.{contract}@example.com"), "wrong").await;
        }
    }
    deployment.store.unlock_known_addresses(1, deployment.now()).await.unwrap();
    let right = deployment.right_sign_in("sso").await;
    assert_eq!(deployment.invoke("sso", right).await.status, 200);
    // Of these two contracts, only a token that is refused is an event of a session here.
    deployment.invoke("mfa", event("GET", "/whoami/jwt", &[], None)).await;
    let resume = event("POST", "/api/auth/IamLoggedIn", &[], Some(r#"{"session_token":"x"}"#));
    deployment.invoke("session", resume).await;
    for (contract, path, body) in [
        ("session", "/api/auth/forgotPassword/sendEmail", r#"{"username":"st.huber"}"#),
        ("account", "/api/v2/account/recover", r#"{"email":"johndoe@example.com"}"#),
    ] {
        deployment.invoke(contract, event("POST", path, &[], Some(body))).await;
    }
    for contract in REFRESHABLE {
        let first = sign_in(&deployment, contract).await;
        let next = refreshed(&deployment, contract, &first.refresh).await;
        refreshed(&deployment, contract, &next.refresh).await;
        deployment.advance(Duration::from_secs(60));
        assert_ne!(refresh(&deployment, contract, &first.refresh).await.status, 200, "{contract}");
    }
    // Not a cause that another test counts, since the log is shared.
    secrets.answer(Answer::Error(400, "DecryptionFailure"));
    deployment.advance(Duration::from_secs(5 * 60));
    deployment.password("account", "johndoe", "wrong").await;
    let public = Secrets::start_public(Answer::Text(r#"{"keys":[]}"#.to_owned())).await;
    let started = deployment.now();
    let keys = PublicKeys::start(&public.in_env(binary::of_key_set()), started).await.unwrap();
    public.answer(Answer::Text(r#"{"keys":[],"password_peppers":{}}"#.to_owned()));
    keys.reload_if_old(started.plus(Duration::from_secs(5 * 60))).await;
}

#[tokio::test]
async fn every_log_line_of_a_metric_is_written_and_counted_at_each_contract() {
    eventful().await;
    let template = Template::read();
    let (lines, filters) = (lines(), filters(&template));
    let is_counted = |function: &str, pattern: &str| {
        filters.contains_key(&Filter { function: function.to_owned(), pattern: pattern.to_owned() })
    };
    for (name, pattern) in patterns(&template) {
        if name == "ApiThrottled" {
            // API Gateway writes this line, and no function does.
            assert!(is_counted("api", name));
            assert!(!lines.iter().any(|line| counts(pattern, line)), "{pattern}");
            continue;
        }
        let counted: Vec<_> = lines.iter().filter(|line| counts(pattern, line)).collect();
        assert!(!counted.is_empty(), "no line is counted as {name}: {pattern}");
        if name == "KeysUnread" {
            let messages: BTreeSet<_> = counted.iter().map(|line| line["message"].as_str()).collect();
            assert_eq!(messages.len(), 2, "the signing keys, and the public ones: {messages:?}");
            // Every function reads keys, and this line does not say which one wrote it.
            for function in
                ["ssosignin", "accountsignin", "sessionsignin", "mfasignin", "emailsignin", "jwks", "mailer"]
            {
                assert!(is_counted(function, name), "{function} {name}");
            }
            continue;
        }
        let contracts: BTreeSet<_> = counted.iter().map(|line| line["contract"].as_str().unwrap()).collect();
        // The alarm of sign-ins that stop is for passwords. An access token is verified at sso all the time.
        let sso = (name != "SignedIn").then_some("sso");
        for contract in PASSWORD_CONTRACTS.into_iter().chain(sso) {
            let is_written = contracts.contains(contract);
            assert_eq!(is_counted(&format!("{contract}signin"), name), is_written, "{contract} {name}");
        }
    }
}

#[test]
fn only_api_gateways_own_429_is_counted_as_throttled_by_the_api() {
    let template = Template::read();
    let (_, pattern) = *patterns(&template).iter().find(|(name, _)| *name == "ApiThrottled").unwrap();
    for (status, function_status, is_counted) in [
        ("429", None, true),
        // A function's own answer.
        ("429", Some("200"), false),
        // Lambda throttles, and API Gateway answers 503.
        ("503", Some("429"), false),
        // No route matches.
        ("404", None, false),
        ("200", Some("200"), false),
    ] {
        let line = template.access_line(|variable| match variable {
            "status" => Some(status),
            "integrationStatus" => function_status,
            _ => None,
        });
        assert_eq!(counts(pattern, &serde_json::from_str(&line).unwrap()), is_counted, "{line}");
    }
}

/// Each line that a filter counts has the text of each dimension and the number of the value. Without them,
/// CloudWatch makes no metric of the line.
#[tokio::test]
async fn every_metric_of_the_dashboard_is_made_of_lines_that_are_written() {
    eventful().await;
    let (template, lines) = (Template::read(), lines());
    let mut made: BTreeSet<Metric> = BTreeSet::new();
    for (filter, transformations) in filters(&template) {
        let (_, pattern) = *patterns(&template).iter().find(|(name, _)| *name == filter.pattern).unwrap();
        for metric in transformations.iter().filter(|metric| metric["MetricNamespace"] == "Postern") {
            let of = |contract: &Value| format!("{}signin", contract.as_str().unwrap_or_default());
            let counted =
                lines.iter().filter(|line| counts(pattern, line) && of(&line["contract"]) == filter.function);
            let dimensions = metric["Dimensions"].as_array().unwrap();
            for line in counted {
                for dimension in dimensions {
                    let field = dimension["Value"].as_str().unwrap().strip_prefix("$.").unwrap();
                    assert!(line[field].is_string() && dimension["Key"] == field, "{dimension} in {line}");
                }
                if let Some(field) = metric["MetricValue"].as_str().unwrap().strip_prefix("$.") {
                    assert!(line[field].is_number() && metric["MetricName"] == field, "{metric} in {line}");
                }
            }
            let names = dimensions.iter().map(|dimension| dimension["Key"].as_str().unwrap().to_owned());
            made.insert((metric["MetricName"].as_str().unwrap().to_owned(), names.collect()));
        }
    }
    let body = template.0["Resources"]["Overview"]["Properties"]["DashboardBody"][0].as_str().unwrap();
    let mut shown: BTreeSet<Metric> = BTreeSet::new();
    for search in body.split("SEARCH('{Postern,").skip(1) {
        let (dimensions, rest) = search.split_once("} MetricName=\\\"").unwrap();
        let (metric, rest) = rest.split_once("\\\"").unwrap();
        shown.insert((metric.to_owned(), dimensions.split(',').map(str::to_owned).collect()));
        let condition = rest.split_once("',").unwrap().0;
        if let Some((_, outcome)) = condition.split_once("outcome=\\\"") {
            let outcome = outcome.trim_end_matches("\\\"");
            assert!(Outcome::ALL.iter().any(|known| known.as_str() == outcome), "{outcome}");
        }
    }
    assert_eq!(shown, made, "what the dashboard shows, and what is made of log lines");
}

//! The functions write what the template's alarms and its dashboard count. A misspelt name in the template fails here:
//! otherwise its alarm would never be raised.

use std::collections::BTreeSet;
use std::time::Duration;

use postern::audit::Outcome;
use postern::token::SAMPLE_KEYS;
use postern_tests::binary;
use postern_tests::deployment::{Deployment, PASSWORD_CONTRACTS, name_at};
use postern_tests::logs;
use postern_tests::secrets_manager::{Answer, Secrets};
use serde_json::{Value, json};

use crate::support::tokens::{REFRESHABLE, refresh, refreshed, sign_in};

/// A metric filter of the template: its pattern counts lines of a function.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Filter {
    function: String,
    pattern: String,
}

fn template() -> String {
    std::fs::read_to_string(binary::in_workspace("template.yaml")).unwrap()
}

/// The patterns of `LogLines`, by their names.
fn patterns(template: &str) -> Vec<(&str, &str)> {
    let (_, lines) = template.split_once("\n  LogLines:\n").unwrap();
    let lines = lines.lines().take_while(|line| line.starts_with("    "));
    lines
        .filter(|line| !line.trim_start().starts_with('#'))
        .map(|line| {
            let (name, pattern) = line.trim().split_once(": { Pattern: '{ ").unwrap();
            (name, pattern.strip_suffix(" }' }").unwrap())
        })
        .collect()
}

/// The metric filters of the template.
fn filters(template: &str) -> BTreeSet<Filter> {
    let stanzas = template.split("\n    Type: AWS::Logs::MetricFilter\n").skip(1);
    let after = |stanza: &str, start: &str, end: char| {
        let (_, rest) = stanza.split_once(start).unwrap();
        rest.split_once(end).unwrap().0.to_owned()
    };
    stanzas
        .map(|stanza| Filter {
            function: after(stanza, "LogGroupName: !Ref ", '\n').strip_suffix("Logs").unwrap().to_lowercase(),
            pattern: after(stanza, "FilterPattern: !FindInMap [LogLines, ", ','),
        })
        .collect()
}

/// A line of the API's access log, in the template's format. API Gateway writes `-` for a variable without a value.
fn access_line(template: &str, values: &[(&str, &str)]) -> Value {
    let (_, format) = template.split_once("\n        Format: >-\n").unwrap();
    let format: String =
        format.lines().take_while(|line| line.starts_with("          ")).map(str::trim).collect();
    let mut parts = format.split("$context.");
    let mut line = parts.next().unwrap().to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('"').unwrap();
        let value = values.iter().find(|(name, _)| *name == variable).map_or("-", |(_, value)| value);
        line.extend([value, "\"", rest]);
    }
    serde_json::from_str(&line).unwrap()
}

/// Whether a line is counted. A pattern is made of `$.field = "text"` and `$.field IS TRUE`, `&&` and `||`.
fn counts(pattern: &str, line: &Value) -> bool {
    let holds = |term: &str| {
        let term = term.trim().trim_start_matches("($.").trim_start_matches("$.").trim_end_matches(')');
        if let Some(field) = term.strip_suffix(" IS TRUE") {
            return line[field] == true;
        }
        let (field, text) = term.split_once(" = ").unwrap();
        line[field] == *text.trim_matches('"')
    };
    pattern.split("||").any(|all| all.split("&&").all(holds))
}

fn lines() -> Vec<Value> {
    logs::so_far().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A deployment at which everything happened that an alarm counts.
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
}

#[tokio::test]
async fn every_log_line_that_an_alarm_counts_is_written_and_counted_at_each_contract() {
    eventful().await;
    let template = template();
    let (lines, filters) = (lines(), filters(&template));
    let is_counted = |function: &str, pattern: &str| {
        filters.contains(&Filter { function: function.to_owned(), pattern: pattern.to_owned() })
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
            // Every function reads the keys, and this line does not say which one wrote it.
            for function in
                ["ssosignin", "accountsignin", "sessionsignin", "mfasignin", "emailsignin", "jwks"]
            {
                assert!(is_counted(function, name), "{function} {name}");
            }
            continue;
        }
        let contracts: BTreeSet<_> = counted.iter().map(|line| line["contract"].as_str().unwrap()).collect();
        for contract in PASSWORD_CONTRACTS {
            let is_written = contracts.contains(contract);
            assert_eq!(is_counted(&format!("{contract}signin"), name), is_written, "{contract} {name}");
        }
    }
}

#[test]
fn only_api_gateways_own_429_is_counted_as_throttled_by_the_api() {
    let template = template();
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
        let mut values = vec![("status", status)];
        values.extend(function_status.map(|status| ("integrationStatus", status)));
        let line = access_line(&template, &values);
        assert_eq!(counts(pattern, &line), is_counted, "{line}");
    }
}

#[tokio::test]
async fn every_metric_of_the_dashboard_is_written() {
    eventful().await;
    let mut written = BTreeSet::new();
    for line in lines() {
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten() {
            assert_eq!(directive["Namespace"], json!("Postern"));
            let dimensions: Vec<_> = directive["Dimensions"][0].as_array().unwrap().iter().collect();
            let dimensions: Vec<_> = dimensions.iter().map(|name| name.as_str().unwrap()).collect();
            for metric in directive["Metrics"].as_array().unwrap() {
                written.insert((dimensions.join(","), metric["Name"].as_str().unwrap().to_owned()));
            }
        }
    }
    let template = template();
    let mut shown = BTreeSet::new();
    for search in template.split("SEARCH('{Postern,").skip(1) {
        let (dimensions, rest) = search.split_once("} MetricName=\\\"").unwrap();
        let (metric, rest) = rest.split_once("\\\"").unwrap();
        shown.insert((dimensions.to_owned(), metric.to_owned()));
        let condition = rest.split_once("',").unwrap().0;
        if let Some((_, outcome)) = condition.split_once("outcome=\\\"") {
            let outcome = outcome.trim_end_matches("\\\"");
            assert!(Outcome::ALL.iter().any(|known| known.as_str() == outcome), "{outcome}");
        }
    }
    assert_eq!(shown, written, "what the dashboard shows, and what the functions write");
}

//! Routes that are missing, and functions that do not answer.

use postern_admin::api::{CONTRACTS, PASSWORD_CONTRACTS, ROUTES, SSO_SIGN_IN};
use postern_tests::contracts;

use super::{doctor, lines};
use crate::cli::Cli;
use crate::doctor::fails;
use crate::gateway::{own_reply, start_with_fault};

#[tokio::test]
async fn routes_are_those_of_all_functions() {
    let cli = Cli::start().await;
    let functions = cli.deployment.functions();
    let of_functions = functions.iter().flat_map(|function| {
        function.routes.iter().map(|(method, path)| (function.name, method.as_str(), *path))
    });
    let known = ROUTES.iter().map(|route| (route.function, route.method, route.path));
    assert_eq!(known.collect::<Vec<_>>(), of_functions.collect::<Vec<_>>());
}

#[tokio::test]
async fn contracts_are_those_of_the_functions() {
    let cli = Cli::start().await;
    assert_eq!(CONTRACTS, postern_local::functions::CONTRACTS);
    let of_suite = contracts::WITH_PASSWORD.iter().map(|contract| {
        let path = cli.deployment.function(contract.name).path;
        (contract.name, path, contract.name_member, contract.tokens[0].place)
    });
    let known = PASSWORD_CONTRACTS
        .iter()
        .map(|contract| (contract.name, contract.sign_in, contract.member, contract.access));
    assert_eq!(known.collect::<Vec<_>>(), of_suite.collect::<Vec<_>>());
    assert_eq!(contracts::WITHOUT_PASSWORD.map(|name| cli.deployment.function(name).path), [SSO_SIGN_IN]);
}

#[tokio::test]
async fn missing_route_is_named_in_its_form() {
    let cli = Cli::start().await;
    let url = start_with_fault(&cli.deployment, |seen, reply| match seen.path.as_str() {
        "/oauth/token/" | "/whoami/jwt" if seen.method != "OPTIONS" => own_reply(404, "Not Found"),
        _ => reply,
    })
    .await;
    let output = doctor(&cli, &url, &[]).await;
    fails(
        &output,
        &[
            (
                "routes",
                "account: POST /oauth/token/: 404 {\"message\":\"Not Found\"} and not 400: there is no such route",
            ),
            ("routes", "mfa: GET /whoami/jwt: 404"),
            ("routes", "mfa: HEAD /whoami/jwt: 404 and not 401: there is no such route"),
        ],
    );
    // The other functions are ok.
    assert_eq!(lines(&output, "routes").len(), 7, "{output:?}");
}

#[tokio::test]
async fn function_that_does_not_answer_is_explained() {
    let cli = Cli::start().await;
    for (status, message, of_function, why) in [
        (500, "Internal Server Error", false, "the function did not start, or crashed"),
        (503, "Service Unavailable", true, "look for lines of the level ERROR"),
        (403, "Forbidden", false, "something in front of the API refuses"),
        (404, "Not Found", true, "the function answers, but sees another path"),
        (429, "Too Many Requests", false, "raise ApiRateLimit"),
        (301, "", false, "a redirect"),
        (400, "", false, "does another program"),
    ] {
        let url = start_with_fault(&cli.deployment, move |seen, reply| {
            if seen.path.trim_end_matches('/') != "/signin" || seen.method == "OPTIONS" {
                return reply;
            }
            let mut reply = own_reply(status, message);
            if of_function {
                reply.headers_mut().insert("x-request-id", "a".parse().unwrap());
            }
            reply
        })
        .await;
        let output = doctor(&cli, &url, &[]).await;
        fails(&output, &[("routes", why)]);
        assert!(
            output.out.contains("mfa: POST /signin, POST /signin/: "),
            "one line for one fault: {output:?}"
        );
    }
}

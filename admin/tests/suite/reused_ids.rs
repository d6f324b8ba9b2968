//! Tokens of a deleted user, after another user got the id.

use std::time::Duration;

use postern_tests::contracts::jwt_profile;
use serde_json::json;

use crate::cli::Cli;

#[tokio::test]
async fn token_of_a_deleted_user_stays_invalid_when_the_id_is_assigned_again() {
    let cli = Cli::start().await;
    let token = cli.token().await;
    assert_eq!(cli.deployment.sso(&token).await.status, 200);
    cli.run(&["user", "delete", "johndoe", "--yes"]).await.prints(&["deleted user 1"]);
    assert_eq!(cli.deployment.sso(&token).await.status, 401);
    cli.add(&["other", "--id", "1"]).await.prints(&["created user 1 (other)"]);
    assert_eq!(cli.deployment.sso(&token).await.status, 401);
}

/// Another backend that has the key signs tokens without an epoch.
#[tokio::test]
async fn older_token_of_another_backend_stays_invalid_when_the_id_is_assigned_again() {
    let cli = Cli::start().await;
    let token = |iat: u64| {
        let claims = json!({"token_type": "access", "iat": iat, "exp": iat + 3600, "jti": "x", "user_id": 1});
        cli.deployment.app.keys().sign(&jwt_profile("account"), &claims).unwrap()
    };
    let now = cli.deployment.now().secs();
    let older = token(now - 60);
    assert_eq!(cli.deployment.sso(&older).await.status, 200);
    for row in [r#"{"id":1,"username":"eve"}"#, r#"{"id":1,"username":"eve","epoch":7}"#] {
        cli.run(&["user", "delete", "id:1", "--yes"]).await.prints(&["deleted user 1"]);
        assert_eq!(cli.deployment.sso(&older).await.status, 401);
        assert_eq!(cli.run_with_input(&["import", "jsonl", "-"], row).await.code, 0);
        // A row that names the epoch brings a user back with the tokens.
        let expected = if row.contains("epoch") { 200 } else { 401 };
        assert_eq!(cli.deployment.sso(&older).await.status, expected, "{row}");
    }
    cli.run(&["user", "delete", "id:1", "--yes"]).await.prints(&["deleted user 1"]);
    cli.add(&["other", "--id", "1"]).await.prints(&["created user 1 (other)"]);
    assert_eq!(cli.deployment.sso(&older).await.status, 401);
    cli.run(&["user", "delete", "id:1", "--yes"]).await.prints(&["deleted user 1"]);
    cli.run_with_input(&["import", "jsonl", "-"], r#"{"id":1,"username":"eve"}"#).await;
    // Ahead of the clock of the command, so that the test does not depend on how long the command takes.
    cli.deployment.advance(Duration::from_secs(600));
    let later = token(cli.deployment.now().secs());
    assert_eq!(cli.deployment.sso(&later).await.status, 200);
}

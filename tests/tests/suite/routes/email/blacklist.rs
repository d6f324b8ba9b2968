//! `POST /api/token/blacklist/`.

use postern::session::GRACE;
use postern_tests::deployment::Deployment;
use serde_json::json;

use crate::support::tokens::{assert_refused, end, refresh, refreshed, sessions, sign_in};
use crate::support::words::assert_reply;

#[tokio::test]
async fn blacklist_of_any_token_of_the_family_ends_the_session_once() {
    let deployment = Deployment::start().await;
    for which in 0..3 {
        let elsewhere = sign_in(&deployment, "email").await;
        let first = sign_in(&deployment, "email").await;
        let second = refreshed(&deployment, "email", &first.refresh).await;
        deployment.advance(GRACE);
        let third = refreshed(&deployment, "email", &second.refresh).await;
        let presented = [&third, &second, &first][which];
        let reply = end(&deployment, "email", &presented.refresh).await;
        assert_reply(&reply, 200, "{}", json!({}), &format!("token {which}"));
        for tokens in [presented, &third, &second, &first] {
            let of = format!("token {which}");
            assert_refused("email", &end(&deployment, "email", &tokens.refresh).await, &of);
            assert_refused("email", &refresh(&deployment, "email", &tokens.refresh).await, &of);
        }
        refreshed(&deployment, "email", &elsewhere.refresh).await;
        assert_eq!(sessions(&deployment, "email").await.len(), which + 1, "another session stays");
    }
}

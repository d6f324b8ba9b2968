//! Tabs and thieves over HTTP: tabs that share a session never lose it, and a thief does not keep it.

use std::sync::Arc;
use std::time::Duration;

use postern::session::GRACE;
use postern_tests::deployment::Deployment;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::tokens::{
    Gateway, REFRESHABLE, Tokens, assert_refused, end, present, refreshed, sessions, sign_in,
};

const TABS: usize = 50;

/// Every tab refreshes with this token, all at once. Returns what each got.
async fn all_at_once(gateway: &Arc<Gateway>, contract: &'static str, token: &str) -> Vec<Tokens> {
    let ready = Arc::new(Barrier::new(TABS));
    let mut tabs = JoinSet::new();
    for _ in 0..TABS {
        let (gateway, ready, token) = (Arc::clone(gateway), Arc::clone(&ready), token.to_owned());
        tabs.spawn(async move {
            let mut client = gateway.connect().await;
            ready.wait().await;
            let tokens = Tokens::of(contract, &client.refresh(contract, &token).await);
            assert_eq!(client.present(contract, &tokens.access).await.status, 200, "{contract}");
            tokens
        });
    }
    tabs.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_tabs_that_refresh_at_once_get_the_same_successor() {
    let deployment = Deployment::start().await;
    let gateway = Arc::new(Gateway::open(&deployment).await);
    for contract in REFRESHABLE {
        let mut token = sign_in(&deployment, contract).await;
        for round in 0..2 {
            let given = all_at_once(&gateway, contract, &token.refresh).await;
            let next = given[0].secret(contract);
            assert_ne!(next, token.secret(contract), "{contract}, round {round}: the token did not rotate");
            for tokens in &given {
                assert_eq!(tokens.secret(contract), next, "{contract}, round {round}");
            }
            // A token this young is not rotated.
            for tokens in all_at_once(&gateway, contract, &given[1].refresh).await {
                assert_eq!(tokens.secret(contract), next, "{contract}, round {round}");
            }
            assert_eq!(sessions(&deployment, contract).await.len(), 1, "{contract}, round {round}");
            deployment.advance(GRACE);
            let mut client = gateway.connect().await;
            let mut secrets = Vec::new();
            for tokens in &given {
                token = Tokens::of(contract, &client.refresh(contract, &tokens.refresh).await);
                secrets.push(token.secret(contract));
            }
            secrets.dedup();
            assert!(secrets.len() == 1 && secrets[0] != next, "{contract}, round {round}: every tab goes on");
            deployment.advance(GRACE);
        }
        assert_eq!(sessions(&deployment, contract).await.len(), 1, "{contract}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tabs_seconds_apart_keep_the_session_for_twenty_rounds() {
    let deployment = Deployment::start().await;
    let gateway = Gateway::open(&deployment).await;
    for contract in REFRESHABLE {
        for period in [35, 240] {
            let began = deployment.now();
            let first = sign_in(&deployment, contract).await;
            let mut tabs = Vec::new();
            for after in [0, 3, 7, 13, 21] {
                tabs.push((after, gateway.connect().await, first.clone()));
            }
            for round in 0..20 {
                for (after, client, tokens) in &mut tabs {
                    deployment.set_time(began.plus(Duration::from_secs(round * period + *after)));
                    let reply = client.refresh(contract, &tokens.refresh).await;
                    *tokens = Tokens::of(contract, &reply);
                    let shown = client.present(contract, &tokens.access).await;
                    assert_eq!(shown.status, 200, "{contract}, every {period} s, round {round}, {after} s");
                }
                let secrets: Vec<String> =
                    tabs.iter().map(|(_, _, tokens)| tokens.secret(contract)).collect();
                assert!(secrets.iter().all(|secret| *secret == secrets[0]), "{contract}, round {round}");
            }
            assert_eq!(sessions(&deployment, contract).await.len(), 1, "{contract}");
            let last = &tabs[0].2;
            assert_eq!(end(&deployment, contract, &last.refresh).await.status, 200, "{contract}");
        }
    }
}

/// The second presentation of a rotated token shows that two clients hold it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn old_token_presented_by_a_thief_ends_the_session_for_both() {
    let deployment = Deployment::start().await;
    let gateway = Gateway::open(&deployment).await;
    for contract in REFRESHABLE {
        for rotations in [2, 4] {
            let stolen = sign_in(&deployment, contract).await;
            let elsewhere = sign_in(&deployment, contract).await;
            // Either of them may be the thief.
            let (mut first, mut second) = (gateway.connect().await, gateway.connect().await);
            let mut kept = stolen.clone();
            for _ in 0..rotations {
                kept = Tokens::of(contract, &first.refresh(contract, &kept.refresh).await);
                deployment.advance(GRACE);
            }
            let of = format!("{contract}, rotated {rotations} times");
            for _ in 0..2 {
                assert_refused(contract, &second.refresh(contract, &stolen.refresh).await, &of);
                assert_refused(contract, &first.refresh(contract, &kept.refresh).await, &of);
            }
            if contract == "account" {
                for tokens in [&stolen, &kept] {
                    assert_eq!(present(&deployment, contract, &tokens.access).await.status, 401, "{of}");
                }
            }
            refreshed(&deployment, contract, &elsewhere.refresh).await;
            assert_eq!(end(&deployment, contract, &elsewhere.refresh).await.status, 200, "{of}");
            assert_eq!(sessions(&deployment, contract).await.len(), 0, "{of}");
        }
    }
}

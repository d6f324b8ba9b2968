//! A reset by mail. Nobody without the code of the mail learns who is a user, resets a password, or keeps a user from
//! resetting it, and whatever fails or races, a code is taken once.

mod failures;
mod indistinguishable;
mod secrecy;

use futures_util::stream::{self, StreamExt};
use postern::identity::LoginName;
use postern::password_reset::MAX_TRIES;
use postern::store::operator::{ChangeOutcome, UserChange};
use postern_tests::deployment::Deployment;
use serde_json::{Value, json};

use crate::support::mfa::{CODE, GUARDED, MOMENT};
use crate::support::raw;
use crate::support::reset::{self, NEW, RESET, RESET_BY_LINK, put_digits, put_link};
use crate::support::sign_in::{LOCK_AFTER, put_counter};
use crate::support::signed_in::{post, with};
use crate::support::words::{LONGEST_WAIT, Refused, assert_refusal, unlimited};

/// A route that takes a code, with the body that resets the password of `st.huber` or of another user.
#[derive(Clone, Copy, Debug)]
enum By {
    Digits,
    Link,
}

/// How many requests are under way at the same time. A hash stops the others, so with more of them their calls to the
/// table could time out.
const AT_ONCE: usize = 4;

impl By {
    const BOTH: [Self; 2] = [Self::Digits, Self::Link];

    const fn contract(self) -> &'static str {
        match self {
            Self::Digits => "session",
            Self::Link => "account",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Digits => RESET,
            Self::Link => RESET_BY_LINK,
        }
    }

    /// The member of the new password.
    const fn password(self) -> &'static str {
        match self {
            Self::Digits => "new_password",
            Self::Link => "password",
        }
    }

    /// Puts a code for a user, and returns the body that takes it.
    async fn put(self, deployment: &Deployment, username: &str, id: u64) -> Value {
        match self {
            Self::Digits => {
                put_digits(deployment, id).await;
                reset::body(username)
            }
            Self::Link => json!({"validation_code": put_link(deployment, id).await, "password": NEW}),
        }
    }
}

#[tokio::test]
async fn one_of_a_hundred_resets_with_one_code_wins() {
    for by in By::BOTH {
        for (username, id, more) in
            [("st.huber", 33, json!({})), ("guarded", GUARDED, json!({"token": CODE}))]
        {
            let deployment = unlimited().await;
            deployment.set_time(MOMENT);
            let body = with(by.put(&deployment, username, id).await, more);
            // The code of digits has twelve tries.
            raw_tries(&deployment, by, id, -100).await;
            let phrase = |number: usize| format!("a phrase nobody else has {number}");
            let resets = (0..100).map(|number| {
                let body = with(body.clone(), json!({by.password(): phrase(number)}));
                let deployment = &deployment;
                async move { post(deployment, by.contract(), by.path(), None, &body).await.status }
            });
            let replies: Vec<u64> = stream::iter(resets).buffered(AT_ONCE).collect().await;
            let won: Vec<_> = (0..100).filter(|number| replies[*number] == 200).collect();
            let [winner] = won.as_slice() else { panic!("{by:?}: {won:?} won of {replies:?}") };
            assert_eq!(reset::epoch(&deployment, id).await, 1, "{by:?}");
            assert_eq!(deployment.queued().len(), 1, "{by:?}: the user is told once");
            let sessions = raw::sessions(&deployment, id).await;
            assert_eq!(sessions, usize::from(matches!(by, By::Link)), "{by:?}: the losers begin no session");
            if username == "st.huber" {
                // The losers are counted as failures.
                deployment.advance(LONGEST_WAIT);
                let reply = deployment.password("session", username, &phrase(*winner)).await;
                assert_eq!(reply.status, 200, "{by:?}");
            }
        }
    }
}

/// Sets the number of tries of a user's code.
async fn raw_tries(deployment: &Deployment, by: By, id: u64, tries: i64) {
    let mut item = reset::code_item(deployment, by.contract(), id).await.unwrap();
    item.insert("tries".to_owned(), raw::number(tries));
    raw::put(deployment, &format!("RESET#{id}"), by.contract(), item).await;
}

/// Guesses at once are no more than guesses in a row.
#[tokio::test]
async fn code_has_twelve_tries_at_once() {
    let deployment = unlimited().await;
    put_digits(&deployment, 33).await;
    let guesses = (0..100).map(|guess| {
        let deployment = &deployment;
        async move { reset::check(deployment, "st.huber", &format!("{guess:06}")).await.text }
    });
    let replies: Vec<String> = stream::iter(guesses).buffered(AT_ONCE).collect().await;
    let tried = replies.iter().filter(|text| text.as_str() == reset::INCORRECT).count();
    assert_eq!(tried, 12);
    assert!(replies.iter().all(|text| text == reset::INCORRECT || text == reset::USED_UP));
}

/// A code does not outlive the address to which it was sent: somebody else may read the mail of an old one.
#[tokio::test]
async fn code_ends_with_a_change_of_the_address() {
    for by in By::BOTH {
        let deployment = unlimited().await;
        let body = by.put(&deployment, "st.huber", 33).await;
        let user = deployment.store.user(33).await.unwrap().unwrap();
        let change = UserChange { email: Some("new@example.com".to_owned()), ..UserChange::default() };
        let changed = deployment.store.change_user(&user, &change, deployment.now()).await.unwrap();
        assert!(matches!(changed, ChangeOutcome::Changed(_)));
        let reply = post(&deployment, by.contract(), by.path(), None, &body).await;
        assert_eq!(reply.status, 400, "{by:?}: {}", reply.text);

        let body = by.put(&deployment, "st.huber", 33).await;
        let reply = post(&deployment, by.contract(), by.path(), None, &body).await;
        assert_eq!(reply.status, 200, "{by:?}: a code to the new address: {}", reply.text);
    }
}

/// Whoever reads the mail of a user with MFA can guess MFA codes as often as at a sign-in, and not more often.
#[tokio::test]
async fn locked_name_refuses_mfa_codes_but_no_reset_code() {
    for (by, name) in [(By::Digits, "guarded"), (By::Link, "guarded@example.com")] {
        let deployment = unlimited().await;
        deployment.set_time(MOMENT);
        let body = with(by.put(&deployment, "guarded", GUARDED).await, json!({"token": CODE}));
        put_counter(&deployment, &raw::name_counter(&deployment, name).await, LOCK_AFTER).await;
        let reply = post(&deployment, by.contract(), by.path(), None, &body).await;
        assert_refusal(by.contract(), Refused::Throttled(LONGEST_WAIT.as_secs()), &reply, &format!("{by:?}"));
        if matches!(by, By::Digits) {
            assert_eq!(reset::check(&deployment, "guarded", reset::DIGITS).await.status, 200);
        }
        deployment.store.unlock_name(&LoginName::new(name), deployment.now()).await.unwrap();
        let reply = post(&deployment, by.contract(), by.path(), None, &body).await;
        assert_eq!(reply.status, 200, "{by:?}: {}", reply.text);
    }
}

/// A client that waits for the name does not use up the link.
#[tokio::test]
async fn link_that_has_to_wait_for_the_name_counts_no_try() {
    let deployment = unlimited().await;
    deployment.set_time(MOMENT);
    let body = with(By::Link.put(&deployment, "guarded", GUARDED).await, json!({"token": CODE}));
    let name = "guarded@example.com";
    put_counter(&deployment, &raw::name_counter(&deployment, name).await, LOCK_AFTER).await;
    for _ in 0..=MAX_TRIES {
        let reply = post(&deployment, "account", RESET_BY_LINK, None, &body).await;
        assert_refusal("account", Refused::Throttled(LONGEST_WAIT.as_secs()), &reply, "locked");
    }
    deployment.store.unlock_name(&LoginName::new(name), deployment.now()).await.unwrap();
    assert_eq!(post(&deployment, "account", RESET_BY_LINK, None, &body).await.status, 200);
}

/// Requests that send the user no mail do not use up the mails of the user.
#[tokio::test]
async fn request_at_a_contract_that_does_not_take_the_name_uses_up_no_mail() {
    let deployment = Deployment::start().await;
    for _ in 0..4 {
        reset::send(&deployment, "jimmy@example.com").await;
        reset::recover(&deployment, "jimmy").await;
    }
    deployment.queued();
    reset::recover(&deployment, "jimmy@example.com").await;
    assert_eq!(reset::send(&deployment, "jimmy").await.status, 200);
    let owners: Vec<_> = deployment.queued().iter().map(|message| message["owner"].clone()).collect();
    assert_eq!(owners, [json!({"user": 14}), json!({"user": 14})]);
}

/// A user who signs in with the old password at the same time keeps no session.
#[tokio::test]
async fn sign_in_that_races_with_a_reset_keeps_no_session() {
    for by in By::BOTH {
        let deployment = unlimited().await;
        let body = by.put(&deployment, "st.huber", 33).await;
        let sign_in = deployment.password("account", "st.huber", "Password1234!");
        let (signed_in, reply) =
            tokio::join!(sign_in, post(&deployment, by.contract(), by.path(), None, &body));
        assert_eq!(reply.status, 200, "{by:?}");
        if signed_in.status == 200 {
            let token = signed_in.json()["token"]["access_token"].as_str().unwrap().to_owned();
            assert_eq!(deployment.sso(&token).await.status, 401, "{by:?}");
        }
    }
}

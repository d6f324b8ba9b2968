//! The writes of a password change.

use crate::support::proxy::{Fate, Proxy, error};
use crate::support::raw::{self, Attribute, number};
use crate::support::session::{CHANGER, NEW, assert_changed, change, counted, restore, stays};
use crate::support::sign_in::{put_counter, writes};
use crate::support::words::{Refused, assert_refusal};

#[tokio::test]
async fn every_write_of_a_password_change_that_is_sent_again_is_done_once() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    let before = raw::user(&deployment, CHANGER).await;
    for write in writes("session") {
        let sessions = raw::sessions(&deployment, CHANGER).await;
        restore(&deployment, &before).await;
        raw::forget_addresses(&deployment, "changer").await;
        // Above a third of the limit, a success is refunded.
        put_counter(&deployment, &raw::address_counter(&deployment, 300), 17).await;
        proxy.calls();
        proxy.first(&[write], Fate::lose);
        assert_eq!(change(&deployment, &stays()).await.status, 200, "{write}");
        assert_eq!(proxy.calls().iter().filter(|call| call.starts_with(write)).count(), 2, "{write}");
        assert_eq!(raw::sessions(&deployment, CHANGER).await, sessions + 1, "{write}");
        assert_eq!(counted(&deployment).await, (0, 17), "{write}");
        let user = raw::user(&deployment, CHANGER).await;
        assert_eq!((&user["must_change_password"], &user["epoch"]), (&Attribute::Bool(false), &number(1)));
        assert_eq!(deployment.password("mfa", "changer", NEW).await.status, 200, "{write}");
    }
}

/// The client cannot know whether the change was made. It was made, and completely.
#[tokio::test]
async fn password_change_whose_answer_is_lost_is_complete() {
    for lost in [error(500, "InternalServerError"), None] {
        let (deployment, proxy) = Proxy::deployment(|env| env).await;
        proxy.lose(move |seen| seen.starts_with("UpdateItem USER SET last_sign_in").then(|| lost.clone()));
        assert_refusal(
            "session",
            Refused::Unavailable(1),
            &change(&deployment, &stays()).await,
            "a lost change",
        );
        proxy.heal();
        assert_eq!(raw::sessions(&deployment, CHANGER).await, 0);
        assert_changed(&deployment, "a lost change").await;
    }
}

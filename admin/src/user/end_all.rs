//! `postern user sessions --end --all`: ends the sessions and tokens of all users.

use indicatif::{ProgressBar, ProgressStyle};
use postern::clock::now;
use postern::store::operator::Operator;
use postern::store::{StoreError, Written};
use serde_json::json;
use tokio::task::JoinSet;

use crate::ask::confirm;
use crate::connect::Connection;
use crate::output::{Exit, Failure, Output, count};

/// The most writes at once.
const AT_ONCE: usize = 16;

/// Asks, unless the operator is sure, and ends the sessions of all users.
///
/// # Errors
/// If the operator is not sure. If the table cannot be reached, and then the sessions of some users are ended.
pub(super) async fn run(connection: &Connection, sure: bool) -> Result<Output, Failure> {
    let question = format!("End the sessions and tokens of all users of the table {}?", connection.table);
    if !(sure || confirm(&question)?) {
        return Err(Failure::new(Exit::Refused, "no session was ended"));
    }
    connection
        .audit
        .record("user sessions --end --all", None, async |_| end_all(&connection.store).await)
        .await
}

async fn end_all(store: &Operator) -> Result<Output, Failure> {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{pos} users  {elapsed}") {
        bar.set_style(style);
    }
    let ended = end_each(store, &bar).await;
    bar.finish_and_clear();
    let users = count(usize::try_from(bar.position()).unwrap_or(usize::MAX), "user");
    ended.map_err(|error| {
        let failure = Failure::from(error);
        let message = format!(
            "ended the sessions of {users}, and not of all: {}; run the command again",
            failure.message
        );
        Failure::new(failure.exit, message)
    })?;
    Ok(Output::done(format!("ended all sessions and tokens of {users}"), json!({"users": bar.position()})))
}

/// Ends the sessions of all users that the table has now. The bar counts the users.
async fn end_each(store: &Operator, bar: &ProgressBar) -> Result<(), StoreError> {
    let mut writes = JoinSet::new();
    let mut from = None;
    loop {
        let page = store.user_ids(from).await?;
        for id in page.ids {
            if writes.len() >= AT_ONCE {
                finish_one(&mut writes, bar).await?;
            }
            let store = store.clone();
            writes.spawn(async move { store.end_sessions_of_all_epochs(id, now()).await });
        }
        match page.next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    while !writes.is_empty() {
        finish_one(&mut writes, bar).await?;
    }
    Ok(())
}

/// Waits for one write.
async fn finish_one(
    writes: &mut JoinSet<Result<Written, StoreError>>,
    bar: &ProgressBar,
) -> Result<(), StoreError> {
    // A write never panics.
    if let Some(Ok(written)) = writes.join_next().await {
        match written? {
            Written::Done => bar.inc(1),
            // The user was deleted meanwhile.
            Written::Refused => {}
        }
    }
    Ok(())
}

//! `postern user sessions --end --all`: ends the sessions and tokens of all users.

use indicatif::{ProgressBar, ProgressStyle};
use postern::clock::now;
use postern::error::Causes;
use postern::store::operator::{Operator, Skipped};
use postern::store::{StoreError, Written};
use serde_json::json;
use tokio::task::JoinSet;

use crate::ask::confirm;
use crate::connect::Connection;
use crate::output::{Exit, Failure, Output, count, named};

/// The most writes at once.
const AT_ONCE: usize = 16;

/// The most writes that may fail for a reason that could concern the whole table. After one more, the command
/// gives up.
const MAX_REFUSED: usize = 100;

/// Asks for a confirmation, unless the operator gave it, and ends the sessions of all users.
///
/// # Errors
/// If the operator does not confirm. If the table cannot be reached, and then the sessions of some users are ended.
pub(super) async fn run(connection: &Connection, sure: bool) -> Result<Output, Failure> {
    // The tables of two Regions or two accounts may have the same name.
    let question = async || {
        let actor = connection.audit.actor().await;
        format!("End the sessions and tokens of all users of {}, as {actor}?", connection.place)
    };
    if !(sure || confirm(&question().await)?) {
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
    let mut ending = Ending { store, bar, writes: JoinSet::new(), skipped: Skipped::default(), refused: 0 };
    let ended = ending.end_each().await;
    ending.bar.finish_and_clear();
    let done = ending.bar.position();
    let users = count(usize::try_from(done).unwrap_or(usize::MAX), "user");
    ended.map_err(|error| {
        let failure = Failure::from(error);
        let message = format!("ended the sessions of {users}, and not of all");
        Failure::new(failure.exit, message).caused_by(failure).advise("; run the command again")
    })?;
    if ending.skipped.count > 0 {
        let message = format!(
            "ended the sessions of {users}, and not of all: skipped {}; repair or delete these items, and run the \
             command again",
            named(&ending.skipped)
        );
        return Err(Failure::new(Exit::Partly, message));
    }
    Ok(Output::done(format!("ended all sessions and tokens of {users}"), json!({"users": done})))
}

/// A run of the command over all users. The bar counts the users whose sessions are ended.
struct Ending<'a> {
    store: &'a Operator,
    bar: ProgressBar,
    writes: JoinSet<(u64, Result<Written, StoreError>)>,
    skipped: Skipped,
    /// How many writes failed for a reason that could concern the whole table.
    refused: usize,
}

impl Ending<'_> {
    /// Ends the sessions of all users that the table has now. An item that cannot be read or written does not
    /// keep the other users' sessions alive.
    async fn end_each(&mut self) -> Result<(), StoreError> {
        let mut from = None;
        loop {
            let page = self.store.user_ids(from).await?;
            self.skipped.append(page.unreadable);
            for id in page.ids {
                if self.writes.len() >= AT_ONCE {
                    self.finish_one().await?;
                }
                let store = self.store.clone();
                self.writes.spawn(async move { (id, store.end_sessions_of_all_epochs(id, now()).await) });
            }
            match page.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        while !self.writes.is_empty() {
            self.finish_one().await?;
        }
        Ok(())
    }

    /// Waits for one write.
    async fn finish_one(&mut self) -> Result<(), StoreError> {
        // A write never panics.
        let Some(Ok((id, written))) = self.writes.join_next().await else { return Ok(()) };
        match written {
            Ok(Written::Done) => self.bar.inc(1),
            // The user was deleted meanwhile.
            Ok(Written::Refused) => {}
            Err(error) => {
                // DynamoDB refuses to change this item, for example because its epoch is too high a number.
                let is_of_item = matches!(&error, StoreError::Rejected { cause }
                    if cause.code() == Some("ValidationException"));
                self.refused += usize::from(!is_of_item);
                if self.refused > MAX_REFUSED {
                    return Err(error);
                }
                self.skipped.add(&format!("user {id} ({})", Causes(&error)));
            }
        }
        Ok(())
    }
}

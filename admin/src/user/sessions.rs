//! `postern user sessions`.

use clap::{ArgGroup, Args};
use postern::clock::now;
use postern::session::Session;
use postern::store::Written;
use serde_json::{Value, json};

use super::describe::{about, briefly, deleted_meanwhile};
use super::end_all;
use super::user_arg::UserArg;
use crate::connect::Connection;
use crate::output::{Failure, Output, count, plain, time};

/// The user whose sessions to list or end.
#[derive(Args)]
#[command(
    group = ArgGroup::new("whose").args(["user", "all"]).required(true),
    after_help = "\
A session that is not used ends at the time under IDLE. Every session ends at the time under ENDS. Ending all
sessions ends all tokens too. The user may sign in again.

After the table was restored from a backup, end the sessions of all users: otherwise sessions and tokens that
were ended since the backup are valid again. If the command is interrupted, run it again. Items that it cannot
read or change are skipped and named, and the exit code is 5.

Examples:
  postern user sessions johndoe
  postern user sessions johndoe --end
  postern user sessions --end --all")]
pub struct Sessions {
    #[command(flatten)]
    user: Option<UserArg>,
    /// End all sessions, and with them all tokens.
    #[arg(long)]
    end: bool,
    /// All users. Asks for confirmation.
    #[arg(long, requires = "end")]
    all: bool,
    /// Do not ask for confirmation.
    #[arg(long, requires = "all", conflicts_with = "user")]
    yes: bool,
}

pub(super) async fn run(connection: &Connection, options: &Sessions) -> Result<Output, Failure> {
    let Some(user) = &options.user else { return end_all::run(connection, options.yes).await };
    let store = &connection.store;
    let user = user.find(store).await?;
    let at = now();
    let mut sessions = store.sessions(user.id).await?;
    sessions.retain(|session| session.is_alive(user.epoch, at));
    sessions.sort_by_key(|session| session.created_at);
    if options.end {
        return connection
            .audit
            .record("user sessions --end", Some(user.id), async |_| {
                if store.end_sessions(user.id, at).await? == Written::Refused {
                    return Err(deleted_meanwhile());
                }
                let ended = sessions.len();
                let live = count(ended, "live session");
                let text = format!("ended {live} of {}, and all tokens", briefly(&user));
                Ok(Output::done(text, about(&user, json!({"ended": ended}))))
            })
            .await;
    }
    let listed: Vec<Value> = sessions.iter().map(value).collect();
    Ok(Output::done(table(&sessions, &briefly(&user)), about(&user, json!({"sessions": listed}))))
}

fn value(session: &Session) -> Value {
    json!({
        "kind": session.kind,
        "device": session.device,
        "created_at": time(session.created_at),
        "expires_at": time(session.expires_at),
        "ends_at": time(session.ends_at),
    })
}

fn table(sessions: &[Session], whose: &str) -> String {
    if sessions.is_empty() {
        return format!("{whose} has no live sessions");
    }
    let heading = format!("{:<10}{:<26}{:<26}{:<26}DEVICE", "KIND", "BEGAN", "IDLE", "ENDS");
    let lines = sessions.iter().map(|session| {
        let (began, idle, ends) = (time(session.created_at), time(session.expires_at), time(session.ends_at));
        let device = session.device.as_deref().map_or_else(|| "-".to_owned(), plain);
        format!("{:<10}{began:<26}{idle:<26}{ends:<26}{device}", plain(&session.kind))
    });
    std::iter::once(heading).chain(lines).collect::<Vec<_>>().join("\n")
}

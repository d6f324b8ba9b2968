//! Records the calls to AWS that functions and the operator's command make in the tests. `.ci/privileges` compares them
//! with the permissions of each role.
//!
//! Nothing is recorded unless `POSTERN_CALLS` names a folder. Then a relay stands before each DynamoDB API, each
//! Secrets Manager, and each SQS and SES of the tests. It passes all bytes on as they are, and reads the requests in between. A call is
//! recorded once for each caller, action, table or secret, kind of key, and set of attributes: one line of JSON. The
//! access key id of a request's signature names its caller.

mod request;

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use self::request::Requests;

/// The access key id of the tests themselves, whose calls are not recorded.
pub const TESTS: &str = "local";

/// The file of this process, if calls are recorded.
static FILE: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let folder = PathBuf::from(std::env::var_os("POSTERN_CALLS").filter(|folder| !folder.is_empty())?);
    fs::create_dir_all(&folder).unwrap();
    Some(folder.join(format!("{}.jsonl", std::process::id())))
});

/// The lines that this process has recorded.
static RECORDED: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// Returns the URL of a relay that records the calls to this URL, or the URL itself if no calls are recorded.
pub async fn recorded(endpoint: String) -> String {
    recorded_as(None, endpoint).await
}

/// The same. If a caller is given, all calls are recorded as that caller's.
pub async fn recorded_as(caller: Option<&'static str>, endpoint: String) -> String {
    if FILE.is_none() {
        return endpoint;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let relay = format!("http://{}", listener.local_addr().unwrap());
    let server = endpoint.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let server = server.clone();
            // A connection that breaks is the client's to notice.
            tokio::spawn(async move { drop(pass(client, &server, caller).await) });
        }
    });
    relay
}

/// Returns the access key id under which the calls of a command of `postern` are recorded: its words without options, like
/// `postern.user.show`.
pub fn operator(arguments: &[&str]) -> String {
    const WITH_SUBCOMMANDS: [&str; 5] = ["keys", "mfa", "pepper", "table", "user"];
    let mut words = vec!["postern"];
    for argument in arguments.iter().filter(|argument| !argument.starts_with('-')) {
        words.push(argument);
        if !WITH_SUBCOMMANDS.contains(argument) {
            break;
        }
    }
    // `user sessions` only reads without it.
    if arguments.contains(&"--end") {
        words.push("--end");
    }
    words.join(".")
}

/// Passes bytes on in both directions until one side closes, and records the requests.
async fn pass(client: TcpStream, server: &str, caller: Option<&'static str>) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    // A small write must not wait for the answer to the one before it.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = async {
        let mut requests = Requests::of(caller);
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let read = from_client.read(&mut bytes).await?;
            if read == 0 {
                return Ok(());
            }
            requests.add(&bytes[..read], record);
            to_server.write_all(&bytes[..read]).await?;
        }
    };
    let replies = async { tokio::io::copy(&mut from_server, &mut to_client).await.map(|_| ()) };
    tokio::select! { ended = requests => ended, ended = replies => ended }
}

/// Writes a line to the file of this process, unless it is there.
fn record(line: String) {
    let Some(file) = FILE.as_ref() else { return };
    let mut recorded = RECORDED.lock().unwrap_or_else(PoisonError::into_inner);
    if recorded.contains(&line) {
        return;
    }
    let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
    recorded.insert(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operator_is_named_by_the_command_without_its_options() {
        for (arguments, name) in [
            (&["user", "show", "johndoe", "--json"][..], "postern.user.show"),
            (&["--local", "user", "sessions", "ann"], "postern.user.sessions"),
            (&["user", "sessions", "ann", "--end"], "postern.user.sessions.--end"),
            (&["doctor", "--secret", "arn"], "postern.doctor"),
            (&["keys", "pepper", "add", "shop"], "postern.keys.pepper.add"),
            (&["user", "mfa", "off", "ann"], "postern.user.mfa.off"),
            (&["import", "jsonl", "users.jsonl"], "postern.import"),
        ] {
            assert_eq!(operator(arguments), name, "{arguments:?}");
        }
    }
}

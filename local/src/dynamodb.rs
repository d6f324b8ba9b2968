//! The embedded DynamoDB API, with Postern's table in it.

mod server;

use std::fmt;
use std::fs::OpenOptions;
use std::future::IntoFuture;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use dynoxide::Database;
use postern::environment::Environment;
use postern::token::SAMPLE_KEYS;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The name of the table, here and in the environment of the sample events.
pub const NAME: &str = "postern";

/// A server with DynamoDB's API on this machine, for programs and not for web pages. Dropping it ends the server, and [`Table::stop`] ends it
/// cleanly.
pub struct Table {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<io::Result<()>>,
}

/// Why the command did not start, in one line for its user.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct StartError(pub String);

impl Table {
    /// Serves on this port of the loopback interface (0: any free port), and of another address if one is
    /// given. The table is in memory, or in a file if one is given.
    ///
    /// # Errors
    /// If the port is in use, if the address is not one of this machine, or if the file is not a data file.
    pub async fn start(port: u16, also: Option<IpAddr>, data: Option<&Path>) -> Result<Self, StartError> {
        let database = match data {
            None => Database::memory().map_err(|error| StartError(error.to_string()))?,
            Some(path) => open(path)?,
        };
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        // 0.0.0.0 stands for every address, the loopback interface's too. So there must not be a second
        // listener on that one.
        let first = also.filter(IpAddr::is_unspecified).unwrap_or(loopback);
        let listener = listen(first, port, "--dynamodb-port").await?;
        let port = listener.local_addr().map_err(|error| StartError(error.to_string()))?.port();
        if let Some(other) = also.filter(|address| *address != first) {
            let listener = listen(other, port, "--dynamodb-port").await?;
            let router = server::router(database.clone());
            tokio::spawn(async move { axum::serve(listener, router).await });
        }
        let (stop, stopped) = oneshot::channel();
        let server = axum::serve(listener, server::router(database)).with_graceful_shutdown(async {
            // Dropping the sender stops the server too.
            let _ = stopped.await;
        });
        let server = tokio::spawn(server.into_future());
        Ok(Self { address: SocketAddr::new(loopback, port), stop, server })
    }

    /// Returns the URL of the server, as for `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the environment of a function that uses this table. It is the process's, except for the
    /// variables of the table, of the public keys and of the AWS credentials. The signing keys are sample keys if
    /// the process sets none.
    pub fn environment(&self, process: &Environment) -> Environment {
        let keys = process.optional("SIGNING_KEYS").unwrap_or(SAMPLE_KEYS).to_owned();
        process
            .clone()
            .with("TABLE_NAME", NAME)
            .with("AWS_REGION", "us-east-1")
            .with("AWS_ACCESS_KEY_ID", "local")
            .with("AWS_SECRET_ACCESS_KEY", "local")
            .with("AWS_SESSION_TOKEN", "")
            .with("AWS_ENDPOINT_URL_DYNAMODB", self.endpoint())
            .with("SIGNING_KEYS_SECRET_ARN", "")
            .with("SIGNING_KEYS", keys)
            .with("PUBLIC_KEYS_SECRET_ARN", "")
            .with("PUBLIC_KEYS", "")
    }

    /// Ends the server after it has answered the requests in progress.
    ///
    /// # Errors
    /// If the server failed before.
    pub async fn stop(self) -> Result<(), StartError> {
        let _ = self.stop.send(());
        match self.server.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(StartError(error.to_string())),
            Err(error) => Err(StartError(error.to_string())),
        }
    }
}

fn open(path: &Path) -> Result<Database, StartError> {
    let cannot = |why: &dyn fmt::Display| {
        StartError(format!("the data file {} cannot be used: {why}", path.display()))
    };
    // The file is opened here first, since the database's own error does not say why it cannot be opened.
    let file = OpenOptions::new().read(true).append(true).create(true).open(path);
    file.map_err(|error| cannot(&error))?;
    Database::new(&path.to_string_lossy()).map_err(|_| cannot(&"it was not written by this command"))
}

/// Listens on an address of this machine. Other machines cannot reach the loopback interface.
///
/// # Errors
/// If the port is in use. The message names the option that chooses another port.
pub async fn listen(address: IpAddr, port: u16, option: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind((address, port)).await.map_err(|error| {
        StartError(match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("port {port} is in use by another program; choose another with {option}")
            }
            _ => format!("port {port} of {address} cannot be used: {error}"),
        })
    })
}

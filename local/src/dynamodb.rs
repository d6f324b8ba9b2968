//! The embedded DynamoDB API, with Postern's table in it.

use std::fmt;
use std::fs::OpenOptions;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use dynoxide::Database;
use dynoxide::server::serve_with_shutdown;
use postern::environment::Environment;
use postern::token::SAMPLE_KEYS;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The table's name, here and in the sample events' environment.
pub const NAME: &str = "postern";

/// A DynamoDB API on this machine. It ends when this is dropped, or cleanly with [`Table::stop`].
pub struct Table {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), String>>,
}

/// Why something here did not start: one line for whoever typed the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError(pub String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

impl Table {
    /// Serves on this port of the loopback interface (0: any that is free), and of another address if one is given;
    /// in memory, or out of a file.
    ///
    /// # Errors
    /// If the port is taken, the address is not this machine's, or the file is no data file.
    pub async fn start(port: u16, also: Option<IpAddr>, data: Option<&Path>) -> Result<Self, StartError> {
        let database = match data {
            None => Database::memory().map_err(|error| StartError(error.to_string()))?,
            Some(path) => open(path)?,
        };
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        // 0.0.0.0 is every address, the loopback interface's too, and may not be listened on beside it.
        let first = also.filter(IpAddr::is_unspecified).unwrap_or(loopback);
        let listener = listen(first, port, "--dynamodb-port").await?;
        let port = listener.local_addr().map_err(|error| StartError(error.to_string()))?.port();
        if let Some(other) = also.filter(|address| *address != first) {
            let listener = listen(other, port, "--dynamodb-port").await?;
            tokio::spawn(serve_with_shutdown(listener, database.clone(), std::future::pending()));
        }
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(serve_with_shutdown(listener, database, async {
            // Dropping the sender stops the server too.
            let _ = stopped.await;
        }));
        Ok(Self { address: SocketAddr::new(loopback, port), stop, server })
    }

    /// Where it is, as `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The environment of a function that uses this table: this process's, but for what says where the table is
    /// and who asks. Sample keys sign, unless others are set.
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
    }

    /// Ends it, once the requests that are under way are answered.
    ///
    /// # Errors
    /// If the server failed before.
    pub async fn stop(self) -> Result<(), StartError> {
        let _ = self.stop.send(());
        match self.server.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(StartError(error)),
            Err(error) => Err(StartError(error.to_string())),
        }
    }
}

fn open(path: &Path) -> Result<Database, StartError> {
    let cannot = |why: &dyn fmt::Display| {
        StartError(format!("the data file {} cannot be used: {why}", path.display()))
    };
    // Asked of the file system first, since the database says no more than that it cannot.
    let file = OpenOptions::new().read(true).append(true).create(true).open(path);
    file.map_err(|error| cannot(&error))?;
    Database::new(&path.to_string_lossy()).map_err(|_| cannot(&"it was not written by this command"))
}

/// A listener on an address of this machine; on the loopback interface nobody else can reach it.
///
/// # Errors
/// If the port is taken; the line names the option that chooses another.
pub async fn listen(address: IpAddr, port: u16, option: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind((address, port)).await.map_err(|error| {
        StartError(match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!("port {port} is in use by another program; choose another with {option}")
            }
            _ => format!("port {port} of {address} cannot be used: {error}"),
        })
    })
}

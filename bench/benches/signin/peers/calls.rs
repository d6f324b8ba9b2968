//! Counts the calls of a function to the table for one sign-in, with a relay in front of the table.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

use super::process::{Launch, Running};

const ENDPOINT: &str = "AWS_ENDPOINT_URL_DYNAMODB";
/// The beginning of each request. No body contains it.
const REQUEST: &[u8] = b"POST / HTTP/1.1\r\n";
/// A round whose address has made no attempts yet. An address with many costs one call more.
const ROUND: usize = 200;

/// Returns the number of calls of a warm sign-in with this password.
pub(super) async fn of_a_sign_in(launch: &Launch, password: &str) -> usize {
    let count = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let here = format!("http://{}", listener.local_addr().unwrap());
    let (mut env, counted) = (launch.env.clone(), Arc::clone(&count));
    let endpoint = env.iter_mut().find(|(name, _)| name == ENDPOINT).unwrap();
    let there = std::mem::replace(&mut endpoint.1, here).trim_start_matches("http://").to_owned();
    let relay = tokio::spawn(async move {
        loop {
            let (caller, _) = listener.accept().await.unwrap();
            tokio::spawn(pass_on(caller, TcpStream::connect(&there).await.unwrap(), Arc::clone(&counted)));
        }
    });
    let (mut process, _) = Running::start(&Launch { env, ..launch.clone() }).await;
    assert_eq!(process.sign_in(password, ROUND).await.0, 200);
    let before = count.load(Ordering::Relaxed);
    assert_eq!(process.sign_in(password, ROUND).await.0, 200);
    let calls = count.load(Ordering::Relaxed) - before;
    process.stop().await;
    relay.abort();
    calls
}

/// Passes bytes on in both directions and counts requests, until one side closes.
async fn pass_on(caller: TcpStream, store: TcpStream, count: Arc<AtomicUsize>) {
    let ((mut from_caller, mut to_caller), (mut from_store, mut to_store)) =
        (caller.into_split(), store.into_split());
    let counting = async {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from_caller.read(&mut buffer).await {
            let begin = buffer[..length].windows(REQUEST.len()).filter(|bytes| *bytes == REQUEST).count();
            count.fetch_add(begin, Ordering::Relaxed);
            if to_store.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = counting => {}
        _ = copy(&mut from_store, &mut to_caller) => {}
    }
}

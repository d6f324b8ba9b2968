//! Records the calls of functions that run elsewhere: `record-calls URL NAME…`. Prints `NAME URL` for each name, the URL of
//! a relay that passes calls on to the first URL and records them as those of the name. Ends when its standard input does.
//! `POSTERN_CALLS` names the folder, as for [`postern_tests::calls`].

#![allow(clippy::unwrap_used, reason = "a tool of the tests fails by panicking")]

use std::io::Read;

use postern_tests::calls;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap();
    for name in arguments {
        println!("{name} {}", calls::recorded_as(Some(name.clone().leak()), url.clone()).await);
    }
    // The relays run on other threads.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

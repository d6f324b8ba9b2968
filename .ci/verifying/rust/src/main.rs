//! Verifies each line of standard input by the page's function. The first line is the key set.

mod verify;

use std::io;

fn main() {
    let mut lines = io::stdin().lines().map(Result::unwrap);
    let keys = serde_json::from_str(&lines.next().unwrap()).unwrap();
    for token in lines {
        match verify::verify(&token, &keys) {
            Ok(id) => println!("{}", serde_json::json!({"id": id})),
            Err(error) => println!("{}", serde_json::json!({"refused": error.to_string()})),
        }
    }
}

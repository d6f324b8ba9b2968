//! Asks the operator for passwords, peppers and confirmations. Passwords and peppers are never arguments.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use postern::password::{MAX_BYTES, Password, PasswordPolicy, Passwords, self_test};
use postern::random::random;
use zeroize::Zeroizing;

use crate::output::{Exit, Failure};

/// Returns the hash of a new password. It is asked for twice without an echo, or is the first line of
/// standard input.
///
/// # Errors
/// If there is no terminal to ask on, the two answers differ, or the password is too weak for a user of these
/// names.
pub fn new_password_hash(from_stdin: bool, names: &[&str]) -> Result<String, Failure> {
    let password = if from_stdin { first_line(&mut io::stdin().lock())? } else { prompt()? };
    let names: Vec<&str> = names.iter().copied().filter(|name| !name.is_empty()).collect();
    // The command line does not read the functions' settings. So a deployment's longer least length does not
    // apply here.
    PasswordPolicy::DEFAULT
        .check(&password, &names)
        .map_err(|weak| Failure::new(Exit::Refused, weak.to_string()))?;
    if !self_test() {
        return Err(Failure::new(Exit::Failed, "this processor computes Argon2 differently from RFC 9106"));
    }
    let hash = Passwords::default().hash(&password, random());
    hash.map_err(|_| Failure::new(Exit::Failed, "the password cannot be hashed"))
}

/// Returns the password of an existing user. It is asked for without an echo, or is the first line of standard
/// input.
///
/// # Errors
/// If there is no terminal to ask on, or no password on standard input.
pub fn existing_password(from_stdin: bool) -> Result<Password, Failure> {
    if from_stdin {
        return first_line(&mut io::stdin().lock());
    }
    if !io::stdin().is_terminal() {
        return Err(no_terminal());
    }
    rpassword::prompt_password("Password: ").map(Password::from).map_err(unreadable)
}

/// The longest secret that is read from standard input, in bytes.
const MAX_SECRET_BYTES: u64 = 4096;

/// Returns a secret other than a password. It is asked for without an echo, or is all of standard input.
///
/// # Errors
/// If it cannot be read, is empty, or is too long.
pub fn secret(question: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if io::stdin().is_terminal() {
        let answer = rpassword::prompt_password(question).map_err(unreadable)?;
        return Ok(Zeroizing::new(answer.into_bytes()));
    }
    // There is room to spare, so it does not grow. Growth would leave a copy in memory.
    let mut secret = Zeroizing::new(Vec::with_capacity(MAX_SECRET_BYTES as usize + 64));
    let mut input = io::stdin().lock().take(MAX_SECRET_BYTES + 1);
    input.read_to_end(&mut secret).map_err(unreadable)?;
    match secret.len() as u64 {
        0 => Err(Failure::usage("there is nothing on standard input")),
        1..=MAX_SECRET_BYTES => Ok(secret),
        _ => Err(Failure::usage("standard input is too long for a secret")),
    }
}

/// Asks for a confirmation.
///
/// # Errors
/// If there is no terminal to ask on.
pub fn confirm(question: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(format!(
            "no terminal can answer `{question}`; use --yes if you are sure"
        )));
    }
    eprint!("{question} [y/N] ");
    let _ = io::stderr().flush();
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(unreadable)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn prompt() -> Result<Password, Failure> {
    if !io::stdin().is_terminal() {
        return Err(no_terminal());
    }
    let ask = |prompt: &str| rpassword::prompt_password(prompt).map(Password::from).map_err(unreadable);
    let password = ask("New password: ")?;
    if password != ask("Again: ")? {
        return Err(Failure::usage("the two passwords are not the same"));
    }
    Ok(password)
}

/// Reads the first line. Removes its line break and nothing else, because a password may begin or end with
/// spaces.
fn first_line(input: &mut impl BufRead) -> Result<Password, Failure> {
    // The longest password, one byte more, and a line break are enough to see that it is too long.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 3));
    let mut input = input.take(MAX_BYTES as u64 + 3);
    input.read_until(b'\n', &mut line).map_err(unreadable)?;
    if line.is_empty() {
        return Err(Failure::usage("there is no password on standard input"));
    }
    let line =
        line.strip_suffix(b"\n").map_or(line.as_slice(), |line| line.strip_suffix(b"\r").unwrap_or(line));
    let password = std::str::from_utf8(line);
    password.map(Password::from).map_err(|_| Failure::usage("the password on standard input is not UTF-8"))
}

fn no_terminal() -> Failure {
    Failure::usage("there is no terminal to ask for the password on; pipe it in and use --password-stdin")
}

fn unreadable(error: io::Error) -> Failure {
    Failure::new(Exit::Failed, "the answer cannot be read").caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_line_is_read_exactly() {
        let first = |mut input: &[u8]| first_line(&mut input);
        assert_eq!(first(b" pass word \nmore\n").unwrap(), " pass word ".into());
        assert_eq!(first(b"windows\r\n").unwrap(), "windows".into());
        assert_eq!(first(b"no line break").unwrap(), "no line break".into());
        assert_eq!(first(b"a \r in it").unwrap(), "a \r in it".into());
        assert_eq!(first(b"\n").unwrap(), "".into());
        for (input, word) in [(&b""[..], "no password"), (b"\xff\xfe\n", "UTF-8")] {
            let failure = first(input).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.message.contains(word), "{failure:?}");
        }
        assert!(first(&[b'x'; 4096]).unwrap().len() > MAX_BYTES, "too long stays too long");
    }
}

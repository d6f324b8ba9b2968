//! `postern keys pepper`: the peppers of imported passwords, which are stored with the signing keys.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use clap::{Args, Subcommand, ValueEnum};
use postern::password::PepperId;
use zeroize::Zeroizing;

use super::listing::list;
use super::place::PlaceArgs;
use super::set::AddedPepper;
use crate::ask::{confirm, secret};
use crate::output::{Exit, Failure, Output};
use crate::target::Target;

/// The commands on peppers.
#[derive(Subcommand)]
pub enum PepperCommand {
    /// Add a pepper, which is read from standard input.
    Add(Add),
    /// Remove a pepper that no password needs any more.
    Remove(Remove),
}

/// The pepper to add.
#[derive(Args)]
#[command(after_help = "\
Add the pepper first, then import. Functions read the secret every five minutes.

  postern keys pepper add a --secret ARN < pepper.txt
  (five minutes later)
  postern import csv users.csv --pepper-id a --pepper-how hmac-sha256

The pepper is never an argument, which other users of this machine could see. A line break at the end of a
text is ignored.

Examples:
  postern keys pepper add a --secret ARN < pepper.txt
  postern keys pepper add shop --form hex --file keys.json < pepper.hex")]
pub struct Add {
    /// The pepper's id: 1 to 16 characters of a-z, 0-9, _ and -. Stored passwords contain it.
    id: PepperId,
    /// How the pepper is written on standard input.
    #[arg(long, value_enum, default_value_t)]
    form: Form,
    #[command(flatten)]
    place: PlaceArgs,
}

/// The pepper to remove.
#[derive(Args)]
#[command(after_help = "\
The password of a user who has not signed in since the import needs the pepper. No command shows the pepper,
so keep a copy.

Examples:
  postern keys pepper remove a --secret ARN
  postern keys pepper remove a --file keys.json --yes")]
pub struct Remove {
    /// The pepper's id.
    id: PepperId,
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// The form of a pepper on standard input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Text.
    #[default]
    Text,
    /// Hexadecimal.
    Hex,
    /// Base64 or base64url.
    Base64,
}

pub(super) async fn run(command: &PepperCommand, target: &Target) -> Result<Output, Failure> {
    match command {
        PepperCommand::Add(options) => add(options, target).await,
        PepperCommand::Remove(options) => remove(options, target).await,
    }
}

async fn add(options: &Add, target: &Target) -> Result<Output, Failure> {
    let Add { id, form, place } = options;
    let place = place.find_to_change(target).await?;
    let (mut set, before) = place.set().await?;
    let pepper = form.read(&secret("Pepper: ")?)?;
    if set.add_pepper(id, &pepper)? == AddedPepper::AlreadyThere {
        return Ok(list(&set, format!("the pepper {id} is there already; {place} holds")));
    }
    let exit = place.replace("keys pepper add", Some(&before), &set.text()?, target).await?;
    let mut answer = Output { exit, ..list(&set, format!("added the pepper {id}; {place} now holds")) };
    answer.text += &format!(
        "\nnext: in five minutes, when all functions have read it: postern import … --pepper-id {id} --pepper-how HOW"
    );
    Ok(answer)
}

async fn remove(options: &Remove, target: &Target) -> Result<Output, Failure> {
    let Remove { id, yes, place } = options;
    let place = place.find_to_change(target).await?;
    let (mut set, before) = place.set().await?;
    set.remove_pepper(id)?;
    let question =
        format!("Remove the pepper {id}? Users whose imported password needs it cannot sign in after that.");
    if !yes && !confirm(&question)? {
        return Err(Failure::new(Exit::Refused, "nothing was removed"));
    }
    let exit = place.replace("keys pepper remove", Some(&before), &set.text()?, target).await?;
    Ok(Output { exit, ..list(&set, format!("removed the pepper {id}; {place} now holds")) })
}

impl Form {
    /// Reads the bytes of a pepper. An error never shows the pepper.
    fn read(self, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let wrong = |problem| Failure::usage(format!("the pepper on standard input {problem}"));
        let text = std::str::from_utf8(input)
            .map_err(|_| wrong("is not text; write it with --form hex or base64"))?;
        let pepper = match self {
            Self::Text => {
                // Some editors write a byte order mark first.
                let text = text.strip_prefix('\u{feff}').unwrap_or(text);
                let line = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n'));
                line.unwrap_or(text).as_bytes().to_vec()
            }
            Self::Hex => hex::decode(text.trim()).map_err(|_| wrong("is not hexadecimal"))?,
            Self::Base64 => {
                let text = Zeroizing::new(text.trim().trim_end_matches('=').replace('-', "+"));
                let text = Zeroizing::new(text.replace('_', "/"));
                STANDARD_NO_PAD.decode(&*text).map_err(|_| wrong("is not base64"))?
            }
        };
        Ok(Zeroizing::new(pepper))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pepper_is_read_in_the_named_form() {
        for (form, input, pepper) in [
            (Form::Text, &b"pepper\n"[..], &b"pepper"[..]),
            (Form::Text, b"pepper\r\n", b"pepper"),
            (Form::Text, b" two\nlines\n\n", b" two\nlines\n"),
            (Form::Hex, b"00ffAB\n", b"\x00\xff\xab"),
            (Form::Base64, b"AP_-\n", b"\x00\xff\xfe"),
            (Form::Base64, b"AP/+/w==\n", b"\x00\xff\xfe\xff"),
        ] {
            assert_eq!(*form.read(input).unwrap(), pepper, "{form:?}");
        }
        for (form, input) in [(Form::Text, &b"\xff"[..]), (Form::Hex, b"LEAKED"), (Form::Base64, b"LEAKED!")]
        {
            let failure = form.read(input).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(!failure.message.contains("LEAKED"), "{failure:?}");
        }
    }
}

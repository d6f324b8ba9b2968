//! `postern keys new`.

use clap::Args;
use postern::clock::now;

use super::generate::Algorithm;
use super::listing::list;
use super::place::{Place, PlaceArgs};
use super::public::{Change, PublicArgs};
use super::set::SigningKeys;
use crate::connect::stack;
use crate::output::{Exit, Failure, Output};
use crate::target::Target;

/// The new set, and its place.
#[derive(Args)]
#[command(after_help = "\
The stack generates a secret, which is one HS256 key. For another algorithm, run the first example right after
`sam deploy`, before there are users. As long as the table has none, a generated secret is replaced without
--replace. With users, `postern keys rotate` changes the algorithm without harm.

Examples:
  postern keys new --alg ES256 --stack postern
  postern keys new --alg EdDSA --file keys.json
  postern keys new --alg ES256 --secret my-keys --public-secret my-public-keys
  SIGNING_KEYS=$(postern keys new --private) cargo run")]
pub struct New {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    public: PublicArgs,
    /// The algorithm that the key signs with [default: that of the key that is replaced, or HS256].
    #[arg(long)]
    alg: Option<Algorithm>,
    /// Print the set with its private parts, and store it nowhere.
    #[arg(long, conflicts_with_all = ["secret", "public_secret", "file", "replace"])]
    private: bool,
    /// Replace existing keys. All tokens and all MFA recovery codes become invalid. Password peppers stay.
    #[arg(long)]
    replace: bool,
}

pub(super) async fn run(options: &New, target: &Target) -> Result<Output, Failure> {
    if options.private {
        let set = SigningKeys::new(options.alg, now())?;
        return Ok(Output::done(set.text()?, set.value()));
    }
    let place = options.place.find_to_change(target).await?;
    let public = options.public.find(&options.place, target).await?;
    let there = place.read().await?;
    if let Some(text) = &there
        && !options.replace
    {
        check_unused(options, &place, text, target).await?;
    }
    let set = match there.as_deref().map(|text| (text, SigningKeys::parse(text))) {
        Some((_, Ok(old))) => old.successor(options.alg, now())?,
        Some((text, Err(error))) if text.contains("password_peppers") => {
            let message = format!("{place} has peppers, which imported passwords need, and cannot be read");
            let failure = Failure::new(Exit::Refused, message).caused_by(error);
            return Err(failure.advise(". Repair it first, or remove `password_peppers`"));
        }
        Some((_, Err(_))) | None => SigningKeys::new(options.alg, now())?,
    };
    let change = Change { command: "keys new", place: &place, before: there.as_deref(), set: &set };
    let exit = public.replace(&change, target).await?;
    let mut answer = Output { exit, ..list(&set, format!("wrote a new set to {place}")) };
    answer.text += &public.line(&place, &set)?;
    if options.replace {
        answer.text += "\nall older tokens and MFA recovery codes become invalid within five minutes, when functions \
                        read the keys again; users with MFA need new recovery codes: `postern user mfa enrol USER \
                        --replace`";
    } else if there.is_some() {
        answer.text += "\nno token and no recovery code is lost, because the table has no users. Functions read the \
                        keys within five minutes: add users after that";
    }
    Ok(answer)
}

/// Checks that nothing is lost if these keys are replaced: the stack generated them, and its table has no users.
async fn check_unused(options: &New, place: &Place, text: &str, target: &Target) -> Result<(), Failure> {
    // A stack knows only of its own secret what it wrote. An option or a variable may name another one.
    let stack = match (&options.place.secret, place) {
        (None, Place::Secret { .. }) => stack(target).await?,
        _ => None,
    };
    let why = match stack {
        None => "",
        Some(stack) if !stack.makes_keys || !SigningKeys::is_generated(text) => {
            ", which the stack did not generate, so another deployment or backend may use them"
        }
        Some(_) if place.connection(target).await?.store.has_users().await? => ", and the table has users",
        Some(_) => return Ok(()),
    };
    let message = format!(
        "{place} holds keys already{why}. `postern keys rotate` changes keys without harm; --replace throws them \
         away: all tokens are refused from then on, and all MFA recovery codes"
    );
    Err(Failure::new(Exit::Refused, message))
}

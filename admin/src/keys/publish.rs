//! `postern keys publish`.

use clap::Args;
use serde_json::json;

use super::place::PlaceArgs;
use super::public::{PublicArgs, PublicPlace, by_stack, check_holds_public_keys, holds};
use crate::output::{Failure, Output, count};
use crate::target::Target;

/// The signing keys, and the secret of their public halves.
#[derive(Args)]
#[command(after_help = "\
`postern keys new` and `postern keys rotate` publish the public keys too. So this is needed only if the secrets were
changed by other means, or if a command was interrupted. `postern doctor` compares the two secrets.

Examples:
  postern keys publish --stack postern
  postern keys publish --secret my-keys --public-secret my-public-keys")]
pub struct Publish {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    public: PublicArgs,
}

pub(super) async fn run(options: &Publish, target: &Target) -> Result<Output, Failure> {
    let place = options.place.find_to_change(target).await?;
    let (public, published) = match options.public.find(&options.place, target).await? {
        PublicPlace::Secret { place, text } => (place, text),
        PublicPlace::ByStack(name) => {
            let text = format!("nothing is changed: {}", by_stack(&name));
            return Ok(Output::done(text, json!({"changed": false})));
        }
        PublicPlace::Nowhere => {
            return Err(Failure::usage(
                "where are the public keys? Use --stack NAME or --public-secret ARN_OR_NAME, or set POSTERN_STACK or \
                 PUBLIC_KEYS_SECRET_ARN",
            ));
        }
    };
    let (set, before) = place.set().await?;
    let key_set = set.key_set()?;
    let keys = key_set.public_keys();
    let held = match keys.len() {
        0 => format!("no public key, because every key in {place} is HS256"),
        some => format!("{} of {place}", count(some, "public key")),
    };
    if holds(published.as_deref(), &keys) {
        let text = format!("nothing is changed: {public} holds {held}");
        return Ok(Output::done(text, json!({"changed": false, "keys": keys})));
    }
    check_holds_public_keys(&public, published.as_deref())?;
    let change = async || {
        place.check_unchanged(Some(&before)).await?;
        public.write(published.as_deref(), &key_set.public_document()).await
    };
    let exit = public.record("keys publish", target, change).await?;
    let text = format!(
        "{public} now holds {held}\nthe key set shows this within five minutes, and every verifier knows it within \
         ten; if a key is new there, wait ten minutes before you promote it"
    );
    Ok(Output { exit, ..Output::done(text, json!({"changed": true, "keys": keys})) })
}

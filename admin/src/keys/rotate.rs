//! `postern keys rotate`.

use clap::Args;
use postern::clock::now;

use super::generate::Algorithm;
use super::listing::list;
use super::place::PlaceArgs;
use super::public::{Change, PublicArgs};
use crate::output::{Failure, Output};
use crate::target::Target;

/// The step of a rotation.
#[derive(Args)]
#[command(after_help = "\
Nothing has to be deployed. Functions read the secret every five minutes. A client that verifies by
/.well-known/jwks.json reads that at most five minutes later. Tokens and recovery codes stay valid. Each step
publishes the public keys before it changes the signing keys.

  postern keys rotate --stack postern --add              a new key, which verifies and does not sign yet
  (ten minutes later)
  postern keys rotate --stack postern --promote KID      the new key signs
  (when the old tokens have expired: a week by default)
  postern keys rotate --stack postern --retire OLD_KID   the old key is gone")]
pub struct Rotate {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    public: PublicArgs,
    #[command(flatten)]
    step: Step,
    /// The algorithm that the added key signs with [default: that of the key that signs now].
    #[arg(long, conflicts_with_all = ["promote", "retire"])]
    alg: Option<Algorithm>,
    /// Promote a key that some verifiers may not have read yet, or that is not published.
    #[arg(long, conflicts_with_all = ["add", "retire"])]
    force: bool,
}

/// One of the three steps.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Step {
    /// Add a new key as the second.
    #[arg(long)]
    add: bool,
    /// Make this key the first one, which signs.
    #[arg(long, value_name = "KID")]
    promote: Option<String>,
    /// Remove this key. Its tokens are refused from now on. `none` is the key without a kid.
    #[arg(long, value_name = "KID")]
    retire: Option<String>,
}

pub(super) async fn run(options: &Rotate, target: &Target) -> Result<Output, Failure> {
    let place = options.place.find_to_change(target).await?;
    let public = options.public.find(&options.place, target).await?;
    let (mut set, before) = place.set().await?;
    let file = options.place.file.as_ref().map(|file| file.display().to_string());
    let again: String = [("file", &file), ("secret", &options.place.secret), ("stack", &target.stack)]
        .iter()
        .filter_map(|(option, value)| Some(format!(" --{option} {}", value.as_ref()?)))
        .collect();
    let again = format!("postern keys rotate{again}{}", options.public.again());
    let (command, what, next) = match &options.step {
        Step { promote: Some(kid), .. } => {
            if !options.force {
                public.check(&place, &set, kid)?;
            }
            let old = set.promote(kid, options.force, now())?;
            let next = format!(
                "next: functions sign with it within five minutes. When older tokens have expired, a week by \
                 default: {again} --retire {old}"
            );
            ("keys rotate --promote", format!("promoted {kid}"), next)
        }
        Step { retire: Some(kid), .. } => {
            set.retire(kid)?;
            let next = format!(
                "done: functions refuse the tokens of the key {kid} within five minutes, clients that verify by the key \
                 set within ten"
            );
            ("keys rotate --retire", format!("retired {kid}"), next)
        }
        Step { .. } => {
            let kid = set.add(options.alg, now())?;
            (
                "keys rotate --add",
                format!("added {kid}"),
                format!("next: in ten minutes, when every verifier has read it: {again} --promote {kid}"),
            )
        }
    };
    let change = Change { command, place: &place, before: Some(&before), set: &set };
    let exit = public.replace(&change, target).await?;
    let mut answer = Output { exit, ..list(&set, format!("{what}; {place} now holds")) };
    answer.text += &public.line(&place, &set)?;
    answer.text += &format!("\n{next}");
    Ok(answer)
}

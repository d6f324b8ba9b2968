//! `postern keys new` on the secret that the stack generated.

use postern_tests::binary::in_workspace;

use super::{fresh, in_scene, on, on_stack};
use crate::cli::Cli;
use crate::cloudformation::Scene;
use crate::secrets::{ARN, GENERATED, PUBLIC_ARN, Secrets};

const NEW: [&str; 4] = ["keys", "new", "--alg", "ES256"];
const OF_OTHERS: &str =
    "holds keys already, which the stack did not generate, so another deployment or backend may use them.";

#[tokio::test]
async fn generated_secret_needs_replace_only_if_the_table_has_users() {
    let with_users = Cli::start().await.deployment;
    let secrets = fresh().await;
    let on_users = async |words: &[&str]| {
        on_stack(&secrets, Some(PUBLIC_ARN), &with_users.table.endpoint(), words).await
    };
    on_users(&NEW).await.fails_with(
        4,
        "holds keys already, and the table has users. `postern keys rotate` changes keys without harm",
    );
    // An option or a variable may name the secret of another deployment than the table.
    on(&secrets, &[&NEW[..], &["--secret", ARN]].concat()).await.fails_with(4, "holds keys already.");
    on(&secrets, &NEW).await.fails_with(4, "holds keys already.");
    assert_eq!(secrets.value().as_deref(), Some(GENERATED));

    let on_empty =
        async |words: &[&str]| on_stack(&secrets, Some(PUBLIC_ARN), &secrets.table.endpoint(), words).await;
    on_empty(&NEW).await.prints(&["wrote a new set", "because the table has no users"]);
    let made = secrets.value();
    // Somebody chose these keys.
    on_empty(&NEW).await.fails_with(4, OF_OTHERS);
    assert_eq!(secrets.value(), made);
    let output = on_users(&[&NEW[..], &["--replace"]].concat()).await;
    output.prints(&["all older tokens and MFA recovery codes become invalid within five minutes"]);
    assert!(!output.out.contains("no token"), "{output:?}");
}

/// Another backend or deployment may sign and verify with it.
#[tokio::test]
async fn key_that_the_stack_did_not_generate_needs_replace() {
    for by_hand in [
        "a key of another backend, shared with it",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        &GENERATED[1..],
        &format!("{GENERATED}\n"),
        &format!("{}+", &GENERATED[1..]),
        "short",
    ] {
        let secrets = Secrets::start(Some(by_hand)).await;
        let output = on_stack(&secrets, Some(PUBLIC_ARN), &secrets.table.endpoint(), &NEW).await;
        output.fails_with(4, OF_OTHERS);
        assert_eq!(secrets.value().as_deref(), Some(by_hand));
    }
    // A second stack with the secret of the first, and a table of its own.
    let secrets = fresh().await;
    let scene = Scene { existing_signing_keys: ARN, ..Scene::default() };
    in_scene(&secrets, scene, &secrets.table.endpoint(), &NEW).await.fails_with(4, OF_OTHERS);
    assert_eq!(secrets.value().as_deref(), Some(GENERATED));
}

#[test]
fn template_generates_the_form_that_is_recognized() {
    let template = std::fs::read_to_string(in_workspace("template.yaml")).unwrap();
    let form = format!(
        "GenerateSecretString: {{ PasswordLength: {}, ExcludePunctuation: true }}\n",
        GENERATED.len()
    );
    assert_eq!(template.matches(&form).count(), 1);
}

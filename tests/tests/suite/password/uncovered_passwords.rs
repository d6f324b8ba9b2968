//! Passwords that an imported hash does not read as they are. Such a password never becomes the stored one.

use crate::support::words::{Refused, assert_refusal, unlimited};

use super::hash_upgrade::{OURS, bring, stored};

/// WordPress trims a password. Spaces around it may be a mistake, and must not become a part of the password.
#[tokio::test]
async fn password_with_spaces_around_it_is_not_upgraded_from_wordpress() {
    let deployment = unlimited().await;
    let hash = "$wp$2y$04$BXbPsXJkiYhfQR6jbpPtaOExqWO.ZJ8pjxOi6E8wNrn3hIoy8wZ.K";
    let name = bring(&deployment, 1000, hash, |_| ()).await;
    assert_eq!(deployment.password("account", &name, "spaces around ").await.status, 200);
    assert_eq!(stored(&deployment, 1000).await, hash);
    assert_eq!(deployment.password("account", &name, "spaces around").await.status, 200);
    assert!(stored(&deployment, 1000).await.starts_with(OURS));
    let reply = deployment.password("account", &name, "spaces around ").await;
    assert_refusal("account", Refused::Wrong, &reply, "the spaces count from now on");
}

/// The fault of `$2x$` lost the same bytes of both passwords, so both have this hash.
#[tokio::test]
async fn other_password_with_the_same_2x_hash_is_refused() {
    let deployment = unlimited().await;
    let hash = "$2x$04$abcdefghijklmnopqrstuuCvymYZGiFOu71DMeSxq2U4KXEI9T1XK";
    let name = bring(&deployment, 1000, hash, |_| ()).await;
    for password in ["9жежил", "1парол"] {
        let reply = deployment.password("account", &name, password).await;
        assert_refusal("account", Refused::Wrong, &reply, password);
        assert_eq!(stored(&deployment, 1000).await, hash);
    }
}

//! Password hashes of other products: a digest that is fast to guess gets a layer, and an unusable hash is
//! left out.

use postern::password::{Passwords, Peppers};
use serde_json::{Value, json};

use crate::Deployment;

/// Of `pw`: Django's MD5, SHA-1 and MD5 without a salt, LDAP's SSHA, passlib's PBKDF2 of few iterations,
/// WordPress 6.8.
const FAST: [&str; 5] = [
    "md5$salt$963e2232fa95666443f1ee9ffcdceda0",
    "sha1$salt$77236c9de12a3a658eb63e2848fb33b3354d5f1a",
    "8fe4c11451281c094a6578e6ddbf5eed",
    "{SSHA}K/qCHdTzr1rftXNEV4Ob7XsySBlzYWx0",
    "$pbkdf2-sha512$1000$MDEyMzQ1Njc4OWFiY2RlZg$bk6AzDNPufwraG/VjmAl.642J4ug0Z1.aNrlKzX8aHwEs63XDUGVJTUkvPMmA3adUiWnwISWC.BX0WWY7QuPYQ",
];
const WORDPRESS: &str = "$wp$2y$04$KrbST6P0JtTSfYBoUaK2qeXi56RD9ZSoHXsfhgBRUkubbOsrknenm";

/// The users' stored forms.
fn stored(deployment: &Deployment) -> Vec<Option<String>> {
    let users = deployment.export();
    let users = users.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    users.map(|user| user["password_hash"].as_str().map(str::to_owned)).collect()
}

fn rows(hashes: &[&str]) -> String {
    let rows = hashes.iter().zip(1..).map(|(hash, id)| {
        json!({"id": id, "username": format!("user{id}"), "password_hash": hash}).to_string() + "\n"
    });
    rows.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fast_digests_are_imported_under_a_layer_of_argon2id() {
    let deployment = Deployment::start().await;
    let hashes: Vec<&str> = FAST.into_iter().chain([WORDPRESS]).collect();
    deployment.write("users.jsonl", &rows(&hashes));
    let output = deployment.run(&["import", "jsonl", "users.jsonl"]);
    assert_eq!((output.counts(), output.code), ([6, 0, 0], Some(0)), "{}", output.err);
    assert_eq!(
        output.json()["hashes"],
        json!({"layered_md5": 2, "layered_sha1": 2, "layered_pbkdf2": 1, "wordpress": 1})
    );
    let table = deployment.export();
    for fast in FAST {
        let digest = fast.rsplit(['$', '}']).next().unwrap();
        assert!(!table.contains(digest), "{digest}");
    }
    let passwords = Passwords::default();
    let first = stored(&deployment);
    for (stored, hash) in first.iter().zip(&hashes) {
        let stored = stored.as_deref().unwrap();
        assert_eq!(stored.starts_with("layered$"), *hash != WORDPRESS, "{stored}");
        assert!(
            passwords.verify(Some(stored), "pw", &Peppers::default())
                && !passwords.verify(Some(stored), "PW", &Peppers::default()),
            "{hash}"
        );
        assert!(passwords.is_upgrade_due(stored, "pw"), "{hash}");
    }
    // A second run leaves the hashes as they are.
    let again = deployment.run(&["import", "jsonl", "users.jsonl"]);
    assert_eq!((again.counts(), again.code), ([0, 6, 0], Some(0)), "{}", again.err);
    assert_eq!(stored(&deployment), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_hash_is_left_out_or_rejected_with_reject_unusable() {
    let deployment = Deployment::start().await;
    let expensive =
        "$argon2id$v=19$m=9999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    deployment.write("users.jsonl", &rows(&["$s2$16384$8$1$abc$def", expensive, "{SSHA}x"]));
    let strict = deployment.run(&["import", "jsonl", "users.jsonl", "--reject-unusable"]);
    assert_eq!((strict.counts(), strict.code), ([0, 0, 3], Some(1)), "{}", strict.err);
    assert_eq!(
        strict.json()["rejected_by_reason"],
        json!({"hash of an unknown form": 1, "hash too expensive": 1, "unusable hash": 1})
    );
    let output = deployment.run(&["import", "jsonl", "users.jsonl"]);
    assert_eq!((output.counts(), output.code), ([3, 0, 0], Some(0)), "{}", output.err);
    assert_eq!(output.json()["without_password"], 3);
    assert_eq!(
        output.json()["warnings"],
        json!({
            "without a password: hash of an unknown form": 1,
            "without a password: hash too expensive": 1,
            "without a password: unusable hash": 1,
        })
    );
    assert!(
        output.err.contains("line 1 (username user1): warning: imported without a password"),
        "{}",
        output.err
    );
    assert_eq!(stored(&deployment), [None, None, None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn firebase_config_makes_its_hashes_verifiable() {
    let deployment = Deployment::start().await;
    let vectors = include_str!("../data/hashes.tsv");
    let (mut hashes, mut passwords) = (Vec::new(), Vec::new());
    for row in vectors.lines().filter(|row| row.contains("\tfirebase\t")) {
        let row: Vec<&str> = row.split('\t').collect();
        hashes.push(row[2]);
        passwords.push(row[3]);
    }
    deployment.write("users.jsonl", &rows(&hashes));
    deployment.write(
        "firebase.txt",
        "hash_config {\n  algorithm: SCRYPT,\n  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,\n  base64_salt_separator: Bw==,\n  rounds: 8,\n  mem_cost: 10,\n}\n",
    );
    let output = deployment.run(&["import", "jsonl", "users.jsonl", "--firebase-config", "firebase.txt"]);
    assert_eq!((output.counts(), output.code), ([2, 0, 0], Some(0)), "{}", output.err);
    for (stored, password) in stored(&deployment).iter().zip(passwords) {
        assert!(Passwords::default().verify(stored.as_deref(), password, &Peppers::default()), "{stored:?}");
    }
    for wrong in [&["--bcrypt-of", "sha3-hex"][..], &["--firebase-config", "none"], &["--salt-is-text"]] {
        let output = deployment.run(&[&["import", "jsonl", "users.jsonl"], wrong].concat());
        assert!(!output.err.is_empty() && matches!(output.code, Some(1 | 2)), "{wrong:?}: {}", output.err);
    }
}

/// Layers take time, which a dry run estimates.
#[tokio::test(flavor = "multi_thread")]
async fn dry_run_estimates_how_long_layers_take() {
    let deployment = Deployment::start().await;
    let rows = |hash: &str| format!("id,username,password\n1,anna,{hash}\n2,ben,{hash}\n");
    for (hash, layers) in [("5f4dcc3b5aa765d61d8327deb882cf99", true), ("!", false)] {
        deployment.write("users.csv", &rows(hash));
        let output = deployment.run(&["import", "django", "users.csv", "--dry-run"]);
        let remarks = output.json()["remarks"].to_string();
        assert_eq!(remarks.contains("2 password hashes are fast to guess"), layers, "{remarks}");
    }
    deployment.write("users.csv", &rows("5f4dcc3b5aa765d61d8327deb882cf99"));
    let output = deployment.run(&["import", "django", "users.csv"]);
    assert!(!output.json()["remarks"].to_string().contains("fast to guess"), "{}", output.out);
}

/// The import has no pepper, and needs none.
#[tokio::test(flavor = "multi_thread")]
async fn hash_with_a_pepper_names_it_and_survives_an_export() {
    let deployment = Deployment::start().await;
    let vectors = include_str!("../data/hashes.tsv");
    let row = vectors.lines().find(|row| row.contains("\tpepper hmac-sha256 django\t")).unwrap();
    let row: Vec<&str> = row.split('\t').collect();
    let (hash, password) = (row[2], row[3]);
    let fast = hash.replace("$12000$", "$1000$");
    let named = format!("peppered$b$prefix${hash}");
    deployment.write("users.jsonl", &rows(&[hash, &fast, &named, "$P$6XabC3/SxZqP66aKEjFQMs0lFWq0BF/"]));
    let options = ["import", "jsonl", "users.jsonl", "--pepper-id", "a", "--pepper-how", "hmac-sha256"];
    let output = deployment.run(&options);
    assert_eq!((output.counts(), output.code), ([4, 0, 0], Some(0)), "{}", output.err);
    assert_eq!(output.json()["hashes"], json!({"peppered": 3}));
    assert_eq!(output.json()["warnings"], json!({"without a password: hash not taken with a pepper": 1}));
    let first = stored(&deployment);
    let begins = |user: usize, begin: &str| first[user].as_deref().unwrap().starts_with(begin);
    assert_eq!(first[0].as_deref(), Some(format!("peppered$a$hmac-sha256${hash}").as_str()));
    assert!(begins(1, "peppered$a$hmac-sha256$layered$pbkdf2-sha256$1000,32$"), "{first:?}");
    assert_eq!((first[2].as_deref(), first[3].as_deref()), (Some(named.as_str()), None));
    let pepper = ("a".parse().unwrap(), b"postern sample pepper of tests".to_vec());
    let peppers = Peppers::new([pepper]).unwrap();
    assert!(Passwords::default().verify(first[0].as_deref(), password, &peppers));

    let export = deployment.export();
    let other = Deployment::start().await;
    other.write("users.jsonl", &export);
    let output = other.run(&["import", "jsonl", "users.jsonl"]);
    assert_eq!((output.counts(), output.code), ([4, 0, 0], Some(0)), "{}", output.err);
    assert_eq!(stored(&other), first);

    for wrong in [
        &["--pepper-id", "a"][..],
        &["--pepper-how", "prefix"],
        &["--pepper-id", "A", "--pepper-how", "prefix"],
        &["--pepper-id", "a", "--pepper-how", "hmac-md5"],
        &["--pepper-id", "a", "--pepper-how", "prefix", "--bcrypt-of", "sha256-hex"],
    ] {
        let output = deployment.run(&[&["import", "jsonl", "users.jsonl"], wrong].concat());
        assert!(!output.err.is_empty() && output.code == Some(2), "{wrong:?}: {}", output.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hash_of_2x_is_imported_with_a_warning() {
    let deployment = Deployment::start().await;
    let hash = "$2x$04$abcdefghijklmnopqrstuuZPdgqLG5h0kr8LuMjHGY8ektmeJeeXa";
    deployment.write("users.jsonl", &rows(&[hash, WORDPRESS]));
    let output = deployment.run(&["import", "jsonl", "users.jsonl"]);
    assert_eq!((output.counts(), output.code), ([2, 0, 0], Some(0)), "{}", output.err);
    assert_eq!(output.json()["warnings"], json!({"bcrypt 2x": 1}));
    assert!(output.err.contains("line 1 (username user1): warning: a `$2x$` hash"), "{}", output.err);
    assert_eq!(stored(&deployment), [Some(hash.to_owned()), Some(WORDPRESS.to_owned())]);
}

//! How a command finds the user that the operator names. A text that may mean two users changes neither.

use postern::identity::Status;
use postern::store::operator::UserRecord;

use crate::cli::{Cli, PASSWORD};

const JOHN: u64 = 1;
const HUBER: u64 = 33;

/// Creates a user as an import does, whose usernames and source ids may be numbers.
async fn create(cli: &Cli, username: &str, source_id: Option<&str>) -> u64 {
    let user = UserRecord::new(username, cli.deployment.now());
    let user = UserRecord { source_id: source_id.map(str::to_owned), ..user };
    cli.deployment.store.create_user(user).await.unwrap()
}

#[tokio::test]
async fn user_is_found_by_username_email_or_id() {
    let cli = Cli::start().await;
    for name in ["johndoe", " JOHNDOE ", "johndoe@example.com", "1", "id:1"] {
        cli.run(&["user", "show", name]).await.prints(&["username              johndoe\n"]);
    }
    for name in ["01", "2", "nobody", "", "mallory"] {
        cli.run(&["user", "show", name]).await.fails_with(3, "there is no user");
    }
}

#[tokio::test]
async fn text_that_names_two_users_is_refused_and_changes_neither() {
    let cli = Cli::start().await;
    let other = create(&cli, "33", None).await;
    let third = create(&cli, "third", Some("johndoe")).await;
    for (text, why) in [
        ("33", "33 is a login name of user 45 and the id of user 33: name the user as id:33 or id:45\n"),
        (
            "johndoe",
            "johndoe is a login name of user 1 and the source id of user 46: name the user as id:1 or id:46\n",
        ),
    ] {
        for words in [
            &["user", "show", text][..],
            &["user", "sessions", text],
            &["user", "sessions", text, "--end"],
            &["user", "change", text, "--no-email"],
            &["user", "set-password", text, "--password-stdin"],
            &["user", "activate", text],
            &["user", "disable", text],
            &["user", "enable", text],
            &["user", "delete", text, "--yes"],
            &["user", "mfa", "off", text],
            &["attempts", "--operator", "--user", text],
        ] {
            cli.run_with_input(words, PASSWORD).await.fails_with(4, why);
        }
    }
    for id in [JOHN, HUBER, other, third] {
        let user = cli.deployment.store.user(id).await.unwrap().unwrap();
        assert_eq!((user.status, user.sessions_ended_at), (Status::Active, None), "{id}");
    }
    for (text, username) in
        [("id:33", "st.huber"), ("id:45", "33"), ("id:46", "third"), ("source:johndoe", "third")]
    {
        let line = format!("username              {username}\n");
        cli.run(&["user", "show", text]).await.prints(&[&line]);
    }
    cli.run(&["user", "disable", "id:33"])
        .await
        .prints(&["user 33 (st.huber, st.huber@example.com) is now disabled"]);
}

/// A script gives a command again if the answer was lost.
#[tokio::test]
async fn delete_given_again_never_deletes_the_user_whose_source_id_it_is() {
    let cli = Cli::start().await;
    let other = create(&cli, "other", Some("1")).await;
    let delete = async |text| cli.run(&["user", "delete", text, "--yes"]).await;
    delete("1")
        .await
        .fails_with(4, "1 is the id of user 1 and the source id of user 45: name the user as id:1 or id:45");
    delete("johndoe").await.prints(&["deleted user 1 (johndoe"]);
    delete("1").await.fails_with(
        4,
        "no user has the login name or the id 1; it is the source id of user 45; if you mean that user, name id:45\n",
    );
    delete("id:1").await.fails_with(3, "there is no user id:1");
    assert!(cli.deployment.store.user(other).await.unwrap().is_some());
    delete("source:1").await.prints(&["deleted user 45 (other)"]);
    delete("source:1").await.fails_with(3, "there is no user source:1");
}

/// It is no login name, so it cannot be locked.
#[tokio::test]
async fn unlock_ignores_a_source_id_without_its_prefix() {
    let cli = Cli::start().await;
    create(&cli, "33", None).await;
    let third = create(&cli, "third", Some("johndoe")).await;
    create(&cli, "fourth", Some("mallory")).await;
    let unlock = async |text| cli.run(&["user", "unlock", text]).await;
    unlock("johndoe").await.prints(&["login names of user 1 (johndoe, johndoe@example.com):"]);
    unlock("source:johndoe").await.prints(&[&format!("login names of user {third} (third):")]);
    unlock("mallory").await.prints(&["a login name that no user has:", "mallory: unlocked, had 25 failures"]);
    let why = "33 is a login name of user 45 and the id of user 33: name the user as id:33 or id:45\n";
    unlock("33").await.fails_with(4, why);
}

#[tokio::test]
async fn text_with_a_prefix_is_no_login_name() {
    let cli = Cli::start().await;
    create(&cli, "id:33", None).await;
    create(&cli, "source:7", None).await;
    cli.run(&["user", "show", "id:33"]).await.prints(&["username              st.huber\n"]);
    for text in ["source:7", "id:2", "id:033", "id:", "source:", "id:johndoe", "source:33"] {
        let why = format!("there is no user {text}\n");
        cli.run(&["user", "show", text]).await.fails_with(3, &why);
        // It is no name that no user has, either.
        cli.run(&["user", "unlock", text]).await.fails_with(3, &why);
    }
    cli.run(&["user", "unlock", "id:45"]).await.prints(&["login names of user 45 (id:33):"]);
}

/// Two products can have users of the same ids.
#[tokio::test]
async fn source_id_of_several_users_names_them() {
    let cli = Cli::start().await;
    let uuid = "0c385204-1802-4f76-a287-000000000001";
    create(&cli, "ann", Some(uuid)).await;
    cli.run(&["user", "show", &format!("source:{uuid}")]).await.prints(&["username              ann\n"]);
    create(&cli, "ben", Some(uuid)).await;
    let why = "is the source id of user 45 and the source id of user 46: name the user as id:45 or id:46\n";
    for text in [uuid, &format!("source:{uuid}")] {
        cli.run(&["user", "show", text]).await.fails_with(4, why);
    }
}

//! Help, completions and errors.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::cli::{Cli, command, run};

#[tokio::test]
async fn help_of_every_command_has_an_example() {
    for words in [
        &["--help"][..],
        &["user", "add", "--help"],
        &["user", "show", "--help"],
        &["user", "list", "--help"],
        &["user", "change", "--help"],
        &["user", "set-password", "--help"],
        &["user", "send-reset", "--help"],
        &["user", "activate", "--help"],
        &["user", "disable", "--help"],
        &["user", "enable", "--help"],
        &["user", "unlock", "--help"],
        &["user", "delete", "--help"],
        &["user", "mfa", "enrol", "--help"],
        &["user", "mfa", "off", "--help"],
        &["user", "sessions", "--help"],
        &["table", "create", "--help"],
        &["table", "check", "--help"],
        &["table", "upgrade", "--help"],
        &["attempts", "--help"],
        &["keys", "new", "--help"],
        &["keys", "show", "--help"],
        &["keys", "rotate", "--help"],
        &["keys", "publish", "--help"],
        &["keys", "pepper", "add", "--help"],
        &["keys", "pepper", "remove", "--help"],
        &["doctor", "--help"],
        &["probe", "--help"],
        &["completions", "--help"],
    ] {
        let output = run(&mut command(words), "").await;
        assert_eq!(output.code, 0, "{words:?}");
        let command = words[..words.len() - 1].join(" ");
        let example = format!("\n  postern {command}");
        assert!(output.out.contains(&example), "{words:?} has no example: {}", output.out);
    }
}

#[tokio::test]
async fn completions_are_printed_for_each_shell() {
    for (shell, word) in
        [("bash", "complete -F _postern"), ("zsh", "#compdef postern"), ("fish", "complete -c postern")]
    {
        run(&mut command(&["completions", shell]), "").await.prints(&[word]);
    }
    assert_eq!(run(&mut command(&["completions", "abacus"]), "").await.code, 2);
}

#[tokio::test]
async fn error_is_json_with_the_option_json() {
    let cli = Cli::start().await;
    let output = cli.run(&["--json", "user", "show", "nobody"]).await;
    assert_eq!((output.code, output.out.as_str()), (3, ""));
    let error: Value = serde_json::from_str(&output.err).unwrap();
    assert_eq!(error, json!({"error": "there is no user nobody"}));
}

/// `postern user list | head -1`.
#[tokio::test]
async fn closed_pipe_is_no_error() {
    let cli = Cli::start().await;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = command(&["user", "list"]);
    let child = command.args(cli.table()).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

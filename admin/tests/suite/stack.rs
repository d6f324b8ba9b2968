//! `--stack`: the table and the secret of a CloudFormation stack.

use postern_admin::connect;
use postern_admin::stack::{LOG_GROUPS, LogGroup};
use postern_admin::target::Target;
use postern_tests::binary::in_workspace;
use tokio::process::Command;

use crate::cli::{Cli, CliOutput, command, run};
use crate::cloudformation::{CloudFormation, STACK, Scene};
use crate::gateway::start;
use crate::secrets::{ARN, Secrets};

/// A command on the stack's deployment, whose table is that of `cli`.
fn on_stack(cli: &Cli, words: &[&str]) -> Command {
    let mut command = command(words);
    command.env("AWS_ENDPOINT_URL_DYNAMODB", cli.deployment.table.endpoint()).envs([
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
    ]);
    command
}

/// Runs a command on the stack of this scene.
async fn in_scene(scene: Scene, words: &[&str]) -> CliOutput {
    let cli = Cli::start().await;
    let stack = CloudFormation::start(scene).await;
    run(stack.with_endpoint(&mut on_stack(&cli, words)), "").await
}

#[tokio::test]
async fn stack_names_the_table_and_the_secret() {
    let cli = Cli::start().await;
    let stack = CloudFormation::start(Scene::default()).await;
    let secrets = Secrets::start(Some("a generated secret of 32 bytes or more")).await;
    for named_by_option in [true, false] {
        let on = |words: &[&str]| {
            let mut command = on_stack(&cli, words);
            match named_by_option {
                // The option counts before the variables of another deployment.
                true => command.args(["--stack", STACK]).envs([("TABLE_NAME", "x"), ("SIGNING_KEYS", "x")]),
                false => command.env("POSTERN_STACK", STACK),
            };
            secrets.with_endpoint(stack.with_endpoint(&mut command));
            command
        };
        run(&mut on(&["user", "show", "johndoe"]), "").await.prints(&["johndoe@example.com"]);
        run(&mut on(&["keys", "show"]), "").await.prints(&[&format!("the secret {ARN} holds")]);
        run(&mut on(&["user", "mfa", "enrol", "johndoe", "--replace"]), "").await.prints(&["otpauth:"]);
        run(&mut on(&["doctor"]), "").await.prints(&[
            "ok   stack         postern-test is in the state CREATE_COMPLETE\n",
            "ok   mail          is sent from no-reply@example.com\n",
            "ok   table         postern answers\n",
            &format!("read from the secret {ARN}\n"),
        ]);
    }
    // The next step of a rotation is printed as it has to be typed.
    let words = ["keys", "rotate", "--add", "--stack", STACK];
    let output = run(secrets.with_endpoint(stack.with_endpoint(&mut on_stack(&cli, &words))), "").await;
    output.prints(&[&format!("postern keys rotate --stack {STACK} --promote ")]);
    // Other keys than those of the stack.
    let words = ["doctor", "--stack", STACK, "--secret", "another"];
    let output = run(secrets.with_endpoint(stack.with_endpoint(&mut on_stack(&cli, &words))), "").await;
    assert!(output.out.contains("FAIL signing keys  the secret another is not there"), "{output:?}");
}

/// An emulator of AWS has all services at one address.
#[tokio::test]
async fn endpoint_of_the_option_is_that_of_cloudformation_too() {
    let words = ["user", "show", "johndoe", "--stack", STACK, "--endpoint-url", "http://127.0.0.1:9"];
    let output = run(&mut command(&words), "").await;
    output.fails_with(6, "CloudFormation cannot be asked for the stack");
    assert!(!output.err.contains("DynamoDB"), "{output:?}");
}

#[tokio::test]
async fn log_groups_of_the_functions_are_found_on_all_pages() {
    let resources = vec![
        ("ApiLogs", "/aws/vendedlogs/postern"),
        ("MfaSigninLogs", "postern-MfaSigninLogs-1"),
        ("Table", "postern"),
        ("JwksLogs", "postern-JwksLogs-2"),
    ];
    let stack = CloudFormation::start(Scene { resources, ..Scene::default() }).await;
    let target = Target {
        stack: Some(STACK.to_owned()),
        endpoint_url: Some(stack.endpoint.clone()),
        ..Target::default()
    };
    let stack = connect::stack(&target).await.unwrap().unwrap();
    let group = |contract, name: &str| LogGroup { contract, name: name.to_owned() };
    let found = stack.log_groups().await.unwrap();
    assert_eq!(found, [group("mfa", "postern-MfaSigninLogs-1"), group("jwks", "postern-JwksLogs-2")]);
}

#[tokio::test]
async fn missing_stack_is_named() {
    let words = ["user", "show", "johndoe", "--stack", "postern-tset"];
    in_scene(Scene::default(), &words).await.fails_with(3, "there is no stack postern-tset");
}

#[tokio::test]
async fn permission_that_is_missing_is_named() {
    let scene = Scene { denied: true, ..Scene::default() };
    let output = in_scene(scene, &["user", "show", "johndoe", "--stack", STACK]).await;
    output.fails_with(1, "allow cloudformation:DescribeStacks");
    assert!(output.err.contains("user/ann is not authorized"), "{output:?}");
}

#[tokio::test]
async fn stack_that_does_not_work_is_refused_with_the_reason() {
    let other_outputs = vec![("BucketName", "b".to_owned())];
    let no_url = Scene::default().outputs.drain(..2).collect();
    let all = Scene::default().outputs;
    for (status, outputs, why) in [
        ("CREATE_COMPLETE", other_outputs, "has no output TableName"),
        ("UPDATE_COMPLETE", no_url, "has no output ApiUrl"),
        ("ROLLBACK_COMPLETE", Vec::new(), "was not created (ROLLBACK_COMPLETE)"),
        ("CREATE_IN_PROGRESS", Vec::new(), "is not ready (CREATE_IN_PROGRESS)"),
        ("DELETE_COMPLETE", all, "is deleted (DELETE_COMPLETE)"),
    ] {
        let scene = Scene { status, outputs, ..Scene::default() };
        let output = in_scene(scene, &["user", "show", "johndoe", "--stack", STACK]).await;
        output.fails_with(1, why);
    }
}

/// Its table works, so an operator can go on working.
#[tokio::test]
async fn stack_whose_update_failed_is_used_and_doctor_says_so() {
    for (status, line, code) in [
        (
            "UPDATE_ROLLBACK_COMPLETE",
            "warn stack         postern-test is in the state UPDATE_ROLLBACK_COMPLETE",
            0,
        ),
        ("UPDATE_IN_PROGRESS", "warn stack         postern-test is in the state UPDATE_IN_PROGRESS", 0),
        (
            "UPDATE_ROLLBACK_FAILED",
            "FAIL stack         postern-test is in the state UPDATE_ROLLBACK_FAILED",
            1,
        ),
        ("UPDATE_FAILED", "FAIL stack         postern-test is in the state UPDATE_FAILED", 1),
    ] {
        let cli = Cli::start().await;
        let stack = CloudFormation::start(Scene { status, ..Scene::default() }).await;
        let on = |words: &[&str]| {
            let mut command = on_stack(&cli, words);
            stack.with_endpoint(&mut command).args(["--stack", STACK]);
            command
        };
        run(&mut on(&["user", "show", "johndoe"]), "").await.prints(&["johndoe"]);
        let secrets = Secrets::start(Some("a generated secret of 32 bytes or more")).await;
        let output = run(secrets.with_endpoint(&mut on(&["doctor"])), "").await;
        assert!(output.code == code && output.out.contains(line), "{output:?}");
    }
}

#[tokio::test]
async fn stack_that_sends_no_mail_is_a_warning_that_names_the_parameters() {
    let cli = Cli::start().await;
    let stack = CloudFormation::start(Scene { mail_from: "", ..Scene::default() }).await;
    let secrets = Secrets::start(Some("a generated secret of 32 bytes or more")).await;
    let mut command = on_stack(&cli, &["doctor"]);
    stack.with_endpoint(&mut command).args(["--stack", STACK]);
    let output = run(secrets.with_endpoint(&mut command), "").await;
    output
        .prints(&["warn mail          the parameter MailFrom is empty", "Set MailFrom and AccountResetUrl"]);
}

#[tokio::test]
async fn two_deployments_are_refused() {
    let variables = [("POSTERN_STACK", STACK), ("TABLE_NAME", "postern")];
    for words in [&["user", "show", "johndoe"][..], &["keys", "show"]] {
        run(command(words).envs(variables), "")
            .await
            .fails_with(2, "POSTERN_STACK is set, and so is TABLE_NAME");
    }
    for other in [["--table", "t"].as_slice(), &["--local"]] {
        let words = [&["user", "list", "--stack", STACK], other].concat();
        assert_eq!(run(&mut command(&words), "").await.code, 2, "{words:?}");
    }
}

#[tokio::test]
async fn doctor_takes_the_url_and_the_web_origin_of_the_stack() {
    for (allowed_origins, origin) in
        [("*", "https://example.com"), ("https://a.example,https://b.example", "https://a.example")]
    {
        let cli = Cli::start().await;
        let mut scene = Scene { allowed_origins, ..Scene::default() };
        scene.outputs[2].1 = start(&cli.deployment).await;
        let stack = CloudFormation::start(scene).await;
        let secrets = Secrets::start(Some("a generated secret of 32 bytes or more")).await;
        let mut command = on_stack(&cli, &["doctor", "--stack", STACK, "--url"]);
        let output = run(secrets.with_endpoint(stack.with_endpoint(&mut command)), "").await;
        output.prints(&[
            "ok   routes        mfa: 4 routes, with and without a slash\n",
            &format!("ok   CORS          web pages of {origin} may call every route\n"),
        ]);
    }
}

#[test]
fn log_groups_are_those_of_the_template() {
    let template = std::fs::read_to_string(in_workspace("template.yaml")).unwrap();
    for (_, id) in LOG_GROUPS {
        assert!(template.contains(&format!("\n  {id}:\n    Type: AWS::Logs::LogGroup\n")), "{id}");
        assert_eq!(template.matches(&format!("LogGroup: !Ref {id} }}")).count(), 1, "{id}");
    }
    // The mailer has no attempts.
    assert_eq!(template.matches("LogGroup: !Ref ").count(), LOG_GROUPS.len() + 1);
}

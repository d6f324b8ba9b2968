//! A stand-in for CloudFormation with one stack. Its replies have the form of those in the API reference
//! (DescribeStacks, ListStackResources, Common Errors).

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use tokio::process::Command;

use crate::secrets::{ARN, PUBLIC_ARN, serve};

/// The stack's name.
pub(crate) const STACK: &str = "postern-test";

/// What the stand-in answers.
pub(crate) struct Scene {
    pub(crate) status: &'static str,
    pub(crate) outputs: Vec<(&'static str, String)>,
    pub(crate) allowed_origins: &'static str,
    pub(crate) mail_from: &'static str,
    pub(crate) existing_signing_keys: &'static str,
    /// The log groups by their logical ids. Each is on a page of its own.
    pub(crate) resources: Vec<(&'static str, &'static str)>,
    pub(crate) denied: bool,
}

impl Default for Scene {
    /// A stack that was just created, with the table of the test's deployment.
    fn default() -> Self {
        Self {
            status: "CREATE_COMPLETE",
            outputs: vec![
                ("TableName", "postern".to_owned()),
                ("SigningKeysSecretArn", ARN.to_owned()),
                ("ApiUrl", "https://api.example.com".to_owned()),
                ("PublicKeysSecretArn", PUBLIC_ARN.to_owned()),
            ],
            allowed_origins: "*",
            mail_from: "no-reply@example.com",
            existing_signing_keys: "",
            resources: Vec::new(),
            denied: false,
        }
    }
}

pub(crate) struct CloudFormation {
    pub(crate) endpoint: String,
}

impl CloudFormation {
    pub(crate) async fn start(scene: Scene) -> Self {
        let scene = Arc::new(scene);
        Self { endpoint: serve(Router::new().fallback(answer).with_state(scene)).await }
    }

    /// Points a command to this stand-in.
    pub(crate) fn with_endpoint<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("AWS_ENDPOINT_URL_CLOUDFORMATION", &self.endpoint)
    }
}

async fn answer(State(scene): State<Arc<Scene>>, request: Request) -> Response {
    let body = to_bytes(request.into_body(), usize::MAX).await.unwrap();
    let form: HashMap<String, String> = url::form_urlencoded::parse(&body)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let name = &form["StackName"];
    if scene.denied {
        let message = format!(
            "User: arn:aws:iam::000000000000:user/ann is not authorized to perform: cloudformation:DescribeStacks on \
             resource: {name}"
        );
        return error(403, "AccessDenied", &message);
    }
    if name != STACK {
        return error(400, "ValidationError", &format!("Stack with id {name} does not exist"));
    }
    let body = match form["Action"].as_str() {
        "DescribeStacks" => describe_stacks(&scene),
        "ListStackResources" => list_resources(&scene, form.get("NextToken").map_or("0", String::as_str)),
        other => panic!("{other}"),
    };
    reply(200, body)
}

fn describe_stacks(scene: &Scene) -> String {
    let output = |(key, value): &(&str, String)| {
        format!("<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>")
    };
    format!(
        r#"<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
  <DescribeStacksResult><Stacks><member>
    <StackName>{STACK}</StackName>
    <StackId>arn:aws:cloudformation:us-east-1:000000000000:stack/{STACK}/aaf549a0-a413-11df-adb3-5081b3858e83</StackId>
    <CreationTime>2026-07-27T22:26:28Z</CreationTime>
    <StackStatus>{}</StackStatus>
    <DisableRollback>false</DisableRollback>
    <Parameters><member>
      <ParameterKey>AllowedOrigins</ParameterKey><ParameterValue>{}</ParameterValue>
    </member><member>
      <ParameterKey>MailFrom</ParameterKey><ParameterValue>{}</ParameterValue>
    </member><member>
      <ParameterKey>ExistingSigningKeys</ParameterKey><ParameterValue>{}</ParameterValue>
    </member></Parameters>
    <Outputs>{}</Outputs>
  </member></Stacks></DescribeStacksResult>
  <ResponseMetadata><RequestId>b9b4b068-3a41-11e5-94eb-example</RequestId></ResponseMetadata>
</DescribeStacksResponse>"#,
        scene.status,
        scene.allowed_origins,
        scene.mail_from,
        scene.existing_signing_keys,
        scene.outputs.iter().map(output).collect::<String>()
    )
}

fn list_resources(scene: &Scene, page: &str) -> String {
    let page: usize = page.parse().unwrap();
    let (id, name) = scene.resources[page];
    let next = page + 1;
    let token =
        if next < scene.resources.len() { format!("<NextToken>{next}</NextToken>") } else { String::new() };
    format!(
        r#"<ListStackResourcesResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
  <ListStackResourcesResult><StackResourceSummaries><member>
    <ResourceStatus>CREATE_COMPLETE</ResourceStatus>
    <LogicalResourceId>{id}</LogicalResourceId>
    <LastUpdatedTimestamp>2026-06-21T20:15:58Z</LastUpdatedTimestamp>
    <PhysicalResourceId>{name}</PhysicalResourceId>
    <ResourceType>AWS::Logs::LogGroup</ResourceType>
  </member></StackResourceSummaries>{token}</ListStackResourcesResult>
  <ResponseMetadata><RequestId>2d06e36c-ac1d-11e0-a958-f9382b6eb86b</RequestId></ResponseMetadata>
</ListStackResourcesResponse>"#
    )
}

fn error(status: u16, code: &str, message: &str) -> Response {
    let body = format!(
        r#"<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
  <Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>
  <RequestId>b9b4b068-3a41-11e5-94eb-example</RequestId>
</ErrorResponse>"#
    );
    reply(status, body)
}

fn reply(status: u16, body: String) -> Response {
    Response::builder().status(status).header("content-type", "text/xml").body(Body::from(body)).unwrap()
}

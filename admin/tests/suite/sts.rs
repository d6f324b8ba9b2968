//! A stand-in for STS. Its reply has the form of that in the API reference of GetCallerIdentity.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;

use crate::secrets::serve;

pub(crate) const ANN: &str = "arn:aws:sts::123456789012:assumed-role/operators/ann";

/// Starts the stand-in, and returns its address.
pub(crate) async fn start() -> String {
    serve(Router::new().fallback(answer)).await
}

async fn answer(request: Request) -> Response {
    let body = to_bytes(request.into_body(), usize::MAX).await.unwrap();
    assert!(body.starts_with(b"Action=GetCallerIdentity&"), "{body:?}");
    let reply = format!(
        r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>{ANN}</Arn>
    <UserId>ARO123EXAMPLE123:ann</UserId>
    <Account>123456789012</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata><RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId></ResponseMetadata>
</GetCallerIdentityResponse>"#
    );
    Response::builder().header("content-type", "text/xml").body(Body::from(reply)).unwrap()
}

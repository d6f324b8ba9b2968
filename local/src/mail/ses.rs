//! The stand-in for SES, version 2 of its API: it puts each mail into the mailbox.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::mailbox::{Mailbox, SentMail};

/// The answer of SES to a request to send a mail.
#[derive(Clone, Copy, Debug, Default)]
pub enum Answer {
    /// It sends the mail.
    #[default]
    Sent,
    /// It sends the mail, and its answer is lost.
    Lost,
    /// It refuses the mail, with this status and error code.
    Refused(u16, &'static str),
}

/// The stand-in.
pub(super) struct Ses {
    mailbox: Arc<Mailbox>,
    answer: Mutex<Answer>,
}

impl Ses {
    pub(super) fn new(mailbox: Arc<Mailbox>) -> Self {
        Self { mailbox, answer: Mutex::default() }
    }

    pub(super) fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }
}

/// Answers SendEmail. SES's error messages hold the recipient's address, and so does this one.
pub(super) async fn send_email(State(ses): State<Arc<Ses>>, Json(request): Json<Value>) -> Response {
    let Some(mail) = SentMail::of_request(&request) else {
        return refusal(400, "BadRequestException", "no mail of the mailer");
    };
    let answer = *ses.answer.lock().unwrap_or_else(PoisonError::into_inner);
    if let Answer::Refused(status, code) = answer {
        return refusal(status, code, &format!("Email address is not verified: {}", mail.to));
    }
    ses.mailbox.add(mail);
    if let Answer::Lost = answer {
        std::future::pending::<()>().await;
    }
    Json(json!({"MessageId": "0100018c-00000000"})).into_response()
}

fn refusal(status: u16, code: &str, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [("x-amzn-errortype", code.to_owned())], Json(json!({"message": message}))).into_response()
}

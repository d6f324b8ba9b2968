//! One event of the audit trail, and its line.

use postern::clock::Timestamp;
use postern::store::operator::OperatorEvent;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::filter::{Filter, MESSAGES};
use crate::api::CONTRACTS;
use crate::output::{json_text, plain, time};

/// The line above the events.
pub(super) const HEADING: &str = "TIME                      CONTRACT  OUTCOME                 USER      ADDRESS                  REQUEST\n";

/// One event of the audit trail.
pub(super) struct TrailEvent {
    pub(super) at: Timestamp,
    /// An id that other events of the same moment do not have.
    pub(super) id: String,
    value: Value,
    /// Whether it is a change that an operator made. The members do not show this, since functions choose the
    /// members of their events.
    is_operator: bool,
}

impl TrailEvent {
    /// Reads an audit event of a function. `None` for every other log line, and for the line of a function that
    /// imitates the change of an operator.
    pub(super) fn of_line(line: &str, id: Option<&str>) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let is_event = MESSAGES.contains(&value["message"].as_str()?)
            && CONTRACTS.contains(&value["contract"].as_str()?);
        let at = moment(value["timestamp"].as_str()?).filter(|_| is_event && value["outcome"].is_string())?;
        let id = id.unwrap_or(line).to_owned();
        Some(Self { at, id, value, is_operator: false })
    }

    /// Makes the event of an operator's change, in the form of the functions' events.
    pub(super) fn of_operator(event: &OperatorEvent) -> Self {
        let mut value = json!({"timestamp": time(event.at), "message": "operator", "contract": "operator",
            "outcome": event.outcome.as_str(), "command": event.command, "actor": event.actor});
        let more = [
            ("user_id", event.user_id.map(Value::from)),
            ("ended_at", event.ended_at.map(time).map(Value::from)),
            ("failure", event.failure.clone().map(Value::from)),
            ("counts", Some(json!(event.counts)).filter(|_| !event.counts.is_empty())),
        ];
        for (name, member) in more {
            if let Some(member) = member {
                value[name] = member;
            }
        }
        Self { at: event.at, id: value.to_string(), value, is_operator: true }
    }

    /// Returns whether the filter selects the event.
    pub(super) fn matches(&self, filter: &Filter) -> bool {
        let is = |name: &str, wanted: &Option<String>| {
            wanted.as_deref().is_none_or(|wanted| self.value[name].as_str() == Some(wanted))
        };
        filter.user_id.is_none_or(|id| self.value["user_id"].as_u64() == Some(id))
            && is("address", &filter.address)
            && is("outcome", &filter.outcome)
            && is("contract", &filter.contract)
    }

    /// Returns the line of the event. Control characters are escaped, because others choose some of its values: a
    /// proxy, for example, chooses the address.
    pub(super) fn line(&self, as_json: bool) -> String {
        if as_json {
            return json_text(&self.value);
        }
        let text = |name: &str| match &self.value[name] {
            Value::Null => "-".to_owned(),
            Value::String(text) => plain(text),
            other => plain(&other.to_string()),
        };
        let outcome = match self.value["throttled_by"].as_str() {
            Some(by) => format!("{} ({})", text("outcome"), plain(by)),
            None => text("outcome"),
        };
        let rest = match self.is_operator {
            false => format!("{:<23}  {}", text("address"), text("request_id")),
            true => {
                let more = ["failure", "counts"].into_iter().filter(|name| !self.value[*name].is_null());
                let more: String = more.map(|name| format!("  {}", text(name))).collect();
                format!("{}  by {}{more}", text("command"), text("actor"))
            }
        };
        format!("{}  {:<8}  {outcome:<22}  {:<8}  {rest}", time(self.at), text("contract"), text("user_id"))
    }
}

/// Reads the time of an event.
fn moment(text: &str) -> Option<Timestamp> {
    let nanos = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos();
    u64::try_from(nanos / 1_000_000).ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_of_an_event_is_read_as_it_is_written() {
        for millis in [0, 1, 1_668_881_722_642] {
            let at = Timestamp::from_millis(millis);
            assert_eq!(moment(&at.iso8601().unwrap()), Some(at));
        }
        for text in ["", "yesterday", "2022-11-19", "2022-11-19T18:15:22.642", "1969-12-31T23:59:59.000Z"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn other_lines_are_no_events() {
        for line in [
            "",
            "START RequestId: 1 Version: 1",
            r#"{"message":"x","outcome":"signed_in","timestamp":"2026-11-30T00:00:00.000Z"}"#,
            r#"{"message":"session","contract":"sso","timestamp":"2026-11-30T00:00:00.000Z"}"#,
            r#"{"message":"session","contract":"sso","outcome":"signed_out"}"#,
            r#"{"message":"session","outcome":"signed_out","timestamp":"2026-11-30T00:00:00.000Z"}"#,
            r#"{"message":"session","contract":"operator","outcome":"done","command":"user delete","actor":"x","timestamp":"2026-11-30T00:00:00.000Z"}"#,
            r#"{"message":"operator","contract":"operator","outcome":"done","command":"user delete","actor":"x","timestamp":"2026-11-30T00:00:00.000Z"}"#,
            r#"["session"]"#,
        ] {
            assert!(TrailEvent::of_line(line, None).is_none(), "{line}");
        }
    }

    #[test]
    fn line_of_a_function_never_looks_like_an_operators_change() {
        let line = r#"{"message":"session","contract":"sso","outcome":"signed_out","command":"user delete","actor":"root","timestamp":"2026-11-30T00:00:00.000Z"}"#;
        let printed = TrailEvent::of_line(line, None).unwrap().line(false);
        assert!(!printed.contains("user delete") && !printed.contains("root"), "{printed}");
    }

    #[test]
    fn control_characters_are_escaped_in_each_form() {
        let line = json!({"message": "session", "outcome": "signed_out", "contract": "sso", "address": "\u{9b}2J\n\u{1b}[2J",
            "request_id": "\u{202e}", "throttled_by": "\u{7}", "timestamp": "2026-11-30T00:00:00.000Z"});
        let event = TrailEvent::of_line(&line.to_string(), None).unwrap();
        for as_json in [false, true] {
            let printed = event.line(as_json);
            let harmful = |c: char| c.is_control() || c == '\u{202e}';
            assert!(!printed.contains(harmful), "{printed:?}");
        }
        let value: Value = serde_json::from_str(&event.line(true)).unwrap();
        assert_eq!(value, line, "the same values");
    }
}

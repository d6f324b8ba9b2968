//! The choice of events.

/// The messages of the audit events.
pub(super) const MESSAGES: [&str; 3] = ["sign-in attempt", "session", "password"];

/// Which events are shown.
pub(super) struct Filter {
    pub(super) user_id: Option<u64>,
    pub(super) address: Option<String>,
    pub(super) outcome: Option<String>,
    pub(super) contract: Option<String>,
}

impl Filter {
    /// Returns the filter pattern for CloudWatch Logs. The values hold no quotes: they are numbers, addresses,
    /// and names from a list.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>
    pub(super) fn pattern(&self) -> String {
        let is_event = MESSAGES.map(|message| format!("$.message = \"{message}\"")).join(" || ");
        let mut pattern = format!("{{ ({is_event})");
        if let Some(id) = self.user_id {
            pattern += &format!(" && ($.user_id = {id})");
        }
        let texts = [("address", &self.address), ("outcome", &self.outcome), ("contract", &self.contract)];
        for (name, value) in texts {
            if let Some(value) = value {
                pattern += &format!(" && ($.{name} = \"{value}\")");
            }
        }
        pattern + " }"
    }
}

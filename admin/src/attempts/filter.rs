//! The choice of events.

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
        let mut pattern = r#"{ ($.message = "sign-in attempt" || $.message = "session")"#.to_owned();
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

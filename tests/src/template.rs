//! The stack's template, `template.yaml`, for the suites and the benchmark.

use postern_local::yaml::{self, Plain};
use serde_json::Value;

use crate::binary::in_workspace;

/// The template, with every scalar as a text. Tags such as `!Ref` are dropped, and their values stay.
pub struct Template(pub Value);

impl Template {
    /// Reads the template of the workspace.
    pub fn read() -> Self {
        let text = std::fs::read_to_string(in_workspace("template.yaml")).unwrap();
        Self(yaml::read(&text, Plain::Text).unwrap())
    }

    /// The default of a parameter.
    pub fn default(&self, parameter: &str) -> &str {
        let default = self.0["Parameters"][parameter]["Default"].as_str();
        default.unwrap_or_else(|| panic!("the parameter {parameter} has no default"))
    }

    /// A number of a parameter: its `Default`, `MinValue` or `MaxValue`.
    pub fn number(&self, parameter: &str, which: &str) -> u64 {
        let number = self.0["Parameters"][parameter][which].as_str();
        number.unwrap_or_else(|| panic!("the parameter {parameter} has no {which}")).parse().unwrap()
    }

    /// The resources of a type: their logical ids, and what the template says of them.
    pub fn resources(&self, kind: &str) -> impl Iterator<Item = (&str, &Value)> {
        let resources = self.0["Resources"].as_object().unwrap().iter();
        resources.filter(move |(_, of)| of["Type"] == kind).map(|(name, of)| (name.as_str(), of))
    }

    /// A line of the API's access log with the values of these variables. API Gateway writes `-` for a
    /// variable without a value.
    pub fn access_line<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) -> String {
        let format =
            self.0["Resources"]["Api"]["Properties"]["AccessLogSettings"]["Format"].as_str().unwrap();
        let mut parts = format.split("$context.");
        let mut line = parts.next().unwrap().to_owned();
        for part in parts {
            let (variable, rest) = part.split_once('"').unwrap();
            line.extend([value(variable).unwrap_or("-"), "\"", rest]);
        }
        line
    }
}

//! The part of `template.yaml` that the local gateway reads: the routes of each function, and CORS. So
//! `cargo run` routes requests as the stack does.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::yaml::{self, Plain};

/// The template is not as the local gateway expects it. The error names the place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("template.yaml: {0}")]
pub struct TemplateError(pub String);

/// The template of the stack.
pub struct Template(Value);

/// The CORS settings of the HTTP API, as values of headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// The allowed origin: the default of the parameter `AllowedOrigins`.
    pub origin: String,
    /// The allowed methods.
    pub methods: String,
    /// The allowed headers.
    pub headers: String,
    /// The headers that a web page may read.
    pub exposed: String,
    /// How many seconds a browser may keep the answer to a preflight.
    pub max_age: String,
}

impl Template {
    /// Returns the template that this program was built with.
    ///
    /// # Errors
    /// If the template is not YAML.
    pub fn embedded() -> Result<Self, TemplateError> {
        Self::from_yaml(include_str!("../../template.yaml"))
    }

    /// Reads a template. Tags such as `!Ref` are dropped, and their values stay.
    ///
    /// # Errors
    /// If the text is not YAML.
    pub fn from_yaml(text: &str) -> Result<Self, TemplateError> {
        yaml::read(text, Plain::Text).map(Self).map_err(|error| TemplateError(error.to_string()))
    }

    /// Returns the routes of all functions: the key of each route, and the name of its function's binary.
    ///
    /// # Errors
    /// If a function has no binary, or if an event is not an HTTP API's or has no method or path.
    pub fn routes(&self) -> Result<Vec<(String, String)>, TemplateError> {
        let resources = self.object(&["Resources"])?;
        let mut routes = Vec::new();
        for name in resources.keys().filter(|name| resources[*name]["Type"] == "AWS::Serverless::Function") {
            let binary = self.text(&["Resources", name, "Metadata", "BuildProperties", "Binary"])?;
            for event in self.object(&["Resources", name, "Properties", "Events"])?.keys() {
                let of_event = |member: &[&str]| {
                    self.text(&[&["Resources", name, "Properties", "Events", event], member].concat())
                };
                let kind = of_event(&["Type"])?;
                // The queue of the mailer is in `mail/`.
                if kind == "SQS" {
                    continue;
                }
                if kind != "HttpApi" {
                    return Err(TemplateError(format!("{name}, {event}: the local gateway has no {kind}")));
                }
                let [method, path] =
                    [of_event(&["Properties", "Method"])?, of_event(&["Properties", "Path"])?];
                routes.push((format!("{method} {path}"), binary.to_owned()));
            }
        }
        Ok(routes)
    }

    /// Returns the CORS settings of the HTTP API.
    ///
    /// # Errors
    /// If one of them is missing.
    pub fn cors(&self) -> Result<Cors, TemplateError> {
        let of_cors =
            |name| ["Resources", "Api", "Properties", "DefinitionBody", "x-amazon-apigateway-cors", name];
        let list = |name| {
            let values = self.at(&of_cors(name))?.as_array();
            let values =
                values.and_then(|values| values.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
            values
                .map(|values| values.join(","))
                .ok_or_else(|| TemplateError(format!("{name} of the API is no list")))
        };
        Ok(Cors {
            origin: self.text(&["Parameters", "AllowedOrigins", "Default"])?.to_owned(),
            methods: list("allowMethods")?,
            headers: list("allowHeaders")?,
            exposed: list("exposeHeaders")?,
            max_age: self.text(&of_cors("maxAge"))?.to_owned(),
        })
    }

    fn at(&self, path: &[&str]) -> Result<&Value, TemplateError> {
        let found = path.iter().try_fold(&self.0, |value, name| value.get(name));
        found.ok_or_else(|| TemplateError(format!("there is no {}", path.join("."))))
    }

    fn text(&self, path: &[&str]) -> Result<&str, TemplateError> {
        let text = self.at(path)?.as_str();
        text.ok_or_else(|| TemplateError(format!("{} is no text", path.join("."))))
    }

    fn object(&self, path: &[&str]) -> Result<&Map<String, Value>, TemplateError> {
        let members = self.at(path)?.as_object();
        members.ok_or_else(|| TemplateError(format!("{} has no members", path.join("."))))
    }
}

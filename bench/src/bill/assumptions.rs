//! Whether the assumptions of the bill, and the figures that are measured for it, can be true together.

use super::{Figures, Prices};

impl Prices {
    /// Returns where the assumptions contradict each other, or the template whose bill they are for.
    pub fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut expect = |holds: bool, contradiction: String| {
            if !holds {
                found.push(contradiction);
            }
        };
        let default = |parameter| self.template.default(parameter);
        let number = |parameter| default(parameter).parse::<f64>().unwrap();
        let (memory, rate) = (self.assumed("memory_mb"), self.assumed("sign_ins_per_second"));
        expect(
            memory == number("MemorySize"),
            format!("memory_mb is {memory}, and the template's MemorySize {}", number("MemorySize")),
        );
        let report = &self.file["assumed"]["lambda_log_lines"]["report"]["record"]["metrics"];
        expect(
            report["memorySizeMB"] == self.file["assumed"]["memory_mb"],
            format!("memory_mb is {memory}, and not so in Lambda's report: {report}"),
        );
        let architecture = self.architecture();
        expect(
            architecture == default("Architecture"),
            format!("architecture is {architecture}, and the template's is {}", default("Architecture")),
        );
        let gb_second = |of: &str| self.file["lambda_gb_second"][of].as_f64().unwrap();
        expect(
            gb_second("arm64") < gb_second("x86_64"),
            "lambda_gb_second: arm64 is not the cheaper one".to_owned(),
        );
        expect(
            0.0 < rate && rate <= number("ApiRateLimit"),
            format!("sign_ins_per_second is {rate}, and the API's limit is {}", number("ApiRateLimit")),
        );
        expect(self.assumed("trip_ms") > 0.0, "trip_ms: a trip to DynamoDB takes time".to_owned());
        // What the sum leaves out, and what it contains.
        expect(
            default("Tracing") == "PassThrough",
            "the sum has no X-Ray, and Tracing is on by default".to_owned(),
        );
        expect(
            default("LogLevel") == "INFO",
            "the sum has audit events, and LogLevel is not INFO".to_owned(),
        );
        let without = self.template.access_line(|_| None);
        let values = self.file["assumed"]["access_log"].as_object().unwrap().keys();
        for name in values.filter(|name| *name != "about") {
            let line = self.template.access_line(|variable| (variable == name).then_some("a value"));
            expect(line != without, format!("access_log: the format has no {name}"));
        }
        found
    }

    /// Returns why the figures of a sign-in cannot be true, as far as that can be told.
    pub fn implausible(&self, figures: &Figures) -> Vec<String> {
        let mut found = Vec::new();
        let (waiting, billed) = (figures.trips * self.assumed("trip_ms"), self.billed_ms(figures));
        if waiting >= billed {
            found.push(format!("of {billed} ms that are billed, {waiting} are waiting for the table"));
        }
        let timeout = self.template.0["Globals"]["Function"]["Timeout"].as_str().unwrap();
        if billed >= timeout.parse::<f64>().unwrap() * 1000.0 {
            found.push(format!("{billed} ms are billed, and Lambda ends a request after {timeout} s"));
        }
        if figures.trips > figures.reads + figures.writes {
            found.push(format!("{} trips to the table, with fewer request units", figures.trips));
        }
        if figures.log_bytes == 0.0 {
            found.push("no audit event".to_owned());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn figures() -> Figures {
        Figures { trips: 3.0, reads: 1.0, writes: 4.0, served_ms: vec![9.9, 10.1], log_bytes: 225.0 }
    }

    #[test]
    fn prices_file_contradicts_neither_itself_nor_the_template() {
        assert_eq!(Prices::read().contradictions(), Vec::<String>::new());
    }

    #[test]
    fn contradiction_is_found() {
        for (assumption, value) in [
            ("/assumed/memory_mb", json!(1024)),
            ("/assumed/lambda_log_lines/report/record/metrics/memorySizeMB", json!(1024)),
            ("/assumed/architecture", json!("arm64")),
            ("/lambda_gb_second/arm64", json!(0.1)),
            ("/assumed/sign_ins_per_second", json!(101)),
            ("/assumed/sign_ins_per_second", json!(0)),
            ("/assumed/trip_ms", json!(0)),
            ("/assumed/access_log", json!({"requestTime": "30/Nov/2026:10:23:25 +0000"})),
        ] {
            let mut prices = Prices::read();
            *prices.file.pointer_mut(assumption).unwrap() = value;
            assert!(!prices.contradictions().is_empty(), "{assumption}");
        }
        for (parameter, default) in [
            ("MemorySize", "3008"),
            ("Architecture", "arm64"),
            ("Tracing", "Active"),
            ("LogLevel", "WARN"),
            ("ApiRateLimit", "3"),
        ] {
            let mut prices = Prices::read();
            prices.template.0["Parameters"][parameter]["Default"] = json!(default);
            assert!(!prices.contradictions().is_empty(), "{parameter}");
        }
    }

    #[test]
    fn implausible_figures_are_found() {
        let prices = Prices::read();
        assert_eq!(prices.implausible(&figures()), Vec::<String>::new());
        for wrong in [
            Figures { served_ms: vec![-1.0], ..figures() },
            Figures { served_ms: vec![10_000.0], ..figures() },
            Figures { reads: 1.0, writes: 1.0, ..figures() },
            Figures { log_bytes: 0.0, ..figures() },
        ] {
            assert_eq!(prices.implausible(&wrong).len(), 1);
        }
    }
}

//! The arithmetic of the bill: the prices and assumptions of `prices.json`, and what a million requests cost
//! by them. Nothing is measured here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark fails by panicking")]

mod assumptions;

use postern_tests::binary::in_workspace;
use postern_tests::template::Template;
use serde_json::Value;

/// How many requests the bill is for.
pub const MILLION: f64 = 1e6;

/// The share of requests that X-Ray records besides the first one of each second. Lambda allows no other
/// rule.
const XRAY_SHARE: f64 = 0.05;

/// The memory for which Lambda gives one vCPU, in MB. It gives less memory a share of one, in proportion. A
/// function that works in one thread is no faster with more
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>).
const ONE_VCPU_MB: f64 = 1769.0;

/// The figures of one kind of request.
pub struct Figures {
    /// The round trips to the table.
    pub trips: f64,
    /// The read request units.
    pub reads: f64,
    /// The write request units.
    pub writes: f64,
    /// The time of each measured request on one processor, with the embedded store's own work, in
    /// milliseconds.
    pub served_ms: Vec<f64>,
    /// The bytes of the lines that the function logs.
    pub log_bytes: f64,
}

impl Figures {
    /// Returns the mean of the measured times, in milliseconds.
    pub fn mean_ms(&self) -> f64 {
        self.served_ms.iter().sum::<f64>() / self.served_ms.len() as f64
    }
}

/// The prices and assumptions, and the template whose defaults they are for.
pub struct Prices {
    file: Value,
    template: Template,
}

impl Prices {
    /// Reads `prices.json` and the template.
    pub fn read() -> Self {
        let prices = std::fs::read_to_string(in_workspace("bench/prices.json")).unwrap();
        Self { file: serde_json::from_str(&prices).unwrap(), template: Template::read() }
    }

    /// Returns a price, in dollars.
    pub fn price(&self, name: &str) -> f64 {
        self.file[name].as_f64().unwrap_or_else(|| panic!("prices.json has no price {name}"))
    }

    /// Returns an assumption that is a number.
    pub fn assumed(&self, name: &str) -> f64 {
        self.file["assumed"][name].as_f64().unwrap_or_else(|| panic!("prices.json does not assume {name}"))
    }

    /// Returns the architecture of the functions: `x86_64` or `arm64`.
    pub fn architecture(&self) -> &str {
        self.file["assumed"]["architecture"].as_str().unwrap()
    }

    /// Returns the mean of what Lambda bills for a request, in whole milliseconds each.
    pub fn billed_ms(&self, figures: &Figures) -> f64 {
        self.billed_ms_at(figures, self.assumed("memory_mb"))
    }

    /// Returns the dollars for the time of a million requests.
    pub fn duration(&self, figures: &Figures) -> f64 {
        self.duration_at(figures, self.assumed("memory_mb"))
    }

    /// The same with this memory, by the model: what was measured is the processor's time and is longer with
    /// a part of a processor. Waiting for the table takes as long with any memory.
    pub fn billed_ms_at(&self, figures: &Figures, memory_mb: f64) -> f64 {
        let billed =
            figures.served_ms.iter().map(|served| self.latency_ms(*served, figures.trips, memory_mb).ceil());
        billed.sum::<f64>() / figures.served_ms.len() as f64
    }

    /// The same with this memory.
    pub fn duration_at(&self, figures: &Figures, memory_mb: f64) -> f64 {
        let gb_seconds = self.billed_ms_at(figures, memory_mb) / 1000.0 * memory_mb / 1024.0;
        MILLION * gb_seconds * self.file["lambda_gb_second"][self.architecture()].as_f64().unwrap()
    }

    /// Returns the time of a request with this memory, in milliseconds.
    pub fn latency_ms(&self, served_ms: f64, trips: f64, memory_mb: f64) -> f64 {
        served_ms * (ONE_VCPU_MB / memory_mb).max(1.0) + trips * self.assumed("trip_ms")
    }

    /// Returns the dollars for all log lines of a million requests: those of the function, of API Gateway and
    /// of Lambda.
    pub fn logs(&self, figures: &Figures) -> f64 {
        self.of_log_bytes(figures.log_bytes + self.access_log_bytes() + self.lambda_log_bytes())
    }

    /// Returns the dollars for this many bytes of log lines in each of a million requests.
    pub fn of_log_bytes(&self, bytes: f64) -> f64 {
        MILLION * bytes / 1e9 * self.price("logs_gb")
    }

    /// Returns the bytes of the access log's line of a request, in the template's format.
    pub fn access_log_bytes(&self) -> f64 {
        self.template.access_line(|variable| self.file["assumed"]["access_log"][variable].as_str()).len()
            as f64
    }

    /// Returns the bytes of what Lambda itself writes of a request, at the template's `SystemLogLevel`.
    pub fn lambda_log_bytes(&self) -> f64 {
        if self.template.default("SystemLogLevel") == "WARN" { 0.0 } else { self.lambda_log_bytes_at_info() }
    }

    /// Returns the bytes of what Lambda itself writes of a request with `SystemLogLevel=INFO`.
    pub fn lambda_log_bytes_at_info(&self) -> f64 {
        let lines = &self.file["assumed"]["lambda_log_lines"];
        ["start", "report"].iter().map(|line| lines[line].to_string().len() as f64).sum()
    }

    /// Returns the dollars that X-Ray costs for a million requests with `Tracing=Active`. It records the
    /// first request of each second that has one, and a share of the others.
    pub fn traces(&self) -> f64 {
        let each_second = self.assumed("sign_ins_per_second");
        let first = 1.0 - (-each_second).exp();
        self.price("xray_million_traces") * (first + XRAY_SHARE * (each_second - first)) / each_second
    }

    /// Returns the dollars a month for the alarms and for the metrics that they count, if each metric has
    /// data in every hour.
    pub fn alarms_month(&self) -> f64 {
        let optional = |kind| self.template.resources(kind).filter(|(_, of)| of["Condition"] == "HasAlarms");
        let metric = |filter: &Value| filter["Properties"]["MetricTransformations"][0]["MetricName"].clone();
        let mut metrics: Vec<String> =
            optional("AWS::Logs::MetricFilter").map(|(_, filter)| metric(filter).to_string()).collect();
        metrics.sort();
        metrics.dedup();
        optional("AWS::CloudWatch::Alarm").count() as f64 * self.price("alarm_month")
            + optional("AWS::CloudWatch::CompositeAlarm").count() as f64 * self.price("composite_alarm_month")
            + metrics.len() as f64 * self.price("metric_month")
    }

    /// Returns the dollars a month for the secrets: one of the signing keys, and one of the public keys.
    pub fn secrets_month(&self) -> f64 {
        self.template.resources("AWS::SecretsManager::Secret").count() as f64 * self.price("secret_month")
    }

    /// Returns how many millions of sign-ins a month has at the assumed rate.
    pub fn millions_a_month(&self) -> f64 {
        self.assumed("sign_ins_per_second") * 86_400.0 * 365.25 / 12.0 / MILLION
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn figures() -> Figures {
        Figures { trips: 3.0, reads: 1.0, writes: 4.0, served_ms: vec![9.9, 10.1], log_bytes: 225.0 }
    }

    /// By hand: 25 and 26 ms are billed, with 1.7275 GB.
    #[test]
    fn duration_is_billed_in_whole_milliseconds() {
        let prices = Prices::read();
        assert_eq!(prices.billed_ms(&figures()), 25.5);
        assert!((prices.duration(&figures()) - 0.7342).abs() < 0.0001);
    }

    /// Half the memory makes the processor's part twice as long, and not the waiting. More than one vCPU
    /// makes nothing faster.
    #[test]
    fn processor_scales_with_memory_and_waiting_does_not() {
        let prices = Prices::read();
        assert_eq!(prices.latency_ms(10.0, 3.0, ONE_VCPU_MB / 2.0), 35.0);
        assert_eq!(prices.latency_ms(10.0, 3.0, 3008.0), 25.0);
        assert!(prices.duration_at(&figures(), 3008.0) > prices.duration(&figures()));
        assert!(prices.duration_at(&figures(), 512.0) < prices.duration(&figures()));
    }

    /// docs/operating.md names this sum.
    #[test]
    fn alarms_cost_what_the_operating_page_says() {
        assert!((Prices::read().alarms_month() - (3.10 + 1.80)).abs() < 1e-9);
    }

    #[test]
    fn lambdas_own_lines_are_in_the_bill_at_info_only() {
        let mut prices = Prices::read();
        let without = prices.logs(&figures());
        prices.template.0["Parameters"]["SystemLogLevel"]["Default"] = json!("INFO");
        let lines = prices.of_log_bytes(prices.lambda_log_bytes_at_info());
        assert!(lines > 0.1 && (prices.logs(&figures()) - without - lines).abs() < 1e-9);
    }
}

//! What requests cost at the table, as a snapshot.

use std::fmt::Write;

use postern::clock::Timestamp;
use postern::environment::Environment;
use postern_tests::deployment::{Deployment, Reply};
use postern_tests::meter::Meter;

/// A moment with all its digits significant, since the size of a number depends on them.
pub(crate) const MOMENT: Timestamp = Timestamp::from_millis(1_893_456_123_457);

pub(crate) const FIRST: usize = 43;

/// The measurements, as a text table.
pub(crate) struct Units {
    pub(crate) meter: Meter,
    pub(crate) text: String,
}

impl Units {
    pub(crate) async fn open(change: impl FnOnce(Environment) -> Environment) -> (Deployment, Self) {
        let (deployment, meter) = Meter::deployment(change).await;
        deployment.set_time(MOMENT);
        let text = format!("{:<FIRST$} trips  calls  reads  writes\n", "");
        (deployment, Self { meter, text })
    }

    /// Measures a request that is answered with this status.
    pub(crate) async fn of(
        &mut self,
        what: &str,
        status: u64,
        request: impl Future<Output = Reply>,
    ) -> Reply {
        let reply = self.measure(what, request).await;
        assert_eq!(reply.status, status, "{what}: {}", reply.text);
        reply
    }

    /// Measures a request. Adds a line, and one for its calls.
    pub(crate) async fn measure(&mut self, what: &str, request: impl Future<Output = Reply>) -> Reply {
        let (reply, used) = self.meter.of(request).await;
        let (trips, calls) = (used.trips(), used.calls.len());
        writeln!(self.text, "{what:<FIRST$} {trips:>5} {calls:>6} {:>6} {:>7}", used.reads(), used.writes())
            .unwrap();
        if trips > 0 {
            writeln!(self.text, "    {used}").unwrap();
        }
        reply
    }

    pub(crate) fn assert(self, name: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../../snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(format!("units__{name}"), self.text));
    }
}

use proptest::prelude::*;

use super::*;

const POLICY: Policy = Policy::DEFAULT;
const BACKOFF: Backoff = POLICY.backoff();

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

#[test]
fn wait_doubles_after_the_free_failures_up_to_the_longest() {
    let seconds = |failures| BACKOFF.wait(failures).as_secs();
    assert_eq!((0..5).map(seconds).collect::<Vec<_>>(), [0; 5]);
    assert_eq!((5..17).map(seconds).collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    assert_eq!(seconds(u32::MAX), 900);
    assert_eq!(BACKOFF.shorter_waits().map(|(f, _)| f).collect::<Vec<_>>(), (5..=14).collect::<Vec<_>>());
}

#[test]
fn name_is_admitted_at_the_millisecond_its_wait_ends() {
    let charged_at = at(1_000_000);
    for failures in 0..POLICY.lock_after {
        let counter = Attempts { failures, charged_at };
        let wait_ends = charged_at.plus(BACKOFF.wait(failures));
        assert_eq!(BACKOFF.admit(counter, wait_ends), Admission::Admitted, "{failures}");
        assert_eq!(BACKOFF.admit(counter, at(u64::MAX)), Admission::Admitted, "{failures}");
        if failures >= 5 {
            let early = wait_ends.minus(Duration::from_millis(1));
            assert_eq!(
                BACKOFF.admit(counter, early),
                Admission::Refused(Duration::from_millis(1)),
                "{failures}"
            );
            assert_eq!(
                BACKOFF.admit(counter, charged_at),
                Admission::Refused(BACKOFF.wait(failures)),
                "{failures}"
            );
        }
    }
    for failures in [POLICY.lock_after, POLICY.lock_after + 1, u32::MAX] {
        let counter = Attempts { failures, charged_at: at(0) };
        assert_eq!(
            BACKOFF.admit(counter, at(u64::MAX)),
            Admission::Refused(Duration::from_secs(900)),
            "{failures}"
        );
    }
}

/// The clock of another function may be ahead of this one.
#[test]
fn charge_from_the_future_waits_longer_without_overflow() {
    let counter = Attempts { failures: 5, charged_at: at(2_000) };
    assert_eq!(BACKOFF.admit(counter, at(0)), Admission::Refused(Duration::from_millis(3_000)));
    let counter = Attempts { failures: 4, charged_at: at(2_000) };
    assert_eq!(BACKOFF.admit(counter, at(0)), Admission::Admitted);
    let counter = Attempts { failures: 5, charged_at: at(u64::MAX) };
    assert_ne!(BACKOFF.admit(counter, at(0)), Admission::Admitted);
}

/// NIST SP 800-63B-4 §3.2.2 allows 100 failures in a row on one account.
#[test]
fn all_counters_of_a_user_together_admit_less_than_a_hundred_failures() {
    for (lock_after, of_known) in [(25, 24), (24, 24), (10, 10), (1, 1)] {
        let lock_after_text = lock_after.to_string();
        for free in ["1", "5", "25"] {
            let settings = [("THROTTLE_LOCK_AFTER", &*lock_after_text), ("THROTTLE_FREE_FAILURES", free)];
            let policy = Policy::from_env(&Environment::of(settings)).unwrap();
            let admitted = |backoff: Backoff| {
                let is_admitted = |failures: &u32| {
                    let counter = Attempts { failures: *failures, charged_at: at(0) };
                    backoff.admit(counter, at(u64::MAX)) == Admission::Admitted
                };
                (0..).take_while(is_admitted).count()
            };
            let [name, known] = [policy.backoff(), policy.known_addresses_backoff()].map(admitted);
            assert_eq!((name, known), (lock_after, of_known));
            assert!(3 * name + known < 100);
            let Backoff { free, lock_after, .. } = policy.known_addresses_backoff();
            assert!(free <= lock_after);
        }
    }
}

#[test]
fn address_is_refused_until_its_window_ends() {
    let start = at(300_000);
    let address = |failures, refused, now| POLICY.address(AddressAttempts { failures, refused }, now);
    assert_eq!(address(29, 299, start), Admission::Admitted);
    for (failures, refused) in [(30, 0), (0, 300)] {
        assert_eq!(address(failures, refused, start), Admission::Refused(Duration::from_secs(300)));
        let last = at(599_999);
        assert_eq!(address(failures, refused, last), Admission::Refused(Duration::from_millis(1)));
    }
    assert_eq!(POLICY.window(at(299_999)).0, 0);
    assert_eq!(POLICY.window(start).0, 1);
    assert_eq!(POLICY.window(at(600_000)).0, 2);
}

#[test]
fn success_is_refunded_above_a_third_of_the_address_limit() {
    let first_refund = |address_limit| {
        let policy = Policy { address_limit, ..POLICY };
        (1..=address_limit).find(|failures| policy.refunds_success(*failures))
    };
    let limits = [1, 2, 3, 4, 30, 1_000_000];
    assert_eq!(limits.map(first_refund), [1, 1, 2, 2, 11, 333_334].map(Some));
}

proptest! {
    /// The charge that a success leaves is a failure for the limit. Without a refund, an office that signs in
    /// would reach it.
    #[test]
    fn successes_in_any_number_leave_two_thirds_of_the_limit_for_failures(
        address_limit in 1..100_u32,
        failed in 0..70_u32,
        order in any::<u64>(),
    ) {
        let policy = Policy { address_limit, ..POLICY };
        // Failures within two thirds of the limit, in any order among many more successes than the limit.
        let mut failures_left = failed.min(address_limit - address_limit / 3 - 1);
        let mut count = 0;
        for turn in 0..400_u32 {
            let counter = AddressAttempts { failures: count, refused: 0 };
            prop_assert_eq!(policy.address(counter, at(0)), Admission::Admitted);
            count += 1;
            if failures_left > 0 && order.rotate_left(turn) & 1 == 1 {
                failures_left -= 1;
            } else if policy.refunds_success(count) {
                count -= 1;
            }
        }
    }
}

#[test]
fn setting_out_of_bounds_is_an_error_that_names_it() {
    let read = |settings: &[(&str, &str)]| Policy::from_env(&Environment::of(settings.iter().copied()));
    assert_eq!(read(&[]).unwrap(), POLICY);
    let set = [
        ("THROTTLE_FREE_FAILURES", "2"),
        ("THROTTLE_LOCK_AFTER", "10"),
        ("THROTTLE_MAX_WAIT_SECONDS", "3"),
        ("THROTTLE_ADDRESS_LIMIT", "7"),
        ("THROTTLE_ADDRESS_WINDOW_SECONDS", "60"),
    ];
    let policy = read(&set).unwrap();
    assert_eq!((0..6).map(|f| policy.backoff().wait(f).as_secs()).collect::<Vec<_>>(), [0, 0, 1, 2, 3, 3]);
    assert_eq!(policy.backoff().shorter_waits().collect::<Vec<_>>().len(), 2);
    assert_eq!(
        policy.backoff().admit(Attempts { failures: 10, charged_at: at(0) }, at(u64::MAX)),
        Admission::Refused(policy.longest_wait)
    );
    assert_eq!((policy.address_limit, policy.address_window), (7, Duration::from_secs(60)));
    let policy = read(&[("THROTTLE_LOCK_AFTER", "3")]).unwrap();
    let after = |failures| policy.backoff().admit(Attempts { failures, charged_at: at(0) }, at(0));
    assert_eq!([2, 3].map(after), [Admission::Admitted, Admission::Refused(Duration::from_secs(900))]);
    assert_eq!((policy.free_failures, policy.backoff().shorter_waits().count()), (3, 0));
    for (name, value) in [
        ("THROTTLE_FREE_FAILURES", "0"),
        ("THROTTLE_FREE_FAILURES", "26"),
        ("THROTTLE_FREE_FAILURES", "many"),
        ("THROTTLE_LOCK_AFTER", "0"),
        ("THROTTLE_LOCK_AFTER", "26"),
        ("THROTTLE_MAX_WAIT_SECONDS", "0"),
        ("THROTTLE_MAX_WAIT_SECONDS", "86401"),
        ("THROTTLE_ADDRESS_LIMIT", "0"),
        ("THROTTLE_ADDRESS_LIMIT", "-1"),
        ("THROTTLE_ADDRESS_WINDOW_SECONDS", "0"),
    ] {
        assert_eq!(read(&[(name, value)]).unwrap_err().variable, name, "{value}");
    }
}

#[test]
fn addresses_of_one_customer_have_one_key() {
    assert_eq!(address_key("192.0.2.7"), "192.0.2.7");
    assert_eq!(address_key("::ffff:192.0.2.7"), "192.0.2.7");
    assert_eq!(address_key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    assert_eq!(address_key("2001:db8:1:2::9"), "2001:db8:1:2::/64");
    assert_eq!(address_key("2001:db8::1"), "2001:db8:0:0::/64");
    assert_eq!(address_key(""), "unknown");
    assert!(can_be_known("192.0.2.7") && can_be_known("2001:db8:1:2::/64"));
    assert!(!can_be_known(&address_key("")) && !can_be_known(&address_key("a proxy")));
}

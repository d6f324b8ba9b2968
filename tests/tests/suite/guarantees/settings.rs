//! Settings with bounds: the template's parameters have the defaults and the bounds of the functions. A deployment with a
//! value that the functions refuse would succeed, and then no function would start.

use postern::config::Config;
use postern::environment::Environment;
use postern_tests::template::Template;

/// A parameter, its variable, and what the configuration makes of it.
type Setting = (&'static str, &'static str, fn(&Config) -> u64);

const SETTINGS: [Setting; 2] = [
    ("RefusalStepMilliseconds", "REFUSAL_STEP_MILLISECONDS", |config| config.refusal_step.as_millis() as u64),
    ("PasswordMinLength", "PASSWORD_MIN_LENGTH", |config| config.password_policy.min_length as u64),
];

#[test]
fn parameter_has_the_default_and_the_bounds_of_the_setting() {
    let template = Template::read();
    for (parameter, variable, value) in SETTINGS {
        let read = |text: String| {
            let env = [("TABLE_NAME", "postern"), ("AWS_REGION", "eu-central-1")];
            Config::from_env(&Environment::of(env).with(variable, text)).map(|config| value(&config)).ok()
        };
        let [default, least, most] =
            ["Default", "MinValue", "MaxValue"].map(|which| template.number(parameter, which));
        assert_eq!(read(String::new()), Some(default), "{parameter}");
        assert_eq!(read(least.to_string()), Some(least), "{parameter}");
        assert_eq!(read(most.to_string()), Some(most), "{parameter}");
        assert_eq!(read((most + 1).to_string()), None, "{parameter}");
        assert_eq!(read((least as i64 - 1).to_string()), None, "{parameter}");
    }
}

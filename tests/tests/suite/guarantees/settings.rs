//! Settings with bounds: the template's parameters have the defaults and the bounds of the functions. A deployment with a
//! value that the functions refuse would succeed, and then no function would start.

use jsonschema::draft202012;
use postern::config::Config;
use postern::environment::Environment;
use postern_local::functions;
use postern_tests::contracts::PASSWORD_CONTRACTS;
use postern_tests::deployment::Deployment;
use postern_tests::template::Template;
use serde_json::json;

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

#[tokio::test]
async fn template_takes_the_types_of_jwts_that_the_functions_take() {
    let (deployment, template) = (Deployment::start().await, Template::read());
    let longest = format!("{}+jwt", "x".repeat(60));
    let too_long = format!("x{longest}");
    let taken = ["JWT", "at+jwt", "0+jwt", "a.b-c+jwt", "account+jwt", &longest];
    let refused = [
        "jwt",
        "Jwt",
        "at+JWT",
        "At+jwt",
        "at",
        "+jwt",
        "JWT+jwt",
        "a+b+jwt",
        ".a+jwt",
        "-a+jwt",
        "at+jwt ",
        " JWT",
        "JWT\n",
        "application/jwt",
        "application/at+jwt",
        "ä+jwt",
        "a_b+jwt",
        "at+jwt,JWT",
        &too_long,
    ];
    for contract in PASSWORD_CONTRACTS {
        let parameter = format!("{}{}JwtType", contract[..1].to_uppercase(), &contract[1..]);
        let variable = format!("{}_JWT_TYPE", contract.to_uppercase());
        let declared = &template.0["Parameters"][&parameter];
        let pattern = draft202012::new(&json!({"pattern": declared["AllowedPattern"]})).unwrap();
        let read = |text: &str| {
            let env = deployment.env.clone().with(&variable, text);
            functions::all(&deployment.app, &deployment.public_keys, &env)
        };
        assert_eq!(template.default(&parameter), "JWT");
        assert!(read("").is_ok(), "{variable}");
        for text in taken {
            assert!(pattern.is_valid(&json!(text)) && read(text).is_ok(), "{variable}={text}");
        }
        for text in refused {
            assert!(!pattern.is_valid(&json!(text)), "{parameter}={text}");
            assert_eq!(read(text).err().map(|error| error.variable), Some(variable.as_str()), "{text}");
        }
    }
}

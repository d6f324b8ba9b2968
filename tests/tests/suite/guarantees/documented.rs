//! SECURITY.md names the tests that show each defence. Each of them exists.

use std::fs;
use std::path::Path;

use postern_tests::binary::in_workspace;

#[test]
fn tests_named_in_security_md_exist() {
    let page = fs::read_to_string(in_workspace("SECURITY.md")).unwrap();
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite");
    let rows = page.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---")).skip(1);
    let mut rows_with_tests = 0;
    for row in rows {
        let shown_by = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let names: Vec<_> = shown_by.split('`').skip(1).step_by(2).filter(|name| is_path(name)).collect();
        assert!(!names.is_empty(), "no test is named in {row}");
        for name in names {
            assert!(suite.join(name).exists() || in_workspace(name).exists(), "there is no {name}");
        }
        rows_with_tests += 1;
    }
    assert!(rows_with_tests > 10, "the table was not found");
}

fn is_path(name: &str) -> bool {
    name.ends_with(".rs") || name.ends_with('/')
}

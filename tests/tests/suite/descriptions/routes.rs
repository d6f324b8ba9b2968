//! Each route of the template is an operation, and each operation is a route.

use std::collections::BTreeSet;

use postern_local::gateway;
use postern_local::template::Template;
use postern_tests::deployment::Deployment;

use crate::support::operations::{self, assert_none};

/// Whether a route is there for the paths with a slash at their end.
fn is_for_slashes(key: &str) -> bool {
    key.ends_with("/{path+}")
}

#[tokio::test]
async fn each_route_of_the_template_is_an_operation_of_its_function_and_the_reverse() {
    let deployment = Deployment::start().await;
    let template = Template::embedded().unwrap();
    let table = gateway::routes(&template, deployment.functions()).unwrap();
    let keys: Vec<String> = template.routes().unwrap().into_iter().map(|(key, _)| key).collect();
    let function = |method: &str, path: &str| table.find(method, path).map(|chosen| chosen.target.name);

    let exact = keys.iter().filter(|key| !is_for_slashes(key)).map(|key| key.split_once(' ').unwrap());
    let of_template: BTreeSet<_> =
        exact.map(|(method, path)| (function(method, path), method, path)).collect();
    let described: BTreeSet<_> = operations::all()
        .iter()
        .map(|each| (Some(each.description.name), each.method, each.route()))
        .collect();
    let not_described = of_template.difference(&described).map(|route| format!("no operation: {route:?}"));
    let no_route = described.difference(&of_template).map(|route| format!("no route: {route:?}"));
    assert_none(&not_described.chain(no_route).collect::<Vec<_>>());

    let mut chosen = BTreeSet::new();
    for each in operations::all() {
        let with_slash = format!("{}/", each.route());
        let found = table.find(each.method, &with_slash).unwrap_or_else(|| panic!("{each:?} has no slash"));
        assert_eq!(found.target.name, each.description.name, "{each:?}");
        chosen.insert(found.key);
    }
    let for_slashes: BTreeSet<&str> =
        keys.iter().map(String::as_str).filter(|key| is_for_slashes(key)).collect();
    assert_eq!(chosen, for_slashes);
}

#[tokio::test]
async fn each_function_is_described() {
    let deployment = Deployment::start().await;
    let names: BTreeSet<&str> = deployment.functions().iter().map(|function| function.name).collect();
    assert_eq!(operations::descriptions().iter().map(|each| each.name).collect::<BTreeSet<_>>(), names);
}

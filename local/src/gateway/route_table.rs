//! How API Gateway chooses the route of a request, by the rules of its developer guide ("Create routes for HTTP
//! APIs in API Gateway"). No other file has these rules.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use thiserror::Error;

/// The key of the route that catches every request that no other route matches.
pub const DEFAULT: &str = "$default";

/// The routes of an HTTP API. Each leads to a target.
pub struct RouteTable<T> {
    routes: Vec<Route<T>>,
}

struct Route<T> {
    key: String,
    /// The method and the path. The route `$default` has none.
    request: Option<(String, Vec<Segment>)>,
    target: T,
}

/// A segment of a route's path.
enum Segment {
    /// A segment that has to be the same.
    Literal(String),
    /// `{name}`, which takes one segment.
    Variable(String),
    /// `{name+}`, which takes the rest of the path.
    Greedy(String),
}

/// The route that API Gateway chose for a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Chosen<'r, T> {
    /// The key of the route, as the event shows it.
    pub key: &'r str,
    /// Where the route leads.
    pub target: &'r T,
    /// The values of the path variables, decoded.
    pub parameters: BTreeMap<&'r str, String>,
}

/// A route key that an HTTP API does not accept.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0} is not a route key, or occurs twice")]
pub struct InvalidRouteKey(String);

impl<T> RouteTable<T> {
    /// Makes the table of these routes. Each has a key, such as `GET /pets/{id}` or `$default`, and a target.
    ///
    /// # Errors
    /// If a key is malformed, or if two routes have the same key.
    pub fn new(routes: impl IntoIterator<Item = (String, T)>) -> Result<Self, InvalidRouteKey> {
        let mut table = Self { routes: Vec::new() };
        for (key, target) in routes {
            let request = if key == DEFAULT { None } else { Some(parse(&key)?) };
            if table.routes.iter().any(|other| without_names(&other.key) == without_names(&key)) {
                return Err(InvalidRouteKey(key));
            }
            table.routes.push(Route { key, request, target });
        }
        Ok(table)
    }

    /// Returns the route of a request, with the most specific match:
    ///
    /// 1. A route that matches the whole path comes before a route with a greedy variable, and `$default`
    ///    comes last. Of two routes of a kind, the first segment in which they differ decides: a literal
    ///    comes before a variable, and a variable before a greedy one.
    /// 2. `ANY` stands for the methods that no other route of the same path has.
    ///
    /// A slash at the end of a path is a part of it, and a greedy variable takes at least one character.
    pub fn find(&self, method: &str, path: &str) -> Option<Chosen<'_, T>> {
        let matches = self.routes.iter().filter_map(|route| Some((route, route.matches(method, path)?)));
        let best = matches.max_by(|(one, _), (other, _)| one.precedence().cmp(&other.precedence()));
        best.map(|(route, parameters)| Chosen { key: &route.key, target: &route.target, parameters })
    }
}

impl<T> Route<T> {
    /// Returns the values of the path variables, if the route matches.
    fn matches(&self, method: &str, path: &str) -> Option<BTreeMap<&str, String>> {
        let mut parameters = BTreeMap::new();
        let Some((own_method, segments)) = &self.request else { return Some(parameters) };
        if own_method != method && own_method != "ANY" {
            return None;
        }
        let mut rest = Some(path.strip_prefix('/')?);
        for segment in segments {
            let left = rest?;
            let (first, others) = match left.split_once('/') {
                Some((first, others)) => (first, Some(others)),
                None => (left, None),
            };
            let (name, value) = match segment {
                Segment::Literal(literal) if literal == first => {
                    rest = others;
                    continue;
                }
                Segment::Literal(_) => return None,
                Segment::Variable(name) => {
                    rest = others;
                    (name, first)
                }
                Segment::Greedy(name) => {
                    rest = None;
                    (name, left)
                }
            };
            if value.is_empty() {
                return None;
            }
            parameters.insert(name.as_str(), decoded(value));
        }
        rest.is_none().then_some(parameters)
    }

    /// Returns what decides between two routes that match the same request. The greater one wins.
    fn precedence(&self) -> (bool, Vec<u8>, bool) {
        let Some((method, segments)) = &self.request else { return (false, Vec::new(), false) };
        let kinds = segments.iter().map(|segment| match segment {
            Segment::Greedy(_) => 0,
            Segment::Variable(_) => 1,
            Segment::Literal(_) => 2,
        });
        let is_full = !matches!(segments.last(), Some(Segment::Greedy(_)));
        (is_full, kinds.collect(), method != "ANY")
    }
}

/// Reads a route key with a method and a path.
fn parse(key: &str) -> Result<(String, Vec<Segment>), InvalidRouteKey> {
    const METHODS: [&str; 8] = ["ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
    let invalid = || InvalidRouteKey(key.to_owned());
    let (method, path) =
        key.split_once(' ').filter(|(method, _)| METHODS.contains(method)).ok_or_else(invalid)?;
    let path = path.strip_prefix('/').ok_or_else(invalid)?;
    let segments: Option<Vec<Segment>> = path.split('/').map(segment).collect();
    let mut segments = segments.ok_or_else(invalid)?;
    let last = segments.pop();
    let is_valid = segments.iter().all(|segment| match segment {
        Segment::Literal(text) => !text.is_empty(),
        Segment::Variable(_) => true,
        Segment::Greedy(_) => false,
    });
    // Only the path `/` may end in a slash.
    let ends_in_slash = matches!(&last, Some(Segment::Literal(text)) if text.is_empty());
    if !is_valid || (ends_in_slash && !segments.is_empty()) {
        return Err(invalid());
    }
    segments.extend(last);
    Ok((method.to_owned(), segments))
}

fn segment(text: &str) -> Option<Segment> {
    let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
        return (!text.contains(['{', '}'])).then(|| Segment::Literal(text.to_owned()));
    };
    let name = inner.strip_suffix('+').unwrap_or(inner);
    if name.is_empty() || name.contains(['{', '}', '+']) {
        return None;
    }
    let kind = if name == inner { Segment::Variable } else { Segment::Greedy };
    Some(kind(name.to_owned()))
}

/// Returns a key without the names of its variables. The names do not tell routes apart.
fn without_names(key: &str) -> String {
    let kinds = key.split('/').map(|segment| match segment {
        _ if segment.starts_with('{') && segment.ends_with("+}") => "{+}",
        _ if segment.starts_with('{') => "{}",
        literal => literal,
    });
    kinds.collect::<Vec<_>>().join("/")
}

/// Returns a part of a path as an event shows it: API Gateway decodes it.
pub(super) fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(keys: &[&'static str]) -> RouteTable<()> {
        RouteTable::new(keys.iter().map(|key| ((*key).to_owned(), ()))).unwrap()
    }

    fn key<'r>(table: &'r RouteTable<()>, request: &str) -> Option<&'r str> {
        let (method, path) = request.split_once(' ').unwrap();
        table.find(method, path).map(|chosen| chosen.key)
    }

    /// "Create routes for HTTP APIs in API Gateway", the example of "Routing API requests".
    #[test]
    fn example_of_the_developer_guide_is_routed_by_its_rules() {
        let routes =
            ["GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default"];
        for rotation in 0..routes.len() {
            let mut routes = routes;
            routes.rotate_left(rotation);
            let table = table(&routes);
            for (request, expected) in [
                ("GET /pets/dog/1", "GET /pets/dog/1"),
                ("GET /pets/dog/2", "GET /pets/dog/{id}"),
                ("GET /pets/cat/1", "GET /pets/{proxy+}"),
                ("POST /test/5", "ANY /{proxy+}"),
                // Not in the guide's table.
                ("GET /pets", "ANY /{proxy+}"),
                ("POST /pets/dog/1", "ANY /{proxy+}"),
                ("GET /", "$default"),
            ] {
                assert_eq!(key(&table, request), Some(expected), "{request}");
            }
        }
    }

    /// The same page: "GET /pets/{petID} catches a GET request to /pets/6", "a greedy path variable catches all child
    /// resources of a route", "API Gateway decodes URL-encoded request parameters".
    #[test]
    fn path_variables_have_the_decoded_values() {
        let table = table(&["GET /pets/{petID}", "GET /{a}/{b}/{rest+}"]);
        let parameters = |path| {
            let chosen = table.find("GET", path)?;
            Some(chosen.parameters.values().cloned().collect::<Vec<_>>().join(" "))
        };
        assert_eq!(parameters("/pets/6").as_deref(), Some("6"));
        assert_eq!(parameters("/pets/a%20b%2Fc").as_deref(), Some("a b/c"));
        assert_eq!(parameters("/x/y/z/").as_deref(), Some("x y z/"));
        assert_eq!(parameters("/x/y/z/%C3%BC").as_deref(), Some("x y z/ü"));
        for path in ["/pets/", "/x//z", "/x/y/", "/x/y", "", "pets/6"] {
            assert_eq!(parameters(path), None, "{path}");
        }
    }

    /// The same page: "If no routes match a request, API Gateway returns {"message":"Not Found"}".
    #[test]
    fn slash_at_the_end_and_another_method_are_no_match() {
        let table = table(&["POST /signin", "GET /account/{path+}", "GET /"]);
        for request in
            ["POST /signin/", "GET /signin", "GET /account/", "GET /account", "POST /Signin", "HEAD /"]
        {
            assert_eq!(key(&table, request), None, "{request}");
        }
        assert_eq!(key(&table, "GET /"), Some("GET /"));
        assert_eq!(key(&table, "GET /account/jwt/"), Some("GET /account/{path+}"));
    }

    #[test]
    fn malformed_and_repeated_keys_are_refused() {
        for keys in [
            &["POST"][..],
            &["POST signin"],
            &["post /signin"],
            &["POST /signin/"],
            &["POST //signin"],
            &["POST /{path+}/x"],
            &["POST /{}"],
            &["POST /a{path}"],
            &["GET /{id}", "GET /{name}"],
            &["$default", "$default"],
        ] {
            assert!(RouteTable::new(keys.iter().map(|key| ((*key).to_owned(), ()))).is_err(), "{keys:?}");
        }
    }
}

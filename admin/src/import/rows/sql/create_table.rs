//! The columns of a `CREATE TABLE`. Only their names are read, so that no type, index or option makes it
//! unreadable.

use std::iter::Peekable;
use std::str::Chars;

use super::product::Product;

/// Returns the table's name without the schema, and its columns. `None` if not all columns are named.
pub(super) fn columns(text: &str, product: Product) -> Option<(String, Vec<String>)> {
    let mut words = Words { rest: text.chars().peekable(), product };
    words.name()?.is("CREATE").then_some(())?;
    // `CREATE UNLOGGED TABLE`, `CREATE TEMPORARY TABLE`.
    if !words.name()?.is("TABLE") {
        words.name()?.is("TABLE").then_some(())?;
    }
    let mut table = words.name()?;
    if table.is("IF") {
        for expected in ["NOT", "EXISTS"] {
            words.name()?.is(expected).then_some(())?;
        }
        table = words.name()?;
    }
    while words.next_if('.') {
        table = words.name()?;
    }
    if !words.next_if('(') {
        return None;
    }
    let mut columns = Vec::new();
    if words.next_if(')') {
        return Some((table.text, columns));
    }
    loop {
        let name = words.name()?;
        if !constraints(product).iter().any(|word| name.is(word)) {
            columns.push(name.text);
        }
        if words.skip_definition()? == ')' {
            return Some((table.text, columns));
        }
    }
}

/// Returns the words that begin a definition other than a column's. Each product quotes a column of such a
/// name.
fn constraints(product: Product) -> &'static [&'static str] {
    const OF_ALL: [&str; 10] = [
        "CONSTRAINT",
        "PRIMARY",
        "UNIQUE",
        "CHECK",
        "FOREIGN",
        "KEY",
        "INDEX",
        "FULLTEXT",
        "SPATIAL",
        "PERIOD",
    ];
    match product {
        Product::MySql => &OF_ALL,
        Product::PostgreSql | Product::Sqlite | Product::Unknown => OF_ALL.get(..5).unwrap_or_default(),
    }
}

/// A name or another word.
struct Name {
    text: String,
    is_quoted: bool,
}

impl Name {
    fn is(&self, keyword: &str) -> bool {
        !self.is_quoted && self.text.eq_ignore_ascii_case(keyword)
    }
}

struct Words<'t> {
    rest: Peekable<Chars<'t>>,
    product: Product,
}

impl Words<'_> {
    fn next_if(&mut self, character: char) -> bool {
        while self.rest.next_if(|next| next.is_whitespace()).is_some() {}
        self.rest.next_if_eq(&character).is_some()
    }

    fn name(&mut self) -> Option<Name> {
        for (begin, end) in [('"', '"'), ('`', '`'), ('[', ']'), ('\'', '\'')] {
            if self.next_if(begin) {
                return Some(Name { text: self.quoted(end)?, is_quoted: true });
            }
        }
        let mut text = String::new();
        while let Some(next) = self.rest.next_if(|c| c.is_alphanumeric() || matches!(c, '_' | '$')) {
            text.push(next);
        }
        (!text.is_empty()).then_some(Name { text, is_quoted: false })
    }

    /// Reads up to this quote.
    fn quoted(&mut self, end: char) -> Option<String> {
        let mut text = String::new();
        loop {
            match self.rest.next()? {
                '\\' if end == '\'' && self.product == Product::MySql => text.push(self.rest.next()?),
                next if next != end => text.push(next),
                // Two quotes stand for one.
                _ if self.rest.next_if_eq(&end).is_some() => text.push(end),
                _ => return Some(text),
            }
        }
    }

    /// Reads to the end of a definition, which is a comma or the bracket after the last one.
    fn skip_definition(&mut self) -> Option<char> {
        let mut depth = 0_u32;
        loop {
            match self.rest.next()? {
                quote @ ('\'' | '"' | '`') => {
                    self.quoted(quote)?;
                }
                '(' => depth += 1,
                end @ (',' | ')') if depth == 0 => return Some(end),
                ')' => depth -= 1,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_each_servers_tables_are_read() {
        use Product::{MySql, PostgreSql, Sqlite};
        for (product, text, expected) in [
            (
                MySql,
                "CREATE TABLE `u` (`id` int(11) NOT NULL, `e` enum('a','b,)') COMMENT 'it''s, \\'(x', `j` longtext CHECK \
                 (json_valid(`j`)), `p` point NOT NULL, PRIMARY KEY (`id`), SPATIAL KEY `p` (`p`), KEY `e` (`e`(3) DESC)) \
                 WITH SYSTEM VERSIONING PARTITION BY HASH (`id`) PARTITIONS 2",
                vec!["id", "e", "j", "p"],
            ),
            (
                MySql,
                "CREATE TABLE IF NOT EXISTS \"s\".\"u\" (\"id\" int, \"key\" int, UNIQUE KEY (x))",
                vec!["id", "key"],
            ),
            (
                PostgreSql,
                "CREATE TABLE public.u (\n id integer DEFAULT nextval('a,b'::regclass), \"Key\" numeric(3,1)[], exclude text,\n \
                 CONSTRAINT c CHECK ((id > 0)))",
                vec!["id", "Key", "exclude"],
            ),
            (
                Sqlite,
                "CREATE TABLE [u](a, 'b' TEXT, \"c\"\"d\", key, PRIMARY KEY(a,b)) WITHOUT ROWID",
                vec!["a", "b", "c\"d", "key"],
            ),
            (PostgreSql, "CREATE TABLE u (\n)", vec![]),
        ] {
            let expected = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(columns(text, product), Some(("u".to_owned(), expected)), "{text}");
        }
    }

    #[test]
    fn statement_that_does_not_name_all_columns_has_none() {
        for text in [
            "CREATE TABLE u AS SELECT 1",
            "CREATE TABLE u (a int, b",
            "CREATE TABLE u (a int, 'b",
            "CREATE VIEW u (a)",
        ] {
            assert_eq!(columns(text, Product::MySql), None, "{text}");
        }
    }
}

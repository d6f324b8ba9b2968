//! The values of a dump in SQL, as JSON.

use serde_json::{Number, Value as Json};
use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator, Value};

use crate::import::reason::Reason;

/// Reads the values of a row in brackets.
///
/// # Errors
/// If a value is no literal.
pub(super) fn of_tuple(tuple: &Expr) -> Result<Vec<Json>, Reason> {
    match tuple {
        Expr::Tuple(values) => values.iter().map(of_expr).collect(),
        Expr::Nested(value) => Ok(vec![of_expr(value)?]),
        _ => Err(Reason::NotSql),
    }
}

fn of_expr(expr: &Expr) -> Result<Json, Reason> {
    match expr {
        Expr::Value(value) => of_literal(&value.value),
        // A character set, such as `_binary`, before the text.
        Expr::Prefixed { value, .. } => of_expr(value),
        Expr::Cast { expr, .. } | Expr::Nested(expr) => of_expr(expr),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match &**expr {
            Expr::Value(value) => match &value.value {
                Value::Number(digits, _) => Ok(number(&format!("-{digits}"))),
                _ => Err(Reason::NotSql),
            },
            _ => Err(Reason::NotSql),
        },
        Expr::Function(function) => of_function(function),
        _ => Err(Reason::NotSql),
    }
}

fn of_literal(value: &Value) -> Result<Json, Reason> {
    match value {
        Value::Null => Ok(Json::Null),
        Value::Boolean(value) => Ok(Json::Bool(*value)),
        Value::Number(digits, _) => Ok(digits
            .strip_prefix("0x")
            .map_or_else(|| Ok(number(digits)), |digits| hexadecimal(digits).map(Json::String))?),
        Value::SingleQuotedString(text)
        | Value::DoubleQuotedString(text)
        | Value::EscapedStringLiteral(text)
        | Value::NationalStringLiteral(text) => Ok(Json::String(text.clone())),
        Value::HexStringLiteral(digits) => hexadecimal(digits).map(Json::String),
        // MySQL's `bit(1)`, which stands for a boolean.
        Value::SingleQuotedByteStringLiteral(bits) if bits == "0" || bits == "1" => {
            Ok(Json::Bool(bits == "1"))
        }
        _ => Err(Reason::NotSql),
    }
}

/// Runs the functions that sqlite3 writes around line breaks: `replace('a\nb','\n',char(10))`, and since
/// version 3.50 `unistr('a\u000ab')`.
fn of_function(function: &Function) -> Result<Json, Reason> {
    let FunctionArguments::List(list) = &function.args else { return Err(Reason::NotSql) };
    let mut arguments = Vec::new();
    for argument in &list.args {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => arguments.push(of_expr(expr)?),
            _ => return Err(Reason::NotSql),
        }
    }
    match (function.name.to_string().to_ascii_lowercase().as_str(), arguments.as_slice()) {
        ("replace", [Json::String(text), Json::String(from), Json::String(to)]) => {
            Ok(Json::String(text.replace(from.as_str(), to)))
        }
        ("char", [Json::Number(code)]) => {
            let character = code.as_u64().and_then(|code| char::from_u32(u32::try_from(code).ok()?));
            character.map(|character| Json::String(character.to_string())).ok_or(Reason::NotSql)
        }
        ("unistr", [Json::String(text)]) => unistr(text).map(Json::String).ok_or(Reason::NotSql),
        _ => Err(Reason::NotSql),
    }
}

/// Replaces the escapes of `unistr` by their characters (SQLite's documentation of `unistr`). They are `\`
/// and four hexadecimal digits, `\u` and four, `\+` and six, `\U` and eight, and a doubled backslash.
fn unistr(text: &str) -> Option<String> {
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, escape)) = rest.split_once('\\') {
        plain.push_str(before);
        let (skip, digits) = match escape.chars().next()? {
            '\\' => {
                plain.push('\\');
                rest = escape.get(1..)?;
                continue;
            }
            'u' => (1, 4),
            '+' => (1, 6),
            'U' => (1, 8),
            _ => (0, 4),
        };
        let code = u32::from_str_radix(escape.get(skip..skip + digits)?, 16).ok()?;
        plain.push(char::from_u32(code)?);
        rest = escape.get(skip + digits..)?;
    }
    plain.push_str(rest);
    Some(plain)
}

fn number(digits: &str) -> Json {
    digits.parse::<Number>().map_or_else(|_| Json::String(digits.to_owned()), Json::Number)
}

/// Decodes hexadecimal digits to UTF-8. The digits of a column that is no text are returned as they are.
fn hexadecimal(digits: &str) -> Result<String, Reason> {
    let bytes = hex::decode(digits).map_err(|_| Reason::NotSql)?;
    Ok(String::from_utf8(bytes).unwrap_or_else(|_| digits.to_owned()))
}

/// Reads a field of `COPY` in text format, or of `mysql --batch`.
pub(in crate::import::rows) fn of_copy(field: &str) -> Json {
    if field == "\\N" {
        return Json::Null;
    }
    let (mut text, mut characters) = (String::with_capacity(field.len()), field.chars());
    while let Some(character) = characters.next() {
        let escaped = if character == '\\' { characters.next() } else { None };
        // COPY writes no other escapes, such as `\x41`, though it reads them.
        text.push(match escaped {
            None => character,
            // Only mysql writes this one.
            Some('0') => '\0',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('v') => '\u{b}',
            Some(other) => other,
        });
    }
    Json::String(text)
}

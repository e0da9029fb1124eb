//! A company's own settings laid over the reference, and what does not fit there.

use toml::{Table, Value};

use crate::error::{Error, closest};

/// Lays `own` over `base` and notes what does not fit, with its key. Only `settings`, `tables` and `recipients` may grow
/// new keys.
pub(super) fn lay(base: &mut Table, own: Table, prefix: &str, faults: &mut Vec<(String, Error)>) {
    for (key, value) in own {
        let full = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match (base.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(own)) => lay(inner, own, &full, faults),
            // A whole number may stand for a share or an amount.
            (Some(slot @ Value::Float(_)), Value::Integer(number)) => {
                #[expect(clippy::cast_precision_loss, reason = "settings are small")]
                let number = number as f64;
                *slot = Value::Float(number);
            }
            (Some(Value::Array(slot)), Value::Array(own)) => match misfit(slot.first(), &own) {
                None => *slot = own,
                Some((found, expected)) => {
                    let error =
                        Error::config(format!("`{full}` holds {found}; expected a list of which each is {expected}"));
                    faults.push((full, error.hint("the project's config.toml shows how it is written")));
                }
            },
            (Some(slot), value) if slot.same_type(&value) => *slot = value,
            (Some(slot), value) => {
                let error = Error::config(format!("`{full}` is {}; expected {}", kind(&value), kind(slot)));
                let hint = match slot {
                    Value::Array(_) | Value::Table(_) => {
                        "the project's config.toml shows how it is written".to_string()
                    }
                    slot => format!("write it like the default: {key} = {slot}"),
                };
                faults.push((full, error.hint(hint)));
            }
            (None, value) if ["settings", "tables", "recipients"].contains(&prefix) => {
                match addition(prefix, &full, &value) {
                    None => drop(base.insert(key, value)),
                    Some(fault) => faults.push((full, fault)),
                }
            }
            (None, _) => {
                let error = Error::config(format!("unknown setting `{full}`"));
                let error = match closest(&key, base.keys().map(String::as_str)) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint("config.toml in the project lists every setting"),
                };
                faults.push((full, error));
            }
        }
    }
}

/// What in a list is not of the kind that the default's are.
fn misfit(default: Option<&Value>, own: &[Value]) -> Option<(&'static str, &'static str)> {
    // A list that is empty by default is one of texts.
    let text = Value::String(String::new());
    let expected = default.unwrap_or(&text);
    own.iter().find(|value| !expected.same_type(value)).map(|value| (kind(value), kind(expected)))
}

/// What is wrong with a setting or a table of settings that the reference does not have.
fn addition(prefix: &str, full: &str, value: &Value) -> Option<Error> {
    let rows = value.as_array().is_some_and(|rows| rows.iter().all(Value::is_table));
    match (prefix, value) {
        ("recipients", _) => None,
        ("tables", _) if rows => None,
        ("tables", value) => Some(
            Error::config(format!("`{full}` is {}; expected a list of rows", kind(value)))
                .hint("write it as name = [{ column = value }, …]; single values stand in [settings]"),
        ),
        (_, Value::Array(_) | Value::Table(_)) => Some(
            Error::config(format!("`{full}` is {}; expected one value", kind(value)))
                .hint("lists of rows stand in [tables]"),
        ),
        _ => None,
    }
}

/// What kind of value it is, in words.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    }
}

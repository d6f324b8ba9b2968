//! The builder of all conditional updates.

use std::collections::HashMap;
use std::fmt::Display;

use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemInput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::{Item, Store, StoreError};

/// Whether a conditional write took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Written {
    /// It took place.
    Done,
    /// Its condition refused it, and nothing has changed.
    Refused,
}

/// The outcome of an update, with the item that DynamoDB returned. The item is empty if none was asked for.
#[must_use]
pub(super) enum Updated {
    /// The update took place.
    Done(Item),
    /// The condition refused the update.
    Refused(Item),
}

/// An update of one item. The placeholder of an attribute's value is `:` and the attribute's name, with `_`
/// in place of a dot.
pub(super) struct Update {
    pub(super) key: Item,
    set: Vec<String>,
    remove: Vec<&'static str>,
    add: Vec<String>,
    delete: Vec<String>,
    conditions: Vec<String>,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
    returned: Option<ReturnValue>,
    returns_refused: bool,
}

impl Updated {
    pub(super) const fn written(&self) -> Written {
        match self {
            Self::Done(_) => Written::Done,
            Self::Refused(_) => Written::Refused,
        }
    }
}

impl Update {
    /// Begins an update of the item with this key.
    pub(super) fn of(key: Item) -> Self {
        Self {
            key,
            set: Vec::new(),
            remove: Vec::new(),
            add: Vec::new(),
            delete: Vec::new(),
            conditions: Vec::new(),
            names: HashMap::new(),
            values: HashMap::new(),
            returned: None,
            returns_refused: false,
        }
    }

    /// Sets an attribute to a value.
    pub(super) fn set(mut self, attribute: &'static str, value: AttributeValue) -> Self {
        let (name, placeholder) = (self.name(attribute), placeholder(attribute));
        self.set.push(format!("{name} = {placeholder}"));
        self.values.insert(placeholder, value);
        self
    }

    /// Sets an attribute to the value that another attribute, or an expression, has before the update.
    pub(super) fn copy(mut self, attribute: &'static str, from: impl Display) -> Self {
        self.set.push(format!("{attribute} = {from}"));
        self
    }

    /// Adds to a number. A number that does not exist is 0.
    pub(super) fn add(mut self, attribute: &'static str, value: AttributeValue) -> Self {
        let placeholder = placeholder(attribute);
        self.add.push(format!("{attribute} {placeholder}"));
        self.values.insert(placeholder, value);
        self
    }

    /// Deletes elements from a set.
    pub(super) fn delete(mut self, attribute: &'static str, elements: AttributeValue) -> Self {
        let placeholder = placeholder(attribute);
        self.delete.push(format!("{attribute} {placeholder}"));
        self.values.insert(placeholder, elements);
        self
    }

    /// Removes an attribute.
    pub(super) fn remove(mut self, attribute: &'static str) -> Self {
        self.remove.push(attribute);
        self
    }

    /// Adds a condition. All conditions must hold. An attribute with a reserved name is written with a `#`
    /// before it.
    pub(super) fn when(mut self, condition: impl Into<String>) -> Self {
        self.conditions.push(condition.into());
        self
    }

    /// Gives a value to a placeholder of a condition, `:` included.
    pub(super) fn value(mut self, placeholder: impl Into<String>, value: AttributeValue) -> Self {
        self.values.insert(placeholder.into(), value);
        self
    }

    /// Makes DynamoDB return the item before or after the update.
    pub(super) fn returning(mut self, returned: ReturnValue) -> Self {
        self.returned = Some(returned);
        self
    }

    /// Makes DynamoDB return the item if the condition refuses the update.
    pub(super) const fn returning_refused(mut self) -> Self {
        self.returns_refused = true;
        self
    }

    /// Returns the name of an attribute in an expression.
    fn name(&mut self, attribute: &'static str) -> String {
        if !RESERVED.contains(&attribute) {
            return attribute.to_owned();
        }
        let name = format!("#{attribute}");
        self.names.insert(name.clone(), attribute.to_owned());
        name
    }

    pub(super) fn expression(&self) -> String {
        let remove = self.remove.join(", ");
        let clauses = [
            ("SET", self.set.join(", ")),
            ("REMOVE", remove),
            ("ADD", self.add.join(", ")),
            ("DELETE", self.delete.join(", ")),
        ];
        let clauses = clauses.into_iter().filter(|(_, of)| !of.is_empty());
        clauses.map(|(verb, of)| format!("{verb} {of}")).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn condition(&self) -> Option<String> {
        match &self.conditions[..] {
            [] => None,
            [one] => Some(one.clone()),
            several => Some(several.iter().map(|one| format!("({one})")).collect::<Vec<_>>().join(" AND ")),
        }
    }
}

/// The attributes of the table whose names DynamoDB reserves.
const RESERVED: [&str; 1] = ["status"];

fn placeholder(attribute: &str) -> String {
    format!(":{}", attribute.replace('.', "_"))
}

impl Store {
    /// Sends an update.
    pub(super) async fn update(&self, update: Update) -> Result<Updated, StoreError> {
        let refused = update.returns_refused.then_some(ReturnValuesOnConditionCheckFailure::AllOld);
        let input = UpdateItemInput::builder()
            .table_name(&self.table)
            .update_expression(update.expression())
            .set_condition_expression(update.condition())
            .set_expression_attribute_names(Some(update.names).filter(|names| !names.is_empty()))
            .set_expression_attribute_values(Some(update.values).filter(|values| !values.is_empty()))
            .set_key(Some(update.key))
            .set_return_values(update.returned)
            .set_return_values_on_condition_check_failure(refused);
        match self.dynamodb.update_item(input).await {
            Ok(output) => Ok(Updated::Done(output.attributes.unwrap_or_default())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    Ok(Updated::Refused(refused.item.clone().unwrap_or_default()))
                }
                _ => Err(error.into()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{number, text};
    use super::*;

    #[test]
    fn update_names_each_attribute_and_its_value() {
        let update = Update::of(Item::new())
            .set("status", text("active"))
            .set("mfa.last_step", number(7))
            .copy("previous_hash", "current_hash")
            .add("epoch", number(1))
            .remove("kept_token")
            .delete("recovery_codes", AttributeValue::Ss(vec!["code".to_owned()]))
            .when("a = :a OR b = :a")
            .when("#status = :status")
            .value(":a", number(2));
        assert_eq!(
            update.expression(),
            "SET #status = :status, mfa.last_step = :mfa_last_step, previous_hash = current_hash \
             REMOVE kept_token ADD epoch :epoch DELETE recovery_codes :recovery_codes"
        );
        assert_eq!(update.condition().unwrap(), "(a = :a OR b = :a) AND (#status = :status)");
        let mut placeholders: Vec<&str> = update.values.keys().map(String::as_str).collect();
        placeholders.sort_unstable();
        assert_eq!(placeholders, [":a", ":epoch", ":mfa_last_step", ":recovery_codes", ":status"]);
        assert_eq!(update.names, HashMap::from([("#status".to_owned(), "status".to_owned())]));
    }
}
